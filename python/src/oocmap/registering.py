"""register(): objects of the user's own classes in a map."""

import dataclasses
import enum
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar, overload
from uuid import UUID

from oocmap import _native
from oocmap.arrays import LazyArray

T = TypeVar("T")

_LONGEST_NAME = 200  # bytes of UTF-8: docs/format.md

_STORED_ALREADY = (
    *(type(None), bool, int, float, complex, str, bytes, bytearray, range),
    *(list, tuple, dict, set, frozenset),
    *(date, datetime, time, timedelta, Decimal, Fraction, UUID),
    *(_native.LazyDict, _native.LazyList, _native.LazyTuple),
    *(_native.LazySet, _native.LazyFrozenSet, LazyArray),
)

Functions = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def _enum(cls: Any) -> Functions:
    return lambda member: member.value, cls


def _namedtuple(cls: Any) -> Functions:
    return tuple, cls._make


def _dataclass(cls: Any) -> Functions:
    if not cls.__dataclass_params__.init or any(
        str(field._field_type) == "_FIELD_INITVAR" for field in cls.__dataclass_fields__.values()
    ):
        raise TypeError(
            f"{cls.__qualname__!r} is not made from its fields alone (init=False or an InitVar): "
            "register() needs to and from_"
        )
    names = [field.name for field in dataclasses.fields(cls)]
    set_later = [field.name for field in dataclasses.fields(cls) if not field.init]

    def to(value: Any) -> dict[str, Any]:
        return {name: getattr(value, name) for name in names}

    def from_(stored: dict[str, Any]) -> Any:
        later = {name: stored.pop(name) for name in set_later if name in stored}
        made = cls(**stored)
        for name, value in later.items():
            object.__setattr__(made, name, value)  # a frozen one's, too
        return made

    return to, from_


def _ready_made(cls: type[Any]) -> Functions:
    if issubclass(cls, enum.Enum):
        return _enum(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields") and hasattr(cls, "_make"):
        return _namedtuple(cls)
    if dataclasses.is_dataclass(cls):
        return _dataclass(cls)
    raise TypeError(
        f"{cls.__qualname__!r} is no Enum, named tuple or dataclass: register() needs to and from_"
    )


def _is_stored_already(cls: type[Any]) -> bool:
    if cls in _STORED_ALREADY or issubclass(cls, _native.Map):
        return True
    numpy = sys.modules.get("numpy")
    torch = sys.modules.get("torch")
    of_numpy = numpy is not None and issubclass(cls, (numpy.generic, numpy.ndarray))
    return of_numpy or (torch is not None and issubclass(cls, torch.Tensor))


def _checked_name(cls: type[Any], name: str | None) -> str:
    if name is None:
        name = f"{cls.__module__}.{cls.__qualname__}"
    if not isinstance(name, str):
        raise TypeError(f"name must be str, not {type(name).__name__}")
    if not 0 < len(name.encode()) <= _LONGEST_NAME:
        raise ValueError(f"name must have 1 to {_LONGEST_NAME} bytes of UTF-8: {name!r}")
    return name


@overload
def register(cls: type[T], *, name: str | None = ...) -> type[T]: ...
@overload
def register(
    cls: type[T], to: Callable[[T], Any], from_: Callable[[Any], T], name: str | None = ...
) -> type[T]: ...


def register(
    cls: type[T],
    to: Callable[[T], Any] | None = None,
    from_: Callable[[Any], T] | None = None,
    name: str | None = None,
) -> type[T]:
    """Register a class, so that maps store its objects and give them back; return the class.

    Arguments:
        cls: the class. Objects of exactly this class are meant, not of its subclasses.
        to: makes of an object the value that is stored: anything a map stores. It must not change
            the map.
        from_: makes an object of what `to` returned, given as plain (eager) value. It is called
            each time an object is read, when the read itself is over; a method that takes members
            out (`pop`, `sort`, `*=`) holds the write lock then, so it must not change the map. It
            must not change what it is given either: another object may share it.
        name: what the file calls the class: str of at most 200 bytes of UTF-8. Default: its module
            and qualified name, with a dot. To rename or move a class, register the new one under
            the old name.

    `to` and `from_` may be left out for an Enum (stored as the member's value), a named tuple (as a
    tuple) and a dataclass (as a dict of its fields), so there `@oocmap.register` is a decorator.

    Objects are values: one that was read is new, and a change of it is kept only where it is stored
    again. SQL and JSON show what `to` returned, and paths lead into it.

    An object is a key where it is hashable and what `to` returns is hashable, or a dict of such
    values. One that equals what `to` returned, and has its hash, is one key with that: a member of
    an IntEnum with the int, a named tuple with the tuple. Two others are one key where they are of
    one class and `to` returned equal values. A class with object's own `__hash__`, whose objects
    equal nothing but themselves, has no keys.

    Each process that reads such objects must register their class first; reading one whose class
    is not registered raises NotRegisteredError, which names it. Nothing is ever imported because of
    what a file says. Registering a class again replaces its functions; one of the same module and
    qualified name, as a module that runs again makes, takes the name over.

    An object cannot be stored inside itself, in containers between or not: `from_` would need what
    it is to make. Where references in the map make it so, reading it is an UnsupportedTypeError.

    Raises:
        TypeError: `cls` is no class, or of none of the three kinds and `to` or `from_` is missing.
        ValueError: objects of the class are stored without that (int, numpy.ndarray, ...); another
            class has the name; a name that is empty or too long.

    Cost: one call of `to` for each object stored, one of `from_` for each object read.
    """
    if not isinstance(cls, type):
        raise TypeError(f"register() needs a class, not {type(cls).__name__!r}")
    if _is_stored_already(cls):
        raise ValueError(f"objects of {cls.__qualname__!r} are stored without being registered")
    if (to is None) != (from_ is None):
        raise TypeError("register() needs both to and from_, or neither")
    if to is None or from_ is None:
        to, from_ = _ready_made(cls)
    for function in (to, from_):
        if not callable(function):
            raise TypeError(f"to and from_ must be callable, not {type(function).__name__!r}")
    _native.register_class(cls, to, from_, _checked_name(cls, name))
    return cls
