"""LazySet and LazyFrozenSet against set and frozenset: results, exceptions, and what is stored."""

import collections.abc
import contextlib
import copy
import json
import math
import operator
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oocmap
import pytest

MEMBERS: list[Any] = [
    [],
    [1],
    [1, 2.5, "three", b"four", None, (5, ("six", frozenset())), frozenset({7, frozenset({8})})],
    [True, 0.0, -1, 1 << 90, -(1 << 90), "\ud800", "", b"", ()],
    [f"member {i}" for i in range(100)],
    list(range(1000)),
    ["x" * 5000, "y" * 100_000, "z"],
]
OTHERS: list[Any] = [
    set(),
    {1, 2},
    frozenset({1, "three", "member 5"}),
    set(range(500, 2000)),
    {1.0, 2.0},
    {(5, ("six", frozenset())), frozenset({7, frozenset({8})})},
]
ITERABLES: list[Any] = [[], [1, 1, 2], "three", {"three": 1}, range(990, 1010)]


def both(value: Any) -> list[Any]:
    return [set(value), frozenset(value)]


@pytest.mark.parametrize("members", MEMBERS, ids=range(len(MEMBERS)))
def test_reads_back(m: Any, path: Path, members: list[Any]) -> None:
    for value in both(members):
        m["x"] = {"deep": [value]}
        lazy = m["x"]["deep"][0]
        assert type(lazy) is (oocmap.LazySet if type(value) is set else oocmap.LazyFrozenSet)
        assert type(lazy.eager()) is type(value)
        assert lazy.eager() == value
        assert {type(member) for member in lazy} == {type(member) for member in value}
        assert len(lazy) == len(value)
        assert bool(lazy) == bool(value)
        assert sorted(map(repr, lazy)) == sorted(map(repr, value))
        assert all(member in lazy for member in value)
        assert lazy == value
        assert value == lazy
        assert (lazy != value) is False
        assert m["x"].eager() == {"deep": [value]}
        other = oocmap.OOCMap(path, mode="r", durability="off")
        assert other["x"]["deep"][0] == value
        other.close()


OPERATORS: list[Callable[[Any, Any], Any]] = [
    operator.or_, operator.and_, operator.sub, operator.xor,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATORS, ids=lambda operation: operation.__name__)
@pytest.mark.parametrize("members", MEMBERS, ids=range(len(MEMBERS)))
def test_operators_on_either_side(m: Any, operation: Any, members: list[Any]) -> None:
    for value in both(members):
        for other in OTHERS:
            m["x"], m["y"] = value, other
            for left, right in ((value, other), (other, value)):
                expected = operation(left, right)
                lazy = m["x"] if left is value else m["y"]
                other_lazy = m["y"] if left is value else m["x"]
                for result in (
                    operation(lazy, right),
                    operation(left, other_lazy),
                    operation(lazy, other_lazy),
                ):
                    assert result == expected
                    assert type(result) is type(expected)


@pytest.mark.parametrize("operation", OPERATORS[:8], ids=lambda operation: operation.__name__)
@pytest.mark.parametrize("other", [[1], "a", 5, None, {1: 2}], ids=repr)
def test_operators_want_sets(m: Any, operation: Any, other: Any) -> None:
    for value in both([1]):
        m["x"] = value
        for left, right in ((m["x"], other), (other, m["x"]), (value, other), (other, value)):
            with pytest.raises(TypeError):
                operation(left, right)
        assert m["x"] != other
        assert (m["x"] == other) is False


def test_dict_views_are_operands(m: Any) -> None:
    m["x"], m["d"] = {1, 2}, {1: "a", 3: "b"}
    for keys in ({1: 0, 3: 0}.keys(), m["d"].keys()):
        assert m["x"] | keys == keys | m["x"] == {1, 2, 3}
        assert m["x"] & keys == keys & m["x"] == {1}
        assert m["x"] - keys == {2}
        assert keys - m["x"] == {3}
        assert m["x"] ^ keys == {2, 3}
        assert m["x"] != keys
        m["x"] ^= {2, 3}
        assert m["x"] == keys
        assert keys == m["x"]
        assert m["x"] <= keys <= m["x"]
        m["x"] ^= {2, 3}


