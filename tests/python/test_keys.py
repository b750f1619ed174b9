"""Keys: which are one, which are refused, which are absent."""

import enum
import math
from typing import Any, NamedTuple

import oocmap
import pytest

KEYS: list[Any] = [
    None,
    0,
    1,
    -1,
    2**63 - 1,
    2**63,
    -(2**63),
    -(2**200),
    0.5,
    -1.5,
    math.inf,
    1e300,
    "",
    "a",
    "1",
    "\x00",
    "ü",
    "\ud800",
    "k" * 440,
    "k" * 1000,
    "k" * 999 + "l",
    b"",
    b"a",
    b"\xff" * 1000,
    (),
    (1,),
    (1, (2, ("x", None))),
    ("t" * 600, 1 << 70),
]


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    A = "a"


class Pair(NamedTuple):
    x: int
    y: int


class Folded(str):
    """Compares as no plain str does, so no stored key is it."""

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 5


def test_each_key_is_its_own(m: Any) -> None:
    m["small"] = {}
    for place in (m, m["small"]):
        for i, key in enumerate(KEYS):
            place[key] = i
    m["whole"] = {key: i for i, key in enumerate(KEYS)}
    for place in (m, m["small"], m["whole"]):
        for i, key in enumerate(KEYS):
            assert place[key] == i
            assert key in place
    assert list(m["small"]) == list(m["whole"]) == KEYS
    assert list(map(repr, m["whole"])) == list(map(repr, KEYS))


def test_equal_numbers_are_one_key(m: Any) -> None:
    m["x"] = {}
    for place in (m, m["x"]):
        place[1] = "int"
        place[1.0] = "float"
        place[True] = "bool"
        place[2.0**70] = "float"
        place[2**70] = "int"
        assert place[1] == "bool"
        assert place[2**70] == "int"
        assert "1" not in place
    assert list(map(repr, m["x"])) == ["1", repr(2.0**70)]


def test_key_of_a_subclass_finds_what_its_base_would(m: Any) -> None:
    m["x"] = {1: "one", "a": "letter", (1, 2): "pair"}
    for place in (m["x"], {1: "one", "a": "letter", (1, 2): "pair"}):
        assert place[Level.LOW] == "one"
        assert place[Word.A] == "letter"
        assert place[Pair(1, 2)] == "pair"
        assert place.get(Folded("a")) is None


@pytest.mark.parametrize("key", [Level.LOW, Word.A, Pair(1, 2), object(), ...])
def test_key_of_another_type_is_refused(m: Any, key: Any) -> None:
    m["x"] = {}
    for place in (m, m["x"]):
        with pytest.raises(
            oocmap.UnsupportedTypeError, match=f"key of type '.*{type(key).__name__}'"
        ):
            place[key] = 1
        with pytest.raises(oocmap.UnsupportedTypeError):
            place.setdefault(key, 1)
        with pytest.raises(oocmap.UnsupportedTypeError):
            place.update({key: 1})
    with pytest.raises(oocmap.UnsupportedTypeError):
        m[("nested", key)] = 1
    assert dict(m["x"]) == {}


@pytest.mark.parametrize("key", [object(), ..., range(3), math.nan, (1, math.nan), (object(),)])
def test_key_that_cannot_be_stored_is_absent(m: Any, key: Any) -> None:
    m["x"] = {"a": 1}
    for place in (m, m["x"]):
        assert key not in place
        assert place.get(key, "default") == "default"
        assert place.pop(key, "default") == "default"
        for raising in (place.__getitem__, place.pop, place.__delitem__):
            with pytest.raises(KeyError) as caught:
                raising(key)
            assert caught.value.args == (key,)


def test_nan_is_refused(m: Any) -> None:
    with pytest.raises(oocmap.ArgumentError, match="nan"):
        m[math.nan] = 1
    with pytest.raises(oocmap.ArgumentError, match="nan"):
        m[(1, math.nan)] = 1


def test_missing_tuple_key_is_the_key_errors_argument(m: Any) -> None:
    with pytest.raises(KeyError) as caught:
        m[1, 2]
    assert caught.value.args == ((1, 2),)


def test_error_of_a_keys_hash_is_passed_on(m: Any) -> None:
    class Broken:
        def __hash__(self) -> int:
            raise ZeroDivisionError

    for operation in (lambda: m[Broken()], lambda: Broken() in m, lambda: m.get(Broken())):
        with pytest.raises(ZeroDivisionError):
            operation()


def test_nested_tuple_is_a_key(m: Any) -> None:
    key: Any = ()
    for _ in range(500):
        key = (key,)
    m[key] = "found"
    assert m[key] == "found"
    assert list(m) == [key]


def test_too_deep_tuple_key_is_a_recursion_error(m: Any) -> None:
    key: Any = ()
    for _ in range(100_000):
        key = (key,)
    for operation in (m.get, m.setdefault, m.__contains__):
        with pytest.raises(RecursionError):
            operation(key)
    while key:
        key = key[0]


def test_a_key_whose_parts_are_shared_by_many_is_refused_soon(m: Any) -> None:
    """Written out it would be endless: 2**60 members."""
    key: Any = 1
    for _ in range(60):
        key = frozenset([key, (key,)])
    with pytest.raises(oocmap.ArgumentError, match="more than 1,000,000 members"):
        m[key] = 1
    assert key not in m
    assert m.get(key, "absent") == "absent"
    many = tuple(range(999_999))
    m[many] = 1
    assert m[many] == 1
    with pytest.raises(oocmap.ArgumentError, match="more than 1,000,000 members"):
        m[(*many, 1, 2)] = 1
