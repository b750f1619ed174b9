"""Random queries: the virtual table gives what an ordinary table with the same rows gives.

Each query is run on the table m, on a map, and on the table o, a copy of its rows that SQLite
searches by itself. Values are compared with their types; the order too, where there is an ORDER BY.
OOCMAP_RANDOM=1 OOCMAP_SQL_QUERIES=100000 looks for long.
"""

import decimal
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oocmap
import pytest

QUERIES = int(os.environ.get("OOCMAP_SQL_QUERIES", "300"))  # a seed and library

LONG = "x" * 600  # longer than an LMDB key: cut, and told apart behind the cut
NUMBERS: list[Any] = [
    *(1, 2, 3, 5, 7, -4, 0, 1.5, 2.5, -0.5, 1e300, 2**53, 2**53 + 1, 2.0**53 + 2, 2**62),
    *(2**63 - 1, -(2**63)),
]
TEXTS = ["a", "A", "ab", "abc", "aB", "b", "1", "2", "07", "7", "", "é", "z", "k%", "k_", "a\x00b"]
BYTES = [b"", b"a", b"\x00", b"\xff\xff", b"ab", b"\xcfOM", b"\xcfOL"]
# Shown as BLOBs: only a map can hold them.
OTHERS = [None, (), (1, "a"), (1, "b"), frozenset({1}), decimal.Decimal("0.1"), 2**70, -(2**70)]
KEYS: list[Any] = [
    *NUMBERS,
    *TEXTS,
    *BYTES,
    *(LONG, LONG + "a", LONG + "b", LONG + "c" * 500),
    *(f"w{i:03}" for i in range(40)),
]
COLUMNS = "key, value, type, n, s, f, g"
NAMED = "n PATH '$.n', s TEXT PATH '$.s', f REAL PATH '$.f', g INTEGER PATH '$.g'"


def literal(value: Any) -> str:
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, str):
        if "\x00" in value:
            return f"CAST(x'{value.encode().hex()}' AS TEXT)"
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else repr(value)


