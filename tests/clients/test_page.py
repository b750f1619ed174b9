"""Runs the lines of docs/clients.md, each section on fresh data."""

import pathlib

import client_tools
import page
import pytest

# Which client a section is about; Datasette's server and pages have tests of their own.
SECTIONS = {
    "sqlite3 shell": ["sqlite3 shell"],
    "Python's sqlite3": ["Python sqlite3"],
    "apsw": ["apsw"],
    "sqlite-utils": ["sqlite-utils"],
    "SQLAlchemy and pandas": ["SQLAlchemy and pandas"],
    "Datasette": ["Datasette"],
    "JDBC": ["JDBC"],
    "ODBC": ["ODBC", "pyodbc"],
}


@pytest.mark.parametrize("section", SECTIONS)
def test_section_prints_what_it_says(section: str, folder: pathlib.Path) -> None:
    for client in SECTIONS[section]:
        client_tools.need(client)
    assert page.run_section(section, folder) > 0


def test_no_section_is_left_out() -> None:
    assert set(page.sections()) - {page.DATA, "What helps all of them"} == set(SECTIONS)
    assert all(page.blocks(section) for section in SECTIONS)
