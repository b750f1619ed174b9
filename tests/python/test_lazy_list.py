"""LazyList against list: results, exceptions, and what is left in the list."""

# These operators are what is tested.
# ruff: noqa: RUF005

import contextlib
import copy
import operator
import pickle
import random
import re
from collections.abc import Callable, MutableSequence
from pathlib import Path
from typing import Any

import oocmap
import pytest

LISTS: list[list[Any]] = [
    [],
    [1],
    [3, 1, 2],
    ["b", "a", "c", "a"],
    [[1], {"k": [2]}, (3, [4]), None, 2.5, b"x", 1 << 80],
    list(range(3000)),
]

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "len": len,
    "list": list,
    "iterate twice": lambda x: [list(x), list(x)],
    "reversed": lambda x: list(reversed(x)),
    "first": lambda x: x[0],
    "last": lambda x: x[-1],
    "second": lambda x: x[1],
    "before the first": lambda x: x[-len(x) - 1],
    "past the end": lambda x: x[len(x)],
    "huge index": lambda x: x[1 << 70],
    "index of wrong type": lambda x: x["a"],
    "True as index": lambda x: x[True],
    "slice": lambda x: x[1:3],
    "slice from the end": lambda x: x[-2:],
    "slice with step": lambda x: x[::2],
    "slice backwards": lambda x: x[::-1],
    "slice out of range": lambda x: x[100:5],
    "slice with step 0": lambda x: x[::0],
    "set first": lambda x: x.__setitem__(0, "new"),
    "set last": lambda x: x.__setitem__(-1, ["nested"]),
    "set past the end": lambda x: x.__setitem__(len(x), 1),
    "set slice same size": lambda x: x.__setitem__(slice(0, 2), [7, 8]),
    "set slice longer": lambda x: x.__setitem__(slice(1, 2), [7, [8], 9]),
    "set slice shorter": lambda x: x.__setitem__(slice(0, 3), ["only"]),
    "set slice empty": lambda x: x.__setitem__(slice(0, 2), []),
    "set slice at end": lambda x: x.__setitem__(slice(len(x), None), iter([1, 2])),
    "set slice to itself": lambda x: x.__setitem__(slice(None), x),
    "set slice inverted": lambda x: x.__setitem__(slice(2, 1), ["in between"]),
    "set slice to no iterable": lambda x: x.__setitem__(slice(0, 1), 5),
    "set slice to what fails": lambda x: x.__setitem__(slice(0, 1), (1 + n for n in [1, "a"])),
    "set extended slice": lambda x: x.__setitem__(slice(None, None, 2), [0] * len(x[::2])),
    "set extended slice wrongly": lambda x: x.__setitem__(slice(None, None, 2), [0] * 99),
    "set extended slice backwards": lambda x: x.__setitem__(slice(None, None, -1), list(x)),
    "delete first": lambda x: x.__delitem__(0),
    "delete last": lambda x: x.__delitem__(-1),
    "delete past the end": lambda x: x.__delitem__(len(x)),
    "delete slice": lambda x: x.__delitem__(slice(0, 2)),
    "delete all": lambda x: x.__delitem__(slice(None)),
    "delete every other": lambda x: x.__delitem__(slice(None, None, 2)),
    "delete every other backwards": lambda x: x.__delitem__(slice(None, None, -2)),
    "append": lambda x: x.append({"deep": [1, (2,)]}),
    "append nothing": lambda x: x.append(),
    "extend": lambda x: x.extend([1, [2], "three"]),
    "extend by a generator": lambda x: x.extend(i * i for i in range(3)),
    "extend by itself": lambda x: x.extend(x),
    "extend by no iterable": lambda x: x.extend(5),
    "insert at start": lambda x: x.insert(0, "s"),
    "insert in the middle": lambda x: x.insert(1, [0]),
    "insert far before": lambda x: x.insert(-99999, "s"),
    "insert far behind": lambda x: x.insert(99999, "e"),
    "insert before last": lambda x: x.insert(-1, "l"),
    "pop": lambda x: x.pop(),
    "pop first": lambda x: x.pop(0),
    "pop past the end": lambda x: x.pop(99999),
    "remove": lambda x: x.remove(2),
    "remove text": lambda x: x.remove("a"),
    "remove nested": lambda x: x.remove([1]),
    "remove what is not there": lambda x: x.remove("absent"),
    "clear": lambda x: x.clear(),
    "copy": lambda x: x.copy(),
    "reverse": lambda x: x.reverse(),
    "index": lambda x: x.index("a"),
    "index from": lambda x: x.index("a", 2),
    "index from the end": lambda x: x.index("a", -1),
    "index in range": lambda x: x.index(1, 0, 1),
    "index of nothing": lambda x: x.index("absent"),
    "count": lambda x: x.count("a"),
    "in": lambda x: 2 in x,
    "nested in": lambda x: {"k": [2]} in x,
    "not in": lambda x: "absent" in x,
    "sort": lambda x: x.sort(),
    "sort reversed": lambda x: x.sort(reverse=True),
    "sort by key": lambda x: x.sort(key=str),
    "sort by key reversed": lambda x: x.sort(key=lambda v: len(str(v)), reverse=True),
    "sort with positional": lambda x: x.sort(None),
    "equal": lambda x: x == copy.deepcopy(list(map(_plain, x))),
    "equal to longer": lambda x: x == [*map(_plain, x), 1],
    "equal to a tuple": lambda x: x == tuple(x),
    "unequal": lambda x: x != [1],
    "less": lambda x: x < [2],
    "greater or equal": lambda x: x >= [3, 1],
    "less than other type": lambda x: x < (1,),
    "add": lambda x: x + [9],
    "add to a list": lambda x: [9] + x,
    "add itself": lambda x: x + x,
    "add a tuple": lambda x: x + (9,),
    "multiply": lambda x: x * 2,
    "multiply from the left": lambda x: 2 * x,
    "multiply by a negative": lambda x: x * -1,
    "add in place": lambda x: operator.iadd(x, [1]) is x,
    "add itself in place": lambda x: operator.iadd(x, x) is x,
    "add an iterator in place": lambda x: operator.iadd(x, iter("ab")) is x,
    "add an int in place": lambda x: operator.iadd(x, 5),
    "multiply in place": lambda x: operator.imul(x, 3) is x,
    "multiply in place by 0": lambda x: operator.imul(x, 0) is x,
    "bool": bool,
    "hash": hash,
    "unpack": lambda x: [*x],
    "repr": repr,
    "str": str,
}


