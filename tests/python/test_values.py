"""What can be stored, exactly; and what cannot, with nothing of it left behind."""

import collections
import enum
import json
import math
import operator
import random
import struct
import sys
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

import oocmap
import pytest


class Color(enum.IntEnum):
    RED = 1


class Point(NamedTuple):
    x: int


class Text(str):
    pass


class Number(int):
    pass


SCALARS: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    255,
    2**31,
    2**63 - 1,
    -(2**63),
    2**63,
    -(2**63) - 1,
    10**100,
    -(10**1000),
    0.0,
    -0.0,
    0.1,
    5e-324,
    1.7976931348623157e308,
    math.inf,
    -math.inf,
    "",
    "a",
    "eight by",
    "nine byte",
    "x" * 100,
    "y" * 100_000,
    "\x00",
    "nul \x00 inside",
    "ümläut",
    "日本語",
    "🂡" * 50,
    "\ud800",
    "half \udfff a pair",
    "ü\ud800" * 100,
    b"",
    b"\x00",
    b"12345678",
    b"123456789",
    bytes(range(256)) * 10,
]


@pytest.mark.parametrize("value", SCALARS, ids=lambda value: ascii(value)[:20])
def test_scalar_comes_back_as_it_was(m: Any, value: Any) -> None:
    m["root"] = value
    m["list"] = [value, value]
    m["dict"] = {"key": value}
    m["tuple"] = (value,)
    for back in (m["root"], m["list"][1], m["dict"]["key"], m["tuple"][0], m["list"].eager()[0]):
        assert type(back) is type(value)
        assert repr(back) == repr(value)  # tells -0.0 from 0.0
        assert back == value


def test_float_is_bit_exact(m: Any) -> None:
    rng = random.Random(3)
    patterns = [rng.getrandbits(64) for _ in range(1000)] + [0x7FF8000000000001, 0xFFF0000000000001]
    values = [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in patterns]
    m["x"] = values
    back = [struct.unpack("<Q", struct.pack("<d", value))[0] for value in m["x"]]
    assert back == [struct.unpack("<Q", struct.pack("<d", value))[0] for value in values]


def test_value_of_json_comes_back(m: Any) -> None:
    rng = random.Random(11)

    def value(depth: int) -> Any:
        kind = rng.randrange(8 if depth else 6)
        if kind == 6:
            return [value(depth - 1) for _ in range(rng.randrange(8))]
        if kind == 7:
            return {f"k{rng.randrange(30)}": value(depth - 1) for _ in range(rng.randrange(8))}
        return [None, True, rng.getrandbits(70), rng.random(), "s" * rng.randrange(300), "é"][kind]

    for i in range(200):
        stored = json.loads(json.dumps(value(5)))
        m[i] = stored
        assert m[i] == stored
        back = m[i].eager() if hasattr(m[i], "eager") else m[i]
        assert json.dumps(back) == json.dumps(stored)


