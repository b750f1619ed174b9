"""OOCMap.backup(): a copy of a map in use."""

import os
import pathlib
import pickle
import stat
import subprocess
import sys
import threading
from typing import Any

import oocmap
import pytest

Map = oocmap.OOCMap[Any, Any]


@pytest.fixture
def target(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "copy.ooc"


def test_backup_is_a_map_of_its_own(m: Map, target: pathlib.Path) -> None:
    m["a"] = {"b": [1, "x" * 5000, (2.5, None)]}
    m[2] = {3, 4}
    m[1.5] = frozenset("uv")
    size = m.backup(target)
    status = target.stat()
    assert size == status.st_blocks * 512
    assert stat.S_IMODE(status.st_mode) == 0o600
    with oocmap.OOCMap(target) as copy:
        assert copy.eager() == m.eager()
        assert list(copy) == list(m)
        copy["new"] = 1
        assert "new" not in m
        m["a"]["b"].append(7)
        assert len(copy["a"]["b"]) == 3


def test_backup_leaves_nothing_else_in_the_folder(m: Map, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    m["a"] = 1
    m.backup(folder / "copy")
    assert os.listdir(folder) == ["copy"]


def test_backup_has_no_free_pages(m: Map, target: pathlib.Path) -> None:
    with m.transaction():
        for i in range(2000):
            m[i] = str(i) * 500
    full = os.stat(m.path).st_size
    with m.transaction():
        for i in range(1999):
            del m[i]
    size = m.backup(target)
    assert size < full / 20
    with oocmap.OOCMap(target) as copy:
        assert copy.eager() == {1999: "1999" * 500}


def test_backup_of_an_open_transaction_is_the_commit_before(m: Map, target: pathlib.Path) -> None:
    m["a"] = 1
    with m.transaction():
        m["a"] = 2
        m.backup(target)
        assert m["a"] == 2
    with oocmap.OOCMap(target) as copy:
        assert copy["a"] == 1


def test_backup_of_a_map_opened_for_reading(m: Map, target: pathlib.Path) -> None:
    m["a"] = 1
    path = m.path
    m.close()
    with oocmap.OOCMap(path, mode="r") as reader:
        reader.backup(target)
    with oocmap.OOCMap(target) as copy:
        assert copy["a"] == 1


def test_backup_does_not_overwrite_unless_told(m: Map, target: pathlib.Path) -> None:
    target.write_text("mine")
    with pytest.raises(FileExistsError) as caught:
        m.backup(target)
    assert caught.value.filename == str(target)
    assert target.read_text() == "mine"
    target.chmod(0o640)
    m["a"] = 1
    m.backup(target, overwrite=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    with oocmap.OOCMap(target) as copy:
        assert copy["a"] == 1


def test_backup_replaces_a_backup_again_and_again(m: Map, target: pathlib.Path) -> None:
    for i in range(5):
        m["i"] = i
        m.backup(target, overwrite=True)
        with oocmap.OOCMap(target) as copy:
            assert copy["i"] == i
            copy["j"] = i  # an odd and an even number of commits


def test_backup_refuses_a_map_in_use(m: Map, target: pathlib.Path) -> None:
    m.backup(target)
    with oocmap.OOCMap(target) as copy:
        with pytest.raises(oocmap.BusyError, match=rf"open in process {os.getpid()} \("):
            m.backup(target, overwrite=True)
        copy["still"] = "writable"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, oocmap\nm = oocmap.OOCMap(sys.argv[1], mode='r')\n"
            "print(flush=True)\nsys.stdin.read()",
            str(target),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with pytest.raises(oocmap.BusyError, match=f"open in process {holder.pid} "):
            m.backup(target, overwrite=True)
    finally:
        holder.communicate()
    with oocmap.OOCMap(target) as copy:
        assert copy["still"] == "writable"


@pytest.mark.parametrize("overwrite", [False, True])
def test_backup_refuses_the_map_itself(m: Map, tmp_path: pathlib.Path, overwrite: bool) -> None:
    m["a"] = 1
    link = tmp_path / "link"
    link.symlink_to(m.path)
    for path in (m.path, link):
        with pytest.raises(oocmap.ArgumentError, match="that is the map itself"):
            m.backup(path, overwrite=overwrite)
    with pytest.raises(oocmap.ArgumentError, match="lock file"):
        m.backup(m.path + "-lock", overwrite=overwrite)
    assert m["a"] == 1


def test_backup_names_what_is_wrong_with_a_path(m: Map, tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        m.backup(tmp_path / "missing" / "copy")
    with pytest.raises(IsADirectoryError):
        m.backup(tmp_path, overwrite=True)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(oocmap.ArgumentError, match="not a regular file"):
        m.backup(tmp_path / "fifo", overwrite=True)
    with pytest.raises(TypeError):
        m.backup(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="progress must be callable or None, not 'int'"):
        m.backup(tmp_path / "copy", progress=5)  # type: ignore[arg-type]
    m.close()
    with pytest.raises(oocmap.ClosedError):
        m.backup(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_backup_reports_progress_and_may_be_ended(
    m: Map, target: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    m["a"] = os.urandom(3_000_000)
    seen: list[tuple[int, int]] = []
    m.backup(target, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) >= 3
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert all(done <= total for done, total in seen)
    assert seen[-1][0] == seen[-1][1] > 3_000_000

    def stop(done: int, total: int) -> None:
        m["b"] = done  # the map may be used
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        m.backup(tmp_path / "other", progress=stop)
    assert [name for name in os.listdir(tmp_path) if name.startswith("other")] == []
    assert m["b"] > 0


def test_backup_removes_what_a_killed_one_left(
    m: Map, target: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, signal, sys, oocmap\n"
            "with oocmap.OOCMap(sys.argv[1], mode='r') as m:\n"
            "    m.backup(sys.argv[2], progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))",
            m.path,
            str(target),
        ]
    )
    assert child.returncode == -9
    left = [name for name in os.listdir(tmp_path) if ".oocmap-backup-" in name]
    assert len(left) == 1
    m.backup(target)
    assert [name for name in os.listdir(tmp_path) if ".oocmap-backup-" in name] == []


def test_backup_has_handles_of_its_own(m: Map, target: pathlib.Path) -> None:
    m["a"] = [1]
    m.backup(target)
    handle = next(iter(m.sql("SELECT map FROM map")))[0]
    assert handle == [1]
    with oocmap.OOCMap(target) as copy:
        blob = pickle.dumps(m["a"])
        assert pickle.loads(blob) == [1]
        copy["a"].append(2)
        assert pickle.loads(pickle.dumps(copy["a"])) == [1, 2]
        assert pickle.loads(blob) == [1]
        raw = copy.connection.execute("SELECT hex(map) FROM map WHERE key = 'a'").fetchall()
        assert raw != m.connection.execute("SELECT hex(map) FROM map WHERE key = 'a'").fetchall()


def test_backup_beside_a_writer_is_of_one_moment(m: Map, target: pathlib.Path) -> None:
    m["pair"] = [0, 0]
    m["ballast"] = os.urandom(2_000_000)
    stop, started = threading.Event(), threading.Event()

    def write() -> None:
        with oocmap.OOCMap(m.path, durability="off") as own:
            i = 0
            while not stop.is_set():
                i += 1
                with own.transaction():
                    own["pair"][0] = i
                    own["pair"][1] = i
                    own[f"more{i % 50}"] = "x" * (i % 9000)
                started.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        last = 0
        assert started.wait(60)
        for _ in range(10):
            m.backup(target, overwrite=True)
            with oocmap.OOCMap(target) as copy:
                first, second = copy["pair"]
                assert first == second >= last
                last = first
    finally:
        stop.set()
        writer.join()
    assert last > 0
