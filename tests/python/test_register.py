"""register(): objects of the user's own classes, as values and as keys."""

import copy
import dataclasses
import enum
import gc
import pickle
import re
import subprocess
import sys
import threading
import time
import uuid
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import oocmap
import pytest
from oocmap import _native


@oocmap.register
class Color(enum.Enum):
    RED = "red"
    PAIR = (1, "two")


@oocmap.register
class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@oocmap.register
class Word(enum.StrEnum):
    A = "word a"
    B = "word b that is long enough to be shared by all who have it"


@oocmap.register
class Access(enum.Flag):
    READ = 1
    WRITE = 2


@oocmap.register
class Point(NamedTuple):
    x: Any
    y: Any = 0


Old = oocmap.register(namedtuple("Old", ["a", "b"]), name="an old name")


@oocmap.register
@dataclasses.dataclass
class User:
    name: str
    tags: list[Any] = dataclasses.field(default_factory=list)
    friend: Any = None


@oocmap.register
@dataclasses.dataclass(frozen=True)
class Place:
    city: str
    at: tuple[int, int] = (0, 0)


@oocmap.register
@dataclasses.dataclass(frozen=True, slots=True)
class Later:
    given: int
    made: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "made", self.given * 2)


class Celsius:
    """Compares by its degrees, and with nothing else."""

    def __init__(self, degrees: Any) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and other.degrees == self.degrees

    def __hash__(self) -> int:
        return hash((Celsius, self.degrees))

    def __repr__(self) -> str:
        return f"Celsius({self.degrees!r})"


oocmap.register(Celsius, to=lambda c: c.degrees, from_=Celsius, name="Celsius of the tests")

OBJECTS: list[Any] = [
    Color.RED,
    Color.PAIR,
    Level.HIGH,
    Word.A,
    Word.B,
    Access.READ,
    Access.READ | Access.WRITE,
    Point(1, "y"),
    Point([1, {"k": 2}], Point(3)),
    Old("a", ["b"]),
    User("Ada", ["x", ["y"]], User("Bob")),
    Place("Rome", (1, 2)),
    Later(4),
    Celsius(21.5),
    Celsius(None),
    Celsius([Celsius(1), {"in": Celsius(2)}]),
    Celsius("t" * 2000),
    Celsius(Point(Color.RED, Level.LOW)),
]
KEYS: list[Any] = [
    Color.RED,
    Color.PAIR,
    Level.HIGH,
    Word.A,
    Word.B,
    Access.READ | Access.WRITE,
    Point(1, "y"),
    Old("a", ("b",)),
    Place("Rome", (1, 2)),
    Later(4),
    Celsius(21.5),
    Celsius("t" * 2000),
    Celsius(Point(Color.RED, Level.LOW)),
    (Color.RED, 1),
    (Point(1, Level.LOW), (Place("x"),)),
    frozenset({Word.A, Celsius(1), Level.LOW}),
]


