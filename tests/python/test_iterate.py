"""Iterators while what they walk over changes."""

# What raises here is the end of a block, or of a loop.
# ruff: noqa: PT012, RUF043

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import oocmap
import pytest

SIZES = [3, 40, 2000]  # with a shape, key by key, spilled


@pytest.fixture(params=SIZES)
def x(m: Any, request: pytest.FixtureRequest) -> Any:
    m["x"] = {f"k{i}": i for i in range(request.param)}
    return m["x"]


def test_adding_a_key_is_noticed_as_by_dict(x: Any) -> None:
    for iterable in (x, x.keys(), x.values(), x.items()):
        iterator = iter(iterable)
        next(iterator)
        x["new"] = 1
        for _ in range(2):
            with pytest.raises(RuntimeError, match="^dictionary changed size during iteration$"):
                next(iterator)
        del x["new"]


def test_adding_a_key_before_the_first_step_is_noticed(x: Any) -> None:
    iterator = iter(x)
    x["new"] = 1
    with pytest.raises(RuntimeError, match="changed size"):
        next(iterator)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_change_before_the_first_step_skips_nothing(m: Any, x: Any, backwards: bool) -> None:
    for iterable in (x, x.keys(), x.values(), x.items()):
        expected = list(reversed(iterable) if backwards else iterable)
        iterator = reversed(iterable) if backwards else iter(iterable)
        m["elsewhere"] = len(expected)
        assert list(iterator) == expected


def test_removing_a_key_is_noticed(x: Any) -> None:
    with pytest.raises(RuntimeError, match="changed size"):
        for key in x:
            del x[key]


def test_clear_is_noticed(x: Any) -> None:
    iterator = iter(x.items())
    next(iterator)
    x.clear()
    with pytest.raises(RuntimeError, match="changed size"):
        next(iterator)


def test_new_values_under_old_keys_are_no_change_of_size(x: Any) -> None:
    for key in x:
        x[key] = [key]
    assert all(value == [key] for key, value in x.items())


def test_values_are_those_of_the_moment_they_are_asked_for(x: Any) -> None:
    iterator = iter(x.items())
    next(iterator)
    x["k2"] = "changed"
    assert dict(iterator)["k2"] == "changed"


def test_change_of_another_dict_is_none_of_this_one(m: Any, x: Any) -> None:
    m["other"] = {}
    seen = []
    for i, key in enumerate(x):
        m["other"][str(i)] = i
        seen.append(key)
    assert seen == list(x)


def test_exhausted_iterator_stays_exhausted(m: Any, x: Any) -> None:
    m["l"] = [1]
    for iterator in (iter(x), iter(m["l"])):
        list(iterator)
        m["l"].append(2)
        assert list(iterator) == []
        assert iterator.__length_hint__() == 0


def test_what_sql_adds_is_followed(m: Any) -> None:
    for i in range(10):
        m[i] = i
    seen = []
    for key in m:
        if key == 5:
            m.sql("INSERT INTO map(key, value) VALUES (100, 'late')")
            m.sql("DELETE FROM map WHERE key = 7")
        seen.append(key)
    assert seen == [0, 1, 2, 3, 4, 5, 6, 8, 9, 100]


def test_what_another_session_adds_is_followed(path: Any, m: Any, x: Any) -> None:
    """The keys of a dict that had a shape are found again by where the iterator was."""
    count = len(x)
    seen = []
    with oocmap.OOCMap(path, durability="off") as other:
        rows = other.sql("SELECT oocmap_version()").fetchall()
        assert rows
        for key in x:
            seen.append(key)
            if key == "k1":
                other.sql("BEGIN")
                other.sql("UPDATE map SET json = ? WHERE key = 'x'", ['{"k1": 0, "k2": 0, "z": 1}'])
                other.sql("COMMIT")
                break
    assert seen == ["k0", "k1"]
    assert count in SIZES


def test_list_iterator_follows_appends_and_ends_when_the_list_shrinks(m: Any) -> None:
    m["l"] = list(range(5))
    seen = []
    for value in m["l"]:
        seen.append(value)
        if value < 3:
            m["l"].append(value + 10)
    assert seen == [0, 1, 2, 3, 4, 10, 11, 12]
    iterator = iter(m["l"])
    next(iterator)
    m["l"].clear()
    assert list(iterator) == []


def test_reversed_list_ends_where_the_list_has_shrunk_below_it(m: Any) -> None:
    m["l"] = list(range(5))
    twin = list(range(5))
    lazy, builtin = reversed(m["l"]), reversed(twin)
    assert (next(lazy), next(builtin)) == (4, 4)
    del m["l"][1:], twin[1:]
    assert list(lazy) == list(builtin)


def test_iterator_goes_on_behind_a_rollback(m: Any) -> None:
    m["d"] = {f"k{i}": [i] for i in range(5)}
    iterator = iter(m["d"].items())
    with pytest.raises(KeyError), m.transaction():
        m["d"]["k1"] = "undone"
        assert next(iterator)[0] == "k0"
        assert next(iterator) == ("k1", "undone")
        raise KeyError
    assert [(key, value.eager()) for key, value in iterator] == [
        ("k2", [2]),
        ("k3", [3]),
        ("k4", [4]),
    ]


