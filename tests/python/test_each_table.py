"""Tables with each='$.path' beside an ordinary table of the same rows, on apsw's SQLite."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oocmap
import pytest

Rows = list[tuple[Any, ...]]
SEED = random.randrange(2**32) if os.environ.get("OOCMAP_RANDOM") else 20261123
KEYS = [*range(12), "a", "ab", "b", "é", 1.5, -3, b"x"]
SCALARS = [0, 1, 2, 5, -1, 2.5, "", "x", "y", "X", None]


def random_entry(draw: random.Random) -> Any:
    kind = draw.randrange(8)
    if kind == 0:
        return draw.choice(SCALARS)
    if kind == 1:
        return {"other": 1}
    size = draw.choice([0, 1, 2, 3, 40])
    members = [
        draw.choice(SCALARS) if draw.random() < 0.7 else {"n": draw.choice(SCALARS)}
        for _ in range(size)
    ]
    if kind == 2:
        return {"in": {draw.choice(["p", "q", "r", 1, 2, 3.5]): one for one in members}}
    return {"in": tuple(members) if kind == 3 else members}


def expected(m: dict[Any, Any]) -> Rows:
    rows: Rows = []
    for key, entry in m.items():
        inside = entry.get("in") if isinstance(entry, dict) else None
        if isinstance(inside, dict):
            pairs = list(inside.items())
        else:
            pairs = list(enumerate(inside)) if isinstance(inside, (list, tuple)) else []
        for item, value in pairs:
            named = value.get("n") if isinstance(value, dict) else None
            shown = json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else value
            rows.append((key, item, shown, type(value).__name__, named))
    return rows


def condition(draw: random.Random) -> str:
    def literal(values: list[Any]) -> str:
        value = draw.choice(values)
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        if isinstance(value, str):
            return f"'{value}'"
        return "NULL" if value is None else repr(value)

    items = [0, 1, 2, 39, 1.0, -1, "p", "q", "1", 3.5, None]
    column, values = draw.choice(
        [("key", [*KEYS, 99, None]), ("item", items), ("n", SCALARS), ("value", SCALARS)]
    )
    operator = draw.choice(["=", "=", "=", "<", ">=", "IS", "<>", "IN", "BETWEEN"])
    if operator == "IN":
        return f"{column} IN ({', '.join(literal(values) for _ in range(3))})"
    if operator == "BETWEEN":
        return f"{column} BETWEEN {literal(values)} AND {literal(values)}"
    collation = draw.choice(["", "", "", " COLLATE NOCASE"])
    return f"{column} {operator} {literal(values)}{collation}"


def query(draw: random.Random) -> str:
    terms = [condition(draw) for _ in range(draw.randrange(4))]
    where = f" {draw.choice(['AND', 'OR'])} ".join(terms)
    order = draw.choice(["", "ORDER BY key", "ORDER BY key DESC", "ORDER BY item, key DESC"])
    what = draw.choice(["key, item, value, type, n", "count(*), min(key)", "DISTINCT key", "n"])
    sql = f"SELECT {what} FROM {{}}" + (f" WHERE {where}" if terms else "")
    return f"{sql} {order}" if what.startswith(("key", "n")) else sql


@pytest.fixture
def tables(path: Path) -> Iterator[tuple[Any, random.Random]]:
    print("seed", SEED)
    draw = random.Random(SEED)
    plain = {key: random_entry(draw) for key in KEYS}
    with oocmap.OOCMap(path) as m:
        m.update(plain)
        m.sql(f"CREATE VIRTUAL TABLE temp.t USING oocmap('{path}', each='$.in', n PATH '$.n')")
        m.sql("CREATE TEMP TABLE twin(key, item, value, type TEXT, n)")
        with m.connection:
            m.connection.executemany("INSERT INTO twin VALUES (?, ?, ?, ?, ?)", expected(plain))
        yield m, draw


def sorted_rows(rows: Rows) -> Rows:
    return sorted(rows, key=repr)


def test_random_queries_find_what_an_ordinary_table_finds(tables: Any) -> None:
    m, draw = tables
    assert list(m.sql("SELECT * FROM t")) == list(m.sql("SELECT * FROM twin"))
    found = 0
    for _ in range(600):
        sql = query(draw)
        ours = sorted_rows(list(m.sql(sql.format("t"))))
        assert ours == sorted_rows(list(m.sql(sql.format("twin")))), sql
        found += len(ours)
        if "ORDER BY" in sql and " COLLATE" not in sql:
            keys = "SELECT key FROM {} " + sql[sql.index("FROM {}") + 8 :]
            assert list(m.sql(keys.format("t"))) == list(m.sql(keys.format("twin"))), sql
    assert found > 1000


def test_joins_reach_members_by_key_and_item(tables: Any) -> None:
    m, _ = tables
    sql = "SELECT t.rowid FROM twin JOIN t ON t.key = twin.key AND t.item = twin.item"
    plan = " ".join(row[3] for row in m.sql("EXPLAIN QUERY PLAN " + sql))
    assert "key=? item=?" in plan
    rows = list(m.sql(sql))
    assert len(set(rows)) == len(rows) == next(m.sql("SELECT count(*) FROM twin"))[0]
    for (rowid,) in rows[:50]:
        assert list(m.sql("SELECT rowid FROM t WHERE rowid = ?", (rowid,))) == [(rowid,)]


def test_rows_python_wrote_in_sets_are_numbered(tables: Any) -> None:
    m, _ = tables
    m["set"] = {"in": {1, "x", (1, frozenset({2}))}}
    rows = list(m.sql("SELECT item, type FROM t WHERE key = 'set'"))
    assert [item for item, _ in rows] == [0, 1, 2]
    assert sorted(kind for _, kind in rows) == ["int", "str", "tuple"]
    assert list(m.sql("SELECT json FROM t WHERE key = 'set' AND type = 'tuple'")) == [("[1,[2]]",)]


def test_an_update_is_seen_by_the_lazy_objects(tables: Any) -> None:
    m, _ = tables
    m["k"] = {"in": [1, {"n": 2}]}
    held = m["k"]["in"]
    m.sql("UPDATE t SET n = 3 WHERE key = 'k' AND item = 1")
    m.sql("UPDATE t SET value = value + 1 WHERE key = 'k' AND item = 0")
    m.sql("INSERT INTO t(key, value) VALUES ('k', 'end')")
    assert held.eager() == [2, {"n": 3}, "end"]


def test_random_updates_do_what_an_ordinary_table_does(tables: Any) -> None:
    m, draw = tables
    writable = "type <> 'tuple' AND key IN (SELECT key FROM writable)"
    m.sql("CREATE TEMP TABLE writable(key PRIMARY KEY)")
    for key, entry in m.eager().items():
        if isinstance(entry, dict) and isinstance(entry.get("in"), (list, dict)):
            m.sql("INSERT INTO writable VALUES (?)", (key,))
    for _ in range(100):
        where = f"({condition(draw)}) AND {writable}"
        value = repr(draw.choice([1, 2, 7, "x", 2.5]))
        for table in ("t", "twin"):
            m.sql(f"UPDATE {table} SET value = {value} WHERE type <> 'dict' AND {where}")
        rows = list(m.sql("SELECT key, item, value, n FROM t"))
        assert rows == list(m.sql("SELECT key, item, value, n FROM twin")), where
