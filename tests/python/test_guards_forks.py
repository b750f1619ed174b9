"""Forks in the states that test_fork.py leaves out, and programs that are started.

Everywhere the same is asked: the child sees the last commit, neither ends nor undoes what is its
parent's, can write once the parent lets it, and the parent goes on undamaged.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oocmap
import pytest
from children import run_in_child


@pytest.fixture
def impatient(path: Path) -> Iterator[Any]:
    with oocmap.OOCMap(path, durability="off", timeout=0.1) as m:
        m["before"] = [1]
        yield m
        assert m.check().problems == []


def child_beside_a_transaction(m: Any) -> Callable[[], None]:
    """What a child can do while its parent has a transaction open."""

    def child() -> None:
        assert m.eager() == {"before": [1]}
        with pytest.raises(oocmap.BusyError, match="another process is writing"):
            m["child"] = 1
        assert list(m.sql("SELECT key FROM map")) == [("before",)]

    return child


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_inside_savepoints(impatient: Any, depth: int) -> None:
    m = impatient
    with contextlib.ExitStack() as stack:
        for level in range(depth):
            stack.enter_context(m.transaction())
            m[f"level {level}"] = level
        run_in_child(child_beside_a_transaction(m))
        assert len(m) == 1 + depth
    assert len(m) == 1 + depth
    run_in_child(lambda: m.update(child=1))
    assert m["child"] == 1


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_inside_a_transaction_of_sql(impatient: Any, end: str) -> None:
    m = impatient
    m.connection.execute("BEGIN")
    m.connection.execute("INSERT INTO map(key, value) VALUES ('sql', 1)")
    m.connection.execute("SAVEPOINT inner")
    m.connection.execute("INSERT INTO map(key, value) VALUES ('inner', 2)")
    run_in_child(child_beside_a_transaction(m))
    m.connection.execute("RELEASE inner")
    m.connection.execute(end)
    assert len(m) == (3 if end == "COMMIT" else 1)
    run_in_child(lambda: m.update(child=1))
    assert m["child"] == 1


def test_in_the_middle_of_a_query(impatient: Any) -> None:
    m = impatient
    m.update({i: i for i in range(2000)})
    rows = m.connection.execute("SELECT key FROM map WHERE typeof(key) = 'integer'")
    assert next(rows) == (0,)

    def child() -> None:
        m["child"] = list(m.sql("SELECT count(*) FROM map"))
        assert m["child"] == [(2001,)]

    run_in_child(child)
    assert sum(1 for _ in rows) == 1999
    assert m["child"].eager() == [(2001,)]


def test_inside_a_function_that_a_query_calls(impatient: Any) -> None:
    """SQLite, a cursor and a read transaction are in use on this very thread."""
    m = impatient
    m.update({i: [i] for i in range(3)})
    seen = []

    def fork_here(value: object) -> object:
        def child() -> None:
            m[f"child {value}"] = m.eager()["before"]

        run_in_child(child)
        seen.append(value)
        return value

    m.connection.create_scalar_function("fork_here", fork_here)
    rows = list(m.sql("SELECT fork_here(key) FROM map WHERE key IN (0, 1, 2)"))
    assert sorted(rows) == [(0,), (1,), (2,)]
    assert sorted(seen) == [0, 1, 2]
    assert [m[f"child {i}"].eager() for i in range(3)] == [[1]] * 3


@dataclasses.dataclass
class Forks:
    value: int


def test_while_an_object_is_written_and_read(impatient: Any) -> None:
    m = impatient

    def fork_in(value: int) -> int:
        def child() -> None:
            m["child"] = m["before"].eager()

        run_in_child(child)
        return value

    oocmap.register(Forks, lambda each: fork_in(each.value), lambda it: Forks(fork_in(it)))
    m["forks"] = [Forks(1), Forks(2)]
    assert m["forks"].eager() == [Forks(1), Forks(2)]


def test_on_a_thread(m: Any) -> None:
    """The child has that thread alone, and it becomes its main one."""
    errors: list[BaseException] = []

    def child() -> None:
        m["child"] = threading.current_thread().name
        with m.transaction():
            m["more"] = len(m)

    def run() -> None:
        try:
            for _ in range(3):
                run_in_child(child)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, name=f"t{i}") for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert m["child"] in {"t0", "t1", "t2"}


def test_snapshot_of_the_parent(impatient: Any) -> None:
    m = impatient
    with m.snapshot() as snapshot:
        m["later"] = 1

        def child() -> None:
            with pytest.raises(oocmap.ClosedError, match="fork"):
                snapshot.eager()
            with m.snapshot() as mine:
                assert mine.eager() == {"before": [1], "later": 1}

        run_in_child(child)
        assert snapshot.eager() == {"before": [1]}


def double(m: Any, key: str) -> int:
    m[key] = m["before"][0] * 2
    return int(m[key])


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(path: Path, method: str) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        m["before"] = [1]
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            results = pool.starmap(double, [(m, f"worker {i}") for i in range(4)])
        assert results == [2] * 4
        assert len(m) == 5


def test_parent_killed_in_a_transaction_while_its_child_lives(path: Path) -> None:
    """The child shares no lock with it, so it can write at once; so can anybody else."""
    oocmap.OOCMap(path, durability="off").close()
    reading, writing = os.pipe()

    def parent() -> None:
        m: Any = oocmap.OOCMap(path, durability="off")
        m["committed"] = 1
        with m.transaction():
            m["lost"] = 1
            if os.fork() == 0:
                # This one does not die with it.
                signal.alarm(20)
                while os.getppid() == killed:
                    time.sleep(0.001)
                started = time.monotonic()
                m["child"] = "wrote"
                os.write(writing, b"%.4f" % (time.monotonic() - started))
                os._exit(0)
            os.write(writing, b".")
            time.sleep(20)

    killed = os.fork()
    if killed == 0:
        killed = os.getpid()
        parent()
        os._exit(0)
    assert os.read(reading, 1) == b"."
    os.kill(killed, signal.SIGKILL)
    os.waitpid(killed, 0)
    with oocmap.OOCMap(path, durability="off", timeout=5) as m:
        m["other"] = 1
        assert select.select([reading], [], [], 20)[0]
        assert float(os.read(reading, 20)) < 1  # no wait for a timeout
        assert m.eager() == {"committed": 1, "child": "wrote", "other": 1}
    os.close(reading)
    os.close(writing)


LIST_DESCRIPTORS = """
import os, sys
for name in os.listdir("/proc/self/fd"):
    try:
        print(os.readlink(f"/proc/self/fd/{name}"))
    except OSError:
        pass  # the one that lists them
