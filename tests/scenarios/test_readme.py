"""Runs the README's first screen: its Python block, then its SQL block on the file that made."""

import doctest
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "README.md"


def block(language: str) -> str:
    found = re.search(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[1]


def test_the_first_screen_gives_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").symlink_to(ROOT / "build")
    first = tmp_path / "first.md"
    first.write_text(block("python"), "utf-8")
    failed, tried = doctest.testfile(str(first), module_relative=False, encoding="utf-8")
    assert (failed, tried > 5) == (0, True)
    shell = subprocess.run(
        ["/usr/bin/sqlite3", "-batch", ":memory:"],
        input=block("sql"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shell.stderr == ""
    assert shell.stdout == block("text")


def test_nothing_is_left_to_fill_in() -> None:
    for page in [PAGE, *(ROOT / "docs").glob("*.md")]:
        assert re.findall(r"@[A-Z]+@", page.read_text("utf-8")) == []


def test_every_linked_page_is_there() -> None:
    for page in [PAGE, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
