"""range() against the sorted items of a plain dict."""

import random
from typing import Any

import oocmap
import pytest

TEXTS = ["", "a", "a\0", "a\0b", "aa", "b", "z" * 600, "z" * 600 + "a", "ä", "€", "\U0001f600"]
NUMBERS = [-(1 << 70), -5, -1.5, -0.5, 0, 0.25, 1, 1.5, 2, 10, 1e9, 1 << 53, 1 << 80, float("inf")]
DICTS: dict[str, dict[Any, Any]] = {
    "none": {},
    "texts": {key: [key] for key in TEXTS},
    "numbers": {key: str(key) for key in NUMBERS},
    "bytes": dict.fromkeys([b"b", b"", b"a", b"\xff", b"a\x00", b"\xcfOK"], 1),
    "many texts": {f"key {i}": i for i in range(700)},
    "many numbers": {(i * 7919) % 1000: {"n": i} for i in range(1000)},
}


def shuffled(value: dict[Any, Any]) -> dict[Any, Any]:
    keys = list(value)
    random.Random(7).shuffle(keys)
    return {key: value[key] for key in keys}


def expected(value: dict[Any, Any], start: Any, stop: Any, reverse: bool) -> list[Any]:
    keys = [
        key
        for key in sorted(value)
        if (start is None or key >= start) and (stop is None or key < stop)
    ]
    return [(key, value[key]) for key in (reversed(keys) if reverse else keys)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", DICTS)
def test_is_the_sorted_items_between(m: Any, name: str, reverse: bool) -> None:
    value = shuffled(DICTS[name])
    m["x"] = value
    with oocmap.OOCMap(str(m.path) + ".root", durability="off") as root:
        root.update(value)
        keys = sorted(value)
        some = keys if len(keys) < 20 else [keys[0], keys[5], keys[len(keys) // 2], keys[-1]]
        bounds = [None, *some]
        for start in bounds:
            for stop in bounds:
                wanted = expected(value, start, stop, reverse)
                assert list(m["x"].range(start, stop, reverse)) == wanted
                assert list(root.range(start, stop, reverse=reverse)) == wanted


def test_bounds_need_not_be_keys(m: Any) -> None:
    m["x"] = {i: i for i in range(0, 1000, 10)}
    assert [key for key, _ in m["x"].range(5, 30.5)] == [10, 20, 30]
    assert [key for key, _ in m["x"].range(-1e300, 1 << 70)] == list(range(0, 1000, 10))
    assert [key for key, _ in m["x"].range(True, 20, reverse=True)] == [10]
    assert list(m["x"].range(30, 10)) == []


def test_order_of_kinds(m: Any) -> None:
    keys = [2, 2.5, "a", "b", b"a", b"b"]
    others = [None, (1, "a"), (2,)]
    m.update(dict.fromkeys([*reversed(keys), *others], 0))
    assert [key for key, _ in m.range()][:6] == keys
    assert {key for key, _ in m.range()} == {*keys, *others}
    assert [key for key, _ in m.range("", b"")] == ["a", "b"]
    assert [key for key, _ in m.range(stop="")] == [2, 2.5]
    assert [key for key, _ in m.range(reverse=True)] == [key for key, _ in m.range()][::-1]


def test_key_is_the_one_first_written(m: Any) -> None:
    m.update({True: 1, -0.0: 2, 3.0: 3})
    assert repr(list(m.range())) == "[(-0.0, 2), (True, 1), (3.0, 3)]"


def test_values_are_lazy(m: Any) -> None:
    m["x"] = {"a": [1]}
    ((key, value),) = m["x"].range()
    value.append(2)
    assert m["x"][key] == [1, 2]


@pytest.mark.parametrize("count", [20, 2000])
def test_changes_on_the_way_are_followed(m: Any, count: int) -> None:
    m["x"] = dict.fromkeys(range(0, 2 * count, 2), 0)
    seen = []
    for key, _ in m["x"].range(4, 21):
        seen.append(key)
        if key == 4:
            m["x"][5] = 0
            m["x"][3] = 0
            del m["x"][6]
        if key == 10:
            del m["x"][10]
    assert seen == [4, 5, 8, 10, 12, 14, 16, 18, 20]


@pytest.mark.parametrize("count", [5, 2000])
def test_goes_on_behind_a_rollback(m: Any, count: int) -> None:
    m["x"] = dict.fromkeys(range(0, 2 * count, 2), 0)
    walk = m["x"].range()
    with pytest.raises(KeyError), m.transaction():  # noqa: PT012
        assert next(walk) == (0, 0)
        m["x"][1] = 1
        assert next(walk) == (1, 1)
        raise KeyError
    assert next(walk) == (2, 0)


def test_wrong_bounds(m: Any) -> None:
    for bound, error in [
        ([], TypeError),
        ((1, []), TypeError),
        (object(), oocmap.UnsupportedTypeError),
        (float("nan"), oocmap.ArgumentError),
    ]:
        for arguments in ({"start": bound}, {"stop": bound}):
            with pytest.raises(error):
                m.range(**arguments)
    with pytest.raises(TypeError):
        m.range(1, 2, False, 3)


def test_closed_stale_and_exhausted(m: Any) -> None:
    m["x"] = {"a": 1}
    walk = m["x"].range()
    assert iter(walk) is walk
    assert list(walk) == [("a", 1)]
    m["x"]["b"] = 2
    assert list(walk) == []
    with pytest.raises(KeyError), m.transaction():  # noqa: PT012
        m["y"] = {"a": 1}
        stale = m["y"]
        raise KeyError
    with pytest.raises(oocmap.StaleHandleError):
        stale.range()
    lazy = m["x"]
    walks = [m.range(), lazy.range()]
    m.close()
    for walk in walks:
        with pytest.raises(oocmap.ClosedError):
            next(walk)
    for x in (m, lazy):
        with pytest.raises(oocmap.ClosedError):
            x.range()