class Query:
    """Draws queries over m(key, value, type, n, s, f, g) and t(a INTEGER, b TEXT, c, d)."""

    def __init__(self, source: random.Random, version: tuple[int, ...]) -> None:
        self.one = source.choice
        self.source = source
        # SQLite 3.40 makes `key = 'a' COLLATE NOCASE OR key = 'b' COLLATE NOCASE` an IN and loses
        # the collation there, on an ordinary table with an index as well.
        self.collated_or = version >= (3, 45)

    def key(self) -> str:
        return literal(self.one([*KEYS, 4, 4.5, "aa", "zz", "1.0", "w0", b"zz"]))

    def keys(self, most: int) -> str:
        return ", ".join(self.key() for _ in range(self.source.randint(0, most)))

    def predicate(self, depth: int = 0) -> str:
        kind = self.source.random()
        if depth < 2 and kind < 0.25:
            sides = [self.predicate(depth + 1) for _ in range(2)]
            joined = [" AND ", " OR "]
            if not self.collated_or and any("NOCASE" in side for side in sides):
                joined = [" AND "]
            return "(" + self.one(joined).join(sides) + ")"
        if depth < 2 and kind < 0.29:
            return "NOT " + self.predicate(depth + 1)
        return self.one(self.SIMPLE)(self)

    def compared(self) -> str:
        operator = self.one(["=", "<", ">", "<=", ">=", "<>", "IS", "IS NOT"])
        return f"m.key {operator} {self.key()}"

    def members(self) -> str:
        return f"m.key {self.one(['IN', 'NOT IN'])} ({self.keys(5)})"

    def between(self) -> str:
        return f"m.key BETWEEN {self.key()} AND {self.key()}"

    def pattern(self) -> str:
        globs = ["a*", "A*", "w00*", "1*", "*", "", LONG + "*", "w0?1", "[a-c]*", "é*"]
        if self.one([True, False]):
            return f"m.key GLOB {literal(self.one(globs))}"
        return f"m.key LIKE {literal(self.one(globs).replace('*', '%'))}"

    def collated(self) -> str:
        operator = self.one(["=", "<", ">", "<=", ">="])
        collation = self.one(["NOCASE", "RTRIM", "BINARY"])
        if self.one([True, False]):
            return f"m.key COLLATE {collation} IN ({self.key()}, {self.key()})"
        return f"m.key {operator} {self.key()} COLLATE {collation}"

    def named(self) -> str:
        value = self.one(["1", "2", "'x'", "1.5", "NULL", "'1'"])
        return f"m.{self.one('nsfg')} {self.one(['=', '<', '>', 'IS', '<>'])} {value}"

    def null(self) -> str:
        return f"m.{self.one(['key', 'n', 's', 'f', 'g'])} IS {self.one(['', 'NOT '])}NULL"

    def subquery(self) -> str:
        chosen = self.one(
            ["+a", "+b", "c"]
        )  # a column of numeric type loses text keys: docs/sql.md
        return self.one(
            [
                f"m.key IN (SELECT {chosen} FROM t WHERE d = {self.one([1, 2])})",
                "EXISTS (SELECT 1 FROM t WHERE +t.c = m.key)",
                "(m.key, m.g) IN (SELECT c, d FROM t)",
                'm.key IN (SELECT value FROM json_each(\'[1, "a", 2.5, "w001", null]\'))',
                f"m.key = (SELECT max(c) FROM t WHERE d = {self.one([1, 2])})",
            ]
        )

    def kind(self) -> str:
        name = self.one(["integer", "text", "real", "blob"])
        return f"typeof(m.key) = '{name}'"

    SIMPLE = (compared, compared, compared, members, between, pattern, collated, named, null)
    SIMPLE += (subquery, kind)

    def draw(self) -> tuple[str, bool]:
        """Return a query, and whether its order counts."""
        return self.one(self.SHAPES)(self)

    def plain(self) -> tuple[str, bool]:
        orders = ["m.key", "m.key DESC", "m.key, m.g", "m.g, m.key", "m.key DESC, m.n"]
        orders += ["m.key COLLATE NOCASE, m.key", "m.n IS NULL, m.key DESC"]
        text = f"SELECT m.key, m.type, m.n, m.g FROM m WHERE {self.predicate()}"
        if self.source.random() < 0.3:
            return text, False
        text += f" ORDER BY {self.one(orders)}"
        if self.source.random() < 0.5:
            text += f" LIMIT {self.one([0, 1, 2, 5, 100, -1])}"
            text += self.one(["", f" OFFSET {self.one([0, 1, 3, -1])}"])
        return text, True

    def aggregate(self) -> tuple[str, bool]:
        functions = ["count(*)", "max(m.key)", "min(m.key)", "count(DISTINCT m.key)", "sum(m.g)"]
        functions += ["max(m.key), min(m.key)", "group_concat(m.g) IS NULL"]
        return f"SELECT {self.one(functions)} FROM m WHERE {self.predicate()}", False

    def grouped(self) -> tuple[str, bool]:
        column = self.one(["m.g", "m.n", "m.s", "m.key"])
        order = self.one(["", " ORDER BY x", " ORDER BY x DESC"])
        where = self.predicate()
        return f"SELECT {column} x, count(*) FROM m WHERE {where} GROUP BY x{order}", bool(order)

    def distinct(self) -> tuple[str, bool]:
        columns = self.one(["m.key", "m.g", "m.key, m.g"])
        return f"SELECT DISTINCT {columns} FROM m WHERE {self.predicate()}", False

    def joined_with_itself(self) -> tuple[str, bool]:
        kind = self.one(["JOIN", "LEFT JOIN"])
        conditions = ["m.key = m2.key", "m2.key = +m.g", "m2.key > m.key", "m.key = m2.n"]
        on = self.one([*conditions, "m.key IN (m2.n, +m2.g)"])
        where = self.predicate()
        return f"SELECT m.key, m2.key FROM m {kind} m m2 ON {on} WHERE {where}", False

    def joined(self) -> tuple[str, bool]:
        tables = self.one(["m JOIN t", "t JOIN m", "t LEFT JOIN m", "m LEFT JOIN t"])
        conditions = ["m.key = +t.a", "m.key = +t.b", "m.key = t.c", "m.key >= t.c", "m.key IS t.c"]
        conditions += ["m.key = t.c AND m.g = t.d", "m.key = t.c OR m.g = t.d"]
        where = self.predicate()
        return f"SELECT m.key, t.c FROM {tables} ON {self.one(conditions)} WHERE {where}", False

    def compound(self) -> tuple[str, bool]:
        operator = self.one(["UNION ALL", "UNION", "EXCEPT", "INTERSECT"])
        sides = [f"SELECT m.key FROM m WHERE {self.predicate()}" for _ in range(2)]
        return f" {operator} ".join(sides), False

    SHAPES = (plain, plain, plain, plain, aggregate, grouped, distinct, joined_with_itself, joined)
    SHAPES += (compound,)


def on_the_copy(query: str) -> str:
    """Return the query over o instead of m."""
    query = re.sub(r"\b(FROM|JOIN) m\b(?! m2)", r"\1 o m", query)
    return query.replace("JOIN m m2", "JOIN o m2")