METHODS = ["union", "intersection", "difference"]
SINGLE = ["symmetric_difference", "isdisjoint", "issubset", "issuperset"]


@pytest.mark.parametrize("members", MEMBERS, ids=range(len(MEMBERS)))
@pytest.mark.parametrize("name", METHODS + SINGLE)
def test_methods_take_any_iterables(same: Any, m: Any, name: str, members: list[Any]) -> None:
    arguments: list[tuple[Any, ...]] = [(other,) for other in OTHERS + ITERABLES]
    arguments += [(), ([[]],), (5,), ([1], [2]), (OTHERS[1], [1], "x"), (members, members)]
    for value in both(members):
        for given in arguments:
            same(value, lambda x, given=given: getattr(x, name)(*given))
        m["other"] = {1, "three", 500}
        m["frozen"] = frozenset({1, "three", 500})
        for other in ("other", "frozen"):
            m["x"] = value
            expected = getattr(value, name)(m[other].eager())
            assert getattr(m["x"], name)(m[other]) == expected
            assert type(getattr(m["x"], name)(m[other])) is type(expected)
            assert getattr(value, name)(m[other]) == expected


def test_infinite_iterables_are_read_no_further_than_needed(m: Any) -> None:
    import itertools

    m["x"] = {1, 2, 3}
    assert m["x"].isdisjoint(itertools.count(2)) is False
    assert m["x"].issuperset(itertools.count(2)) is False


UPDATES: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: x.add("new"),
    "add again": lambda x: (x.add(1), x.add(1.0), x.add(True)),
    "add a tuple": lambda x: x.add((1, frozenset({2}))),
    "add a list": lambda x: x.add([]),
    "add a set": lambda x: x.add(set()),
    "discard": lambda x: x.discard(1),
    "discard absent": lambda x: x.discard("absent"),
    "discard a list": lambda x: x.discard([]),
    "discard a set": lambda x: x.discard({7, frozenset({8})}),
    "discard an object": lambda x: x.discard(Ellipsis),
    "remove": lambda x: x.remove(1),
    "remove absent": lambda x: x.remove(("absent", 1)),
    "remove nan": lambda x: x.remove(math.nan),
    "remove a list": lambda x: x.remove([]),
    "clear": lambda x: x.clear(),
    "update with nothing": lambda x: x.update(),
    "update": lambda x: x.update([1, 2], "ab", {"k": 1}, range(300)),
    "update with what is unhashable": lambda x: x.update([1, 2, []]) if 1 in x and 2 in x else None,
    "update with a number": lambda x: x.update(5),
    "difference_update": lambda x: x.difference_update([1], range(500), "three"),
    "difference_update with nothing": lambda x: x.difference_update(),
    "difference_update by the unhashable": lambda x: x.difference_update([[]]),
    "intersection_update": lambda x: x.intersection_update(range(2000), range(1, 700)),
    "intersection_update with nothing": lambda x: x.intersection_update(),
    "intersection_update by the unhashable": lambda x: x.intersection_update([[]]),
    "symmetric_difference_update": lambda x: x.symmetric_difference_update([1, 1, "new"]),
    "symmetric_difference_update by a dict": lambda x: x.symmetric_difference_update({1: 2}),
    "symmetric_difference_update by none": lambda x: x.symmetric_difference_update(),
    "|=": lambda x: operator.ior(x, {"new", 1}) and None,
    "&=": lambda x: operator.iand(x, frozenset(range(100))) and None,
    "-=": lambda x: operator.isub(x, {1, 2}) and None,
    "^=": lambda x: operator.ixor(x, {1, "new"}) and None,
    "|= list": lambda x: operator.ior(x, [1]),
    "&= list": lambda x: operator.iand(x, [1]),
    "-= list": lambda x: operator.isub(x, [1]),
    "^= list": lambda x: operator.ixor(x, [1]),
    "|= itself": lambda x: operator.ior(x, x) and None,
    "&= itself": lambda x: operator.iand(x, x) and None,
    "-= itself": lambda x: operator.isub(x, x) and None,
    "^= itself": lambda x: operator.ixor(x, x) and None,
    "difference_update by itself": lambda x: x.difference_update(x),
    "pop all": lambda x: [x.pop() for _ in range(len(x))] and None,
    "pop too many": lambda x: [x.pop() for _ in range(len(x) + 1)],
    "hash": hash,
    "subscript": lambda x: x[0],
}


