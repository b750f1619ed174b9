"""vacuum(): what is gone gives its space back, what is not stays, whoever holds it."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest
from children import run_in_child


def allocated(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_report(m: Any) -> None:
    report = m.vacuum()
    assert isinstance(report, oocmap.VacuumReport)
    assert report.finished
    assert (report.containers, report.immutables, report.can_punch) == (0, 0, True)
    assert report.allocated_after == allocated(Path(m.path))


def test_32_strings(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        fresh = allocated(path)
        for i in range(32):
            m[i] = chr(97 + i) * 4096
        full = allocated(path)
        for i in range(32):
            del m[i]
        size = path.stat().st_size
        report = m.vacuum()
        assert allocated(path) < full / 2
        assert allocated(path) <= fresh + 16 * 4096
        assert path.stat().st_size == size
        assert report.allocated_before > report.allocated_after == allocated(path)
        assert len(m) == 0
        m["new"] = [1]
        assert m["new"] == [1]


def test_shared_and_cyclic_values_go(m: Any) -> None:
    m["a"] = {"x": [{"y": "z" * 1000}] * 3}
    m["b"] = m["a"]
    m["c"] = [1]
    m["c"].append(m["c"])
    m["stays"] = m["a"]["x"][0]
    del m["a"], m["b"], m["c"]
    assert m.vacuum().containers >= 3
    assert m["stays"] == {"y": "z" * 1000}
    assert m.vacuum().containers == 0
    del m["stays"]
    m.vacuum()
    assert m.sql("SELECT oocmap_stats(map) FROM map").fetchall() == []
    m["n"] = 1
    stats = "SELECT json_extract(oocmap_stats(map), '$.records', '$.immutables') FROM map"
    assert m.sql(stats).fetchone() == ("[1,0]",)


def test_lazies_keep_what_they_show(m: Any) -> None:
    m["a"] = [{"x": [i, "t" * 600]} for i in range(50)]
    lazy, inner = m["a"], m["a"][7]["x"]
    m["b"] = m["a"]
    del m["a"], m["b"]
    m.vacuum()
    assert inner == [7, "t" * 600]
    assert lazy[49] == {"x": [49, "t" * 600]}
    m["again"] = lazy
    m.vacuum()
    assert m["again"][7]["x"] == inner
    del m["again"]
    del lazy
    m.vacuum()
    assert inner == [7, "t" * 600]
    m["inner"] = inner
    m.vacuum()
    assert m["inner"] == [7, "t" * 600]


def test_inside_a_transaction_it_is_refused(m: Any) -> None:
    with m.transaction():
        m["a"] = [1]
        with pytest.raises(oocmap.ArgumentError, match="inside a transaction: commit or roll it"):
            m.vacuum()
        with pytest.raises(apsw.SQLError, match="inside a transaction"):
            m.sql("INSERT INTO map(map) VALUES ('vacuum')")
    assert m["a"] == [1]
    assert m.vacuum().finished


def test_beside_a_transaction_it_waits(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=0.05) as m:
        inside, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with m.transaction():
                m["a"] = 1
                inside.set()
                leave.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        inside.wait(30)
        try:
            with pytest.raises(oocmap.BusyError):
                m.vacuum()
        finally:
            leave.set()
            thread.join()
        assert m["a"] == 1
        assert m.vacuum().finished


def test_command(m: Any) -> None:
    m["a"] = {"k": ["x" * 4000]}
    m["b"] = m["a"]
    del m["a"], m["b"]
    m.sql("INSERT INTO map(map) VALUES ('vacuum')")
    ((containers, after),) = m.sql(
        "SELECT oocmap_debug() ->> '$.vacuum.containers',"
        " oocmap_debug() ->> '$.vacuum.allocated_after'"
    )
    assert containers == 2
    assert after == allocated(Path(m.path))
    m["c"] = 1
    m.sql("INSERT INTO map(key, value) VALUES ('d', 2)")
    assert m == {"c": 1, "d": 2}
    with pytest.raises(apsw.SQLError, match="in a statement that writes"):
        m.sql(
            "INSERT INTO map(map, key, value)"
            " SELECT NULL, 'e', 3 UNION ALL SELECT 'vacuum', NULL, NULL"
        )
    assert m == {"c": 1, "d": 2}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO map(map) VALUES ('vacuum')",
        "INSERT INTO map(map) VALUES ('check')",
        "PRAGMA integrity_check",
    ],
)
def test_sqlite3_interrupt_ends_it(m: Any, statement: str) -> None:
    with m.transaction():
        for i in range(3000):
            m[i] = [[i], {"k": [i]}] * 5
    expected = m.eager()
    ended = threading.Event()

    def interrupt() -> None:
        while not ended.wait(0.001):
            m.connection.interrupt()

    def run_until_interrupted() -> None:
        for _ in range(1000):  # the first may be through before the other thread runs
            m.sql(statement)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(apsw.InterruptError):
            run_until_interrupted()
    finally:
        ended.set()
        thread.join()
    assert m.sql("SELECT 1").fetchall() == [(1,)]
    assert m.vacuum().finished
    assert m.check().ok
    assert m == expected


def test_progress(m: Any) -> None:
    m["a"] = ["x" * 4000]
    m["b"] = m["a"]
    del m["a"], m["b"]
    calls: list[tuple[str, int, int]] = []

    def progress(step: str, done: int, total: int) -> None:
        calls.append((step, done, total))
        m["n"] = len(calls)

    m.vacuum(progress=progress)
    assert [call[0] for call in calls[:4]] == ["free", "trace", "sweep", "punch"]
    assert m["n"] == len(calls)
    with pytest.raises(TypeError, match="progress must be callable or None, not 'int'"):
        m.vacuum(progress=5)


@pytest.mark.parametrize("step", ["free", "trace", "sweep", "punch"])
def test_what_progress_raises_ends_it(m: Any, step: str) -> None:
    m["stays"] = {"a": [1, "x" * 700]}
    m["a"] = [["x" * 800] for _ in range(50)]
    m["b"] = m["a"]
    del m["a"], m["b"]

    def progress(now: str, done: int, total: int) -> None:
        if now == step:
            raise LookupError(step)

    with pytest.raises(LookupError, match=step):
        m.vacuum(progress=progress)
    assert m == {"stays": {"a": [1, "x" * 700]}}
    m["c"] = [["x" * 800]]
    assert m.vacuum().finished
    assert m == {"stays": {"a": [1, "x" * 700]}, "c": [["x" * 800]]}


def test_ctrl_c_ends_it(m: Any) -> None:
    m["stays"] = [1]

    def progress(step: str, done: int, total: int) -> None:
        if step == "trace":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        m.vacuum(progress=progress)
    assert m["stays"] == [1]
    assert m.vacuum().finished


def test_other_threads_go_on(m: Any) -> None:
    m["a"] = {i: [i] for i in range(20_000)}
    count = 0
    stop = threading.Event()

    def work() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            m["n"] = count
            assert m["a"][7] == [7]

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(3):
            before = count
            assert m.vacuum().finished
            assert count > before
    finally:
        stop.set()
        thread.join()
    assert m["n"] == count
    assert len(m["a"]) == 20_000


def test_two_at_once(m: Any) -> None:
    errors: list[str] = []

    def progress(step: str, done: int, total: int) -> None:
        if step == "trace":
            with pytest.raises(oocmap.BusyError, match="this process does so already") as error:
                m.vacuum()
            errors.append(str(error.value))

    m.vacuum(progress=progress)
    assert errors


def test_a_snapshot_shows_its_moment(m: Any) -> None:
    m["a"] = {"x": ["t" * 5000, [1, 2]]}
    m["b"] = m["a"]
    with m.snapshot() as s:
        del m["a"], m["b"]
        m.vacuum()
        m["c"] = {"x": ["u" * 5000, [3, 4]]}
        assert s.eager() == {"a": {"x": ["t" * 5000, [1, 2]]}, "b": {"x": ["t" * 5000, [1, 2]]}}
        assert not hasattr(s, "vacuum")


def test_read_only(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        m["a"] = 1
    with oocmap.OOCMap(path, mode="r") as m, pytest.raises(oocmap.ReadOnlyError):
        m.vacuum()
    with pytest.raises(oocmap.ClosedError):
        m.vacuum()


def _handle_of_another_process(path: str, pipe: Any) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        lazy = m["a"]
        pipe.send("held")
        pipe.recv()
        for use in (lambda: lazy[0], lambda: m.__setitem__("c", lazy)):
            try:
                use()
            except oocmap.StaleHandleError:
                pipe.send("stale")
            else:
                pipe.send("not stale")


def test_handles_of_other_processes_are_stale(m: Any) -> None:
    m["a"] = [[1], "x" * 700]
    m["b"] = m["a"]
    here, there = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    other = spawn.Process(target=_handle_of_another_process, args=(m.path, there))
    other.start()
    assert here.recv() == "held"
    del m["a"], m["b"]
    m.vacuum()
    here.send("vacuumed")
    assert [here.recv(), here.recv()] == ["stale", "stale"]
    other.join()
    assert m == {}


def test_a_forked_child_is_outside_of_it(m: Any) -> None:
    m["a"] = [1]
    codes: list[int] = []

    def progress(step: str, done: int, total: int) -> None:
        if step != "trace":
            return
        pid = os.fork()
        if pid == 0:
            try:
                m["child"] = m["a"].eager()
                with pytest.raises(oocmap.BusyError, match="another process"):
                    m.vacuum()
                os._exit(0)
            finally:
                os._exit(1)
        codes.append(os.waitpid(pid, 0)[1])

    m.vacuum(progress=progress)
    assert codes == [0]
    assert m["child"] == [1]


def test_churn_stays_small(path: Path) -> None:
    """Overwriting needs no vacuum: what had one referent is used again."""
    with oocmap.OOCMap(path, durability="off") as m:
        m["k"] = {"list": [["x" * 600, i] for i in range(200)]}
        for _ in range(20):
            m["k"] = {"list": [["x" * 600, i] for i in range(200)]}
        size = path.stat().st_size
        end = time.monotonic() + 1
        while time.monotonic() < end:
            m["k"] = {"list": [["x" * 600, i] for i in range(200)]}
        assert path.stat().st_size <= 1.5 * size


@pytest.mark.parametrize("full", [False, True])
def test_beside_a_query_that_needs_the_interpreter(m: Any, full: bool) -> None:
    """It has SQLite's lock and waits for Python's: who has that must not wait for SQLite's."""
    m.update((i, [i]) for i in range(20))

    def child() -> None:
        begun = threading.Event()

        def slow(key: int) -> int:
            begun.set()
            time.sleep(0.01)
            return key

        def query() -> None:
            m.connection.create_scalar_function("slow", slow)
            assert len(list(m.sql("SELECT slow(key) FROM temp.map"))) == 20

        thread = threading.Thread(target=query)
        thread.start()
        begun.wait()
        if full:
            with contextlib.suppress(oocmap.BusyError):  # the query is one who reads
                m.vacuum(full=True)
        else:
            m.vacuum()
        thread.join()

    run_in_child(child)
