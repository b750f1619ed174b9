"""Snapshots of EXPLAIN QUERY PLAN, on Python's own SQLite and on the newest, in apsw.

Where a key is known there is no scan. Plans that changed between versions name the first version
that makes each; another version must make one of them.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest

ROWS = 500
KNOWN_VERSIONS = ((3, 40, 1), (3, 54, 1))


def m_is(*words: str) -> list[str]:
    """Return the plan of a query that reads m alone."""
    return [f"m {' '.join(words)}"]


# What follows the virtual table's name is the table's own text. t(k, v) is an ordinary table.
PLANS: dict[str, list[str] | dict[tuple[int, ...], list[str]]] = {
    "SELECT * FROM m": m_is("scan"),
    "SELECT * FROM m WHERE key = 5": m_is("key=?"),
    "SELECT * FROM m WHERE key = '5'": m_is("key=?"),
    "SELECT * FROM m WHERE key IS 5": m_is("key=?"),
    "SELECT * FROM m WHERE key = ?": m_is("key=?"),
    "SELECT * FROM m WHERE g = 5 AND key = 5": m_is("key=?"),
    "SELECT * FROM m WHERE key IN (1, 2)": m_is("key IN (...)"),
    "SELECT * FROM m WHERE key IN (1, 2) ORDER BY key": m_is("key IN (...) in key order"),
    "SELECT * FROM m WHERE key = 1 OR key = 2": [
        "MULTI-INDEX OR",
        "INDEX 1",
        "m key=?",
        "INDEX 2",
        "m key=?",
    ],
    "SELECT * FROM m WHERE key = 1 OR g = 2": m_is("scan"),
    "SELECT * FROM m WHERE key IN (SELECT k FROM t)": [
        "m key IN (...)",
        "LIST SUBQUERY 1",
        "SCAN t",
    ],
    "SELECT * FROM m WHERE key IN (SELECT value FROM json_each('[1, 2]'))": [
        "m key IN (...)",
        "LIST SUBQUERY 1",
        "json_each ",
    ],
    "SELECT * FROM m WHERE key > 5": m_is("key>?"),
    "SELECT * FROM m WHERE key BETWEEN 1 AND 2": m_is("key>=? key<=?"),
    "SELECT * FROM m WHERE key >= 1 AND key < 2 ORDER BY key": m_is("key>=? key<? in key order"),
    "SELECT * FROM m WHERE key GLOB 'ab*'": m_is("key>=? key<?"),
    "SELECT * FROM m WHERE key LIKE 'ab%'": m_is("scan"),
    "SELECT * FROM m WHERE key = 'a' COLLATE NOCASE": m_is("scan"),
    "SELECT * FROM m WHERE g = 5": m_is("scan"),
    "SELECT * FROM m ORDER BY key": m_is("in key order"),
    "SELECT * FROM m ORDER BY key DESC": m_is("in key order descending"),
    "SELECT * FROM m ORDER BY key, g": m_is("in key order"),
    "SELECT * FROM m ORDER BY key COLLATE NOCASE": ["m scan", "USE TEMP B-TREE FOR ORDER BY"],
    "SELECT * FROM m ORDER BY g": ["m scan", "USE TEMP B-TREE FOR ORDER BY"],
    "SELECT * FROM m ORDER BY key LIMIT 5 OFFSET 2": m_is("in key order limit offset"),
    "SELECT * FROM m WHERE g = 1 ORDER BY key LIMIT 5": m_is("in key order"),
    "SELECT count(*) FROM m": m_is("scan"),
    "SELECT max(key) FROM m": m_is("in key order descending"),
    "SELECT min(key) FROM m": m_is("in key order"),
    "SELECT max(key), min(key) FROM m": m_is("scan"),
    "SELECT DISTINCT key FROM m": m_is("scan"),
    "SELECT key, count(*) FROM m GROUP BY key": m_is("in key order"),
    "SELECT g, count(*) FROM m GROUP BY g": ["m scan", "USE TEMP B-TREE FOR GROUP BY"],
    "SELECT m.g FROM m JOIN t ON m.key = t.k": ["SCAN t", "m key=?"],
    "SELECT m.g FROM t LEFT JOIN m ON m.key = t.k": ["SCAN t", "m key=?"],
    "SELECT a.g FROM m a JOIN m b ON a.key = b.g": ["b scan", "a key=?"],
    "SELECT e.value FROM m, oocmap_each(m.m, '$.x') e WHERE m.key = 5": ["m key=?", "e "],
    "SELECT key FROM m UNION ALL SELECT key FROM m LIMIT 3": [
        "COMPOUND QUERY",
        "LEFT-MOST SUBQUERY",
        "m scan limit",
        "UNION ALL",
        "m scan limit",
    ],
    "SELECT v FROM t WHERE EXISTS (SELECT 1 FROM m WHERE m.key = t.k)": {
        (3, 40, 1): ["SCAN t", "CORRELATED SCALAR SUBQUERY 1", "m key=?"],
        (3, 54, 1): ["SCAN t", "m EXISTS key=?"],
    },
    "SELECT (SELECT g FROM m WHERE m.key = t.k) FROM t": {
        (3, 40, 1): ["SCAN t", "CORRELATED SCALAR SUBQUERY 1", "m key=?"],
        (3, 54, 1): ["SCAN t", "CORRELATED SCALAR SUBQUERY 1", "m key=? limit"],
    },
}


@pytest.fixture(params=["sqlite3", "apsw"])
def connection(request: pytest.FixtureRequest, path: Path) -> Iterator[Any]:
    """m: a map of 500 rows, key and $.g 0 to 499; t: an ordinary table of two rows."""
    opened: Any
    if request.param == "apsw":
        opened = apsw.Connection(":memory:")
    else:
        if not hasattr(sqlite3.Connection, "enable_load_extension"):
            pytest.skip("this Python's sqlite3 cannot load extensions")
        opened = sqlite3.connect(":memory:", isolation_level=None)
    with contextlib.closing(opened):
        oocmap.load(opened)
        opened.execute(
            f"CREATE VIRTUAL TABLE temp.m USING oocmap('{path}', create=1, g INTEGER PATH '$.g')"
        )
        opened.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499) "
            "INSERT INTO m(key, g) SELECT i, i FROM n"
        )
        opened.execute("CREATE TABLE t(k, v)")
        opened.execute("INSERT INTO t VALUES (1, 'x'), (2, 'y')")
        yield opened


def version_of(connection: Any) -> tuple[int, ...]:
    [(version,)] = list(connection.execute("SELECT sqlite_version()"))
    return tuple(int(part) for part in version.split("."))


def plan(connection: Any, sql: str) -> list[str]:
    """Return the plan's lines; of a virtual table its name and its own words."""
    parameters = (5,) if "?" in sql else ()
    lines = []
    for *_, detail in connection.execute("EXPLAIN QUERY PLAN " + sql, parameters):
        words = detail.replace(" LEFT-JOIN", "").replace("SEARCH ", "SCAN ")
        if "VIRTUAL TABLE INDEX" in words:
            before, _, after = words.partition("VIRTUAL TABLE INDEX ")
            words = before.removeprefix("SCAN ") + after.partition(":")[2]
        lines.append(words)
    return lines