def _plain(value: Any) -> Any:
    return value.eager() if hasattr(value, "eager") else value


@pytest.mark.parametrize("name", OPERATIONS)
def test_does_what_list_does(same: Any, name: str) -> None:
    for value in LISTS:
        if name not in {"repr", "str"} or len(value) < 1000:  # a long repr is shortened
            same(value, OPERATIONS[name])


def test_is_a_mutable_sequence(m: Any) -> None:
    m["x"] = [1]
    assert isinstance(m["x"], MutableSequence)
    assert type(m["x"]) is oocmap.LazyList


def test_matches_a_sequence_pattern(m: Any) -> None:
    m["x"] = [1, [2, 3]]
    match m["x"]:
        case [first, [second, *rest]]:
            assert (first, second, rest) == (1, 2, [3])
        case _:
            pytest.fail("no match")


def test_slice_gives_a_plain_list_of_lazies(m: Any) -> None:
    m["x"] = [[1], [2]]
    part = m["x"][:1]
    assert type(part) is list
    assert type(part[0]) is oocmap.LazyList
    part[0].append(5)
    assert m["x"][0] == [1, 5]


def test_pop_gives_a_plain_value(m: Any) -> None:
    m["x"] = [{"a": [1]}]
    popped = m["x"].pop()
    assert type(popped) is dict
    assert popped == {"a": [1]}


def test_in_place_add_stores_through_a_key(m: Any) -> None:
    m["x"] = [1]
    m["alias"] = x = m["x"]
    m["x"] += [2]
    x += [3]
    assert type(x) is oocmap.LazyList
    assert m["x"] == m["alias"] == [1, 2, 3]


def test_swap_of_nested_values_keeps_both(m: Any) -> None:
    m["x"] = [[1], [2], [3]]
    x = m["x"]
    x[0], x[2] = x[2], x[0]
    assert x.eager() == [[3], [2], [1]]


def test_shuffle_of_nested_values_keeps_all(m: Any) -> None:
    values = [{"i": i, "l": [i] * 3} for i in range(200)]
    m["x"] = values
    random.Random(5).shuffle(m["x"])
    expected = list(values)
    random.Random(5).shuffle(expected)
    assert m["x"].eager() == expected


def test_sort_keeps_nested_values_the_objects_they_are(m: Any) -> None:
    m["x"] = [[3], [1], [2]]
    three = m["x"][0]
    m["x"].sort()
    assert m["x"].eager() == [[1], [2], [3]]
    three.append("still")
    assert m["x"][2] == [3, "still"]


