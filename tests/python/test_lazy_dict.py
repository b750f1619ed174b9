"""LazyDict, and OOCMap itself, against dict: results, exceptions, and what is left."""

import copy
import operator
import struct
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import oocmap
import pytest

DICTS: list[dict[Any, Any]] = [
    {},
    {"a": 1},
    {"b": [1, {"c": 2}], "a": (1, "x"), "longer key than eight": None},
    {1: "int", "1": "str", 2.5: "float", None: 0, b"1": "bytes", (1, "t"): [], 1 << 90: "big"},
    {f"key {i}": i for i in range(100)},
    {f"key {i}": [i] for i in range(1000)},
    {i: str(i) for i in range(300)},
]


class WithKeys:
    """Not a mapping, but dict.update takes it for one."""

    def keys(self) -> list[str]:
        return ["from", "keys"]

    def __getitem__(self, key: str) -> str:
        return key.upper()


NAN = float("nan")

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "len": len,
    "list": list,
    "dict": dict,
    "reversed": lambda x: list(reversed(x)),
    "get item": lambda x: x["a"],
    "get int": lambda x: x[1],
    "get float equal to int": lambda x: x[1.0],
    "get True": lambda x: x[True],
    "get tuple": lambda x: x[(1, "t")],
    "get tuple with float": lambda x: x[(1.0, "t")],
    "get None": lambda x: x[None],
    "get big": lambda x: x[1 << 90],
    "get missing": lambda x: x["absent"],
    "get missing tuple": lambda x: x["absent", 1],
    "get unhashable": lambda x: x[[]],
    "get unhashable in tuple": lambda x: x[(1, [])],
    "get object": lambda x: x[object],
    "get nan": lambda x: x[NAN],
    "get method": lambda x: x.get("a"),
    "get method missing": lambda x: x.get("absent"),
    "get method default": lambda x: x.get("absent", 5),
    "get method unhashable": lambda x: x.get([]),
    "get method without": lambda x: x.get(),
    "get method too many": lambda x: x.get(1, 2, 3),
    "in": lambda x: "a" in x,
    "not in": lambda x: "absent" in x,
    "unhashable in": lambda x: {} in x,
    "set": lambda x: x.__setitem__("a", [1, {"deep": ()}]),
    "set new": lambda x: x.__setitem__("new", "value"),
    "set int": lambda x: x.__setitem__(1, 2),
    "set float over int": lambda x: x.__setitem__(1.0, "same key"),
    "set True over int": lambda x: x.__setitem__(True, "same key"),
    "set tuple": lambda x: x.__setitem__(("a", (1, None)), 3),
    "set unhashable": lambda x: x.__setitem__([], 3),
    "delete": lambda x: x.__delitem__("a"),
    "delete missing": lambda x: x.__delitem__("absent"),
    "delete unhashable": lambda x: x.__delitem__([]),
    "delete and set": lambda x: (x.__delitem__("a"), x.__setitem__("a", "at the end")),
    "pop": lambda x: x.pop("a"),
    "pop missing": lambda x: x.pop("absent"),
    "pop default": lambda x: x.pop("absent", [1]),
    # (an empty dict looks at no hash)
    "pop unhashable": lambda x: x.pop({}),
    "pop unhashable with a default": lambda x: x.pop((1, []), 2),
    "pop nothing": lambda x: x.pop(),
    "popitem": lambda x: x.popitem(),
    "popitem twice": lambda x: (x.popitem(), x.popitem()),
    "setdefault": lambda x: x.setdefault("a", "unused"),
    "setdefault new": lambda x: x.setdefault("new", [1]),
    "setdefault None": lambda x: x.setdefault("new"),
    "setdefault unhashable": lambda x: x.setdefault([]),
    "update": lambda x: x.update({"a": "changed", "z": [0]}),
    "update with keywords": lambda x: x.update({"a": 1}, b=2, c=[3]),
    "update with pairs": lambda x: x.update([("a", 1), ["b", 2], "cd"]),
    "update with a generator": lambda x: x.update((i, i * i) for i in range(5)),
    "update with itself": lambda x: x.update(x),
    "update with keys()": lambda x: x.update(WithKeys()),
    "update with a proxy": lambda x: x.update(MappingProxyType({"a": 5})),
    "update with a subclass": lambda x: x.update(OrderedDict(a=5)),
    "update with nothing": lambda x: x.update(),
    "update with an int": lambda x: x.update(5),
    "update with two": lambda x: x.update({}, {}),
    "clear": lambda x: x.clear(),
    "copy": lambda x: x.copy(),
    "fromkeys": lambda x: x.fromkeys("aba"),
    "fromkeys of itself": lambda x: x.fromkeys(x, 0),
    "fromkeys of none": lambda x: x.fromkeys(),
    "fromkeys of no iterable": lambda x: x.fromkeys(5),
    "fromkeys unhashable": lambda x: x.fromkeys([[]]),
    "fromkeys too many": lambda x: x.fromkeys("a", 1, 2),
    "fromkeys keyword": lambda x: x.fromkeys(iterable="a"),
    "keys": lambda x: list(x.keys()),
    "values": lambda x: list(x.values()),
    "items": lambda x: list(x.items()),
    "reversed items": lambda x: list(reversed(x.items())),
    "reversed values": lambda x: list(reversed(x.values())),
    "equal": lambda x: x == copy.deepcopy({k: _plain(v) for k, v in x.items()}),
    "equal to other order": lambda x: x == dict(reversed([(k, _plain(v)) for k, v in x.items()])),
    "equal to fewer": lambda x: x == {},
    "equal to a list": lambda x: x == [],
    "unequal": lambda x: x != {"a": 1},
    "less": lambda x: x < {},
    "or": lambda x: x | {"a": "other", "n": 1},
    "or from the left": lambda x: {"a": "other", "n": 1} | x,
    "or a list": lambda x: x | [],
    "or in place": lambda x: operator.ior(x, {"a": 5}) is x,
    "or in place with pairs": lambda x: operator.ior(x, [("a", 6)]) is x,
    "bool": bool,
    "hash": hash,
    "keywords": lambda x: dict(**x),
}


