"""oocmap_tree gives the rows that SQLite's json_tree gives on the same JSON.

In the SQLite of apsw (the newest) and in that of Python's sqlite3, over handles and over text. What
differs is written down here: the types' names, ids (row numbers here, offsets there), the last
digit of some floats, and what at_path() says.

What is drawn is the same in every run; OOCMAP_RANDOM=1 draws anew. A failure prints the seed.
"""

import dataclasses
import json
import math
import os
import pathlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import apsw
import oocmap
import pytest

Query = Callable[..., list[tuple[Any, ...]]]

TYPES = {
    "object": "dict",
    "array": "list",
    "text": "str",
    "integer": "int",
    "real": "float",
    "true": "bool",
    "false": "bool",
    "null": "NoneType",
}
NAMES = ["a", "b", "ab", "A1", "1a", "x y", "", "a_b", "a.b", "a[0]", "$", "é", "日本", "#", "it's"]
COLUMNS = "id, parent, key, atom, type, fullkey, path"
COLUMNS_OF_T = ", ".join(f"t.{name}" for name in COLUMNS.split(", "))


def apsw_connection() -> tuple[Query, str]:
    connection = apsw.Connection(":memory:")
    oocmap.load(connection)
    return lambda sql, *values: list(connection.execute(sql, values)), apsw.sqlite_lib_version()


def stdlib_connection() -> tuple[Query, str]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    if not hasattr(connection, "enable_load_extension"):
        pytest.skip("this Python's sqlite3 cannot load extensions")
    oocmap.load(connection)
    return lambda sql, *values: connection.execute(sql, values).fetchall(), sqlite3.sqlite_version


