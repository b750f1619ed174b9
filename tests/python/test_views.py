"""keys(), values() and items(): live, as dict's are."""

# These views are what is tested.
# ruff: noqa: SIM118

import pprint
import types
from collections.abc import Callable
from typing import Any

import oocmap
import pytest

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "len": lambda x: [len(x.keys()), len(x.values()), len(x.items())],
    "in keys": lambda x: ["a" in x.keys(), "z" in x.keys()],
    "unhashable in keys": lambda x: [] in x.keys(),
    "in values": lambda x: [1 in x.values(), [2] in x.values(), 99 in x.values()],
    "in items": lambda x: [("a", 1) in x.items(), ("a", 2) in x.items(), ("z", 1) in x.items()],
    "not a pair in items": lambda x: ["a" in x.items(), ("a",) in x.items(), 5 in x.items()],
    "and": lambda x: sorted(x.keys() & {"a", "z"}),
    "or": lambda x: sorted(x.keys() | ["z"]),
    "subtract": lambda x: sorted(x.keys() - {"a"}),
    "xor": lambda x: sorted(x.keys() ^ {"a", "z"}),
    "and from the left": lambda x: sorted({"a", "z"} & x.keys()),
    "items of unhashable values as a set": lambda x: x.items() & set(),
    "equal": lambda x: x.keys() == {"a", "b", "c"},
    "equal to a list": lambda x: x.keys() == ["a", "b", "c"],
    "equal to dict's": lambda x: x.keys() == dict.fromkeys("cab").keys(),
    "subset": lambda x: x.keys() <= {"a", "b", "c", "d"},
    "superset": lambda x: x.keys() > {"a"},
    "isdisjoint": lambda x: [x.keys().isdisjoint(["z"]), x.keys().isdisjoint("a")],
    "unhashable keys view": lambda x: hash(x.keys()),
    "reversed": lambda x: [list(reversed(v)) for v in (x.keys(), x.values(), x.items())],
    "unpack": lambda x: [*x.values()],
    "sorted": lambda x: sorted(x),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_does_what_dicts_views_do(same: Any, name: str) -> None:
    same({"a": 1, "b": [2], "c": {"d": 3}}, OPERATIONS[name])


def test_views_are_live(m: Any) -> None:
    m["x"] = {"a": 1}
    keys, values, items = m["x"].keys(), m["x"].values(), m["x"].items()
    m["x"]["b"] = 2
    assert (list(keys), list(values), list(items)) == (["a", "b"], [1, 2], [("a", 1), ("b", 2)])
    assert len(keys) == 2


def test_views_repr(m: Any) -> None:
    m["x"] = {"a": [1]}
    assert repr(m["x"].keys()) == "LazyKeys(['a'])"
    assert repr(m["x"].values()) == "LazyValues([[1]])"
    assert repr(m["x"].items()) == "LazyItems([('a', [1])])"


def test_mapping_is_read_only_and_live(m: oocmap.OOCMap[str, Any]) -> None:
    m["dict"] = {"a": 1}
    for view in (m["dict"].keys(), m["dict"].values(), m["dict"].items()):
        mapping = view.mapping
        assert type(mapping) is types.MappingProxyType
        with pytest.raises(TypeError):
            mapping["b"] = 2
        assert mapping["a"] == 1
        m["dict"]["a"] = 1
    proxy = m["dict"].keys().mapping
    m["dict"]["b"] = 2
    assert dict(proxy) == {"a": 1, "b": 2}
    assert list(m.keys().mapping) == ["dict"]


def test_pprint_breaks_long_lines(m: oocmap.OOCMap[str, Any]) -> None:
    value = {"list": ["x" * 40, ("y" * 50,), {"deep": [{"k" * 30: 1}, {"l" * 30: 2}]}], "n": None}
    m["value"] = value
    expected = pprint.pformat(value, width=60)
    assert expected.count("\n") > 3
    assert pprint.pformat(m["value"], width=60) == expected
    assert pprint.pformat(m["value"]["list"], width=60) == pprint.pformat(value["list"], width=60)
    m["long"] = list(range(10_000))  # longer than what repr shows
    assert pprint.pformat(m["long"]) == pprint.pformat(list(range(10_000)))
