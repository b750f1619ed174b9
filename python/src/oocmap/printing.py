"""pprint writes lazy objects as it writes dicts, lists and tuples.

pprint chooses how to break a long value by its class's `__repr__`, in a table it has had since
Python 3.5 but offers no function for. Where a later version has none, it writes their repr.
"""

import pprint

from oocmap import _native

_table = getattr(pprint.PrettyPrinter, "_dispatch", None)
if _table is not None:
    _table[_native.LazyDict.__repr__] = _table[dict.__repr__]
    _table[_native.LazyList.__repr__] = _table[list.__repr__]
    _table[_native.LazyTuple.__repr__] = _table[tuple.__repr__]
