"""Transactions: atomic, nested, SQL's own; and threads."""

# What raises here is the end of a block.
# ruff: noqa: PT012

import contextlib
import gc
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest


class StopError(Exception):
    pass


def in_thread(function: Callable[[], Any]) -> Any:
    """Run a function in a thread of its own; return what it returns, raise what it raises."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append((function(), None))
        except BaseException as error:
            result.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = result[0]
    if error is not None:
        raise error
    return value


def test_all_or_none(m: Any) -> None:
    with m.transaction():
        m["a"] = [1]
        m["a"].append(2)
    with pytest.raises(StopError), m.transaction():
        m["a"].append(3)
        m["b"] = 1
        assert m["a"] == [1, 2, 3]
        raise StopError
    assert m.eager() == {"a": [1, 2]}


def test_connections_with_is_the_same(m: Any) -> None:
    assert m.transaction() is m.connection
    with m.connection:
        m["a"] = 1
        with m.transaction():
            m["b"] = 2
    assert m.eager() == {"a": 1, "b": 2}


def test_nested_transactions_are_savepoints(m: Any) -> None:
    with m.transaction():
        m["a"] = 1
        with pytest.raises(StopError), m.transaction():
            m["a"] = 2
            m["b"] = [1]
            with m.transaction():
                m["b"].append(2)
            raise StopError
        assert m.eager() == {"a": 1}
        with m.transaction():
            m["c"] = 3
    assert m.eager() == {"a": 1, "c": 3}


def test_sql_and_python_are_one_transaction(m: Any) -> None:
    m["a"] = {"n": 1}
    with pytest.raises(StopError), m.connection:
        m["a"]["n"] = 2
        rows = list(m.sql("SELECT oocmap_get(map, '$.n') FROM map WHERE key = 'a'"))
        assert rows == [(2,)]
        m.sql("INSERT INTO map(key, value) VALUES ('b', 5)")
        assert m["b"] == 5
        m.sql("DELETE FROM map WHERE key = 'a'")
        assert "a" not in m
        raise StopError
    assert m.eager() == {"a": {"n": 1}}


def test_begin_and_savepoints_in_plain_sql_are_joined(m: Any) -> None:
    m.sql("BEGIN")
    m["a"] = 1
    m.sql("SAVEPOINT one")
    m["a"] = 2
    m["b"] = 2
    m.sql("ROLLBACK TO one")
    assert m.eager() == {"a": 1}
    m["c"] = 3
    m.sql("COMMIT")
    assert m.eager() == {"a": 1, "c": 3}
    m.sql("BEGIN")
    m["d"] = 4
    m.sql("ROLLBACK")
    assert m.eager() == {"a": 1, "c": 3}


def test_handle_born_in_a_rolled_back_transaction_is_stale(m: Any) -> None:
    with pytest.raises(StopError), m.transaction():
        m["a"] = {"b": [1]}
        born = m["a"]["b"]
        raise StopError
    m["other"] = {"b": [2]}
    for use in (lambda: born[0], lambda: born.append(1), lambda: len(born), lambda: list(born)):
        with pytest.raises(oocmap.StaleHandleError):
            use()
    with pytest.raises(oocmap.StaleHandleError):
        m["again"] = born
    with pytest.raises(ReferenceError):
        repr(born)


def test_handle_born_in_a_rolled_back_savepoint_is_stale(m: Any) -> None:
    with m.transaction():
        m["kept"] = [1]
        kept = m["kept"]
        with pytest.raises(StopError), m.transaction():
            m["a"] = [1]
            born = m["a"]
            raise StopError
        with pytest.raises(oocmap.StaleHandleError):
            born[0]
        assert kept[0] == 1
    assert kept == [1]


def test_handle_from_before_survives_a_rollback(m: Any) -> None:
    m["a"] = {"b": [1, "text " * 100]}
    kept = m["a"]["b"]
    with pytest.raises(StopError), m.transaction():
        kept.append(2)
        del m["a"]
        raise StopError
    assert kept == [1, "text " * 100]
    kept.append(3)
    assert m["a"]["b"][2] == 3


def test_key_and_text_caches_forget_a_rollback(m: Any) -> None:
    for i in range(20):
        with pytest.raises(StopError), m.transaction():
            m["x"] = {f"key{i}": f"text number {i} " * 50, "other": [i]}
            assert m["x"][f"key{i}"] == f"text number {i} " * 50
            raise StopError
        m["x"] = {f"KEY{i}": f"TEXT NUMBER {i} " * 50, "OTHER": [i]}
        assert m["x"].eager() == {f"KEY{i}": f"TEXT NUMBER {i} " * 50, "OTHER": [i]}


def test_failed_operation_does_not_spoil_the_transaction(m: Any) -> None:
    with m.transaction():
        m["a"] = 1
        with pytest.raises(oocmap.UnsupportedTypeError):
            m["b"] = [object()]
        with pytest.raises(KeyError):
            del m["absent"]
        with pytest.raises(KeyError):
            m.pop("absent")
        m["c"] = 2
    assert m.eager() == {"a": 1, "c": 2}


def test_transaction_takes_the_lock_on_entry(path: Path, m: Any) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=0.1) as other, m.transaction():
        with pytest.raises(oocmap.BusyError):
            other["a"] = 1
        with pytest.raises(oocmap.BusyError), other.transaction():
            pytest.fail("entered")
        assert in_thread(lambda: other.get("a")) is None
    with oocmap.OOCMap(path, durability="off") as other, other.transaction():
        other["a"] = 2
    assert m["a"] == 2


def test_other_threads_writes_wait(m: Any) -> None:
    events = []

    def write() -> None:
        m["thread"] = 1
        events.append("written")

    with m.transaction():
        thread = threading.Thread(target=write)
        thread.start()
        time.sleep(0.1)
        m["a"] = 1
        events.append("leaving")
    thread.join()
    assert events == ["leaving", "written"]
    assert m.eager() == {"a": 1, "thread": 1}


def test_other_threads_writes_time_out(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=0.1) as m, m.transaction():
        m["a"] = 1
        for use in (lambda: m.__setitem__("b", 1), lambda: m.transaction().__enter__()):
            start = time.monotonic()
            with pytest.raises(oocmap.BusyError):
                in_thread(use)
            assert 0.05 < time.monotonic() - start < 2
        m["c"] = 1
        assert m.eager() == {"a": 1, "c": 1}


@pytest.mark.parametrize("timeout", [None, float("inf")])
def test_without_a_timeout_a_write_waits(path: Path, m: Any, timeout: float | None) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=timeout) as other:

        def write() -> None:
            other["single"] = 1
            with other.transaction():
                other["transaction"] = 1
            other.sql("INSERT INTO map(key, value) VALUES ('sql', 1)")

        thread = threading.Thread(target=write)
        with m.transaction():
            thread.start()
            time.sleep(0.2)
            assert thread.is_alive()
        thread.join()
    assert m.eager() == {"single": 1, "transaction": 1, "sql": 1}


def test_busy_timeout_of_the_connection(path: Path, m: Any) -> None:
    """It is the map's timeout, until it is changed: then SQL and transactions follow it."""

    def waits(use: Callable[[], Any]) -> float:
        start = time.monotonic()
        with pytest.raises((oocmap.BusyError, apsw.BusyError)):
            in_thread(use)
        return time.monotonic() - start

    with oocmap.OOCMap(path, durability="off", timeout=0.5) as other, m.transaction():

        def insert() -> None:
            other.sql("INSERT INTO map(key, value) VALUES ('sql', 1)")

        def begin() -> None:
            with other.transaction():
                pytest.fail("entered")

        assert list(other.sql("PRAGMA busy_timeout")) == [(500,)]
        assert waits(insert) >= 0.5
        other.sql("PRAGMA busy_timeout = 10")
        assert waits(insert) < 0.5
        assert waits(begin) < 0.5
        assert waits(lambda: other.__setitem__("a", 1)) >= 0.5
        other.sql("PRAGMA busy_timeout = 1000")
        assert waits(insert) >= 1
        assert waits(lambda: other.__setitem__("a", 1)) < 1