def same(left: Any, right: Any) -> bool:
    """Equal and of equal types, dicts and sets in their order."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


# --- Values


@pytest.mark.parametrize("value", OBJECTS, ids=repr)
def test_comes_back_equal_and_of_its_type(m: Any, value: Any) -> None:
    m["v"] = value
    assert same(m["v"], value)
    assert same(m.get("v"), value)
    assert same(m.setdefault("v", 1), value)
    assert same(m.eager(), {"v": value})
    assert same(m.copy(), {"v": value})
    assert same(m.get_many(["v", "w"]), [value, None])
    assert list(map(same, m.values(), [value])) == [True]
    assert same(list(m.items()), [("v", value)])
    assert same(list(m.range("a", None)), [("v", value)])
    assert ("v", value) in m.items()
    assert value in m.values()
    assert m == {"v": value}
    with m.snapshot() as s:
        assert same(s["v"], value)
    assert same(m.pop("v"), value)
    m["v"] = value
    assert same(m.popitem(), ("v", value))


@pytest.mark.parametrize("value", OBJECTS, ids=repr)
@pytest.mark.parametrize("count", [1, 3, 1500])
def test_in_every_container(m: Any, value: Any, count: int) -> None:
    whole = {
        "dict": {f"k{i}": value for i in range(count)},
        "shaped": {"same": value, "other": [value]},
        "list": [value] * count,
        "tuple": (value,) * count,
        "deep": [[(value, {"v": value})]],
    }
    m["whole"] = copy.deepcopy(whole)
    assert same(m["whole"].eager(), whole)
    assert m["whole"] == whole
    for name, container in whole.items():
        stored = m["whole"][name]
        assert repr(stored) == repr(container) or len(repr(container)) > 10_000
        assert same(copy.deepcopy(stored), container)
        if isinstance(container, (list, tuple)) and name != "deep":
            assert same(stored[0], value)
            assert same(stored[-1:], container[-1:])
            assert same(list(stored), list(container))
            assert same(list(reversed(stored)), list(reversed(container)))
            assert stored.index(value) == 0
            assert value in stored
    assert same(m["whole"]["list"].pop(), value)
    m["whole"]["list"].extend([value, 1])
    assert m["whole"]["list"].count(value) == count
    m["whole"]["list"].remove(value)
    assert len(m["whole"]["list"]) == count


def test_in_another_process_and_map(m: Any, tmp_path: Path) -> None:
    m["all"] = OBJECTS[:10]
    with oocmap.OOCMap(tmp_path / "other.ooc", durability="off") as other:
        other["copy"] = m["all"]
        assert same(other["copy"].eager(), OBJECTS[:10])
        other["again"] = other["copy"]
        other["again"].append(Color.RED)
        assert other["copy"][-1] is Color.RED
    assert same(pickle.loads(pickle.dumps(m["all"])).eager(), OBJECTS[:10])


def test_objects_are_values(m: Any) -> None:
    m["u"] = User("Ada")
    read = m["u"]
    read.tags.append("x")
    assert m["u"].tags == []
    m["u"] = read
    assert m["u"].tags == ["x"]
    assert m["u"] is not m["u"]


def test_sharing_inside_one_value_is_kept(m: Any) -> None:
    user = User("Ada", friend=User("Bob"))
    m["v"] = [user, user, {"u": user.friend}, user.tags]
    read = m["v"].eager()
    assert read[0] is read[1]
    assert read[2]["u"] is read[0].friend
    assert read[3] is read[0].tags


def test_arrays_and_what_else_is_finished_late_inside(m: Any) -> None:
    late = [uuid.UUID(int=7), Fraction(1, 3), Decimal("1.50"), np.float32(1.5)]
    m["v"] = User("Ada", [np.arange(6).reshape(2, 3), *late])
    read = m["v"].tags
    assert read[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert same(read[1:], late)


def test_sort_shuffle_and_in_place_operators(m: Any) -> None:
    m["v"] = [Point(3), Point(1), Point(2)]
    m["v"].sort()
    assert same(m["v"].eager(), [Point(1), Point(2), Point(3)])
    m["v"] += [Point(0)]
    m["v"][1:3] = [Level.LOW]
    assert same(m["v"][:], [Point(1), Level.LOW, Point(0)])
    assert m["v"] + [1] == [Point(1), Level.LOW, Point(0), 1]


# --- Keys


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_keys_come_back_in_every_form_of_a_dict(m: Any, size: int) -> None:
    plain: dict[Any, Any] = dict.fromkeys(KEYS, "v")
    plain.update({f"filler {i}": i for i in range(size)})
    m["d"] = plain
    assert same(m["d"].eager(), plain)
    assert same(list(m["d"]), list(plain))
    assert same(list(reversed(m["d"])), list(reversed(plain)))
    assert same(m["d"].copy(), plain)
    assert m["d"] == plain
    m["d2"] = {key: 1 for key in plain if type(key) is not frozenset}  # whose repr has no order
    assert repr(m["d2"]) == repr(m["d2"].eager()) or size == 1000
    for key in KEYS:
        assert m["d"][key] == "v"
        assert key in m["d"]
        m["d"][key] = "changed"
        plain[key] = "changed"
    assert same(list(m["d"].items()), list(plain.items()))
    for key in KEYS:
        assert m["d"].pop(key) == "changed"
    assert len(m["d"]) == size


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_members_of_sets(m: Any, size: int) -> None:
    members = {*KEYS, *range(100, 100 + size)}
    m["s"] = members
    m["f"] = frozenset(members)
    assert m["s"] == members
    assert m["f"].eager() == members
    assert type(m["f"].eager()) is frozenset
    assert {type(member) for member in m["s"]} == {type(member) for member in members}
    assert hash(m["f"]) == hash(frozenset(members))
    assert m["s"] & {Color.RED, 1} == {Color.RED}
    m["s"] -= set(KEYS)
    assert len(m["s"]) == size
    m["one"] = {Color.RED}
    assert m["one"].pop() is Color.RED
    m["nested"] = [frozenset({Color.RED}), frozenset({Color.RED})]
    assert same(m["nested"].eager(), [frozenset({Color.RED})] * 2)


EQUAL = [(Level.HIGH, 2), (Word.A, "word a"), (Point(1, 2), (1, 2)), (Old(1, 2), Point(1, 2))]


@pytest.mark.parametrize(("left", "right"), EQUAL, ids=repr)
def test_what_dict_takes_for_one_key_is_one_key(m: Any, left: Any, right: Any) -> None:
    for first, second in ((left, right), (right, left)):
        plain = {first: 1, (first,): 2}
        m["d"] = plain
        m["d"][second] = 3
        plain[second] = 3
        assert m["d"][first] == m["d"][second] == plain[second]
        assert m["d"][(second,)] == 2
        assert same(list(m["d"]), list(plain))
        m[first] = 1
        assert m[second] == 1
        assert type(next(key for key in m if key == first)) is type(first)
        del m[second]
        assert first not in m


def test_what_dict_takes_for_two_keys_is_two_keys(m: Any) -> None:
    keys = [Color.RED, "red", Access.READ, 1, Celsius(1), (Celsius(1),), (1,), Celsius(2)]
    m["d"] = dict.fromkeys(keys, 0)
    assert same(list(m["d"]), keys)
    assert Place("x") not in m["d"]


def test_a_dict_of_text_keys_equal_to_objects_finds_both_ways(m: Any) -> None:
    m["d"] = {Word.A: 1, "b": 2}
    m["s"] = {"word a"}
    assert m["d"]["word a"] == 1
    assert Word.A in m["s"]
    assert Word.A in m["d"].keys() & {"word a"}


def test_an_unhashable_object_is_no_key(m: Any) -> None:
    with pytest.raises(TypeError, match="unhashable type: 'User'"):
        m[User("Ada")] = 1
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        m[Place("x", [1])] = 1  # type: ignore[arg-type]
    # Hashable itself, but stored as what is not.
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        m[Celsius2([1])] = 1
    assert len(m) == 0


class Celsius2(Celsius):
    def __hash__(self) -> int:
        return 1


oocmap.register(Celsius2, to=lambda c: c.degrees, from_=Celsius2)


# --- Registering


def test_returns_the_class_and_is_a_decorator() -> None:
    assert isinstance(Color, type)
    assert oocmap.register(Color) is Color


def test_a_default_name_is_module_and_qualified_name(m: Any) -> None:
    @oocmap.register
    class Local(enum.Enum):
        ONE = 1

    m["v"] = Local.ONE
    handle = next(m.sql("SELECT map FROM temp.map WHERE key = 'v'"))[0]
    assert handle is Local.ONE
    name = f"{__name__}.test_a_default_name_is_module_and_qualified_name.<locals>.Local"
    with pytest.raises(ValueError, match=re.escape(f"the name {name!r} is registered")):
        oocmap.register(Color, name=name)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((5,), TypeError, "needs a class, not 'int'"),
        ((int,), ValueError, "objects of 'int' are stored without"),
        ((oocmap.LazyDict,), ValueError, "stored without"),
        ((np.float64, float, np.float64), ValueError, "stored without"),
        ((np.ndarray, list, np.array), ValueError, "stored without"),
        ((oocmap.OOCMap, dict, dict), ValueError, "stored without"),
        ((object,), TypeError, "'object' is no Enum, named tuple or dataclass"),
        ((Celsius, str), TypeError, "both to and from_"),
        ((Celsius, 5, 6), TypeError, "must be callable, not 'int'"),
        ((Celsius, str, str, ""), ValueError, "1 to 200 bytes"),
        ((Celsius, str, str, "x" * 201), ValueError, "1 to 200 bytes"),
        ((Celsius, str, str, 7), TypeError, "name must be str, not int"),
        ((Celsius, str, str, "an old name"), ValueError, "registered for another class"),
    ],
)
def test_misuse_is_refused(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        oocmap.register(*arguments)
    assert Celsius(1) == Celsius(1)


def test_a_class_made_again_takes_the_name_over(m: Any) -> None:
    def make() -> Any:
        @oocmap.register
        @dataclasses.dataclass
        class Again:
            n: int

        return Again

    first = make()
    m["v"] = first(1)
    second = make()
    assert type(m["v"]) is second
    assert m["v"].n == 1


def test_a_class_under_a_new_name_reads_the_old_one(m: Any) -> None:
    @dataclasses.dataclass
    class Renamed:
        n: int

    oocmap.register(Renamed, name="renamed 1")
    m[1] = Renamed(1)
    oocmap.register(Renamed, name="renamed 2")
    m[2] = Renamed(2)
    assert [m[1], m[2]] == [Renamed(1), Renamed(2)]


def test_a_subclass_is_not_registered_with_its_base(m: Any) -> None:
    class Warm(Celsius):
        pass

    with pytest.raises(oocmap.UnsupportedTypeError, match=r"'Warm' at \[0\]"):
        m["v"] = [Warm(1)]
    assert Warm(1) not in m
    assert len(m) == 0


def test_a_field_added_later_has_its_default(m: Any) -> None:
    @dataclasses.dataclass
    class Grown:
        a: int

    oocmap.register(Grown, name="grown")
    m["v"] = Grown(1)

    @dataclasses.dataclass
    class Grown2:
        a: int
        b: int = 7

    Grown2.__qualname__ = Grown.__qualname__
    oocmap.register(Grown2, name="grown")
    assert m["v"] == Grown2(1, 7)


# --- What goes wrong


def test_an_object_inside_itself_is_refused(m: Any) -> None:
    user = User("Ada")
    user.friend = user
    with pytest.raises(oocmap.ArgumentError, match=r"'User' inside itself at \['friend'\]"):
        m["v"] = user
    user.friend = [{"k": user}]
    with pytest.raises(oocmap.ArgumentError, match="inside itself"):
        m["v"] = [user]
    around = [user]
    user.friend = around
    for value in (around, {"k": around}, (around,)):
        with pytest.raises(oocmap.ArgumentError, match="'User' inside itself"):
            m["v"] = value
    assert len(m) == 0
    user.friend = None
    both = [user, around, around]
    m["v"] = both
    assert m["v"].eager() == both


def seconds_to_store(m: Any, levels: int) -> float:
    shared = {"config": 1}
    user = User("deepest")
    for _ in range(levels):
        user = User("Ada", friend=[user, shared])
    started = time.perf_counter()
    m["v"] = user
    return time.perf_counter() - started


def test_deep_objects_that_share_a_part_cost_no_more_each(m: Any) -> None:
    few = seconds_to_store(m, 2_000)
    assert seconds_to_store(m, 20_000) < 40 * few + 1
    value = m["v"]
    for _ in range(20_000):
        value = value.friend[0]
    assert value == User("deepest")


def test_a_cycle_made_of_references_is_an_error_to_read(m: Any) -> None:
    m["v"] = [1]
    m["v"].append(User("Ada", friend=m["v"]))
    message = "registered as .*User' is inside itself"
    for read in (
        lambda: m["v"][1],
        lambda: m["v"].eager(),
        lambda: list(m["v"]),
    ):
        with pytest.raises(oocmap.UnsupportedTypeError, match=message):
            read()
    assert repr(m["v"]) == "[1, ...]"
    assert m["v"][0] == 1
    gc.collect()
    m["v"] = 2
    assert m.eager() == {"v": 2}


def raising(_: Any) -> Any:
    raise ZeroDivisionError("on purpose")


@pytest.fixture
def failing() -> type[Celsius]:
    class Failing(Celsius):
        pass

    oocmap.register(Failing, to=lambda c: c.degrees, from_=raising)
    return Failing


def test_what_the_functions_raise_passes_and_changes_nothing(m: Any, failing: Any) -> None:
    m["v"] = [failing(1), 2]
    m["d"] = {"k": failing(1)}
    m["s"] = {failing(1)}
    reads = [
        lambda: m["v"][0],
        lambda: m["v"].pop(0),
        lambda: m["d"].pop("k"),
        lambda: m["d"].popitem(),
        lambda: m["s"].pop(),
        lambda: m.eager(),
        lambda: list(m["d"].items()),
        lambda: list(m["s"]),
    ]
    for read in reads:
        with pytest.raises(ZeroDivisionError, match="on purpose"):
            read()
    assert [len(m["v"]), len(m["d"]), len(m["s"])] == [2, 1, 1]
    with pytest.raises(ZeroDivisionError) as raised:
        m["v"][0]
    assert "was made from what is stored" in raised.value.__notes__[0]
    assert m["v"][1] == 2
    oocmap.register(failing, to=raising, from_=failing)
    with pytest.raises(ZeroDivisionError):
        m["w"] = [failing(1)]
    with pytest.raises(ZeroDivisionError):
        failing(1) in m  # noqa: B015
    assert "w" not in m
    assert m["v"][0] == Celsius(1)


def test_what_cannot_be_stored_says_where_it_is(m: Any) -> None:
    with pytest.raises(oocmap.UnsupportedTypeError, match=r"'object' at \[0\]\['tags'\]\[1\]"):
        m["v"] = [User("Ada", ["x", object()])]
    with pytest.raises(oocmap.UnsupportedTypeError, match="'object'"):
        m[Celsius(object())] = 1
    assert Celsius(object()) not in m


def test_functions_may_use_the_map(m: Any) -> None:
    """from_() runs when the read is over: it may read and write, in the same transaction too."""

    class Curious(Celsius):
        pass

    def from_(degrees: Any) -> Any:
        m["seen"] = m.get("seen", 0) + 1
        m["big"] = list(range(3000))
        return Curious(degrees)

    oocmap.register(Curious, to=lambda c: c.degrees, from_=from_)
    m["v"] = [Curious(i) for i in range(50)]
    m["d"] = {Curious(i): i for i in range(50)}
    with m.transaction():
        assert [c.degrees for c in m["v"]] == list(range(50))
        assert m["v"].eager() == [Curious(i) for i in range(50)]
        assert [c.degrees for c in m["d"]] == list(range(50))
        assert repr(m["v"]).startswith("[Celsius(0), Celsius(1)")
    assert m["seen"] == 200


CHILD = """
import sys, oocmap
m = oocmap.OOCMap(sys.argv[1], mode="r")
assert list(m) == ["plain", "v", "l", "d"]
assert m["plain"] == [1, 2]
for read in (lambda: m["v"], lambda: m["l"][1], lambda: m["l"].eager(), lambda: list(m["d"])):
    try:
        read()
    except oocmap.NotRegisteredError as error:
        assert "'a class of theirs'" in str(error), error
        assert error.name == "a class of theirs"
    else:
        raise AssertionError("read")