@pytest.mark.parametrize("operation", UPDATES.values(), ids=UPDATES)
@pytest.mark.parametrize("members", MEMBERS, ids=range(len(MEMBERS)))
def test_changes(same: Any, members: list[Any], operation: Any) -> None:
    same(set(members), operation)


@pytest.mark.parametrize("operation", UPDATES.values(), ids=UPDATES)
def test_a_frozenset_does_not_change(m: Any, operation: Any) -> None:
    m["x"] = frozenset({1, 2})
    with contextlib.suppress(AttributeError, TypeError):
        operation(m["x"])
    assert m["x"].eager() == {1, 2}
    assert not hasattr(m["x"], "add")
    x = m["x"]
    x |= {3}  # as for a frozenset: a new, plain one
    assert type(x) is frozenset
    assert x == {1, 2, 3}
    assert m["x"] == {1, 2}


def test_inplace_operators_give_the_handle(m: Any) -> None:
    m["x"] = {1, 2, 3}
    x = same_x = m["x"]
    x |= {4}
    x &= {2, 3, 4}
    x -= {2}
    x ^= {4, 5}
    assert x is same_x
    assert m["x"] == {3, 5}


def test_a_set_as_probe_stands_for_its_frozenset(same: Any) -> None:
    value = {frozenset({1, 2}), 3}
    for probe in ({1, 2}, {2.0, True}, frozenset({1, 2}), {1}, set()):
        same(set(value), lambda x, probe=probe: probe in x)
        same(frozenset(value), lambda x, probe=probe: probe in x)
        same(set(value), lambda x, probe=probe: x.discard(probe))
        same(set(value), lambda x, probe=probe: x.remove(probe))


def test_key_error_names_the_very_object(m: Any) -> None:
    m["x"] = {1}
    for key in ({1, 2}, ("a", 1), "absent"):
        with pytest.raises(KeyError) as caught:
            m["x"].remove(key)
        assert caught.value.args[0] is key


def test_lazies_are_members_by_value(m: Any) -> None:
    m["t"], m["f"], m["s"] = (1, "a"), frozenset({1, (2,)}), {5}
    m["x"] = {m["t"], m["f"]}
    assert m["x"] == {(1, "a"), frozenset({1, (2,)})}
    m["x"].add(m["t"])
    assert len(m["x"]) == 2
    assert m["t"] in m["x"]
    assert m["f"] in m["x"]
    m["y"] = {frozenset({5})}
    assert m["s"] in m["y"]
    m["y"].discard(m["s"])
    assert m["y"] == set()
    with pytest.raises(TypeError, match=r"^unhashable type: 'oocmap\.LazySet'$"):
        m["y"].add(m["s"])
    m[m["f"]] = "by a frozenset"
    assert m[frozenset({1.0, (2,)})] == m[m["f"]] == "by a frozenset"
    assert frozenset({1, (2,)}) in m


