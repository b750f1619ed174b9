"""LazyTuple against tuple."""

# These operators are what is tested.
# ruff: noqa: RUF005

from collections.abc import Callable, Sequence
from typing import Any

import oocmap
import pytest

TUPLES: list[tuple[Any, ...]] = [
    (),
    (1,),
    (7.0, "years"),
    ("a", ("b", (None, b"c")), 1 << 70),
    (1, [2], {"three": 4}),
    tuple(range(2000)),
]

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "len": len,
    "list": list,
    "tuple": tuple,
    "reversed": lambda x: list(reversed(x)),
    "first": lambda x: x[0],
    "last": lambda x: x[-1],
    "past the end": lambda x: x[len(x)],
    "index of wrong type": lambda x: x["a"],
    "slice": lambda x: x[1:3],
    "slice backwards": lambda x: x[::-1],
    "set": lambda x: x.__setitem__(0, 1),
    "delete": lambda x: x.__delitem__(0),
    "index": lambda x: x.index("years"),
    "count": lambda x: x.count(1),
    "in": lambda x: "a" in x,
    "nested in": lambda x: [2] in x,
    "hash": hash,
    "as a key": lambda x: {x: 1},
    "equal": lambda x: x == (7.0, "years"),
    "equal to a list": lambda x: x == [7.0, "years"],
    "less": lambda x: x < (7, "z"),
    "less than a list": lambda x: x < [],
    "greater": lambda x: x > (),
    "add": lambda x: x + (1,),
    "add to a tuple": lambda x: (1,) + x,
    "add a list": lambda x: x + [1],
    "multiply": lambda x: x * 2,
    "repr": repr,
    "append": lambda x: x.append(1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_does_what_tuple_does(m: Any, plain_outcome: Any, name: str) -> None:
    for value in TUPLES:
        if name == "repr" and len(value) > 1000:
            continue
        m["x"] = value
        assert plain_outcome(OPERATIONS[name], m["x"]) == plain_outcome(OPERATIONS[name], value)


def test_is_a_sequence(m: Any) -> None:
    m["x"] = (1,)
    assert isinstance(m["x"], Sequence)
    assert type(m["x"]) is oocmap.LazyTuple
    assert type(m["x"][:]) is tuple


def test_has_its_tuples_hash_and_is_found_as_it(m: Any) -> None:
    m["x"] = (1, ("two", 3.0))
    assert hash(m["x"]) == hash((1, ("two", 3.0)))
    assert {(1, ("two", 3.0)): "found"}[m["x"]] == "found"
    assert {m["x"]} == {(1, ("two", 3.0))}


def test_is_a_key(m: Any) -> None:
    m["x"] = (1, ("two", 3.0))
    m[m["x"]] = "by lazy"
    assert m[(1, ("two", 3.0))] == "by lazy"
    assert m[m["x"]] == "by lazy"
    assert m["x"] in m
    assert (1, m["x"][1]) in m
    del m[m["x"]]
    assert (1, ("two", 3.0)) not in m


def test_with_an_unhashable_member_is_no_key(m: Any) -> None:
    m["x"] = (1, [2])
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        hash(m["x"])
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        m[m["x"]] = 1


def test_list_inside_can_be_changed(m: Any) -> None:
    m["x"] = (1, [2])
    m["x"][1].append(3)
    assert m["x"] == (1, [2, 3])
