"""OOCMap.vacuum(full=True): the file made small."""

import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from typing import Any

import oocmap
import pytest

Map = oocmap.OOCMap[Any, Any]

HOLD = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], durability="off") as m:
    print(flush=True)
    sys.stdin.readline()
    m["theirs"] = "kept"
"""


def fill_and_empty(m: Map) -> None:
    with m.transaction():
        for i in range(1000):
            m[i] = str(i) * 500
    with m.transaction():
        for i in range(1000):
            del m[i]


def test_full_vacuum_makes_the_file_small(m: Map, path: pathlib.Path) -> None:
    m["kept"] = {"a": [1, "x" * 3000]}
    fill_and_empty(m)
    before = path.stat()
    report = m.vacuum(full=True)
    after = path.stat()
    assert after.st_size < 150_000 < before.st_size
    assert after.st_ino != before.st_ino
    assert report.finished
    assert report.allocated_before == before.st_blocks * 512
    assert report.allocated_after == after.st_blocks * 512
    assert m.eager() == {"kept": {"a": [1, "x" * 3000]}}
    assert sorted(os.listdir(path.parent)) == ["map.ooc", "map.ooc-lock"]


def test_full_vacuum_keeps_what_points_into_the_map(m: Map) -> None:
    m["list"] = [1, {"deep": "x" * 5000}]
    m["other"] = {3}
    lazy, deep, iterator = m["list"], m["list"][1], iter(m.items())
    assert next(iterator)[0] == "list"
    fill_and_empty(m)
    m.vacuum(full=True)
    assert lazy == [1, {"deep": "x" * 5000}]
    lazy.append(2)
    deep["more"] = 1
    assert m["list"] == [1, {"deep": "x" * 5000, "more": 1}, 2]
    assert list(iterator) == [("other", {3})]
    assert list(m.sql("SELECT key FROM map")) == [("list",), ("other",)]
    with m.transaction():
        m["n"] = 1
    with oocmap.OOCMap(m.path, durability="off") as again:
        assert again == m


def test_full_vacuum_names_who_has_the_map_open(m: Map) -> None:
    fill_and_empty(m)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, m.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(
        oocmap.BusyError,
        match=rf"cannot compact '{re.escape(m.path)}': it is open in process {holder.pid} \(python",
    ):
        m.vacuum(full=True, timeout=0.05)
    m["mine"] = "kept"
    timer = threading.Timer(0.2, lambda: holder.communicate(b"\n"))
    timer.start()
    m.vacuum(full=True, timeout=30)
    timer.join()
    assert holder.wait() == 0
    assert m.eager() == {"mine": "kept", "theirs": "kept"}


def test_full_vacuum_is_refused_inside_a_transaction(m: Map) -> None:
    m["a"] = 1
    with m.transaction():
        with pytest.raises(oocmap.ArgumentError, match="inside a transaction"):
            m.vacuum(full=True)
        m["a"] = 2
    other = oocmap.OOCMap[str, int](m.path, durability="off")
    with other.transaction(), pytest.raises(oocmap.BusyError, match="transaction open on it"):
        m.vacuum(full=True, timeout=0.05)
    other.close()
    m.vacuum(full=True)
    assert m["a"] == 2


def test_full_vacuum_is_refused_while_a_snapshot_is_open(m: Map) -> None:
    m["a"] = 1
    with m.snapshot() as s:
        with pytest.raises(oocmap.BusyError, match="close its snapshots"):
            m.vacuum(full=True, timeout=0.05)
        assert s["a"] == 1
    m["b"] = 1
    m["c"] = 1
    query = m.sql("SELECT key FROM map")
    assert next(query) == ("a",)
    with pytest.raises(oocmap.BusyError, match="end its queries"):
        m.vacuum(full=True, timeout=0.05)
    assert list(query) == [("b",), ("c",)]
    m.vacuum(full=True)
    assert m.eager() == {"a": 1, "b": 1, "c": 1}


def test_full_vacuum_works_on_all_maps_of_the_process_that_have_the_file(m: Map) -> None:
    with oocmap.OOCMap(m.path, durability="off") as other:
        other["a"] = [1]
        lazy = other["a"]
        m.vacuum(full=True)
        lazy.append(2)
        other["b"] = 2
        assert m.eager() == {"a": [1, 2], "b": 2}


def test_full_vacuum_follows_a_symbolic_link(tmp_path: pathlib.Path) -> None:
    real, link = tmp_path / "real.ooc", tmp_path / "link.ooc"
    with oocmap.OOCMap(real) as m:
        m["a"] = 1
    link.symlink_to(real)
    with oocmap.OOCMap(link) as m:
        fill_and_empty(m)
        m.vacuum(full=True)
        m["b"] = 2
    assert link.is_symlink()
    assert real.stat().st_size < 150_000
    with oocmap.OOCMap(real) as m:
        assert m.eager() == {"a": 1, "b": 2}


def test_full_vacuum_keeps_permissions(m: Map, path: pathlib.Path) -> None:
    path.chmod(0o660)
    m.vacuum(full=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_full_vacuum_reports_its_steps_and_may_be_ended(m: Map, path: pathlib.Path) -> None:
    m["a"] = os.urandom(2_000_000)
    fill_and_empty(m)
    steps: list[str] = []

    def progress(step: str, done: int, total: int) -> None:
        steps.append(step)
        assert step != "copy" or 0 < done <= total
        assert len(m) == 1  # the map may be read

    m.vacuum(full=True, progress=progress)
    assert steps[-1] == "copy"
    assert "punch" not in steps

    def stop(step: str, _: int, __: int) -> None:
        if step == "copy":
            raise ZeroDivisionError

    inode = path.stat().st_ino
    with pytest.raises(ZeroDivisionError):
        m.vacuum(full=True, progress=stop)
    assert path.stat().st_ino == inode
    assert sorted(os.listdir(path.parent)) == ["map.ooc", "map.ooc-lock"]
    m["b"] = 1
    m.vacuum(full=True)
    assert len(m) == 2


def test_full_vacuum_refuses_wrong_arguments(m: Map, path: pathlib.Path) -> None:
    m["a"] = 1
    with pytest.raises(TypeError, match="progress must be callable or None, not 'int'"):
        m.vacuum(full=True, progress=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="timeout must be a number of seconds or None, not str"):
        m.vacuum(full=True, timeout="1")  # type: ignore[arg-type]
    with pytest.raises(oocmap.ArgumentError):
        m.vacuum(full=True, timeout=-1)
    m.close()
    with pytest.raises(oocmap.ClosedError):
        m.vacuum(full=True)
    with oocmap.OOCMap(path, mode="r") as reader, pytest.raises(oocmap.ReadOnlyError):
        reader.vacuum(full=True)


def test_full_vacuum_beside_threads_that_read_and_write(m: Map) -> None:
    m["n"] = 0
    m["fixed"] = [1, {"a": "x" * 100}]
    stop = threading.Event()
    written = [0]
    errors: list[BaseException] = []

    def guarded(body: Any) -> None:
        try:
            while not stop.is_set():
                body()
        except BaseException as error:
            errors.append(error)

    def read() -> None:
        assert m["fixed"].eager() == [1, {"a": "x" * 100}]
        assert m["n"] >= 0

    def write() -> None:
        m["n"] = written[0] + 1
        written[0] += 1

    threads = [threading.Thread(target=guarded, args=(body,)) for body in (read, read, write)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            m.vacuum(full=True, timeout=60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert m["n"] == written[0] > 0


def test_an_interrupt_ends_the_wait_for_others(m: Map) -> None:
    m["a"] = 1
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, m.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        m.vacuum(full=True, timeout=60)
    assert time.monotonic() - start < 30
    timer.join()
    m["b"] = 1
    holder.communicate(b"\n")
    m.vacuum(full=True)
    assert m.eager() == {"a": 1, "b": 1, "theirs": "kept"}
