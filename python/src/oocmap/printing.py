"""pprint writes long lazy objects as it writes the eager value: in sorted order, cycles included.

pprint chooses how to break a long value by its class's `__repr__`, in a table it has had since
Python 3.5 but offers no function for. Where a later version has none, it writes their repr, as it
does with every value that fits on a line: in that the keys are in insertion order.
"""

import pprint
from typing import Any

from oocmap import _native

_table: Any = getattr(pprint.PrettyPrinter, "_dispatch", None)


def _as_eager(
    printer: Any, lazy: Any, stream: Any, indent: int, allowance: int, context: Any, level: int
) -> None:
    value = lazy.eager()
    context[id(value)] = 1  # as pprint did with the lazy object: this is how it finds cycles
    _table[type(value).__repr__](printer, value, stream, indent, allowance, context, level)
    del context[id(value)]


if _table is not None:
    for _kind in (
        _native.LazyDict,
        _native.LazyList,
        _native.LazyTuple,
        _native.LazySet,
        _native.LazyFrozenSet,
    ):
        _table[_kind.__repr__] = _as_eager
