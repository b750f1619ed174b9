"""Pickles of maps and lazy objects: where the data is, and none of it.

    pickle.dumps(m["user"])    # the path, how it was opened, and the handle of the dict

A map is pickled as its path and the arguments it was opened with, a lazy object as its map and its
handle; so both can be sent to worker processes. Unpickling opens the file, at once, as a map of its
own: in the process that has it open already the store is shared, the connection is not. What one
pickle holds of one map shares that map.

It never makes a file: a map opened with mode "c" or "x" comes back with "w".
"""

import copyreg
import pickle
from typing import Any

from oocmap import _native
from oocmap._map import OOCMap
from oocmap.arrays import LazyArray
from oocmap.errors import StaleHandleError, TransactionError

Lazy = (
    _native.LazyDict[Any, Any]
    | _native.LazyList[Any]
    | _native.LazyTuple[Any]
    | _native.LazySet[Any]
    | _native.LazyFrozenSet[Any]
    | LazyArray
)
_KINDS = (
    _native.LazyDict,
    _native.LazyList,
    _native.LazyTuple,
    _native.LazySet,
    _native.LazyFrozenSet,
    LazyArray,
)

# The place in a handle that says what it is, and the value there of a container not yet committed
# (docs/format.md).
_KIND = 4
_UNCOMMITTED = 2


# Pickles name the two functions below: keep their names and what they take.


def open_map(
    path: str,
    mode: str,
    durability: str | None,
    max_size: int | None,
    timeout: float | None,
    kind: type[OOCMap[Any, Any]] = OOCMap,
) -> OOCMap[Any, Any]:
    """Open the map that a pickle stands for; the `__init__` of a subclass is not called.

    Raises: what OOCMap() does, FileNotFoundError where the file is gone.
    """
    if not (isinstance(kind, type) and issubclass(kind, OOCMap)):
        raise pickle.UnpicklingError(f"not a kind of OOCMap: {kind!r}")
    opened = kind.__new__(kind)
    OOCMap.__init__(
        opened,
        path,
        mode="r" if mode == "r" else "w",
        durability=durability,  # type: ignore[arg-type]
        max_size=max_size,
        timeout=timeout,
    )
    return opened


def find_lazy(opened: OOCMap[Any, Any], handle: bytes) -> Lazy:
    """Return the lazy object that a pickle stands for; it reads nothing yet.

    Raises: StaleHandleError where the file is another map than the one that was pickled. That the
    value is gone shows at its first use.
    """
    if not isinstance(opened, OOCMap) or type(handle) is not bytes:
        raise pickle.UnpicklingError("not the pickle of a lazy object")
    found = opened._from_handle(handle)
    if not isinstance(found, _KINDS):
        raise StaleHandleError(f"the pickled value is of another map than {opened.path} now holds")
    return found


def reduce_map(opened: OOCMap[Any, Any]) -> tuple[Any, ...]:
    """`OOCMap.__reduce__`. A subclass comes back as itself, with its attributes."""
    opened._check_open()
    kind = () if type(opened) is OOCMap else (type(opened),)
    own = ("connection", "_settings")
    state = {name: value for name, value in vars(opened).items() if name not in own}
    mode, durability, max_size, timeout = opened._settings
    if durability is not None:
        durability = opened.durability  # set_durability() may have raised it
    settings = (mode, durability, max_size, timeout)
    return open_map, (opened.path, *settings, *kind), state or None


def _reduce_lazy(lazy: Lazy) -> tuple[Any, ...]:
    handle = _native.handle_bytes(lazy)
    if handle[_KIND] == _UNCOMMITTED:
        raise TransactionError(
            "what was read inside a transaction cannot be pickled before its commit"
        )
    return find_lazy, (_native.map_of(lazy), handle)


copyreg.pickle(_native.LazyDict, _reduce_lazy)
copyreg.pickle(_native.LazyList, _reduce_lazy)
copyreg.pickle(_native.LazyTuple, _reduce_lazy)
copyreg.pickle(_native.LazySet, _reduce_lazy)
copyreg.pickle(_native.LazyFrozenSet, _reduce_lazy)
copyreg.pickle(LazyArray, _reduce_lazy)
