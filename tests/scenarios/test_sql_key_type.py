"""`key INTEGER` and other types: keys are converted as in an ordinary column of the type.

Keys are bound as clients bind them: numbers, text that reads as a number, text, BLOBs.
"""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STEPS = 200  # a type and library


def spelling(source: random.Random) -> Any:
    """Return a key as some client may bind it."""
    number = source.randint(-9, 30)
    forms: list[Any] = [
        number,
        str(number),
        float(number),
        number + 0.5,
        f"{number}.0",
        f" {number}",
        f"{number} ",
        f"{number}.5",
        f"{number}e0",
        f"0{number}",
        f"{number}x",
        hex(abs(number)),
        "",
        ".",
        "1e",
        "x",
        str(number).encode(),
        2**53 + abs(number),
        str(2**63 + abs(number)),
        "inf",
    ]
    return source.choice(forms)


@pytest.mark.parametrize("declared", ["INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "VARCHAR(9)"])
def test_typed_keys_are_an_ordinary_columns(
    database: Any, tmp_path: Path, draw: Callable[[int], random.Random], declared: str
) -> None:
    source = draw(31)
    database.table("m", tmp_path / "map.ooc", f"key {declared}, n PATH '$.n'")
    database.rows(f"CREATE TABLE o(key {declared} PRIMARY KEY NOT NULL, n) WITHOUT ROWID")
    writes = [
        "INSERT INTO @(key, n) VALUES (?1, ?3)",
        "INSERT OR REPLACE INTO @(key, n) VALUES (?1, ?3), (?2, ?3)",
        "UPDATE @ SET n = ?3 WHERE key = ?1",
        "UPDATE OR IGNORE @ SET key = ?2 WHERE key = ?1",
        "DELETE FROM @ WHERE key = ?1",
        "DELETE FROM @ WHERE n < ?3 - 40",
        "UPDATE @ SET n = x.v FROM (SELECT ?1 AS k, ?3 AS v) x WHERE key = x.k",
    ]
    reads = [
        "SELECT key, typeof(key), n FROM @ WHERE key = ?1",
        "SELECT key, typeof(key), n FROM @ WHERE key IS ?1",
        "SELECT key, typeof(key), n FROM @ WHERE key IN (?1, ?2) ORDER BY key",
        "SELECT key, typeof(key), n FROM @ WHERE key >= ?1 ORDER BY key",
        "SELECT key, typeof(key), n FROM @ WHERE key > ?1 AND key <= ?2 ORDER BY key DESC",
        "SELECT key, typeof(key), n, typeof(?1) FROM @ WHERE key < ?1 ORDER BY key LIMIT 3",
        "SELECT key, n FROM @ WHERE key = ?1 OR key = ?2 ORDER BY key",
    ]

    def run(statement: str, table: str, values: tuple[Any, ...]) -> Any:
        used = max(int(number) for number in re.findall(r"\?(\d)", statement))
        return database.answer(statement.replace("@", table), values[:used])

    found = 0
    for step in range(STEPS):
        parameters = (spelling(source), spelling(source), step)
        statement = source.choice(writes)
        ours = run(statement, "m", parameters)
        twins = run(statement, "o", parameters)
        assert str(ours).replace("m.key", "o.key") == str(twins), (statement, parameters)
        read = source.choice(reads)
        expected = run(read, "o", parameters)
        rows = run(read, "m", parameters)
        assert repr(rows) == repr(expected), (read, parameters)
        found += bool(expected)
        everything = "SELECT key, typeof(key), n FROM @ ORDER BY key"
        state = database.rows(everything.replace("@", "m"))
        assert repr(state) == repr(database.rows(everything.replace("@", "o"))), statement
    assert found > STEPS / 10


def test_a_delete_that_could_erase_another_row_is_refused(database: Any, tmp_path: Path) -> None:
    database.table("m", tmp_path / "map.ooc")
    database.table("t", tmp_path / "map.ooc", "key INTEGER")
    database.rows("INSERT INTO m(key, value) VALUES (7, 'number'), ('7', 'text'), (8, 'eight')")
    database.rows("DELETE FROM t WHERE key = 8")  # no misfit was shown yet
    database.rows("UPDATE t SET value = 'changed' WHERE value = 'text'")
    error = database.answer("DELETE FROM t WHERE value = 'changed'")
    assert "the table t declares its key INTEGER" in str(error)
    assert database.rows("SELECT key, value FROM m") == [(7, "number"), ("7", "changed")]


# In a column without a type a number stays one, and as a literal it becomes text: what a table is
# given is the same, so the plan may not decide.
@pytest.mark.parametrize("declared", ["TEXT", "INTEGER", "BLOB"])
def test_the_join_order_does_not_change_the_answer(
    database: Any, tmp_path: Path, draw: Callable[[int], random.Random], declared: str
) -> None:
    source = draw(32)
    database.table("m", tmp_path / "map.ooc", f"key {declared}, n PATH '$.n'")
    database.rows(f"CREATE TABLE o(key {declared} PRIMARY KEY NOT NULL, n) WITHOUT ROWID")
    database.rows("CREATE TABLE u(a, t TEXT, i INTEGER)")
    for number in range(40):
        key = number if declared == "INTEGER" else str(number)
        for table in "mo":
            database.rows(f"INSERT INTO {table}(key, n) VALUES (?, ?)", (key, number))
    for _ in range(60):
        value = spelling(source)
        database.rows("INSERT INTO u VALUES (?1, ?1, ?1)", (value,))
    # Text in a column of numbers makes SQLite compare the keys as numbers: see below.
    database.rows("UPDATE u SET i = NULL WHERE typeof(i) NOT IN ('integer', 'real')")
    operators = ["=", "IS", "<", "<=", ">", ">="]
    for operator in operators:
        for column in ("a", "t", "i", "+a", "CAST(a AS TEXT)", "7", "'7'", "7.5"):
            if declared == "BLOB" and column in ("t", "i", "CAST(a AS TEXT)"):
                continue  # SQLite converts the keys then, and no virtual table hears of it
            if declared == "TEXT" and column == "i" and operator in ("=", "IS"):
                continue  # likewise
            for tables in ("u CROSS JOIN @", "@ CROSS JOIN u"):
                for rest in ("", " LIMIT 3 OFFSET 2"):
                    sql = f"SELECT key, quote(a) FROM {tables} WHERE key {operator} {column}"
                    if rest:
                        sql += " ORDER BY key, quote(a)" + rest
                    mine = database.rows(sql.replace("@", "m"))
                    assert sorted(mine) == sorted(database.rows(sql.replace("@", "o"))), sql
    for column in ("a", "t", "i"):
        sql = f"SELECT key FROM @ WHERE key IN (SELECT {column} FROM u)"
        found = sorted(database.rows(sql.replace("@", "m")))
        if (declared, column) in (("TEXT", "i"), ("BLOB", "i"), ("BLOB", "t")):
            continue  # likewise
        assert found == sorted(database.rows(sql.replace("@", "o"))), sql