@pytest.mark.parametrize("sql", PLANS)
def test_plan(connection: Any, sql: str) -> None:
    expected = PLANS[sql]
    if isinstance(expected, list):
        assert plan(connection, sql) == expected
    elif (version := version_of(connection)) in KNOWN_VERSIONS:
        assert plan(connection, sql) == expected[version]
    else:
        assert plan(connection, sql) in expected.values()


def test_a_known_key_reads_one_row_of_a_large_table(connection: Any) -> None:
    """The plan is what runs: SQLite's program takes few steps."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def run(sql: str) -> int:
        nonlocal steps
        steps = 0
        connection.set_progress_handler(count, 1)
        list(connection.execute(sql))
        return steps

    assert run("SELECT g FROM m WHERE +key = 5") > ROWS
    for sql in (
        "SELECT g FROM m WHERE key = 5",
        "SELECT g FROM m WHERE key IN (5, 6)",
        "SELECT g FROM m WHERE key BETWEEN 5 AND 7",
        "SELECT g FROM m ORDER BY key DESC LIMIT 2",
        "SELECT max(key) FROM m",
        "SELECT g FROM m WHERE key IS NULL",
        "SELECT m.g FROM m JOIN t ON m.key = t.k",
    ):
        assert run(sql) < 100, sql