sys.stdout.flush()
"""


def by_subprocess() -> str:
    command = [sys.executable, "-c", LIST_DESCRIPTORS]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, close_fds=False
    ).stdout


def by_preexec() -> str:
    """A fork with Python code between it and exec, not vfork."""
    command = [sys.executable, "-c", LIST_DESCRIPTORS]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, close_fds=False, preexec_fn=os.getpid
    ).stdout


def by_posix_spawn() -> str:
    reading, writing = os.pipe()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", LIST_DESCRIPTORS],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)],
    )
    os.close(writing)
    with os.fdopen(reading) as output:
        text = output.read()
    assert os.waitpid(child, 0)[1] == 0
    return text


@pytest.mark.parametrize("start", [by_subprocess, by_preexec, by_posix_spawn])
def test_a_program_inherits_neither_file(impatient: Any, start: Callable[[], str]) -> None:
    m = impatient
    with m.transaction():
        m["inside"] = 1
        with m.snapshot() as snapshot:
            assert len(snapshot) == 1
            listed = start()
        assert "/" in listed
        assert str(m.path) not in listed  # nor the lock file, which begins alike
    assert m.eager() == {"before": [1], "inside": 1}


def test_locks_are_gone_when_the_parent_closes_though_a_child_lives(path: Path) -> None:
    """It may be compacted, for which nobody else may have it open."""
    m: Any = oocmap.OOCMap(path, durability="off")
    m["k"] = [1]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        m.close()  # its own
        os.read(reading, 1)
        os._exit(0)
    sleeper = subprocess.Popen(["sleep", "20"], close_fds=False)
    m.close()
    try:
        with oocmap.OOCMap(path, durability="off") as again:
            deadline = time.monotonic() + 10
            while True:  # until the child has closed it
                try:
                    again.vacuum(full=True)
                    break
                except oocmap.BusyError:
                    assert time.monotonic() < deadline
            assert again.eager() == {"k": [1]}
    finally:
        os.write(writing, b".")
        os.waitpid(child, 0)
        sleeper.kill()
        sleeper.wait()
        os.close(reading)
        os.close(writing)
