"""What CPython's own test suites are run on: stored values that are made as builtins are.

`StoredList([1, 2])` stores the list in a map and gives the LazyList, `StoredMap(a=1)` gives an
OOCMap of its own, so a suite that calls `type2test(...)` tests the lazy types without knowing it.
"""

import itertools
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import oocmap

_folder = tempfile.TemporaryDirectory(prefix="oocmap-cpython-")
_numbers = itertools.count()
_store: oocmap.OOCMap[int, Any] | None = None


def store() -> oocmap.OOCMap[int, Any]:
    """The map that holds the values of a run."""
    global _store
    if _store is None:
        _store = oocmap.OOCMap(Path(_folder.name) / "values.ooc", durability="off")
    return _store


def stored(value: Any) -> Any:
    """The lazy object of a stored copy of `value`; or `value`, where no file can hold a member.

    The second is for the objects that the suites make for one line, such as one whose `__eq__`
    raises. What is written about them is then tested on the builtin, the rest of the test on the
    stored value. What they do in the file's place is refused, which test_values.py tests.
    """
    number = next(_numbers)
    try:
        store()[number] = value
    except oocmap.UnsupportedTypeError as error:
        if any(f"type '{name}' " in str(error) for name in UNSTORABLE):
            return value
        raise
    return store()[number]


# The classes of such objects.
UNSTORABLE = ("_ALWAYS_EQ", "_NEVER_EQ", "StopCompares", "BadCmp2", "EvilCmp", "BadRepr", "Z")


class Stored:
    """Base of the classes below: a call gives a lazy object, which is no instance of them."""

    builtin: ClassVar[type]

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        return stored(cls.builtin(*arguments, **keywords))


class StoredList(Stored):
    builtin = list


class StoredTuple(Stored):
    builtin = tuple


class StoredDict(Stored):
    builtin = dict
    update = oocmap.LazyDict.update  # for what a suite calls on the class

    @classmethod
    def fromkeys(cls, *arguments: Any, **keywords: Any) -> Any:
        return oocmap.LazyDict.fromkeys(*arguments, **keywords)


class StoredMap(oocmap.OOCMap[Any, Any]):
    """A map in a file of its own, made as a dict is."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        path = Path(_folder.name) / f"{next(_numbers)}.ooc"
        super().__init__(path, durability="off", max_size=1 << 30)
        oocmap.OOCMap.update(self, dict(*arguments, **keywords))  # not that of a subclass


Suite = TypeVar("Suite", bound=type[unittest.TestCase])


def without(reasons: dict[str, str]) -> Callable[[Suite], Suite]:
    """Class decorator: skips the named tests of CPython's, each for its reason.

    A name that the suite does not have is left alone: later versions of CPython drop tests.
    """

    def mark(suite: Suite) -> Suite:
        for name, reason in reasons.items():
            if hasattr(suite, name):
                setattr(suite, name, unittest.skip(reason)(getattr(suite, name)))
        return suite

    return mark
