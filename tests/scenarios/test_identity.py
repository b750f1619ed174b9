"""Sharing, cycles and aliases: what is one object in memory is one object in the map."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oocmap
import pytest


@pytest.fixture
def m(tmp_path: Path) -> Any:
    with oocmap.OOCMap(tmp_path / "map.ooc", durability="off") as opened:
        yield opened


def test_what_is_shared_in_one_value_stays_shared(m: Any) -> None:
    shared = [1]
    m["value"] = {"a": shared, "b": [shared, (shared,)], "c": {"d": shared}}
    m["value"]["a"].append(2)
    assert m["value"] == {"a": [1, 2], "b": [[1, 2], ([1, 2],)], "c": {"d": [1, 2]}}
    value = m["value"].eager()
    assert value["a"] is value["b"][0] is value["b"][1][0] is value["c"]["d"]


def test_cycles_stay_cycles(m: Any) -> None:
    ring: Any = ["a", {}, ()]
    ring[1]["ring"] = ring
    ring[2] = (ring, ring[1])
    ring.append(ring)
    m["ring"] = ring
    stored = m["ring"].eager()
    assert stored[3] is stored
    assert stored[1]["ring"] is stored
    assert stored[2][0] is stored
    assert stored[2][1] is stored[1]
    assert m["ring"][3][3][1]["ring"][0] == "a"
    assert repr(m["ring"]) == repr(ring)


def test_repr_of_what_holds_itself_is_the_builtins(m: Any) -> None:
    in_list: list[Any] = [1]
    in_list.append(in_list)
    in_dict: dict[Any, Any] = {"a": 1}
    in_dict["self"] = in_dict
    in_tuple: Any = ([],)
    in_tuple[0].append(in_tuple)
    for value in (in_list, in_dict, in_tuple, [in_list, in_list], {"x": in_dict, "y": in_tuple}):
        m["value"] = value
        assert repr(m["value"]) == str(m["value"]) == repr(value)
    m["list"] = []
    m["list"].append(m["list"])
    assert repr(m["list"]) == "[[...]]"
    m["dict"] = {}
    m["dict"]["x"] = [m["dict"]]
    assert repr(m["dict"]) == "{'x': [{...}]}"


def test_entries_that_are_one_object(m: Any) -> None:
    m["a"] = {"n": [1]}
    m["b"] = m["a"]
    m["c"] = {"inner": m["a"]["n"], "again": [m["a"]["n"]]}
    m["b"]["n"].append(2)
    m["c"]["again"][0].append(3)
    assert m["a"] == {"n": [1, 2, 3]}
    assert m["c"] == {"inner": [1, 2, 3], "again": [[1, 2, 3]]}
    whole = m.eager()
    assert whole["a"] is whole["b"]
    assert whole["a"]["n"] is whole["c"]["inner"] is whole["c"]["again"][0]
    del m["a"]
    m["b"]["n"].append(4)
    assert m["c"]["inner"] == [1, 2, 3, 4]


def test_from_another_map_it_is_copied_sharing_and_cycles_too(m: Any, tmp_path: Path) -> None:
    shared: list[Any] = [1]
    shared.append(shared)
    m["value"] = {"a": shared, "b": shared, "t": (shared, "x" * 1000)}
    with oocmap.OOCMap(tmp_path / "other.ooc", durability="off") as other:
        other["copy"] = m["value"]
        m["value"]["a"].append(2)
        copied: Any = other["copy"].eager()
        assert copied["a"] is copied["b"] is copied["t"][0] is copied["a"][1]
        assert len(copied["a"]) == 2
        other["copy"]["a"].append(3)
        assert len(m["value"]["a"]) == 3
        assert m["value"]["a"][2] == 2
        m.update(other)  # and back, all of it
        assert m["copy"]["a"][2] == 3
    assert m["copy"]["b"][2] == 3
    m["copy"]["b"].append(4)
    assert m["copy"]["a"][3] == 4


ON_ITSELF: dict[str, Callable[[Any], Any]] = {
    "x += x": lambda m: m.__setitem__(0, add_in_place(m[0], m[0])),
    "x.extend(x)": lambda m: m[0].extend(m[0]),
    "x[1:1] = x": lambda m: m[0].__setitem__(slice(1, 1), m[0]),
    "x[:] = x": lambda m: m[0].__setitem__(slice(None), m[0]),
    "x[::-1] = x": lambda m: m[0].__setitem__(slice(None, None, -1), m[0]),
    "x[::2] = x[1::2]": lambda m: m[0].__setitem__(slice(0, 4, 2), m[0][1:4:2]),
    "x *= 3": lambda m: m[0].__imul__(3),
    "x.append(x)": lambda m: m[0].append(m[0]),
    "x.insert(0, x)": lambda m: m[0].insert(0, m[0]),
    "x[0] = x": lambda m: m[0].__setitem__(0, m[0]),
    "x.extend(reversed(x))": lambda m: m[0].extend(reversed(m[0])),
    "x.extend(x[1])": lambda m: m[0].extend(m[0][1]),
    "x[1].append(x)": lambda m: m[0][1].append(m[0]),
    "d.update(d)": lambda m: m[1].update(m[1]),
    "d |= d": lambda m: m[1].__ior__(m[1]),
    "d.update(d.items())": lambda m: m[1].update(m[1].items()),
    "d[k] = d": lambda m: m[1].__setitem__("a", m[1]),
    "d.setdefault(k, d)": lambda m: m[1].setdefault("new", m[1]) and None,
    "d.update(m)": lambda m: m[1].update(m),
    "m.update(d)": lambda m: m.update(m[1]),
    "m[k] = m[k]": lambda m: m.__setitem__(0, m[0]),
    "swap": lambda m: swap(m),
}


def add_in_place(x: Any, values: Any) -> Any:
    x += values
    return x


def swap(m: Any) -> None:
    m[0], m[1] = m[1], m[0]
    m[0]["a"], m[0]["b"] = m[0]["b"], m[0]["a"]


@pytest.mark.parametrize("size", [5, 1500])
@pytest.mark.parametrize("name", ON_ITSELF)
def test_operation_on_itself(m: Any, name: str, size: int) -> None:
    def value() -> dict[Any, Any]:
        large = [[i] for i in range(size)]
        return {0: large, 1: {"a": 1, "b": [large[0]], **{i: i for i in range(size)}}}

    plain = value()
    plain[1]["b"] = [[0]]
    m.update(plain)
    ON_ITSELF[name](plain)
    ON_ITSELF[name](m)
    assert repr(m.eager()) == repr(plain)


def test_counter_swap_shuffle_and_sort_of_nested_values(m: Any) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)  # shown where the test fails
    m["counts"] = {}
    plain: dict[str, int] = {}
    rng = random.Random(seed)
    for _ in range(300):
        key = rng.choice("abcdef")
        m["counts"][key] = m["counts"].get(key, 0) + 1
        plain[key] = plain.get(key, 0) + 1
    assert m["counts"] == plain
    for size in (10, 1200):
        values = [{"n": i, "list": [i, [i]]} for i in range(size)]
        m["list"] = values
        handles = [m["list"][i] for i in range(5)]
        random.Random(seed).shuffle(m["list"])
        random.Random(seed).shuffle(values)
        assert m["list"].eager() == values
        m["list"].sort(key=lambda member: -member["n"])
        values.sort(key=lambda member: -member["n"])
        assert m["list"].eager() == values
        m["list"][0], m["list"][-1] = m["list"][-1], m["list"][0]
        assert m["list"][0]["n"] == 0
        assert [handle["n"] for handle in handles] == [0, 1, 2, 3, 4]
        handles[0]["list"].append("through a handle")
        assert m["list"][0]["list"][-1] == "through a handle"


@pytest.mark.parametrize("size", [1, 1000])
def test_value_whose_one_reference_is_inside_itself(m: Any, tmp_path: Path, size: int) -> None:
    """Nothing says that the inner one is met twice, but where it is itself what is read."""
    m["outer"] = [{i: i for i in range(size)}]
    m["alias"] = m["outer"]
    inner = m["outer"][0]
    inner["outer"] = m["outer"]
    value = inner.eager()
    assert value["outer"][0] is value
    with oocmap.OOCMap(tmp_path / "other.ooc", durability="off") as other:
        other["inner"] = inner
        copied = other["inner"].eager()
        assert copied["outer"][0] is copied
        other["inner"]["new"] = 1
        assert other["inner"]["outer"][0]["new"] == 1