def test_iterator_of_a_closed_map_raises(m: Any) -> None:
    m["d"] = {"a": 1, "b": 2}
    m["l"] = [1, 2]
    iterators = [iter(m), iter(m["d"]), iter(m["l"]), iter(m["d"].items())]
    for iterator in iterators:
        next(iterator)
    m.close()
    for iterator in iterators:
        with pytest.raises(oocmap.ClosedError):
            next(iterator)


def test_one_iterator_in_two_threads(m: Any) -> None:
    m["l"] = list(range(5000))
    m["d"] = {i: i for i in range(5000)}
    for iterator in (iter(m["l"]), iter(m["d"]), iter(m["d"].values())):
        parts: list[list[int]] = [[], []]
        threads = [threading.Thread(target=part.extend, args=(iterator,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(parts[0] + parts[1]) == list(range(5000))


def test_list_knows_how_many_are_left(m: Any) -> None:
    m["l"] = [1, 2, 3]
    iterator = iter(m["l"])
    next(iterator)
    assert iterator.__length_hint__() == 2


class Finalizer:
    """Does something when the garbage collector finds it."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.cycle = self
        self.action = action

    def __del__(self) -> None:
        self.action()


@contextlib.contextmanager
def collecting_at_every_chance(actions: list[Callable[[], None]]) -> Iterator[None]:
    """CPython 3.11 collects where an object is made: in the midst of an operation of ours."""
    threshold = gc.get_threshold()
    gc.collect()
    gc.disable()
    for action in actions:
        Finalizer(action)
    gc.set_threshold(1)
    gc.enable()
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.collect()


MEMBERS = [[i] for i in range(500)]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    "value", [MEMBERS, dict(enumerate(MEMBERS)), {f"k{i}": x for i, x in enumerate(MEMBERS[:60])}]
)
def test_a_finalizer_may_step_the_same_iterator(m: Any, value: Any, backwards: bool) -> None:
    m["x"] = value
    for steps in range(1, 40):
        x = m["x"] if isinstance(value, list) else m["x"].items()
        iterator = reversed(x) if backwards else iter(x)
        seen: list[Any] = []

        def step(seen: list[Any] = seen, iterator: Any = iterator, count: int = steps) -> None:
            for _ in range(count):
                with contextlib.suppress(StopIteration):
                    seen.append(next(iterator))

        with collecting_at_every_chance([step] * 3):
            while (member := next(iterator, None)) is not None:
                seen.append(member)
        expected = list(value if isinstance(value, list) else value.items())
        numbers = [list(member)[-1] if isinstance(member, tuple) else member for member in seen]
        assert sorted(number[0] for number in numbers) == list(range(len(expected)))


@pytest.mark.parametrize(
    "read",
    [
        lambda m: list(m["x"]),
        lambda m: m["x"][10:400],
        lambda m: repr(m["keys"]),
        lambda m: list(m["keys"]),
        lambda m: m["keys"].eager(),
        lambda m: m["keys"].copy(),
        lambda m: [m["x"][i] for i in range(400)],
        lambda m: m["surrogates"]["\ud800"],
        lambda m: m["numbers"].copy(),
        lambda m: m["surrogates"].copy(),
        lambda m: m["numbers"].get_many([1 << i for i in range(60, 90)]),
        lambda m: m["keys"].get_many([(i, ("t", i)) for i in range(30)]),
        lambda m: list(m["keys"].range()),
        lambda m: list(m["numbers"].range(reverse=True)),
        lambda m: [m["numbers"][1 << i] for i in range(60, 90)],
    ],
)
def test_a_finalizer_may_write_in_the_midst_of_a_read(m: Any, read: Callable[[Any], Any]) -> None:
    m["x"] = MEMBERS
    m["keys"] = {(i, ("t", i)): f"value {i} of some length" for i in range(30)}
    m["surrogates"] = {"\ud800": "value of the surrogate", "b": 1}
    m["numbers"] = {1 << i: (1 << i) * 3 for i in range(60, 90)}
    with m.transaction():
        m["x"].append([500])  # what is read lies in the transaction's own pages
        m["keys"][(0, ("t", 0))] = "value 0 of some length, written in the transaction"
        m["surrogates"]["b"] = 2
        m["numbers"][1] = 1
        del m["numbers"][1]
        expected = read(m)
        kept = list(m["x"])  # so that no lazy is made of a dead one's memory
        written = []

        def write() -> None:
            for _ in range(20):
                m["x"].append([0])
                m["keys"][len(written), 0] = "x" * 50
                m["surrogates"][f"{len(written)}"] = "y" * 50
                m["numbers"][len(written)] = 1 << 70
                written.append(1)
            for _ in range(20):
                m["x"].pop()
                m["keys"].popitem()
                m["surrogates"].popitem()
                m["numbers"].popitem()

        with collecting_at_every_chance([write]):
            assert read(m) == expected
        assert written
        assert read(m) == expected
        del kept