@pytest.fixture(params=[apsw_connection, stdlib_connection])
def sql(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> tuple[Query, bool]:
    """Return a query function and whether its SQLite is one with JSONB."""
    query, version = request.param()
    query(f"CREATE VIRTUAL TABLE temp.m USING oocmap('{tmp_path}/m.ooc', create=1)")
    return query, tuple(map(int, version.split("."))) >= (3, 46)


def value(random: random.Random, depth: int) -> Any:
    kind = random.randrange(12 if depth else 8)
    if kind >= 10:
        return [value(random, depth - 1) for _ in range(random.randrange(5))]
    if kind >= 8:
        names = random.sample(NAMES, random.randrange(5))
        return {name: value(random, depth - 1) for name in names}
    return [
        None,
        True,
        False,
        random.randrange(-(2**63), 2**63),
        random.randrange(10),
        random.uniform(-1e6, 1e6),
        random.choice(NAMES),
        'quote " and \\ \n tab',
    ][kind]


def container(random: random.Random) -> Any:
    """Draw a dict or a list."""
    while True:
        drawn = value(random, 4)
        if isinstance(drawn, dict | list):
            return drawn


def paths(random: random.Random, drawn: Any) -> Iterator[str]:
    """Yield `$` and some paths into the value; a name stands in them as SQLite writes it."""
    yield "$"
    path, at = "$", drawn
    while isinstance(at, dict | list) and at:
        if isinstance(at, list):
            i = random.randrange(len(at))
            path, at = f"{path}[{i}]", at[i]
        else:
            name = random.choice(list(at))
            plain = name.isascii() and name.isalnum() and not name[0].isdigit()
            path, at = f"{path}.{name}" if plain else f'{path}."{name}"', at[name]
        yield path
    yield path + ".absent"


def compared(rows: list[tuple[Any, ...]], *, of_sqlite: bool) -> list[tuple[Any, ...]]:
    """Give ids as numbers of rows, and types as Python's names."""
    number = {row[0]: i for i, row in enumerate(rows)}
    return [
        (
            i,
            None if row[1] is None else number.get(row[1]),
            row[2],
            row[3],
            TYPES[row[4]] if of_sqlite else row[4],
            *row[5:],
        )
        for i, row in enumerate(rows)
    ]


def same(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> bool:
    if isinstance(theirs[3], float):  # the text may differ, the number may not
        return (
            isinstance(ours[3], float)
            and math.isclose(ours[3], theirs[3], rel_tol=1e-15)
            and ours[:3] + ours[4:] == theirs[:3] + theirs[4:]
        )
    return ours == theirs


def at_path(
    path: str, rows: list[tuple[Any, ...]], ours: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Give SQLite's rows with what they say of the way to the first one taken from ours.

    There SQLite errs: the newest takes `a[0]` for one step (of `$.a[0]`: key `a[0]`, path `$`) and
    sees steps inside quotes; those before 3.46 have no key for some, and call each index 0.
    """
    if path == "$" or not rows:
        return rows
    assert ours[0][5] == path
    assert path.startswith(ours[0][6])
    start = rows[0][5]
    assert all(row[5].startswith(start) and row[6].startswith(start) for row in rows[1:])
    first = (*rows[0][:2], ours[0][2], *rows[0][3:5], *ours[0][5:7])
    rest = [
        (*row[:5], path + row[5][len(start) :], path + row[6][len(start) :]) for row in rows[1:]
    ]
    return [first, *rest]


def test_rows_are_json_trees(sql: tuple[Query, bool]) -> None:
    query, newest = sql
    seed = random.SystemRandom().randrange(2**32) if os.environ.get("OOCMAP_RANDOM") else 20261123
    draw = random.Random(seed)
    rows = roots = 0
    for _ in range(400):
        drawn = container(draw)
        text = json.dumps(drawn, ensure_ascii=False)
        query("INSERT OR REPLACE INTO m(key, json) VALUES ('k', ?)", text)
        for path in paths(draw, drawn):
            theirs = compared(
                query(f"SELECT {COLUMNS} FROM json_tree(?, ?)", text, path), of_sqlite=True
            )
            by_handle = compared(
                query(f"SELECT {COLUMNS_OF_T} FROM m, oocmap_tree(m.m, ?) AS t", path),
                of_sqlite=False,
            )
            by_text = compared(
                query(f"SELECT {COLUMNS} FROM oocmap_tree(?, ?)", text, path), of_sqlite=False
            )
            where = f"seed {seed}, {text!r}, {path!r}"
            assert by_handle == by_text, where
            assert len(by_handle) == len(theirs), where
            roots += by_handle[:1] == theirs[:1]
            for our_row, their_row in zip(by_handle, at_path(path, theirs, by_handle), strict=True):
                assert same(our_row, their_row), (where, our_row, their_row)
                rows += 1
    assert rows > 3000
    assert roots > (700 if newest else 500)  # most first rows are the same even so


def test_values_are_json_trees(sql: tuple[Query, bool]) -> None:
    query, _ = sql
    draw = random.Random(7)
    for _ in range(100):
        text = json.dumps(container(draw), ensure_ascii=False)
        ours = query("SELECT fullkey, value FROM oocmap_tree(?)", text)
        theirs = query("SELECT fullkey, value FROM json_tree(?)", text)
        for (our_key, our_value), (their_key, their_value) in zip(ours, theirs, strict=True):
            assert our_key == their_key
            if isinstance(their_value, str) and their_value[:1] in ("{", "["):
                assert json.loads(our_value) == json.loads(their_value)
            elif isinstance(their_value, float):
                assert math.isclose(our_value, their_value, rel_tol=1e-15)
            else:
                assert our_value == their_value


def test_what_json_lacks(tmp_path: pathlib.Path) -> None:
    with oocmap.OOCMap(tmp_path / "m.ooc") as m:
        m["set"] = {(1, frozenset({2}))}
        m["frozen"] = frozenset({5})
        m["tuple"] = (1, ({"a": b"\0"},), ())
        m["keys"] = {7: [0], None: 1}
        tree = "SELECT t.fullkey, t.type, t.atom FROM map, oocmap_tree(map.map) t WHERE map.key = ?"
        assert list(m.sql(tree, ("set",))) == [
            ("$", "set", None),
            ("$[0]", "tuple", None),
            ("$[0][0]", "int", 1),
            ("$[0][1]", "frozenset", None),
            ("$[0][1][0]", "int", 2),
        ]
        assert list(m.sql(tree, ("frozen",))) == [("$", "frozenset", None), ("$[0]", "int", 5)]
        assert list(m.sql(tree, ("tuple",))) == [
            ("$", "tuple", None),
            ("$[0]", "int", 1),
            ("$[1]", "tuple", None),
            ("$[1][0]", "dict", None),
            ("$[1][0].a", "bytes", b"\0"),
            ("$[2]", "tuple", None),
        ]
        assert list(m.sql(tree, ("keys",))) == [
            ("$", "dict", None),
            ("$[7]", "list", None),
            ("$[7][0]", "int", 0),
            ("$[None]", "int", 1),
        ]


def test_a_list_in_itself_is_refused(tmp_path: pathlib.Path) -> None:
    with oocmap.OOCMap(tmp_path / "m.ooc") as m:
        m["l"] = [1, {}]
        m["l"][1]["again"] = m["l"]
        with pytest.raises(apsw.SQLError, match=r"'\$\[1\]\.again' contains itself"):
            list(m.sql("SELECT t.fullkey FROM map, oocmap_tree(map.map) t"))


@dataclasses.dataclass
class Point:
    x: int
    y: list[int]


def test_a_registered_object_is_its_value(tmp_path: pathlib.Path) -> None:
    oocmap.register(Point, name="test_json_tree.Point")
    with oocmap.OOCMap(tmp_path / "m.ooc") as m:
        m["p"] = [Point(1, [2])]
        tree = "SELECT t.fullkey, t.type, t.value FROM map, oocmap_tree(map.map) t"
        assert list(m.sql(tree)) == [
            ("$", "list", '[{"x":1,"y":[2]}]'),
            ("$[0]", "dict", '{"x":1,"y":[2]}'),
            ("$[0].x", "int", 1),
            ("$[0].y", "list", "[2]"),
            ("$[0].y[0]", "int", 2),
        ]


def test_an_array_is_one_row(tmp_path: pathlib.Path) -> None:
    np = pytest.importorskip("numpy")
    with oocmap.OOCMap(tmp_path / "m.ooc") as m:
        m["x"] = {"a": np.arange(3)}
        tree = "SELECT t.fullkey, t.type, t.value FROM map, oocmap_tree(map.map) t"
        assert list(m.sql(tree)) == [
            ("$", "dict", '{"a":[0,1,2]}'),
            ("$.a", "ndarray", "[0,1,2]"),
        ]
