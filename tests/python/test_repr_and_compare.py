"""repr, and comparison across plain and lazy."""

from collections import OrderedDict
from typing import Any

import oocmap
import pytest


def test_repr_of_the_map_reads_nothing(m: Any, path: Any) -> None:
    m["a"] = 1
    assert repr(m) == "OOCMap({...})"
    m.close()
    assert repr(m) == "OOCMap({...})"

    class Mine(oocmap.OOCMap[Any, Any]):
        pass

    with Mine(path, durability="off") as mine:
        assert repr(mine) == "Mine({...})"


def test_repr_is_the_builtins(m: Any) -> None:
    value = {
        "a": [1, (2,), (), {}, None, "q'uo\"te", b"b", -0.0, 1 << 70, "\ud800\n"],
        (1, 2): {3: []},
    }
    m["x"] = value
    assert repr(m["x"]) == repr(value)
    assert str(m["x"]["a"]) == str(value["a"])
    assert f"{m['x']['a'][1]}" == "(2,)"


def test_long_repr_is_shortened(m: Any) -> None:
    m["x"] = list(range(100_000))
    text = repr(m["x"])
    assert len(text) < 10_100
    assert text.startswith("[0, 1, 2, ")
    assert text.endswith(", ...]")
    m["y"] = [{"t": ["x" * 50_000]}, 1]
    text = repr(m["y"])
    assert len(text) < 10_100
    assert text.startswith("[{'t': ['xxx")
    assert text.endswith("x..., ...]}]")


def test_repr_of_a_cycle(m: Any) -> None:
    m["a"] = {"l": []}
    m["a"]["l"].append(m["a"])
    assert repr(m["a"]) == "{'l': [{...}]}"
    assert repr(m["a"]["l"]) == "[{'l': [...]}]"


def test_equal_across_kinds(m: Any) -> None:
    m["d"], m["d2"] = {"a": [1, (2, {"b": None})]}, {"a": [1.0, (True + 1, {"b": None})]}
    m["l"], m["t"] = [1, 2], (1, 2)
    assert m["d"] == m["d2"]
    assert m["d"] == m["d"].eager()
    assert m["d"].eager() == m["d"]
    assert m["d"] == OrderedDict(m["d"].eager())
    assert m["l"] != m["t"]
    assert m["l"] != (1, 2)
    assert m["t"] == (1, 2)
    assert m["t"] == (1, 2)
    assert [m["l"], m["t"]] == [[1, 2], (1, 2)]
    assert m["d"] != m["l"]
    assert m == m.eager()
    assert m.eager() == m
    assert (m == 5) is False
    assert m["d"] in [m["d2"]]


def test_nan_is_equal_only_as_python_says(m: Any) -> None:
    nan = float("nan")
    m["x"] = [nan]
    assert m["x"] == m["x"]
    assert m["x"] != [nan]


def test_comparison_of_deep_values_is_a_recursion_error(m: Any) -> None:
    def deep() -> Any:
        value: Any = []
        for _ in range(20_000):
            value = [value]
        return value

    m["x"] = deep()
    m["y"] = deep()
    with pytest.raises(RecursionError):
        assert m["x"] == m["y"]
    assert m["x"] == m["x"]


def test_ordering(m: Any) -> None:
    m["a"], m["b"] = [1, [2]], [1, [3]]
    assert m["a"] < m["b"]
    assert m["b"] >= m["a"]
    assert m["a"] < [1, [2], 0]
    assert m["a"] < [1, [2], 0]
    with pytest.raises(TypeError):
        assert m["a"] < ["x"]
    with pytest.raises(TypeError):
        assert m["a"] < (1,)
