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