def test_sort_by_a_key_that_raises_changes_nothing(m: Any) -> None:
    m["x"] = [3, 1, 2]
    with pytest.raises(ZeroDivisionError):
        m["x"].sort(key=lambda v: 1 // (v - 1))
    assert m["x"] == [3, 1, 2]
    m["x"].append(4)
    assert m["x"] == [3, 1, 2, 4]


def test_assigning_a_member_to_its_own_place_changes_nothing(m: Any) -> None:
    m["x"] = [[1], [2]]
    kept = m["x"][0]
    m["x"][0] = m["x"][0]
    kept.append(5)
    assert m["x"].eager() == [[1, 5], [2]]


def test_failed_extend_stores_nothing(m: Any) -> None:
    m["x"] = [1]
    with pytest.raises(oocmap.UnsupportedTypeError, match="object"):
        m["x"].extend([2, object()])
    assert m["x"] == [1]


def test_grows_from_small_to_large_and_back(m: Any) -> None:
    m["x"] = []
    x, twin = m["x"], []
    rng = random.Random(7)
    with m.transaction():
        for i in range(3000):
            place = rng.randrange(len(twin) + 1)
            x.insert(place, i)
            twin.insert(place, i)
        assert x.eager() == twin
        for _ in range(2990):
            place = rng.randrange(len(twin))
            assert x.pop(place) == twin.pop(place)
    assert x.eager() == twin


def test_repeating_in_place_beyond_memory_is_refused_at_once(m: oocmap.OOCMap[str, Any]) -> None:
    m["full"], m["empty"] = [1, 2], []
    full, empty = m["full"], m["empty"]
    with pytest.raises(MemoryError):
        full *= 1 << 62
    empty *= 1 << 62
    assert (full.eager(), empty.eager()) == ([1, 2], [])


def test_sort_refuses_that_its_list_is_changed(m: oocmap.OOCMap[str, Any]) -> None:
    m["list"] = [3, 1, 2]
    m["other"] = [2, 1]
    for change in (
        lambda: m["list"].append(4),
        lambda: m["list"].sort(),
        lambda: m["list"].clear(),
        lambda: m["list"].pop(),
    ):
        for inside in (False, True):
            with pytest.raises(ValueError, match="list modified during sort"):
                sort_with(m, lambda _, change=change: change(), inside)
            assert m["list"] == [3, 1, 2]
    with m.transaction():  # another list may be changed, where one transaction takes both
        m["list"].sort(key=lambda member: m["other"].append(member) or member)
    assert (m["list"], m["other"]) == ([1, 2, 3], [2, 1, 3, 1, 2])
    m["list"].append(0)  # the mark is gone, also after an error
    assert m["list"] == [1, 2, 3, 0]


def sort_with(m: oocmap.OOCMap[str, Any], key: Any, inside: bool) -> None:
    with m.transaction() if inside else contextlib.nullcontext():
        m["list"].sort(key=key)


def test_init_exchanges_the_members(m: oocmap.OOCMap[str, Any]) -> None:
    m["list"] = [1, [2]]
    m["list"].__init__((3, [4]))
    assert m["list"] == [3, [4]]
    with pytest.raises(TypeError):
        m["list"].__init__(5)
    assert m["list"] == [3, [4]]  # unlike list, which is empty then
    m["list"].__init__()
    assert m["list"] == []


def test_iterators_pickle(m: oocmap.OOCMap[str, Any]) -> None:
    m["list"], m["tuple"], m["dict"] = [1, 2, 3, 4], (1, 2, 3, 4), {"a": 1, "b": 2, "c": 3}
    for make, values in (
        (lambda: iter(m["list"]), [1, 2, 3, 4]),
        (lambda: reversed(m["list"]), [4, 3, 2, 1]),
        (lambda: iter(m["tuple"]), [1, 2, 3, 4]),
        (lambda: iter(m["dict"]), ["a", "b", "c"]),
        (lambda: reversed(m["dict"].items()), [("c", 3), ("b", 2), ("a", 1)]),
        (lambda: iter(m), ["list", "tuple", "dict"]),
    ):
        for taken in range(len(values) + 1):
            iterator = make()
            assert [next(iterator) for _ in range(taken)] == values[:taken]
            again = pickle.loads(pickle.dumps(iterator))
            assert list(again) == values[taken:]
            assert list(iterator) == values[taken:]
            assert list(pickle.loads(pickle.dumps(iterator))) == []
    for index in (-5, 0, 2, 4, 1000, 1 << 40):  # an iterator takes any index, as list's does
        for make in (iter, reversed):
            lazy, plain = make(m["list"]), make([1, 2, 3, 4])
            lazy.__setstate__(index)
            plain.__setstate__(index)
            assert list(lazy) == list(plain)


def written_by(operation: Callable[[], Any]) -> int:
    """Bytes that this process hands to write calls meanwhile: the pages of a commit."""
    written = []
    for after in (False, True):
        if after:
            operation()
        status = Path("/proc/self/io").read_text()
        written.append(int(re.search(r"wchar: (\d+)", status)[1]))  # type: ignore[index]
    return written[1] - written[0]


def test_changes_in_the_middle_of_a_large_list_write_a_few_pages(
    m: oocmap.OOCMap[str, Any],
) -> None:
    whole = written_by(lambda: m.__setitem__("list", list(range(10**9, 10**9 + 300_000))))
    assert whole > 1_000_000
    stored = m["list"]
    plain = list(range(10**9, 10**9 + 300_000))
    for change in (
        lambda x: x.insert(150_000, "new"),
        lambda x: x.pop(150_001),
        lambda x: x.__delitem__(10),
        lambda x: x.__setitem__(slice(200_000, 200_003), ["a", "b", "c", "d"]),
        lambda x: x.__delitem__(slice(100_000, 100_100)),
        lambda x: x.remove(10**9 + 20),
        lambda x: x.append("last"),
    ):
        change(plain)
        written = written_by(lambda change=change: change(stored))  # type: ignore[misc]
        assert 0 < written < 150_000
    assert stored == plain