REFUSED: list[Any] = [
    object(),
    object,
    len,
    memoryview(b"x"),
    Color.RED,
    Point(1),
    Text("t"),
    Number(5),
    collections.OrderedDict(a=1),
    collections.defaultdict(list),
    collections.Counter("aa"),
    iter([]),
    (i for i in range(3)),
    {}.keys(),
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_other_type_is_refused_by_name(m: Any, value: Any) -> None:
    with pytest.raises(oocmap.UnsupportedTypeError) as caught:
        m["x"] = value
    name = type(value).__name__
    modules = {"OrderedDict": "collections.", "defaultdict": "collections."}
    heap_type = 1 << 9
    hint = "; oocmap.register() makes objects of a class storable"
    assert str(caught.value) == f"cannot store a value of type '{modules.get(name, '')}{name}'" + (
        hint if type(value).__flags__ & heap_type else ""
    )


def test_refusal_says_where_and_nothing_is_stored(m: Any) -> None:
    value = [0, 1, 2, {"user": [{"tags": ("a", object())}]}, list(range(10_000))]
    with pytest.raises(
        oocmap.UnsupportedTypeError,
        match=r"cannot store a value of type 'object' at \[3\]\['user'\]\[0\]\['tags'\]\[1\]$",
    ):
        m["x"] = value
    assert len(m) == 0
    m["x"] = [1, 2, "fine"]
    with pytest.raises(oocmap.UnsupportedTypeError):
        m["x"][1] = value
    assert m["x"] == [1, 2, "fine"]


class Turncoat:
    """Hashable until it is asked by us; its repr fails too."""

    wanted = True

    def __hash__(self) -> int:
        if not self.wanted:
            raise TypeError("no hash any more")
        return 1

    def __repr__(self) -> str:
        raise ValueError("no repr")


def test_refusal_of_a_key_inside_a_value(m: Any) -> None:
    with pytest.raises(
        oocmap.UnsupportedTypeError,
        match=r"^cannot store a key of type 'ellipsis' at \[1\]\['a'\]\[Ellipsis\]$",
    ):
        m["x"] = [0, {"a": {...: 1}}]
    with pytest.raises(oocmap.ArgumentError, match=r"nan.* at \['a'\]\[\(1, nan\)\]$"):
        m["x"] = {"a": {(1, math.nan): 1}}
    key = Turncoat()
    value = {"a": {(1, key): 1}}
    key.wanted = False
    with pytest.raises(TypeError, match="no hash any more") as caught:
        m["x"] = value
    assert caught.value.__notes__ == ["the key is at ['a'][a key of type 'tuple']"]
    assert len(m) == 0


def test_refusal_of_one_of_many_says_which(m: Any) -> None:
    """By its key, or by its index in what was given; then as for a single value."""
    m["d"], m["l"] = {}, []
    where = r"^cannot store a value of type 'object' at {}\['rows'\]\[1\]$"
    bad = {"rows": [1, object()]}
    entries: list[Callable[[], Any]] = [
        lambda: m["d"].update({"fine": 1, ("k", 1): bad}),
        lambda: m["d"].update([("fine", 1), (("k", 1), bad)]),
        lambda: m["d"].update(MappingProxyType({("k", 1): bad})),
        lambda: operator.ior(m["d"], {("k", 1): bad}),
    ]
    for operation in entries:
        with pytest.raises(oocmap.UnsupportedTypeError, match=where.format(r"\[\('k', 1\)\]")):
            operation()
    with pytest.raises(oocmap.UnsupportedTypeError, match=where.format(r"\['name'\]")):
        m["d"].update({}, name=bad)
    members: list[Callable[[], Any]] = [
        lambda: m["l"].extend([0, 1, bad]),
        lambda: m["l"].extend(iter([0, 1, bad])),
        lambda: operator.iadd(m["l"], [0, 1, bad]),
        lambda: operator.setitem(m["l"], slice(0, 0), [0, 1, bad]),
    ]
    for operation in members:
        with pytest.raises(oocmap.UnsupportedTypeError, match=where.format(r"\[2\]")):
            operation()
    with pytest.raises(
        oocmap.UnsupportedTypeError, match=r"^cannot store a value of type 'object' at \[0\]$"
    ):
        m["l"].extend([object()])
    assert m.eager() == {"d": {}, "l": []}


def test_refusal_of_one_key_of_many_says_which(m: Any) -> None:
    with pytest.raises(
        oocmap.UnsupportedTypeError,
        match=r"^cannot store a key of type 'ellipsis' at \[\('k', Ellipsis\)\]$",
    ):
        m.update({"a": 1, ("k", ...): 1})
    with pytest.raises(oocmap.ArgumentError, match=r"nan.* at \[nan\]$"):
        m |= {math.nan: 1}
    with pytest.raises(TypeError, match="unhashable type: 'list'") as caught:  # as dict's
        m.update([("a", 1), ([1], 2)])
    assert caught.value.__notes__ == ["the key is at [[1]]"]
    with pytest.raises(
        oocmap.UnsupportedTypeError, match=r"'ellipsis' at \['a'\]\[0\]\[Ellipsis\]$"
    ):
        m.update({"a": [{...: 1}]})
    assert len(m) == 0


def test_sharing_inside_a_value_is_kept(m: Any) -> None:
    shared = [1]
    m["x"] = {"a": shared, "b": shared, "c": [1]}
    m["x"]["a"].append(2)
    assert m["x"] == {"a": [1, 2], "b": [1, 2], "c": [1]}
    back = m["x"].eager()
    assert back["a"] is back["b"]
    assert back["a"] is not back["c"]


def test_cycles_inside_a_value_are_kept(m: Any) -> None:
    cyclic: list[Any] = [1]
    cyclic.append(cyclic)
    m["list"] = cyclic
    assert m["list"][1][1][1][0] == 1
    back = m["list"].eager()
    assert back[1] is back
    node: dict[str, Any] = {"name": "parent"}
    node["child"] = {"parent": node, "tuple": (node,)}
    m["dict"] = node
    back = m["dict"].eager()
    assert back["child"]["parent"] is back
    assert back["child"]["tuple"][0] is back
    assert repr(m["list"]) == "[1, [...]]"


def test_wide_sharing_takes_no_exponential_time(m: Any) -> None:
    value: Any = ("leaf",)
    for _ in range(60):
        value = (value, value)
    m["x"] = [value, value]
    back = m["x"].eager()
    assert back[0] is back[1]
    for _ in range(60):
        assert back[0][0] is back[0][1]
        back = back[0]


def test_deep_value_goes_in_and_out_without_recursion(m: Any) -> None:
    depth = 50_000
    value: Any = "bottom"
    for i in range(depth):
        value = [value] if i % 2 else {"d": value}
    m["x"] = value
    back = m["x"].eager()
    steps = 0
    while back != "bottom":
        back = back[0] if type(back) is list else back["d"]
        steps += 1
    assert steps == depth
    assert repr(m["x"]).startswith("[{'d': [{'d': ")
    # Taking the value apart frees it without recursion too.
    while value != "bottom":
        value = value[0] if type(value) is list else value["d"]


def test_too_deep_value_is_refused(m: Any) -> None:
    value: Any = []
    for _ in range(100_001):
        value = [value]
    with pytest.raises(oocmap.ArgumentError, match=r"deep|nest|level"):
        m["x"] = value
    assert "x" not in m
    m["x"] = 1
    while value:
        value = value[0]


def test_lazy_of_the_same_file_is_shared_between_maps(path: Any, m: Any) -> None:
    with oocmap.OOCMap(path, durability="off") as other:
        m["a"] = {"n": [1]}
        other["b"] = m["a"]
        other["b"]["n"].append(2)
        assert m["a"] == {"n": [1, 2]}


def test_lazy_of_another_file_is_copied(tmp_path: Any, m: Any) -> None:
    shared = ["s"]
    with oocmap.OOCMap(tmp_path / "other.ooc", durability="off") as other:
        other["v"] = {"a": shared, "b": (shared, 1 << 80, "x" * 500), 3: None}
        m["v"] = other["v"]
        m["in a list"] = [other["v"]["a"], 1]
        m["whole"] = {"map": other}
        other["v"]["a"].append("changed")
    assert m["v"] == {"a": ["s"], "b": (["s"], 1 << 80, "x" * 500), 3: None}
    assert m["in a list"] == [["s"], 1]
    assert m["whole"] == {"map": {"v": m["v"].eager()}}
    back = m["v"].eager()
    assert back["a"] is back["b"][0]


def test_map_inside_itself_is_refused(m: Any) -> None:
    with pytest.raises(oocmap.UnsupportedTypeError, match="inside itself"):
        m["x"] = m
    with pytest.raises(oocmap.UnsupportedTypeError, match=r"inside itself at \[0\]"):
        m["x"] = [m]


def test_removed_value_is_stored_again_through_its_handle(m: Any) -> None:
    m["a"] = {"n": [1, {"deep": "value"}]}
    kept = m["a"]
    del m["a"]
    m["b"] = kept
    assert m["b"] == {"n": [1, {"deep": "value"}]}
    m["b"]["n"].append(2)
    assert kept["n"] == [1, {"deep": "value"}, 2]


def test_equal_long_texts_are_stored_once(path: Any, m: Any) -> None:
    text = "a sentence that is long enough to be worth storing once. " * 40
    for i in range(1000):
        m[i] = {"text": text + ""}
    assert path.stat().st_size < 1_000_000 < 1000 * sys.getsizeof(text)


def test_many_shared_containers_in_one_value(m: Any) -> None:
    """More than are searched one by one; and nothing of them is left for the next value."""
    shared = [[i] for i in range(1000)]
    m["all"] = {"first": shared, "again": shared[::-1]}
    for i in (0, 15, 16, 17, 999):
        assert m["all"]["first"][i] == [i]
        m["all"]["again"][999 - i].append("seen")
        assert m["all"]["first"][i] == [i, "seen"]
    few = [[i] for i in range(20)]
    m["few"] = [few, few]
    assert m["few"] == [few, few]
    m["few"][0][3].append(4)
    assert m["few"][1][3] == [3, 4]


def test_member_that_leaves_its_list_while_it_is_looked_at(m: Any) -> None:
    numpy = pytest.importorskip("numpy")
    given: list[Any] = []

    class Leaves:
        @property
        def __class__(self) -> type:
            given.clear()
            return object

    given += [numpy.float64(1), Leaves(), [1] * 100]
    with pytest.raises(oocmap.UnsupportedTypeError, match=r"'Leaves' at \[1\]"):
        m["x"] = given
    assert given == []
    assert "x" not in m


def test_pair_that_is_emptied_while_its_key_is_hashed(m: Any) -> None:
    class Key(int):
        def __hash__(self) -> int:
            pair.clear()
            return hash(int(self))

    pair: list[Any] = [Key(1), [1] * 100]
    with pytest.raises(oocmap.UnsupportedTypeError, match="'Key'"):
        m.update([pair])
    assert pair == []
    assert not m
