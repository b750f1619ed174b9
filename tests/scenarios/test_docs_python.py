"""Runs docs/python.md: every console block, in order, in one empty folder."""

import doctest
from pathlib import Path

import oocmap
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


def test_every_block_gives_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(
        str(PAGE),
        module_relative=False,
        encoding="utf-8",
        # The details after a class are matched where a block shows them.
        optionflags=doctest.ELLIPSIS,
    )
    assert tried > 30
    assert failed == 0


def test_every_public_name_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [name for name in oocmap.__all__ if name not in page and name != "__version__"]
    assert missing == []
