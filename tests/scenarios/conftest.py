"""Fixtures of the SQL scenarios: a connection of each SQLite library, and seeds.

Random tests draw the same in every run; OOCMAP_RANDOM=1 draws anew, OOCMAP_SQL_SEED=n repeats.
"""

import contextlib
import os
import pathlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

Row = tuple[Any, ...]


class Database:
    """A connection in memory of one SQLite library, with the extension loaded."""

    def __init__(self, library: str) -> None:
        extension = os.environ.get("OOCMAP_SO", str(ROOT / "build" / "oocmap.so"))
        self.connection: Any
        if library == "apsw":
            apsw = pytest.importorskip("apsw")
            self.connection = apsw.Connection(":memory:")
            version = apsw.sqlite_lib_version()
        else:
            self.connection = sqlite3.connect(":memory:", isolation_level=None)
            if not hasattr(self.connection, "enable_load_extension"):
                pytest.skip("this Python's sqlite3 cannot load extensions")
            # Keys may have lone surrogates: text that is not UTF-8.
            self.connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
            version = sqlite3.sqlite_version
        self.version = tuple(int(part) for part in version.split("."))
        self.connection.enable_load_extension(True)
        self.connection.load_extension(extension)

    def rows(self, sql: str, parameters: Row = ()) -> list[Row]:
        return list(self.connection.execute(sql, parameters))

    def answer(self, sql: str, parameters: Row = ()) -> list[Row] | str:
        """Return the rows, or the error's message."""
        try:
            return self.rows(sql, parameters)
        except Exception as error:
            return str(error)

    @property
    def in_transaction(self) -> bool:
        return bool(self.connection.in_transaction)

    def table(self, name: str, file: pathlib.Path, arguments: str = "") -> None:
        """Make the virtual table temp.`name` on `file`."""
        quoted = str(file).replace("'", "''")
        more = ", " + arguments if arguments else ""
        self.rows(f"CREATE VIRTUAL TABLE temp.{name} USING oocmap('{quoted}', create=1{more})")


@pytest.fixture(params=["sqlite3", "apsw"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Python's own SQLite (3.40 on Debian 12) and the newest, in apsw."""
    opened = Database(request.param)
    with contextlib.closing(opened.connection):
        yield opened


@pytest.fixture
def draw() -> Callable[[int], random.Random]:
    """draw(seed): a source of random numbers. Prints what repeats it."""

    def source(seed: int) -> random.Random:
        if "OOCMAP_RANDOM" in os.environ:
            seed = random.SystemRandom().randrange(2**32)
        seed = int(os.environ.get("OOCMAP_SQL_SEED", seed))
        print(f"OOCMAP_SQL_SEED={seed}")
        return random.Random(seed)

    return source
