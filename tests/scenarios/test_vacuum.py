"""The vacuum of OOCMap's first life: what was deleted does not stay on the disk."""

import os
import subprocess
import sys
from pathlib import Path

import oocmap

WORK = """
import sys, oocmap
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with oocmap.OOCMap(path, timeout=60) as m:
    m.configure_auto_vacuum(8)
    for i in range(count):
        m[name, i] = name * 1000
    for i in range(count):
        del m[name, i]
"""


def allocated(path: Path) -> int:
    return os.stat(path).st_blocks * 512


def test_a_vacuum_gives_back_what_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "map.ooc"
    with oocmap.OOCMap(path) as m:
        for i in range(32):
            m[i] = chr(ord("A") + i) * 4096
        full, length = allocated(path), os.stat(path).st_size
        assert full > 32 * 4096
        for i in range(32):
            del m[i]
        m.vacuum()
        assert allocated(path) < full / 2
        m.vacuum(full=True)
        assert os.stat(path).st_size < length / 2
        assert allocated(path) < full / 2
        assert m.eager() == {}
        m["again"] = "x" * 4096
    with oocmap.OOCMap(path) as m:
        assert m.eager() == {"again": "x" * 4096}


def test_many_processes_vacuum_by_themselves(tmp_path: Path) -> None:
    path = tmp_path / "map.ooc"
    workers = [
        subprocess.Popen([sys.executable, "-c", WORK, str(path), f"worker{i}", "20"])
        for i in range(8)
    ]
    assert [worker.wait() for worker in workers] == [0] * 8
    with oocmap.OOCMap(path) as m:
        assert m.eager() == {}
    assert allocated(path) <= 1 << 20
