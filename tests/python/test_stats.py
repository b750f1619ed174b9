"""m.stats(): the file's figures, and who reads it."""

import os
import pathlib
import time
from typing import Any

import oocmap
import pytest


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "m.ooc"


def test_figures_of_the_file(path: pathlib.Path) -> None:
    with oocmap.OOCMap[str, Any](path, durability="off", max_size=1 << 24) as m:
        m["a"] = [1, 2]
        now = m.stats()
        m["b"] = "x" * 100_000
        later = m.stats()
        status = path.stat()
        assert (now.entries, later.entries) == (1, 2)
        assert later.file_bytes == status.st_size
        assert later.allocated_bytes == status.st_blocks * 512
        assert later.max_bytes == 1 << 24
        assert later.transaction == now.transaction + 1
        assert later.pages * later.page_bytes <= later.file_bytes
        assert later.free_pages < later.pages
        with m.transaction():
            m["c"] = 1
            assert m.stats() == later, "those of the last commit"


def test_the_oldest_reader(path: pathlib.Path) -> None:
    with oocmap.OOCMap[str, Any](path, durability="off") as m:
        m["a"] = 1
        quiet = m.stats()
        assert quiet[-4:] == (0, 0, 0, 0.0)
        with m.snapshot():
            m["a"] = 2
            m["a"] = 3
            time.sleep(0.02)
            now = m.stats()
            assert (now.readers, now.oldest_reader_commits) == (1, 2)
            assert now.oldest_reader_process == os.getpid()
            time.sleep(0.02)
            assert m.stats().oldest_reader_seconds >= 0.02
        assert m.stats().oldest_reader_process == 0


def test_a_closed_map_has_none(path: pathlib.Path) -> None:
    m = oocmap.OOCMap[str, Any](path, durability="off")
    m.close()
    with pytest.raises(oocmap.ClosedError):
        m.stats()
