"""Fixtures of the Python tests: an open map, and comparison with the builtin it stands for."""

import contextlib
import copy
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import oocmap
import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "map.ooc"


@pytest.fixture
def m(path: Path) -> Iterator[oocmap.OOCMap[Any, Any]]:
    with oocmap.OOCMap(path, durability="off") as opened:
        yield opened


def plain(value: Any) -> Any:
    """The builtin form of a result: lazies eager, views and iterators as lists."""
    if isinstance(value, (oocmap.LazyDict, oocmap.LazyList, oocmap.LazyTuple, oocmap.OOCMap)):
        return value.eager()
    if isinstance(value, (oocmap.LazySet, oocmap.LazyFrozenSet)):
        return value.eager()
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, tuple):
        return tuple(plain(member) for member in value)
    if isinstance(value, dict):
        return {plain(key): plain(member) for key, member in value.items()}
    return value


def outcome(operation: Callable[[Any], Any], subject: Any) -> Any:
    """What an operation gives, or the exception it raises."""
    try:
        return plain(operation(subject))
    except Exception as error:
        # The text of these may name the type of the object, which is not the builtin's.
        named = isinstance(error, (TypeError, AttributeError))
        return type(error), "" if named else error.args


Same = Callable[[Any, Callable[[Any], Any]], None]


@pytest.fixture
def same(m: oocmap.OOCMap[Any, Any]) -> Same:
    """same(value, operation): does the same to `value` and to a stored copy of it, and compares."""

    def check(value: Any, operation: Callable[[Any], Any]) -> None:
        m["subject"] = value
        twin = copy.deepcopy(value)
        expected = outcome(operation, twin)
        assert outcome(operation, m["subject"]) == expected
        assert m["subject"].eager() == twin

    return check


@pytest.fixture
def plain_outcome() -> Callable[[Callable[[Any], Any], Any], Any]:
    return outcome


Counting = Callable[[Iterable[Any]], contextlib.AbstractContextManager[None]]


@pytest.fixture
def counting(path: Path) -> Counting:
    """counting(keys): a thread sets all these keys of m["x"] to 1, 2, ..., each time at once."""

    @contextlib.contextmanager
    def running(keys: Iterable[Any]) -> Iterator[None]:
        stop = threading.Event()

        def count() -> None:
            with oocmap.OOCMap(path, durability="off") as other:
                rounds = 0
                while not stop.is_set():
                    rounds += 1
                    other["x"].update(dict.fromkeys(keys, rounds))

        thread = threading.Thread(target=count)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    return running