def _plain(value: Any) -> Any:
    return value.eager() if hasattr(value, "eager") else value


@pytest.mark.parametrize("name", OPERATIONS)
def test_does_what_dict_does(same: Any, name: str) -> None:
    for value in DICTS:
        same(value, OPERATIONS[name])


@pytest.mark.parametrize("name", OPERATIONS)
def test_map_does_what_dict_does(m: Any, name: str, plain_outcome: Any) -> None:
    for value in DICTS:
        twin = copy.deepcopy(value)
        m.clear()
        m.update(value)
        expected = plain_outcome(OPERATIONS[name], twin)
        assert plain_outcome(OPERATIONS[name], m) == expected
        # The keys' order and exact types too, which == does not look at.
        assert list(map(repr, m.eager().items())) == list(map(repr, twin.items()))


@pytest.mark.parametrize(
    "wrong",
    [[("a", 1), ("b", 2, 3)], [("a", 1), 5], [("a", 1), ([], 5)], [("a", 1), (1, object())]],
)
def test_failed_update_leaves_all_as_it_was(m: Any, plain_outcome: Any, wrong: Any) -> None:
    """dict keeps what came before the error; here an operation that raises changes nothing."""
    m["x"] = {"a": 0}
    got = plain_outcome(lambda x: x.update(wrong), m["x"])
    if not isinstance(wrong[1], tuple) or type(wrong[1][1]) is not object:
        assert got == plain_outcome(lambda x: x.update(wrong), {"a": 0})
    assert m["x"] == {"a": 0}


@pytest.mark.parametrize("value", DICTS, ids=lambda value: f"{len(value)} members")
def test_keeps_order_and_exact_keys(m: Any, value: dict[Any, Any]) -> None:
    m["x"] = value
    assert list(map(repr, m["x"].eager().items())) == list(map(repr, value.items()))
    assert list(map(repr, m["x"])) == list(map(repr, value))


def test_first_key_written_stays(m: Any) -> None:
    m["x"] = {1: "a", 2.0: "b", True: "c"}  # noqa: F601
    m["x"][2] = "d"
    assert list(map(repr, m["x"])) == ["1", "2.0"]
    assert m["x"] == {1: "c", 2: "d"}


def test_is_a_mutable_mapping(m: Any) -> None:
    m["x"] = {}
    assert isinstance(m["x"], MutableMapping)
    assert isinstance(m, MutableMapping)
    assert type(m["x"]) is oocmap.LazyDict


def test_matches_a_mapping_pattern(m: Any) -> None:
    m["x"] = {"kind": "point", "at": [1, 2], "more": 0}
    match m["x"]:
        case {"kind": "point", "at": [x, y], **rest}:
            assert (x, y, rest) == (1, 2, {"more": 0})
        case _:
            pytest.fail("no match")


def test_pop_gives_a_plain_value(m: Any) -> None:
    m["x"] = {"a": {"b": [1, (2,)]}}
    popped = m["x"].pop("a")
    assert type(popped) is dict
    assert type(popped["b"]) is list
    assert popped == {"b": [1, (2,)]}


def test_copy_is_plain_with_lazy_values(m: Any) -> None:
    m["x"] = {"a": [1]}
    copied = m["x"].copy()
    assert type(copied) is dict
    assert type(copied["a"]) is oocmap.LazyList
    assert type(m.copy()) is dict


