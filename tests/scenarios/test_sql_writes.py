"""Random writes: a map's table takes each statement as an ordinary WITHOUT ROWID table does.

Each statement runs on the virtual table and on its ordinary twin: the same rows in the same order
after it, the same error, the same end of the transaction.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STEPS = 800  # a seed and library

# @ is the table: its key, and n, a projected column there, a plain one here.
STATEMENTS = """
INSERT INTO @(key, n) VALUES (1, 1), (2, 2), (3, 3)
INSERT INTO @(key, n) VALUES (4, 4), (2, 9), (5, 5)
INSERT OR IGNORE INTO @(key, n) VALUES (4, 4), (2, 9), (5, 5)
INSERT OR FAIL INTO @(key, n) VALUES (6, 6), (2, 9), (7, 7)
INSERT OR ABORT INTO @(key, n) VALUES (8, 6), (2, 9), (7, 7)
INSERT OR REPLACE INTO @(key, n) VALUES (8, 6), (2, 9), (7, 7)
REPLACE INTO @(key, n) VALUES (2, 10)
BEGIN
INSERT INTO @(key, n) VALUES (20, 1)
INSERT OR ROLLBACK INTO @(key, n) VALUES (21, 6), (2, 9)
INSERT OR IGNORE INTO @(key, n) VALUES (NULL, 1), (22, 2)
INSERT OR FAIL INTO @(key, n) VALUES (23, 2), (NULL, 1), (24, 2)
INSERT OR REPLACE INTO @(key, n) VALUES (25, 2), (NULL, 1)
INSERT INTO @(key, n) VALUES (NULL, 1)
UPDATE @ SET key = key + 1
UPDATE @ SET key = -key
UPDATE @ SET key = 2 WHERE key = -3
UPDATE OR IGNORE @ SET key = -5 WHERE key IN (-3, -4)
UPDATE OR REPLACE @ SET key = -5 WHERE key IN (-3, -4)
UPDATE OR FAIL @ SET key = -6 WHERE key < 0
UPDATE OR ROLLBACK @ SET key = -7 WHERE key < 0
UPDATE OR ABORT @ SET key = -7 WHERE key < 0
UPDATE @ SET key = NULL WHERE key = -9
UPDATE OR IGNORE @ SET key = NULL WHERE key = -9
UPDATE OR REPLACE @ SET key = NULL WHERE key = -9
DELETE FROM @ WHERE n > 5
DELETE FROM @
INSERT INTO @(key, n) SELECT value, value FROM json_each('[1, 2, 3]') WHERE true
INSERT INTO @(key, n) SELECT key + 10, n FROM @
INSERT INTO @(key, n) SELECT key + 1, n FROM @
INSERT OR IGNORE INTO @(key, n) SELECT key + 1, n FROM @
INSERT OR REPLACE INTO @(key, n) SELECT key, n * 2 FROM @ ORDER BY key DESC
UPDATE @ SET n = n + 1 WHERE n IN (SELECT n FROM @)
UPDATE @ SET n = (SELECT max(n) FROM @)
DELETE FROM @ WHERE key IN (SELECT key + 1 FROM @)
UPDATE @ SET n = t.v FROM (SELECT 1 k, 77 v UNION ALL SELECT 3, 78) t WHERE key = t.k
INSERT INTO @(key, n) VALUES (50, 1) RETURNING key, n
WITH x AS (SELECT 60 k) INSERT INTO @(key, n) SELECT k, k FROM x
INSERT INTO @(n) VALUES (1)
UPDATE @ SET nokey = 1
INSERT INTO @(key, n) VALUES (70, 1)
DELETE FROM @ WHERE key = (SELECT min(key) FROM @)
""".strip().splitlines()


def on(table: str, statement: str) -> str:
    return statement.replace("@", table)


def same_error(ours: Any, twins: Any, table: str, twin: str) -> bool:
    if isinstance(ours, str) and isinstance(twins, str):
        return ours.replace(f"{table}.", f"{twin}.") == twins
    return bool(ours == twins)


def test_every_form_of_a_write(database: Any, tmp_path: Path) -> None:
    database.table("m", tmp_path / "map.ooc", "n PATH '$.n'")
    database.rows("CREATE TABLE o(key PRIMARY KEY NOT NULL, n) WITHOUT ROWID")
    for statement in STATEMENTS:
        if statement == "BEGIN":
            database.rows(statement)
            continue
        # A statement that ends the transaction ends it for both: what was open is begun again.
        was_open = database.in_transaction
        ours = database.answer(on("m", statement))
        is_open = database.in_transaction
        if was_open and not is_open:
            database.rows("BEGIN")
            database.rows("INSERT INTO o(key, n) VALUES (20, 1)")
        twins = database.answer(on("o", statement))
        assert database.in_transaction == is_open, statement
        assert same_error(ours, twins, "m", "o"), f"{statement}\n{ours}\n{twins}"
        rows = "SELECT key, n FROM @ ORDER BY key"
        assert database.rows(on("m", rows)) == database.rows(on("o", rows)), statement


class Trees:
    """The maps a and b, their twins a_ and b_, and a2, another table on a."""

    OR = ("", " OR REPLACE", " OR IGNORE", " OR FAIL", " OR ABORT", " OR ROLLBACK")

    def __init__(self, database: Any, folder: Path, source: random.Random) -> None:
        self.database = database
        self.source = source
        for name in "ab":
            database.table(name, folder / f"{name}.ooc")
            columns = "(key PRIMARY KEY NOT NULL, value)"
            database.rows(f"CREATE TABLE {name}_{columns} WITHOUT ROWID")
        database.table("a2", folder / "a.ooc")
        self.refused = 0
        self.ended = 0

    def boundary(self) -> str:
        name = f"s{self.source.randint(0, 3)}"
        return str(
            self.source.choice(
                [
                    *([f"SAVEPOINT {name}"] * 4),
                    *([f"RELEASE {name}"] * 2),
                    *([f"ROLLBACK TO {name}"] * 3),
                    *("BEGIN", "COMMIT", "ROLLBACK"),
                ]
            )
        )

    def write(self, value: int) -> str:
        clause = self.source.choice(self.OR)
        one, two, three = (self.source.randint(1, 12) for _ in range(3))
        moved = two if two > 6 else -1
        forms = [
            f"INSERT{clause} INTO @(key, value) VALUES ({one}, {value}), ({two}, {value}), "
            f"({three}, {value})",
            f"INSERT{clause} INTO @(key, value) VALUES ({one}, {value}), (NULL, 1)",
            f"INSERT{clause} INTO @(key, value) SELECT key + {one}, {value} FROM @ "
            f"WHERE key < {two}",
            f"UPDATE{clause} @ SET key = key + {moved} WHERE key >= {one}",
            f"UPDATE @ SET value = {value} WHERE key > {one}",
            f"DELETE FROM @ WHERE key = {one} OR key > {two}",
        ]
        return str(self.source.choice(forms))

    def step(self, number: int) -> str:
        if self.source.random() < 0.4:
            boundary = self.boundary()
            self.database.answer(boundary)  # an error where there is none of that name: of all
            return boundary
        table = self.source.choice(["a", "b", "a2"])
        statement = self.write(number)
        was_open = self.database.in_transaction
        ours = self.database.answer(on(table, statement))
        if was_open and not self.database.in_transaction:
            self.ended += 1  # OR ROLLBACK, or what SQLite makes of it, ends it for the twin as well
            return statement
        twin = table[0] + "_"
        twins = self.database.answer(on(twin, statement))
        assert same_error(ours, twins, table, twin), f"{statement}\n{ours}\n{twins}"
        self.refused += isinstance(ours, str)
        return statement

    def check(self, done: list[str]) -> None:
        for name in ("a", "b", "a2"):
            ours = self.database.rows(f"SELECT key, value FROM {name} ORDER BY key")
            twins = self.database.rows(f"SELECT key, value FROM {name[0]}_ ORDER BY key")
            assert ours == twins, "\n".join([name, *done[-20:]])


@pytest.mark.parametrize("seed", [11, 12])
def test_savepoints_across_maps_and_tables(
    database: Any, tmp_path: Path, draw: Callable[[int], random.Random], seed: int
) -> None:
    trees = Trees(database, tmp_path, draw(seed))
    done = []
    for number in range(STEPS):
        done.append(trees.step(number))
        trees.check(done)
    assert trees.refused > STEPS / 40
    assert trees.ended > 0
