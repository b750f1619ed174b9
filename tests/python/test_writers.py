"""Waiting for the write lock: for how long, for whom, and what ends it early."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest

Map = oocmap.OOCMap[Any, Any]
PATIENCE = 60  # seconds; what is interrupted would wait for this long


class Holder:
    """A process that holds the write lock, with the key "held" written and not yet committed."""

    def __init__(self, path: Path) -> None:
        told, tell = os.pipe()
        go, self._let_go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._let_go)
            status = 1
            try:
                with oocmap.OOCMap(path, durability="off") as m, m.transaction():
                    m["held"] = True
                    os.write(tell, b"x")
                    os.read(go, 1)
                status = 0
            finally:
                os._exit(status)
        os.close(tell)
        os.close(go)
        assert os.read(told, 1) == b"x"
        os.close(told)

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def end(self) -> None:
        """Let it commit and exit, which it must do well."""
        os.close(self._let_go)
        assert os.waitpid(self.pid, 0)[1] == 0


@pytest.fixture
def empty(path: Path) -> Path:
    with oocmap.OOCMap(path, durability="off"):
        pass
    return path


@pytest.fixture
def holder(empty: Path) -> Iterator[Holder]:
    process = Holder(empty)
    yield process
    with contextlib.suppress(ChildProcessError, OSError):
        os.kill(process.pid, signal.SIGCONT)
        process.end()


def opened(path: Path, timeout: float | None) -> Map:
    return oocmap.OOCMap(path, durability="off", timeout=timeout)


def transaction(m: Map) -> None:
    with m.transaction():
        pytest.fail("entered")


WRITES: dict[str, Callable[[Map], object]] = {
    "item": lambda m: m.__setitem__("a", 1),
    "pop": lambda m: m.pop("a", None),
    "update": lambda m: m.update(a=1),
    "setdefault": lambda m: m.setdefault("a", 1),
    "transaction": transaction,
    "insert": lambda m: m.sql("INSERT INTO map(key, value) VALUES ('a', 1)"),
    "delete": lambda m: m.sql("DELETE FROM map"),
}
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


@contextlib.contextmanager
def sent(
    number: int, after: float = 0.1, then: Callable[[], object] | None = None
) -> Iterator[None]:
    """Sends this process a signal in a while; the block must end long before PATIENCE."""
    started = time.monotonic()

    def send() -> None:
        os.kill(os.getpid(), number)
        if then is not None:
            time.sleep(0.3)
            then()

    timer = threading.Timer(after, send)
    timer.start()
    try:
        yield
    finally:
        timer.join()
    assert after * 0.9 <= time.monotonic() - started < PATIENCE / 2


# --- Ctrl-C


@each_write
def test_interrupt_ends_a_wait_for_another_process(
    empty: Path, holder: Holder, write: Callable[[Map], object]
) -> None:
    with opened(empty, PATIENCE) as m:
        with sent(signal.SIGINT), pytest.raises(KeyboardInterrupt):
            write(m)
        assert not m.connection.in_transaction
        holder.end()
        m["after"] = 1  # nothing was left locked
        with m.transaction():
            m["and"] = 2
        assert m.eager() == {"held": True, "after": 1, "and": 2}


@each_write
def test_interrupt_ends_a_wait_for_another_thread(
    empty: Path, write: Callable[[Map], object]
) -> None:
    entered = threading.Event()
    leave = threading.Event()

    def hold() -> None:
        with opened(empty, 5) as other, other.transaction():
            other["held"] = True
            entered.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    try:
        with opened(empty, PATIENCE) as m:
            with sent(signal.SIGINT), pytest.raises(KeyboardInterrupt):
                write(m)
            leave.set()
            thread.join()
            m["after"] = 1
            assert m.eager() == {"held": True, "after": 1}
    finally:
        leave.set()
        thread.join()


@pytest.mark.parametrize("write", [WRITES["item"], transaction], ids=["item", "transaction"])
def test_interrupt_ends_a_wait_for_the_turn(empty: Path, write: Callable[[Map], object]) -> None:
    """Another thread's transaction through the same map."""
    entered = threading.Event()
    leave = threading.Event()
    with opened(empty, PATIENCE) as m:

        def hold() -> None:
            with m.transaction():
                m["held"] = True
                entered.set()
                leave.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        entered.wait()
        try:
            with sent(signal.SIGINT), pytest.raises(KeyboardInterrupt):
                write(m)
        finally:
            leave.set()
            thread.join()
        m["after"] = 1
        assert m.eager() == {"held": True, "after": 1}


def test_interrupt_in_a_joined_write(empty: Path, holder: Holder) -> None:
    """SQL's transaction took no lock yet: the wait of its first write ends, and it stays open."""
    with opened(empty, PATIENCE) as m:
        m.sql("BEGIN")
        with sent(signal.SIGINT), pytest.raises(KeyboardInterrupt):
            m["a"] = 1
        assert m.connection.in_transaction
        holder.end()
        m["b"] = 2
        m.sql("COMMIT")
        assert m.eager() == {"held": True, "b": 2}


def test_handler_that_raises_ends_the_wait_and_one_that_returns_does_not(
    empty: Path, holder: Holder
) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
    try:
        with opened(empty, PATIENCE) as m, sent(signal.SIGUSR1, then=holder.end):
            m["a"] = 1
        assert seen == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)
    with opened(empty, 5) as m:
        assert m.eager() == {"held": True, "a": 1}


