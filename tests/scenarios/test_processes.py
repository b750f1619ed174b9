"""Several processes on one file."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import oocmap
import pytest

COUNT = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], durability=sys.argv[2], timeout=60) as m:
    for _ in range(int(sys.argv[3])):
        with m.transaction():
            m["n"] = m["n"] + 1
"""

WRITE_ONE = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], timeout=float(sys.argv[3])) as m:
    m[sys.argv[2]] = "written"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "map.ooc"


def start(code: str, *arguments: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)])


def write_elsewhere(path: Path, key: str, timeout: float = 20) -> None:
    """Another process stores an entry; fails where the lock was not to be had."""
    assert start(WRITE_ONE, path, key, timeout).wait(60) == 0


@pytest.mark.parametrize(("durability", "times"), [("normal", 10_000), ("full", 10_000)])
def test_two_processes_that_count_lose_nothing(path: Path, durability: Any, times: int) -> None:
    with oocmap.OOCMap(path, durability=durability) as m:
        m["n"] = 0
    counters = [start(COUNT, path, durability, times) for _ in range(2)]
    assert [counter.wait(300) for counter in counters] == [0, 0]
    with oocmap.OOCMap(path, durability=durability) as m:
        assert m["n"] == 2 * times


def test_reader_sees_whole_transactions_of_a_writer(path: Path) -> None:
    writer = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], durability="off") as m:
    for i in range(1, 400):
        with m.transaction():
            m["a"]["n"] = i
            m["b"] = [i] * (i % 50)
            m["c"] = {"n": i, "text": str(i) * 100}
"""
    with oocmap.OOCMap(path, durability="off") as m:
        m.update({"a": {"n": 0}, "b": [], "c": {"n": 0, "text": ""}})
        kept = m["a"]
        process = start(writer, path)
        seen = set()
        while process.poll() is None:
            whole = m.eager()
            n = whole["a"]["n"]
            assert whole["b"] == [n] * (n % 50)
            assert whole["c"] == {"n": n, "text": str(n) * 100 if n else ""}
            assert kept["n"] >= n
            seen.add(n)
        assert process.returncode == 0
        assert kept["n"] == 399
        assert len(seen) > 1


def test_iterators_go_on_while_another_process_writes(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        m["dict"] = {f"k{i}": i for i in range(20)}
        m["large"] = {i: i for i in range(1000)}
        iterators = [iter(m["dict"]), iter(m["large"].items()), iter(m)]
        heads = [next(iterator) for iterator in iterators]
        code = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], durability="off") as m:
    del m["dict"]["k0"], m["dict"]["k5"]
    m["dict"]["new"] = 1
    m["large"].update({i: i for i in range(1000, 1010)})
    del m["large"][0], m["large"][1]
    m["another"] = 1
"""
        assert start(code, path).wait(60) == 0
        assert heads == ["k0", (0, 0), "dict"]
        assert list(iterators[0]) == [f"k{i}" for i in range(1, 20) if i != 5] + ["new"]
        assert list(iterators[1]) == [(i, i) for i in range(2, 1010)]
        assert list(iterators[2]) == ["large", "another"]


def test_writer_waits_for_another_process(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        with m.transaction():
            m["a"] = 1
            waiting = start(WRITE_ONE, path, "b", 20)
            refused = subprocess.run(
                [sys.executable, "-c", WRITE_ONE, str(path), "c", "0.1"],
                capture_output=True,
                check=False,
            )
            assert b"oocmap.errors.BusyError" in refused.stderr
            assert waiting.poll() is None
        assert waiting.wait(60) == 0
        assert m.eager() == {"a": 1, "b": "written"}


def test_killed_writer_leaves_no_lock_and_nothing_half_done(path: Path) -> None:
    code = """
import os, signal, sys, oocmap
m = oocmap.OOCMap(sys.argv[1])
m["before"] = 1
m.connection.__enter__()
m["half"] = list(range(10_000))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert start(code, path).wait(60) == -9
    with oocmap.OOCMap(path) as m:
        m["after"] = 1
        assert m.eager() == {"before": 1, "after": 1}


def run_on_thread(function: Any, *arguments: Any) -> None:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    thread.join()


@pytest.mark.parametrize("end", ["commit", "rollback", "close", "collect"])
def test_transaction_ended_on_another_thread_frees_the_lock_for_other_processes(
    path: Path, end: str
) -> None:
    """LMDB's lock belongs to a thread: ended on the wrong one, every other process would hang."""
    holder: list[Any] = [oocmap.OOCMap(path)]

    def begin() -> None:
        holder[0].transaction().__enter__()
        holder[0]["from a thread"] = end

    def finish() -> None:
        if end == "commit":
            holder[0].transaction().__exit__(None, None, None)
        elif end == "rollback":
            error = ValueError()
            holder[0].transaction().__exit__(ValueError, error, None)
        elif end == "close":
            holder[0].close()
        else:
            holder.clear()

    alive = threading.Event()
    done = threading.Event()

    def begin_and_stay() -> None:
        begin()
        alive.set()
        done.wait(60)

    thread = threading.Thread(target=begin_and_stay)
    thread.start()
    alive.wait(60)
    run_on_thread(finish)
    begun = time.monotonic()
    write_elsewhere(path, "b")  # while the thread that began is still there
    assert time.monotonic() - begun < 15
    done.set()
    thread.join()
    for opened in holder:
        opened.close()
    with oocmap.OOCMap(path) as m:
        expected = {"from a thread": end, "b": "written"} if end == "commit" else {"b": "written"}
        assert m.eager() == expected


def test_file_is_not_inherited_by_executed_children(path: Path) -> None:
    with oocmap.OOCMap(path):
        code = (
            "import os, sys\n"
            "for fd in os.listdir('/proc/self/fd'):\n"
            "    try: assert os.readlink('/proc/self/fd/' + fd) != sys.argv[1]\n"
            "    except OSError: pass\n"
        )
        subprocess.run([sys.executable, "-c", code, os.fspath(path)], check=True, close_fds=False)
