"""get_many() against one get() a key of a plain dict."""

from typing import Any

import oocmap
import pytest

DICTS: list[dict[Any, Any]] = [
    {},
    {"a": 1, "b": [2], "c": {}},
    {1: "int", "1": [], 2.5: None, None: 0, b"1": (), (1, "t"): [2], 1 << 90: 3, "\ud800": 4},
    {f"key {i}": [i] for i in range(1000)},
    {i: {"square": i * i} for i in range(300)},
]
KEYS: list[Any] = [
    [],
    ["b", "absent", "a", "a"],
    ("1", 1, 1.0, True, 2.5, None, b"1", (1.0, "t"), 1 << 90, "\ud800"),
    [float("nan"), object, ..., frozenset()],
    [f"key {i}" for i in range(0, 1200, 7)],
    {7, 299, 300},
    "abc",
    ["a", []],
    [([],)],
    5,
    None,
]


def expected(value: dict[Any, Any], keys: Any, *default: Any) -> Any:
    try:
        return [value.get(key, *default) for key in keys]
    except TypeError as error:
        return type(error), error.args


def outcome(x: Any, keys: Any, *default: Any) -> Any:
    try:
        return x.get_many(keys, *default)
    except TypeError as error:
        return type(error), error.args


@pytest.mark.parametrize("value", DICTS, ids=range(len(DICTS)))
@pytest.mark.parametrize("keys", KEYS, ids=range(len(KEYS)))
@pytest.mark.parametrize("default", [(), ("-",)])
def test_gives_what_get_gives_for_each(m: Any, value: Any, keys: Any, default: Any) -> None:
    m["x"] = value
    assert outcome(m["x"], keys, *default) == expected(value, keys, *default)
    del m["x"]
    m.update(value)
    assert outcome(m, keys, *default) == expected(value, keys, *default)


def test_keys_may_be_any_iterable(m: Any) -> None:
    m.update({"a": 1, "b": [2], "wanted": ["b", "a"]})
    assert m.get_many(iter(["b", "a"])) == [[2], 1]
    assert m.get_many(m["wanted"]) == [[2], 1]
    assert m.get_many(key for key in m) == list(m.values())
    assert m.get_many(["c"], default=m) == [m]


def test_values_are_lazy(m: Any) -> None:
    m["x"] = {"a": [1], "b": {"c": 2}}
    first, second = m["x"].get_many("ab")
    first.append(3)
    second["d"] = 4
    assert m["x"].eager() == {"a": [1, 3], "b": {"c": 2, "d": 4}}


def test_wrong_arguments(m: Any) -> None:
    for call in (
        lambda: m.get_many(),
        lambda: m.get_many([], 1, 2),
        lambda: m.get_many(keys=[]),
        lambda: m.get_many([], fallback=1),
    ):
        with pytest.raises(TypeError):
            call()


def test_closed_and_stale(m: Any) -> None:
    m["x"] = {"a": 1}
    with pytest.raises(KeyError), m.transaction():  # noqa: PT012
        m["y"] = {"a": 1}
        stale = m["y"]
        raise KeyError
    with pytest.raises(oocmap.StaleHandleError):
        stale.get_many(["a"])
    lazy = m["x"]
    m.close()
    for x in (m, lazy):
        with pytest.raises(oocmap.ClosedError):
            x.get_many(["a"])


@pytest.mark.parametrize("keys", [[f"key {i}" for i in range(1000)], list(range(1000))])
def test_all_are_of_one_moment(m: Any, counting: Any, keys: list[Any]) -> None:
    m["x"] = dict.fromkeys(keys, 0)
    with counting(keys):
        for _ in range(30):
            assert len(set(m["x"].get_many(keys))) == 1