def test_handler_may_use_the_map(empty: Path, holder: Holder) -> None:
    class EnoughError(Exception):
        pass

    with opened(empty, PATIENCE) as m:

        def use(_number: int, _frame: object) -> None:
            assert len(m) == 0
            with pytest.raises((oocmap.BusyError, oocmap.TransactionError)):
                m["nested"] = 1  # this thread is writing
            raise EnoughError

        before = signal.signal(signal.SIGUSR1, use)
        try:
            with sent(signal.SIGUSR1), pytest.raises(EnoughError):
                m["a"] = 1
        finally:
            signal.signal(signal.SIGUSR1, before)
        holder.end()
        assert m.eager() == {"held": True}


# --- sqlite3_interrupt()


def test_sqlite_interrupt_ends_the_wait(empty: Path, holder: Holder) -> None:
    with opened(empty, PATIENCE) as m:
        timer = threading.Timer(0.2, m.connection.interrupt)
        timer.start()
        started = time.monotonic()
        with pytest.raises(apsw.InterruptError):
            m.sql("INSERT INTO map(key, value) VALUES ('a', 1)")
        assert time.monotonic() - started < PATIENCE / 2
        timer.join()
        holder.end()
        m.sql("INSERT INTO map(key, value) VALUES ('b', 2)")
        assert m.eager() == {"held": True, "b": 2}


def stdlib(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", timeout=timeout, isolation_level=None)
    oocmap.load(connection)
    connection.execute(f"CREATE VIRTUAL TABLE temp.m USING oocmap('{path}')")
    return connection


def test_sqlite_interrupt_of_the_standard_library(empty: Path, holder: Holder) -> None:
    connection = stdlib(empty, PATIENCE)
    timer = threading.Timer(0.2, connection.interrupt)
    timer.start()
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        connection.execute("INSERT INTO m(key, value) VALUES ('a', 1)")
    timer.join()
    holder.end()
    connection.execute("INSERT INTO m(key, value) VALUES ('b', 2)")
    assert connection.execute("SELECT key FROM m ORDER BY key").fetchall() == [("b",), ("held",)]
    connection.close()


# --- Timeouts


def waits(use: Callable[[], object], error: type[BaseException]) -> tuple[float, str]:
    started = time.monotonic()
    with pytest.raises(error) as raised:
        use()
    return time.monotonic() - started, str(raised.value)


INSERT = "INSERT INTO m(key, value) VALUES ('a', 1)"


def test_busy_timeout_of_each_client_is_honoured(empty: Path, holder: Holder) -> None:
    """What a client calls its timeout ends in PRAGMA busy_timeout, which is asked."""
    connection = apsw.Connection(":memory:")
    oocmap.load(connection)
    connection.execute(f"CREATE VIRTUAL TABLE temp.m USING oocmap('{empty}')")
    for milliseconds in (0, 300):
        connection.set_busy_timeout(milliseconds)
        waited, text = waits(lambda: connection.execute(INSERT), apsw.BusyError)
        assert milliseconds / 1000 <= waited < milliseconds / 1000 + 2
        assert f"process {holder.pid} " in text
    connection.close()
    other = stdlib(empty, 0.3)
    waited, text = waits(lambda: other.execute(INSERT), sqlite3.OperationalError)
    assert 0.3 <= waited < 2.3
    assert f"process {holder.pid} " in text
    other.close()


def test_timeout_of_the_sqlite3_shell(empty: Path, holder: Holder) -> None:
    shell = shutil.which("sqlite3")
    if shell is None:
        pytest.skip("no sqlite3 shell")
    library = Path(oocmap.__file__).with_name("oocmap.so")
    lines = [
        f".load {library}",
        f"CREATE VIRTUAL TABLE temp.m USING oocmap('{empty}');",
        ".timeout 300",
        INSERT + ";",
    ]
    started = time.monotonic()
    done = subprocess.run([shell], input="\n".join(lines), capture_output=True, text=True)
    assert time.monotonic() - started >= 0.3
    assert f"process {holder.pid} " in done.stderr


# --- A writer that is stopped


def test_stopped_writer_leads_to_a_timeout_and_goes_on(empty: Path, holder: Holder) -> None:
    holder.stop()
    with opened(empty, 0.3) as m:
        for write in WRITES.values():
            waited, text = waits(lambda w=write: w(m), Exception)  # type: ignore[misc]
            assert 0.3 <= waited < 3
            assert f"process {holder.pid} " in text
            assert f"stopped: let it go on (kill -CONT {holder.pid})" in text
        assert m.eager() == {}  # reading goes on
    os.kill(holder.pid, signal.SIGCONT)
    holder.end()
    with opened(empty, 5) as m:
        m["after"] = 1
        assert m.eager() == {"held": True, "after": 1}


def test_killed_writer_is_not_waited_for(empty: Path, holder: Holder) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    os.waitpid(holder.pid, 0)
    with opened(empty, 0.1) as m:
        m["after"] = 1
        assert m.eager() == {"after": 1}


# --- One thread


def test_second_write_of_a_thread_is_refused_at_once(empty: Path) -> None:
    """In each order of maps, connections, transactions and single writes."""
    with opened(empty, PATIENCE) as a, opened(empty, PATIENCE) as b:
        for write in WRITES.values():
            with a.transaction():
                a["mine"] = 1
                waited, text = waits(lambda w=write: w(b), Exception)  # type: ignore[misc]
                assert waited < PATIENCE / 2
                assert "this thread has a transaction open on it already" in text
        a.sql("BEGIN")
        a.sql("INSERT INTO map(key, value) VALUES ('sql', 1)")
        connection = stdlib(empty, PATIENCE)
        for use in (lambda: b.pop("sql", None), lambda: connection.execute(INSERT)):
            waited, text = waits(use, Exception)
            assert waited < PATIENCE / 2
            assert "this thread has a transaction open on it already" in text
        a.sql("COMMIT")
        connection.execute(INSERT)
        connection.close()
        b["b"] = 1
        assert a.eager() == {"mine": 1, "sql": 1, "a": 1, "b": 1}