assert m["l"][0] == 1 and m["l"][2] == 3 and m["d"]["plain"] == 1
assert repr(m["l"]) == "[1, <unregistered 'a class of theirs'>, 3]", m["l"]
assert m.sql("SELECT value FROM temp.map WHERE key = 'v'").fetchall() == [("t",)]
assert not any("evil" in name for name in sys.modules)
"""


def test_unregistered_in_this_process(m: Any, path: Path) -> None:
    class Theirs(Celsius):
        pass

    oocmap.register(Theirs, lambda c: c.degrees, Theirs, "a class of theirs")
    m["plain"] = [1, 2]
    m["v"] = Theirs("t")
    m["l"] = [1, Theirs(2), 3]
    m["d"] = {"plain": 1, Theirs("k"): 2}
    subprocess.run([sys.executable, "-c", CHILD, str(path)], check=True)


# --- SQL


def test_sql_shows_the_value_and_paths_lead_into_it(m: Any) -> None:
    m["u"] = User("Ada", ["x"], User("Bob", [Level.HIGH]))
    m["c"] = Color.RED
    m[Level.LOW] = 1
    m[Color.PAIR] = 2
    m[Place("x")] = 3
    m["k"] = {Color.RED: 1, Level.HIGH: 2, Place("x"): 3, (Color.RED, 1): 4}
    rows = {row[0]: row[1:] for row in m.sql("SELECT key, key_type, value, type FROM temp.map")}
    assert rows["u"][1].startswith('{"name":"Ada","tags":["x"],"friend":{"name":"Bob"')
    assert rows["u"][2] == "dict"
    assert rows["c"] == ("str", "red", "str")
    assert rows[1] == ("int", 1, "int")
    by_blob = sorted(row[0] for key, row in rows.items() if isinstance(key, bytes))
    assert by_blob == ["frozenset", "tuple"]
    query = "SELECT {} FROM temp.map WHERE key = 'u'"
    one = lambda what: m.sql(query.format(what)).fetchall()[0][0]  # noqa: E731
    assert one("oocmap_get(map, '$.friend.tags[0]')") == 2
    assert one("oocmap_type(map, '$.friend')") == "dict"
    assert one("oocmap_len(map, '$.friend.tags')") == 1
    assert one("map ->> '$.name'") == "Ada"
    assert m.sql(
        "SELECT e.key, e.value, e.type FROM temp.map m, oocmap_each(m.map) e WHERE m.key = 'u'"
    ).fetchall() == [
        ("name", "Ada", "str"),
        ("tags", '["x"]', "list"),
        ("friend", '{"name":"Bob","tags":[2],"friend":null}', "dict"),
    ]
    k = m.sql("SELECT json FROM temp.map WHERE key = 'k'").fetchall()[0][0]
    literal = f"(registered('{__name__}.Color', 'red'), 1)"
    assert k == (
        '{"red":1,"2":2,"frozenset({(\'at\', (0, 0)), (\'city\', \'x\')})":3,"' + literal + '":4}'
    )


def test_sql_handles_keep_the_object(m: Any) -> None:
    m["u"] = User("Ada")
    m.sql("INSERT INTO temp.map(key, value) SELECT 'again', map FROM temp.map WHERE key = 'u'")
    assert m["again"] == User("Ada")
    assert m.sql("SELECT map FROM temp.map WHERE key = 'u'").fetchall() == [(User("Ada"),)]
    for fullkey in [row[0] for row in m.sql("SELECT fullkey FROM oocmap_each(?)", (m,))]:
        assert m.sql("SELECT oocmap_get(?, ?)", (m, fullkey)).fetchall()[0][0] is not None


def test_a_path_names_a_key_that_is_an_object(m: Any) -> None:
    m["d"] = {Color.RED: "r", Place("x"): "p", (Color.PAIR, 1): "t"}
    fullkeys = m.sql("SELECT fullkey FROM oocmap_each(?)", (m["d"],)).fetchall()
    values = [
        m.sql("SELECT oocmap_get(?, ?)", (m["d"], key)).fetchall()[0][0] for (key,) in fullkeys
    ]
    assert values == ["r", "p", "t"]


def test_a_class_whose_objects_equal_only_themselves_has_no_keys(m: Any) -> None:
    class Plain:
        pass

    oocmap.register(Plain, to=lambda _: 1, from_=lambda _: Plain())
    with pytest.raises(oocmap.UnsupportedTypeError, match="'Plain': its objects equal nothing but"):
        m[Plain()] = 1
    with pytest.raises(oocmap.UnsupportedTypeError, match="in a set"):
        m["s"] = {Plain()}
    assert Plain() not in m
    m["v"] = Plain()
    assert type(m["v"]) is Plain


def test_the_error_of_a_users_class_names_register(m: Any) -> None:
    class Mine:
        pass

    with pytest.raises(oocmap.UnsupportedTypeError, match=r"'Mine' at \[0\]; oocmap.register\(\)"):
        m["v"] = [Mine()]


def test_dataclasses_that_their_fields_do_not_make_need_functions() -> None:
    @dataclasses.dataclass
    class WithInitVar:
        a: int
        b: dataclasses.InitVar[int]

    @dataclasses.dataclass(init=False)
    class WithoutInit:
        a: int

    for cls in (WithInitVar, WithoutInit):
        with pytest.raises(TypeError, match="needs to and from_"):
            oocmap.register(cls)
        oocmap.register(cls, lambda v: v.a, cls)


# --- Limits


def test_a_long_chain_that_is_given_up_takes_no_stack(m: Any) -> None:
    class Failing2(Celsius):
        pass

    oocmap.register(Failing2, lambda c: c.degrees, raising)
    value: Any = 0
    for _ in range(90_000):
        value = Celsius(value)
    m["v"] = [Failing2(1), value]
    failures = []

    def read() -> None:
        try:
            m["v"].eager()
        except ZeroDivisionError as error:
            failures.append(error)

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert len(failures) == 1
    while isinstance(value, Celsius):  # whose own end is recursive
        value = value.degrees


def test_deep_nesting_takes_no_stack(m: Any) -> None:
    value: Any = 0
    for _ in range(20_000):
        value = Celsius(value)
    m["v"] = value
    read = m["v"]
    for _ in range(20_000):
        read = read.degrees
    assert read == 0


def test_stand_ins_never_stay(m: Any) -> None:
    m["v"] = [User("Ada"), uuid.UUID(int=1), {Color.RED: ZoneInfo("Europe/Rome").key}]
    for _ in range(3):
        iterator = iter(m["v"])
        assert next(iterator) == User("Ada")
        del iterator
    gc.collect()
    kinds = {type(thing).__name__ for thing in gc.get_objects()}
    assert "StandIn" not in kinds
    assert not hasattr(_native, "StandIn")