def test_other_threads_reads_see_the_last_commit(m: Any) -> None:
    m["a"] = 1
    with m.transaction():
        m["a"] = 2
        assert in_thread(lambda: m["a"]) == 1
        assert m["a"] == 2
    assert in_thread(lambda: m["a"]) == 2


def test_threads_count_without_loss(m: Any) -> None:
    m["n"] = 0

    def count() -> None:
        for _ in range(100):
            with m.transaction():
                m["n"] += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert m["n"] == 400


def test_threads_append_without_loss(m: Any) -> None:
    m["l"] = []

    def append(name: int) -> None:
        for i in range(200):
            m["l"].append((name, i))

    threads = [threading.Thread(target=append, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(m["l"].eager()) == [(name, i) for name in range(4) for i in range(200)]


def test_readers_and_a_writer_in_threads(m: Any) -> None:
    m["pair"] = [0, 0]
    stop = threading.Event()
    wrong = []

    def read() -> None:
        while not stop.is_set():
            pair = m["pair"].eager()
            if pair[0] != pair[1]:
                wrong.append(pair)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(300):
        m["pair"][:] = [i, i]
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads_with_transactions_sql_and_writes_of_all_kinds(path: Path) -> None:
    """No deadlock, no lost write, no transaction left open; apsw refuses SQL from two threads."""
    with oocmap.OOCMap(path, durability="off", timeout=60) as m:
        m.update({"n": 0, "list": [], "dict": {}})
        done: dict[str, int] = dict.fromkeys(["transaction", "append", "sort", "update"], 0)
        stop = time.monotonic() + 1.5

        def transaction() -> None:
            with m.transaction():
                m["n"] += 1
                m["dict"][str(m["n"])] = [1]

        def undone() -> None:
            with pytest.raises(StopError), m.transaction():
                m["n"] += 100
                raise StopError

        def append() -> None:
            m["list"].append(1)

        def sort() -> None:
            m["list"].sort(key=lambda value: (m["n"], value))

        def update() -> None:
            m["dict"].update({"x": 1})
            m["dict"].pop("x", None)

        def read() -> None:
            assert m["n"] >= 0
            m.eager()

        def select() -> None:
            with contextlib.suppress(apsw.ThreadingViolationError):
                list(m.sql("SELECT key, map FROM map"))

        failures: list[BaseException] = []

        def repeat(function: Callable[[], None]) -> None:
            try:
                while time.monotonic() < stop:
                    function()
                    if function.__name__ in done:
                        done[function.__name__] += 1
            except BaseException as error:
                failures.append(error)

        kinds = [transaction, undone, append, sort, update, read, select]
        threads = [threading.Thread(target=repeat, args=(kind,)) for kind in kinds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert m["n"] == done["transaction"] > 0
        assert len(m["list"]) == done["append"] > 0
        assert not m.connection.in_transaction


def test_an_interrupt_while_another_thread_runs_sql_does_not_leave_it_open(path: Path) -> None:
    with (
        oocmap.OOCMap(path, durability="off") as m,
        oocmap.OOCMap(path, durability="off") as other,
    ):

        def slow() -> int:
            time.sleep(0.6)
            return 1

        def interrupt(*_: Any) -> None:
            raise StopError

        m.connection.create_scalar_function("slow", slow)
        sql = threading.Thread(target=lambda: m.connection.execute("SELECT slow()").get)
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            with pytest.raises(StopError), m.transaction():
                m["a"] = 1
                sql.start()
                time.sleep(0.1)
                signal.setitimer(signal.ITIMER_REAL, 0.2)
        finally:
            signal.signal(signal.SIGALRM, before)
        sql.join()
        assert not m.connection.in_transaction
        m["b"] = 2
        assert other.eager() == {"a": 1, "b": 2}


def test_closing_from_inside_a_query_is_refused(m: Any) -> None:
    m.connection.create_scalar_function("close", m.close)
    with pytest.raises(apsw.ThreadingViolationError, match="inside an executing query"):
        list(m.sql("SELECT close()"))
    m["still"] = "open"
    assert m["still"] == "open"


def test_commit_on_another_thread(m: Any) -> None:
    transaction = m.transaction()
    transaction.__enter__()
    m["a"] = 1
    in_thread(lambda: transaction.__exit__(None, None, None))
    assert m["a"] == 1
    m["b"] = 2
    in_thread(lambda: m.__setitem__("c", 3))
    assert m.eager() == {"a": 1, "b": 2, "c": 3}


def test_rollback_on_another_thread(m: Any) -> None:
    transaction = m.transaction()
    in_thread(transaction.__enter__)
    in_thread(lambda: transaction.__exit__(StopError, StopError(), None))
    m["b"] = 2
    assert m.eager() == {"b": 2}


def test_close_inside_a_transaction_rolls_back(path: Path) -> None:
    m: Any = oocmap.OOCMap(path)
    with pytest.raises(oocmap.ClosedError), m.transaction():
        m["a"] = 1
        m.close()
    with oocmap.OOCMap(path) as m:
        m["b"] = 1
        assert m.eager() == {"b": 1}


def test_collected_transaction_gives_the_lock_back(path: Path, m: Any) -> None:
    other: Any = oocmap.OOCMap(path, durability="off")
    other.connection.__enter__()
    other["a"] = 1
    del other
    gc.collect()
    m["b"] = 1
    assert m.eager() == {"b": 1}


def test_pop_and_sort_in_a_transaction(m: Any) -> None:
    m["l"], m["d"] = [[3], [1], [2]], {"a": [1], "b": 2}
    with m.transaction():
        m["l"].sort()
        assert m["l"].pop() == [3]
        assert m["d"].pop("a") == [1]
        assert m["d"].popitem() == ("b", 2)
        assert m["d"].setdefault("c", []) == []
    assert m.eager() == {"l": [[1], [2]], "d": {"c": []}}


def test_read_only_transaction_takes_no_lock(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        m["a"] = 1
        with oocmap.OOCMap(path, mode="r") as reader, reader.transaction():
            m["a"] = 2
            with pytest.raises(oocmap.ReadOnlyError):
                reader["a"] = 3


def test_half_read_cursor_over_a_commit_and_a_rollback(m: Any) -> None:
    for i in range(10):
        m[i] = i
    cursor = m.sql("SELECT key FROM map ORDER BY key")
    assert next(cursor) == (0,)
    with m.transaction():
        del m[1]
        m[2] = "changed"
    assert next(cursor) == (2,)
    with pytest.raises(StopError), m.transaction():
        del m[3]
        raise StopError
    assert [key for (key,) in cursor] == [3, 4, 5, 6, 7, 8, 9]


def test_commit_without_a_transaction_is_apsws_own_error(m: Any) -> None:
    with pytest.raises(apsw.SQLError):
        m.sql("COMMIT")


def test_close_beside_writes_of_other_threads(path: Path) -> None:
    """They join a transaction of SQL, until they are told that the map is closed."""
    for _ in range(50):
        m: Any = oocmap.OOCMap(path, durability="off")
        m["l"] = []
        started = threading.Barrier(3)
        failures: list[BaseException] = []

        def write(m: Any = m, started: Any = started, failures: Any = failures) -> None:
            started.wait()
            try:
                while True:
                    # Stale: m["l"] was moved in the transaction, which close() rolled back.
                    with contextlib.suppress(oocmap.BusyError, oocmap.StaleHandleError):
                        m["l"].append(1)
            except oocmap.ClosedError:
                pass
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write) for _ in range(2)]
        for thread in threads:
            thread.start()
        m.sql("BEGIN")
        started.wait()
        m.close()
        for thread in threads:
            thread.join()
        assert failures == []