def test_frozensets_are_keys(m: Any) -> None:
    keys = [
        frozenset(),
        frozenset({1, "a"}),
        (frozenset({None}), 2),
        frozenset({frozenset({b"x"})}),
    ]
    m["d"] = {key: i for i, key in enumerate(keys)}
    for place in (m, m["d"]):
        for i, key in enumerate(keys):
            place[key] = i
            assert place[key] == i
        assert [key for key in place if key != "d"] == keys
    m["d"][frozenset({True, "a"})] = "first key stays"
    assert list(m["d"])[1] == frozenset({1, "a"})
    assert {type(member) for member in list(m["d"])[1]} == {int, str}


def test_references_copies_and_identity(m: Any, tmp_path: Path) -> None:
    m["x"] = shared = {1, 2}
    m["alias"] = m["x"]
    m["x"].add(3)
    assert m["alias"] == {1, 2, 3}
    m["both"] = [shared, shared, frozenset({9}), (frozenset({9}), 1)]
    m["both"][0].add("seen twice")
    assert "seen twice" in m["both"][1]
    eager = m["both"].eager()
    assert eager[0] is eager[1]
    with oocmap.OOCMap(tmp_path / "other.ooc", durability="off") as other:
        other["copy"] = m["both"]
        assert other["copy"].eager() == eager
        assert type(other["copy"][2]) is oocmap.LazyFrozenSet
    assert m.pop("both") == eager


@pytest.mark.parametrize("members", MEMBERS, ids=range(len(MEMBERS)))
def test_copy_pickle_repr_json(m: Any, members: list[Any]) -> None:
    for value in both(members):
        m["x"] = value
        for made in (copy.copy(m["x"]), copy.deepcopy(m["x"]), m["x"].copy(), m["x"].eager()):
            assert made == value
            assert type(made) is type(value)
        back = pickle.loads(pickle.dumps(m["x"]))
        assert type(back) is type(m["x"])
        assert back == value
        if len(repr(value)) < 10_000:
            assert eval(repr(m["x"])) == value
            assert sorted(repr(m["x"])) == sorted(repr(value))
        else:
            assert len(repr(m["x"])) < 30_000
            assert "..." in repr(m["x"])
    if all(isinstance(member, str) for member in members) and "\ud800" not in members:
        text = json.dumps({"x": m["x"], "y": set(members)}, default=oocmap.json_default)
        assert set(json.loads(text)["x"]) == set(json.loads(text)["y"]) == set(members)


def test_types(m: Any) -> None:
    m["s"], m["f"] = {1}, frozenset({1})
    assert isinstance(m["s"], collections.abc.MutableSet)
    assert isinstance(m["f"], collections.abc.Set)
    assert not isinstance(m["f"], collections.abc.MutableSet)
    assert isinstance(m["f"], collections.abc.Hashable)
    assert not isinstance(m["s"], collections.abc.Hashable)
    assert hash(m["f"]) == hash(frozenset({1}))
    assert {m["f"]: 1}[frozenset({1})] == 1
    for kind in (oocmap.LazySet, oocmap.LazyFrozenSet):
        with pytest.raises(TypeError):
            kind()
        assert kind[int].__origin__ is kind


@pytest.mark.parametrize("size", [3, 1000])
def test_a_change_of_size_ends_an_iteration(m: Any, size: int) -> None:
    def expected(x: Any, change: Callable[[Any], Any]) -> Any:
        try:
            for _ in x:
                change(x)
        except RuntimeError as error:
            return error.args
        return None

    for change in (
        lambda x: x.add("new"),
        lambda x: x.discard(2),
        lambda x: x.clear(),
        lambda x: x.update(["a", "b"]),
        lambda x: x.difference_update([0, 1]),
        lambda x: x.intersection_update([0, 1]),
        lambda x: x.symmetric_difference_update(["a"]),
        lambda x: x.pop(),
        lambda x: x.add(1),
    ):
        m["x"] = set(range(size))
        assert expected(m["x"], change) == expected(set(range(size)), change)


def test_members_stand_in_the_order_they_were_added(m: Any) -> None:
    m["x"] = set()
    for member in ("b", "a", 3, "c"):
        m["x"].add(member)
    assert list(m["x"]) == ["b", "a", 3, "c"]
    assert m["x"].pop() == "c"


