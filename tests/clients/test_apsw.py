"""apsw, from Python and in its shell (`python -m apsw`): the newest SQLite, STRICT_SUBTYPE on."""

from __future__ import annotations

import pathlib

import client_tools


def in_apsw_shell(folder: pathlib.Path, lines: str) -> str:
    client_tools.need("apsw")
    python = client_tools.VENV / "bin" / "python"
    return client_tools.run([python, "-m", "apsw", "shop.db"], folder, lines)


def test_its_shell(folder: pathlib.Path) -> None:
    lines = (
        ".load ./lib/oocmap\n"
        "SELECT key, people ->> '$.name', people -> '$.tags' FROM people WHERE key < 'c';\n"
        "UPDATE people SET age = age + 1;\n"
        "SELECT sum(age) FROM people;\n"
    )
    assert in_apsw_shell(folder, lines) == 'ann|Ann|["x","y"]\nbob|Bob|[]\n78\n'


def test_the_arrow_that_gives_text_on_a_container(folder: pathlib.Path) -> None:
    lines = ".load ./lib/oocmap\nSELECT people ->> '$.tags' FROM people WHERE key = 'ann';\n"
    assert in_apsw_shell(folder, lines) == '["x","y"]\n'
