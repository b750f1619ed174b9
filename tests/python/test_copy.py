"""copy.copy() and copy.deepcopy() of what is stored: plain values, of one moment."""

import copy
from typing import Any

import oocmap
import pytest

VALUES: list[Any] = [
    {},
    {"a": [1, {"b": (2,)}], "c": {}},
    {1: "int", "1": [], None: 0, (1, "t"): [2]},
    {f"key {i}": [i] for i in range(1000)},
    {i: {"square": i * i} for i in range(300)},
    [],
    [1, [2, {"a": (3, [4])}], ()],
    [[i] for i in range(5000)],
    (),
    (1, [2], {"a": 3}),
    ([], tuple([i] for i in range(5000))),
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_copy_is_plain_with_lazy_members(m: Any, value: Any) -> None:
    m["x"] = value
    copied = copy.copy(m["x"])
    assert type(copied) is type(value)
    assert copied == value
    assert list(copied) == list(value)
    members = list(copied.values() if type(copied) is dict else copied)
    plain = [dict, list, tuple]
    assert not any(type(member) in plain for member in members)
    assert m["x"].eager() == value


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_deepcopy_is_plain_all_the_way_down(m: Any, value: Any) -> None:
    m["x"] = value
    copied = copy.deepcopy(m["x"])
    assert type(copied) is type(value)
    assert copied == value
    assert repr(copied) == repr(value)


def test_map_is_copied_as_a_dict_is(m: Any) -> None:
    m["x"] = {"a": [1]}
    copied = copy.copy(m)
    assert type(copied) is dict
    assert type(copied["x"]) is oocmap.LazyDict
    deep = copy.deepcopy(m)
    assert type(deep) is dict
    assert type(deep["x"]["a"]) is list
    assert m == copied == deep


def test_change_of_a_copy_stays_in_memory_but_for_what_is_lazy(m: Any) -> None:
    m["x"] = {"a": [1]}
    copied = copy.copy(m["x"])
    copied["b"] = 2
    copied["a"].append("through the handle")
    copy.deepcopy(m["x"])["a"].append("in memory")
    assert m["x"].eager() == {"a": [1, "through the handle"]}


def test_deepcopy_keeps_sharing_and_cycles(m: Any) -> None:
    shared: list[Any] = [1]
    shared.append(shared)
    m["x"] = {"a": shared, "b": shared}
    copied = copy.deepcopy(m["x"])
    assert copied["a"] is copied["b"]
    assert copied["a"][1] is copied["a"]


def test_lazy_inside_a_plain_value_is_copied_once(m: Any) -> None:
    m["x"] = [1]
    lazy = m["x"]
    holder = {"a": lazy, "b": lazy}
    assert copy.copy(holder)["a"] is lazy
    deep = copy.deepcopy(holder)
    assert type(deep["a"]) is list
    assert deep["a"] is deep["b"]


def test_copy_is_of_one_moment(m: Any, counting: Any) -> None:
    keys = [f"key {i}" for i in range(2000)]
    m["x"] = dict.fromkeys(keys, 0)
    with counting(keys):
        for _ in range(30):
            for copied in (copy.copy(m["x"]), copy.deepcopy(m["x"]), m["x"] | {}):
                assert len(set(copied.values())) == 1


def test_copy_of_what_is_gone(m: Any) -> None:
    m.update({"a": {}, "b": [1], "c": (1,)})
    lazies = [m["a"], m["b"], m["c"]]
    m.close()
    for lazy in [*lazies, m]:
        for copied in (copy.copy, copy.deepcopy):
            with pytest.raises(oocmap.ClosedError):
                copied(lazy)


def test_handle_of_a_rolled_back_value_is_not_copied(m: Any) -> None:
    with pytest.raises(KeyError), m.transaction():  # noqa: PT012
        m["a"] = {"b": []}
        lazies = [m["a"], m["a"]["b"]]
        raise KeyError
    for lazy in lazies:
        for copied in (copy.copy, copy.deepcopy):
            with pytest.raises(oocmap.StaleHandleError):
                copied(lazy)