REFUSED: list[tuple[Any, type[Exception], str]] = [
    ({object()}, oocmap.UnsupportedTypeError, "cannot store a key of type 'object' in a set"),
    ({1, (2, ...)}, oocmap.UnsupportedTypeError, "cannot store a key of type 'ellipsis' in a set"),
    (frozenset({frozenset({len})}), oocmap.UnsupportedTypeError, "'builtin_function_or_method'"),
    ({math.nan}, oocmap.ArgumentError, "nan cannot be a key"),
    (type("Own", (set,), {})(), oocmap.UnsupportedTypeError, "cannot store a value of type 'Own'"),
    (type("Own", (frozenset,), {})(), oocmap.UnsupportedTypeError, "value of type 'Own'"),
]


@pytest.mark.parametrize(("value", "error", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_stored(m: Any, value: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        m["x"] = value
    with pytest.raises(error, match=message + r".* at \['rows'\]\[1\](;|$)"):
        m["x"] = {"rows": [1, value]}
    assert "x" not in m


@pytest.mark.parametrize("size", [3, 1000])
def test_a_failed_operation_leaves_the_set_as_it_was(m: Any, size: int) -> None:
    value = set(range(size))
    m["x"] = value
    operations: list[Callable[[Any], Any]] = [
        lambda x: x.update(["new"], ["newer", object()]),
        lambda x: x.update(["new", []]),
        lambda x: x.update(["new", math.nan]),
        lambda x: x.add(object()),
        lambda x: x.symmetric_difference_update([1, object()]),
        lambda x: x.difference_update([1], [[]]),
        lambda x: x.intersection_update([1], [[]]),
        lambda x: operator.ior(x, {1, object()}),
        lambda x: operator.ixor(x, {1, object()}),
    ]
    for operation in operations:
        with pytest.raises((TypeError, ValueError)):
            operation(m["x"])
        assert m["x"] == value
    with contextlib.suppress(ZeroDivisionError), m.transaction():
        m["x"].update("abc")
        m["x"].discard(1)
        assert m["x"] == value - {1} | set("abc")
        raise ZeroDivisionError
    assert m["x"] == value


def test_closed_and_stale(m: Any) -> None:
    m["s"], m["f"], m["d"] = {1}, frozenset({1}), {"s": {1}}
    lazy = m["d"]["s"]
    m["d"].clear()
    m["d"]["other"] = [0] * 10
    with contextlib.suppress(ZeroDivisionError), m.transaction():
        m["new"] = {1}
        born = m["new"]
        raise ZeroDivisionError
    for operation in (len, list, repr, lambda x: 1 in x, lambda x: x.add(2), lambda x: x | {1}):
        with pytest.raises(oocmap.StaleHandleError):
            operation(born)
    s, f = m["s"], m["f"]
    assert hash(f) == hash(frozenset({1}))
    m.close()
    for x in (s, f, lazy):
        for operation in (
            len,
            list,
            repr,
            lambda x: 1 in x,
            lambda x: x | {1},
            lambda x: x.eager(),
        ):
            with pytest.raises(oocmap.ClosedError):
                operation(x)
    for operation in (
        lambda: hash(f), lambda: s.add(1), lambda: s.discard(...), lambda: s.clear(),
        lambda: s.update(), lambda: s.pop(), lambda: s.isdisjoint([]), lambda: s.issuperset([]),
    ):  # fmt: skip
        with pytest.raises(oocmap.ClosedError):
            operation()


def test_sql_shows_sets_as_arrays(m: Any) -> None:
    m["d"] = {"s": {1, "a", (2, frozenset({3}))}, "f": frozenset({"x"}), "e": set()}
    [(text, kind, size)] = m.sql(
        "SELECT oocmap_get(map, '$.s'), oocmap_type(map, '$.s'), oocmap_len(map, '$.s') FROM map"
    )
    assert sorted(map(repr, json.loads(text))) == sorted(map(repr, [1, "a", [2, [3]]]))
    assert (kind, size) == ("set", 3)
    rows = list(
        m.sql("SELECT e.key, e.value, e.type, e.atom FROM map, oocmap_each(map.map, '$.s') AS e")
    )
    assert [key for key, *_ in rows] == [0, 1, 2]
    assert {row[1:] for row in rows} == {
        (1, "int", 1), ("a", "str", "a"), ("[2,[3]]", "tuple", None)
    }  # fmt: skip
    assert list(m.sql("SELECT oocmap_get(map, '$.s[0]'), oocmap_type(map, '$.f') FROM map")) == [
        (None, "frozenset")
    ]
    assert list(m.sql("SELECT e.value FROM map, oocmap_each(map.map, '$.e') AS e")) == []
    assert list(m.sql("SELECT oocmap_len(map, '$.e') FROM map")) == [(0,)]
    [(lazy,)] = m.sql("SELECT oocmap_ref(map, '$.s') FROM map")
    assert type(lazy) is oocmap.LazySet
    assert lazy == m["d"]["s"]
    assert list(m.sql("SELECT oocmap_len(?)", (m["d"]["s"],))) == [(3,)]
    m[frozenset({1, "k"})] = "by a frozenset"
    assert list(m.sql("SELECT oocmap_json(key), key_type FROM map WHERE type = 'str'")) == [
        ('[1,"k"]', "frozenset")
    ]
    key = "$[frozenset({'k', 1})]"
    m["d"][frozenset({1, "k"})] = "nested"
    assert list(m.sql("SELECT oocmap_get(map, ?) FROM map WHERE key = 'd'", (key,))) == [
        ("nested",)
    ]


def test_a_table_over_a_set_is_refused_in_words(m: Any, path: Path) -> None:
    m["s"] = {1}
    m.sql(f"CREATE VIRTUAL TABLE temp.t USING oocmap('{path}', root='$.s')")
    with pytest.raises(Exception, match=r"leads to a set in .*: oocmap_each\(\) goes through"):
        list(m.sql("SELECT * FROM t"))
    with pytest.raises(Exception, match=r"leads to a set in"):
        m.sql("INSERT INTO t(value) VALUES (1)")


def test_random_operations_agree_with_set(m: Any) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)

    def some() -> Any:
        number = rng.randrange(60)
        return rng.choice(
            [
                number,
                float(number),
                str(number),
                (number, "t"),
                frozenset({number % 7}),
                "k" * number * 20,
            ]
        )

    m["x"], twin = set(), set[Any]()
    for step in range(600):
        given = [some() for _ in range(rng.choice([0, 1, 3, 200]))]
        name = rng.choice(
            ["add", "discard", "update", "difference_update", "intersection_update",
             "symmetric_difference_update", "pop", "clear"]
        )  # fmt: skip
        if name in ("add", "discard"):
            member = some()
            getattr(m["x"], name)(member)
            getattr(twin, name)(member)
        elif name == "pop":
            if twin:
                twin.remove(m["x"].pop())
        elif name == "clear":
            if rng.randrange(10) == 0:
                m["x"].clear()
                twin.clear()
        else:
            if name == "intersection_update":
                given += rng.sample(sorted(twin, key=repr), len(twin) * 9 // 10)
            getattr(m["x"], name)(given)
            getattr(twin, name)(given)
        assert m["x"].eager() == twin, step
        assert len(m["x"]) == len(twin)


def test_operators_with_a_plain_set_on_the_left_make_a_new_one(m: Any) -> None:
    """As docs/python.md says: set refuses what is no set, and the lazy one is asked next."""
    m["s"] = {1}
    plain = kept = {0}
    plain |= m["s"]
    assert (plain, kept) == ({0, 1}, {0})
    kept.update(m["s"])
    assert kept == {0, 1}