def test_fromkeys_gives_a_plain_dict(m: Any) -> None:
    for made in (
        oocmap.OOCMap.fromkeys("ab", 1),
        oocmap.LazyDict.fromkeys("ab", 1),
        m.fromkeys("ab", 1),
    ):
        assert type(made) is dict
        assert made == {"a": 1, "b": 1}
    assert len(m) == 0


def test_assigning_a_value_to_its_own_key_changes_nothing(m: Any) -> None:
    m["a"] = {"n": [1]}
    kept = m["a"]
    m["a"] = m["a"]
    kept["n"].append(2)
    assert m["a"] == {"n": [1, 2]}


def test_swap_of_nested_values_keeps_both(m: Any) -> None:
    m["a"], m["b"] = {"v": [1]}, {"v": [2]}
    m["a"], m["b"] = m["b"], m["a"]
    assert (m["a"].eager(), m["b"].eager()) == ({"v": [2]}, {"v": [1]})


def test_value_stored_twice_is_shared(m: Any) -> None:
    m["a"] = [1]
    m["b"] = m["a"]
    m["b"].append(2)
    assert m["a"] == [1, 2]
    del m["a"]
    assert m["b"] == [1, 2]


def test_setdefault_keeps_what_is_there_and_does_not_look_at_the_default(m: Any) -> None:
    m["a"] = 1
    assert m.setdefault("a", object()) == 1
    with pytest.raises(oocmap.UnsupportedTypeError):
        m.setdefault("b", object())
    assert "b" not in m


def test_failed_update_of_a_mapping_stores_nothing(m: Any) -> None:
    m["x"] = {"a": 1}
    with pytest.raises(oocmap.UnsupportedTypeError):
        m["x"].update({"a": 2, "b": object()})
    assert m["x"] == {"a": 1}


def test_update_with_many_pairs_says_what_is_stored(m: Any) -> None:
    def pairs() -> Any:
        for i in range(20_000):
            yield i, i
        yield 1, object()

    with pytest.raises(oocmap.UnsupportedTypeError, match="the first 16384 entries are stored"):
        m.update(pairs())
    assert len(m) == 16_384


def last_commit(path: Path) -> int:
    """LMDB's number of it, from the newer of the file's two meta pages."""
    with path.open("rb") as file:
        head = file.read(8192)
    return max(struct.unpack_from("<Q", head, page + 144)[0] for page in (0, 4096))


def test_update_with_large_values_holds_few(m: Any, path: Path) -> None:
    """What waits to be stored is bounded by its size, too: 64 MB."""
    size = 1 << 20
    most = 0

    def pairs() -> Any:
        nonlocal most
        for i in range(150):
            most = max(most, i - len(m))
            yield i, bytes([i]) * size
        yield "bad", object()

    with pytest.raises(oocmap.UnsupportedTypeError, match="the first 128 entries are stored"):
        m.update(pairs())
    assert most == 63
    assert len(m) == 128
    assert m[127] == bytes([127]) * size


def test_update_with_large_keys_holds_few(m: Any) -> None:
    most = 0

    def pairs() -> Any:
        nonlocal most
        for i in range(150):
            most = max(most, i - len(m))
            yield f"{i:03}" + "k" * (1 << 20), i

    m.update(pairs())
    assert most <= 64
    assert len(m) == 150


def test_update_that_changes_many_pages_commits_on_the_way(m: Any, path: Path) -> None:
    """Each text has a place of its own in an index: a page each for 600 bytes."""

    def pairs(start: int) -> Any:
        return ((i, [f"{i} {j}" * 100 for j in range(5)]) for i in range(start, start + 8000))

    before = last_commit(path)
    m.update(pairs(0))
    assert last_commit(path) - before > 1
    before = last_commit(path)
    m.update(dict(pairs(8000)))  # atomic
    assert last_commit(path) - before == 1
    before = last_commit(path)
    with m.transaction():
        m.update(pairs(16_000))
    assert last_commit(path) - before == 1
    assert len(m) == 24_000
    assert m[9000] == [f"9000 {j}" * 100 for j in range(5)]


@pytest.mark.parametrize("many", [False, True])
def test_failed_commit_of_an_update_says_what_is_stored(path: Path, many: bool) -> None:
    with oocmap.OOCMap(path, durability="off", max_size=1 << 20) as m:
        count = 10_000 if many else 100
        with pytest.raises(oocmap.StoreFullError) as caught:
            m.update((i, i if i < 9000 and many else f"{i}" * 9000) for i in range(count))
        assert ("the first 8192 entries are stored" in str(caught.value)) == many
        assert len(m) == (8192 if many else 0)


def test_subclass_of_map_may_have_missing(path: Any) -> None:
    class WithDefault(oocmap.OOCMap[Any, Any]):
        def __missing__(self, key: Any) -> Any:
            return f"no {key}"

    with WithDefault(path, durability="off") as m:
        m["a"] = 1
        assert (m["a"], m["b"], m.get("b")) == (1, "no b", None)
