"""The data that the SQL clients are shown, and a loud word about each that was not tested."""

from __future__ import annotations

import pathlib
import shutil
import sqlite3
from collections.abc import Iterator

import client_tools
import page
import pytest


@pytest.fixture(scope="session")
def made_data(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return a folder in which the blocks of `The data` in docs/clients.md were run."""
    client_tools.need("every client")
    folder = tmp_path_factory.mktemp("clients")
    page.run_section(page.DATA, folder)
    return folder


@pytest.fixture
def folder(made_data: pathlib.Path, tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Return a copy of it for one test."""
    copy = tmp_path / "data"
    shutil.copytree(made_data, copy, symlinks=True)
    yield copy
    shutil.rmtree(copy)


@pytest.fixture
def twins(folder: pathlib.Path) -> pathlib.Path:
    """Return `folder` with twin.db beside shop.db: the same rows in ordinary tables.

    A client must not be able to tell the two apart but where a test says so.
    """
    connection = sqlite3.connect(folder / "twin.db")
    connection.executescript(
        """
        CREATE TABLE people(key NOT NULL PRIMARY KEY, name TEXT, age INTEGER, city TEXT)
          WITHOUT ROWID;
        INSERT INTO people VALUES ('ann', 'Ann', 31, 'Rome'), ('bob', 'Bob', 45, 'Oslo'),
          ('cy', 'Cy', NULL, 'Rome');
        CREATE TABLE orders(key INTEGER NOT NULL PRIMARY KEY, who TEXT, total REAL) WITHOUT ROWID;
        INSERT INTO orders VALUES (1, 'ann', 9.5), (2, 'bob', 20.0), (3, 'ann', 4.25);
        CREATE VIEW romans AS SELECT key, name FROM people WHERE city = 'Rome';
        """
    )
    connection.close()
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the clients that were not tested: in red here, and in a file for ./run's own summary."""
    lines = [f"{line}\n" for line in client_tools.not_tested.values()]
    (client_tools.ROOT / "build" / "clients-not-tested.txt").write_text("".join(lines), "utf-8")
    if lines:
        terminalreporter.section("SQL CLIENTS NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.write("".join(lines), red=True)