def typed(answer: Any, ordered: bool) -> Any:
    if isinstance(answer, str):
        return answer
    rows = [tuple((type(value).__name__, value) for value in row) for row in answer]
    return rows if ordered else sorted(rows, key=repr)


def check_queries(database: Any, source: random.Random, count: int) -> int:
    """Run `count` queries on both tables; return how many gave rows."""
    query = Query(source, database.version)
    found = 0
    for _ in range(count):
        sql, ordered = query.draw()
        copied = on_the_copy(sql)
        assert copied != sql
        expected = database.answer(copied)
        answer = database.answer(sql)
        plan = database.answer("EXPLAIN QUERY PLAN " + sql)
        assert typed(answer, ordered) == typed(expected, ordered), f"{sql}\n{plan}"
        found += bool(expected)
    return found


def fill_other(database: Any, source: random.Random) -> None:
    database.rows("CREATE TABLE t(a INTEGER, b TEXT, c, d)")
    for key in KEYS[::2]:
        row = (key, key, key, source.choice([1, 2, "x"]))
        database.rows("INSERT INTO t VALUES (?, ?, ?, ?)", row)


def copy_rows(database: Any) -> None:
    """Fill o with what a whole scan of m gives. Its declared types convert none of it."""
    database.rows("DROP TABLE IF EXISTS o")
    database.rows("CREATE TABLE o(key, value, type TEXT, n, s TEXT, f REAL, g INTEGER)")
    database.rows(f"INSERT INTO o SELECT {COLUMNS} FROM m")


def random_value(source: random.Random) -> dict[str, Any]:
    drawn = {
        "n": source.choice([None, 1, 2, 2.5, "1", "t", 0]),
        "s": source.choice([None, "x", "y", "Y", "z", "5"]),
        "f": source.choice([0.5, 1.5, None]),
        "g": source.choice([1, 2, 3]),
    }
    return {key: value for key, value in drawn.items() if source.random() < 0.9}


@pytest.mark.parametrize("seed", [1, 2])
def test_queries_of_a_dict(
    database: Any, tmp_path: Path, draw: Callable[[int], random.Random], seed: int
) -> None:
    source = draw(seed)
    keys = [*KEYS, *OTHERS, *(source.randint(-1000, 1000) for _ in range(40))]
    with oocmap.OOCMap(tmp_path / "map.ooc", durability="off") as m:
        for key in keys:
            m[key] = random_value(source)
    database.table("m", tmp_path / "map.ooc", NAMED)
    copy_rows(database)
    fill_other(database, source)
    assert check_queries(database, source, QUERIES) > QUERIES / 2
    for _ in range(3):  # and as it is after writes
        for key in source.sample(keys, 20):
            database.rows("DELETE FROM m WHERE key = ?", (None if key in OTHERS else key,))
        for _ in range(20):
            key = source.choice([source.randint(-50, 50), f"w{source.randint(0, 99):03}", 7.5])
            value = source.choice(["a", 1, None, 2.5])
            database.rows("INSERT OR REPLACE INTO m(key, g) VALUES (?, 1)", (key,))
            database.rows("UPDATE m SET value = ? WHERE key = ?", (value, key))
        copy_rows(database)
        assert check_queries(database, source, QUERIES // 3) > QUERIES / 6


@pytest.mark.parametrize("seed", [3])
def test_queries_of_a_small_dict(
    database: Any, tmp_path: Path, draw: Callable[[int], random.Random], seed: int
) -> None:
    source = draw(seed)
    with oocmap.OOCMap(tmp_path / "map.ooc", durability="off") as m:
        m["d"] = {key: random_value(source) for key in source.sample([*KEYS, *OTHERS], 12)}
    database.table("m", tmp_path / "map.ooc", f"root='$.d', {NAMED}")
    copy_rows(database)
    fill_other(database, source)
    assert check_queries(database, source, QUERIES) > QUERIES / 4


@pytest.mark.parametrize("seed", [4])
def test_queries_of_a_list(
    database: Any, tmp_path: Path, draw: Callable[[int], random.Random], seed: int
) -> None:
    source = draw(seed)
    with oocmap.OOCMap(tmp_path / "map.ooc", durability="off") as m:
        m["l"] = [random_value(source) for _ in range(60)]
    database.table("m", tmp_path / "map.ooc", f"root='$.l', {NAMED}")
    copy_rows(database)
    fill_other(database, source)
    assert check_queries(database, source, QUERIES) > QUERIES / 4
