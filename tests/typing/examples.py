"""What type checkers make of the package: `./run lint` runs mypy and basedpyright over this file.

Nothing here is run. `assert_type` holds the type a line must have; a line that must be refused ends
in `type: ignore[...]`, which mypy (warn_unused_ignores) and basedpyright refuse where nothing is
wrong with it.
"""

from collections.abc import (
    ItemsView,
    Iterator,
    KeysView,
    MutableMapping,
    MutableSequence,
    ValuesView,
)
from dataclasses import dataclass
from typing import Any, assert_type

import apsw
import oocmap
from oocmap import LazyDict, LazyFrozenSet, LazyList, LazySet, LazyTuple, OOCMap


def untyped(m: OOCMap[Any, Any]) -> None:
    assert_type(m[3]["user"]["name"], Any)
    m["anything"] = {"nested": [1, (2, 3), None]}
    m["anything"]["nested"].append(4)
    m.update({1: 2}, c=3)
    m.update([(1, 2)])
    del m["anything"]


def scalars() -> None:
    with OOCMap[str, int]("counts.ooc", durability="normal") as counts:
        assert_type(counts, OOCMap[str, int])
        assert_type(counts["a"], int)
        assert_type(counts.get("a"), int | None)
        assert_type(counts.get("a", 0), int)
        assert_type(counts.setdefault("a", 1), int)
        assert_type(list(counts), list[str])
        assert_type(counts.keys(), KeysView[str])
        assert_type(counts.values(), ValuesView[int])
        assert_type(counts.items(), ItemsView[str, int])
        assert_type(counts.range("a", "b"), Iterator[tuple[str, int]])
        assert_type(counts.eager(), dict[str, Any])
        counts["a"] += 1
        counts["a"] = "no"  # type: ignore[assignment]
        counts[1] = 1  # type: ignore[index]
        counts |= {"b": 2}
        counts.update(c=3)
        assert_type(counts.path, str)


def nested(m: OOCMap[str, LazyDict[str, int]]) -> None:
    m["ada"] = {"born": 1815}
    m["ada"] = m["ada"]
    m["ada"] = [1]  # type: ignore[call-overload]
    assert_type(m["ada"], LazyDict[str, int])
    assert_type(m["ada"]["born"], int)
    assert_type(m.setdefault("alan", {}), LazyDict[str, int])
    assert_type(m["ada"].copy(), dict[str, int])
    for name, person in m.items():
        assert_type(name, str)
        assert_type(person, LazyDict[str, int])


def lists(m: OOCMap[int, LazyList[LazyDict[str, str]]]) -> None:
    m[0] = [{"k": "v"}]
    m[0].append({"k": "w"})
    m[0].insert(0, {})
    m[0][0] = {"k": "x"}
    m[0][1:] = [{}]
    m[0].extend([{}, {}])
    m[0] += [{}]
    m[0].append(5)  # type: ignore[call-overload]
    assert_type(m[0], LazyList[LazyDict[str, str]])
    assert_type(m[0][0], LazyDict[str, str])
    assert_type(m[0][:1], list[LazyDict[str, str]])
    assert_type(m[0][0]["k"], str)
    m[0].sort(key=lambda entry: entry["k"], reverse=True)


def tuples(m: OOCMap[str, LazyTuple[int]]) -> None:
    m["t"] = (1, 2)
    assert_type(m["t"][0], int)
    assert_type(m["t"][:1], tuple[int, ...])
    assert_type(hash(m["t"]), int)
    assert_type({m["t"]: 1}, dict[LazyTuple[int], int])


def sets(m: OOCMap[str, LazySet[str]], n: OOCMap[str, LazyFrozenSet[int]]) -> None:
    m["s"] = {"a"}
    m["s"] = {1}  # type: ignore[arg-type]
    n["f"] = frozenset({1, 2})
    n["f"] = {1}  # type: ignore[call-overload]
    s = m["s"]
    s.add("b")
    s.add(1)  # type: ignore[arg-type]
    s.update(["c"], {"d"})
    s |= {"e"}
    s -= {1}
    assert_type(s, LazySet[str])
    assert_type(s | {1}, set[str | int])
    assert_type(s - {1}, set[str])
    assert_type(s.pop(), str)
    assert_type(s.eager(), set[str])
    assert_type(list(s), list[str])
    assert_type(n["f"] & {1}, frozenset[int])
    assert_type(n["f"].union("ab"), frozenset[int | str])
    assert_type({n["f"]: 1}, dict[LazyFrozenSet[int], int])


def as_abstract_types(m: OOCMap[str, LazyList[int]]) -> None:
    mapping: MutableMapping[str, LazyList[int]] = m
    sequence: MutableSequence[int] = m["l"]
    assert_type(mapping["l"][0], int)
    sequence.append(1)


@oocmap.register
@dataclass
class Point:
    x: int


class Celsius:
    degrees: float = 0


def registered(m: OOCMap[str, Point]) -> None:
    assert_type(Point(1), Point)
    assert_type(m["p"], Point)
    assert_type(oocmap.register(Point, name="p"), type[Point])
    made = oocmap.register(Celsius, lambda c: c.degrees, lambda _: Celsius(), "Celsius")
    assert_type(made, type[Celsius])
    oocmap.register(Celsius, str)  # type: ignore[call-overload]


def the_rest(m: OOCMap[str, Any]) -> None:
    with m.transaction():
        m["n"] = m["n"] + 1
    for row in m.sql("SELECT key, value FROM map WHERE key > ?", ("a",)):
        key, value = row
        assert_type((key, value), tuple[Any, Any])
    plain = {"name": "$.name"}
    assert_type(m.create_table("t", "$.people", plain), str)
    m.create_table("t", columns={"name": "$.name", "age": ("INTEGER", "$.age")})
    assert_type(m.load_jsonl("f.jsonl", key=lambda d: d["id"], progress=print), int)
    assert_type(m.connection, oocmap.Connection)
    connection: apsw.Connection = m.connection
    oocmap.load(connection)
    assert_type(oocmap.loadable_path(), str)
    assert_type(m.get_many(["a"], default=0), list[Any])
    OOCMap("x.ooc", mode="q")  # type: ignore[arg-type]
    try:
        m["x"] = object()
    except oocmap.UnsupportedTypeError as error:
        assert_type(error, oocmap.UnsupportedTypeError)
