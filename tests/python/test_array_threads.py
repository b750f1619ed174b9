"""Large parts of arrays are copied without the GIL; each read is of one moment all the same."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import oocmap
import pytest

SIZE = 64 << 20
TRIES = 50


@contextmanager
def ticking() -> Iterator[list[int]]:
    """Count in another thread, which gets the GIL only where this one lets go of it by itself."""
    ticks, ended = [0], threading.Event()

    def count() -> None:
        while not ended.is_set():
            ticks[0] += 1
            time.sleep(0)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield ticks
    finally:
        ended.set()
        sys.setswitchinterval(before)
        thread.join()


def runs_meanwhile(work: Callable[[], object]) -> bool:
    """Whether another thread runs Python during one of some calls of `work`."""
    with ticking() as ticks:
        for _ in range(TRIES):
            before = ticks[0]
            work()
            if ticks[0] != before:
                return True
    return False


@pytest.fixture
def array(m: Any) -> Any:
    m["x"] = np.arange(SIZE // 8, dtype="i8").reshape(-1, 64)
    return m["x"]


def room(size: int) -> Any:
    return np.empty(size, "u1")


def test_other_threads_run_while_a_large_part_is_copied(m: Any, array: Any) -> None:
    rows = array.shape[0]
    whole = room(SIZE)
    assert runs_meanwhile(lambda: array._read(whole, (0, 1, rows, 0, 1, 64)))
    assert (whole.view("i8") == np.arange(SIZE // 8)).all()
    columns = room(SIZE // 4)
    assert runs_meanwhile(lambda: array._read(columns, (0, 1, rows, 3, 4, 16)))
    assert (columns.view("i8").reshape(-1, 16) == array[:][:, 3::4]).all()
    picked = np.random.default_rng(7).integers(0, rows, rows // 2)
    some = room(picked.size * 512)
    assert runs_meanwhile(lambda: array._read_rows(some, picked))
    assert (some.view("i8").reshape(-1, 64) == array[:][picked]).all()
    with m.snapshot() as s:
        lazy = s["x"]
        whole[:] = 0
        assert runs_meanwhile(lambda: lazy._read(whole, (0, 1, rows, 0, 1, 64)))
        assert (whole.view("i8") == np.arange(SIZE // 8)).all()


def test_a_small_part_is_copied_at_once(m: Any, array: Any) -> None:
    part = room(1 << 19)
    assert not runs_meanwhile(lambda: array._read(part, (0, 1, 1 << 10, 0, 1, 64)))


def test_in_a_transaction_the_copy_keeps_the_gil(m: Any, array: Any) -> None:
    # SQL of another thread could change the transaction's own pages meanwhile.
    whole = room(SIZE)
    with m.transaction():
        array[0, 0] = 5
        assert not runs_meanwhile(lambda: array._read(whole, (0, 1, array.shape[0], 0, 1, 64)))
        assert whole.view("i8")[:2].tolist() == [5, 1]
        assert m.eager()["x"][0, 0] == 5


def test_each_read_is_of_one_moment_while_another_thread_writes(m: Any) -> None:
    size = 3 << 20
    m["x"] = np.zeros((size >> 8, 256), "u1")
    m["two"] = [np.zeros(size, "u1"), {"y": np.zeros(size, "u1")}]
    ended = threading.Event()
    failed: list[BaseException] = []

    def write() -> None:
        try:
            number = 0
            while not ended.is_set():
                number = (number + 1) % 251
                filled = np.full(size, number, "u1")
                m["x"][:] = number
                if number % 5 == 0:
                    m["two"] = [filled, {"y": filled}]
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    seen = set()
    try:
        for _ in range(40):
            x = m["x"][:]
            assert (x == x[0, 0]).all()
            seen.add(int(x[0, 0]))
            rows = m["x"][np.arange(x.shape[0] - 1, -1, -1)]
            assert (rows == rows[0, 0]).all()
            one, two = m["two"].eager()
            assert (one == one[0]).all()
            assert (two["y"] == one[0]).all()
    finally:
        ended.set()
        thread.join()
    assert not failed
    assert len(seen) > 2


def test_two_threads_read_one_snapshot(m: Any, array: Any) -> None:
    wanted = np.arange(SIZE // 8)
    failed: list[BaseException] = []

    def read(s: Any) -> None:
        try:
            for _ in range(5):
                assert (s["x"][:].ravel() == wanted).all()
                assert (s.eager()["x"].ravel() == wanted).all()
        except BaseException as error:
            failed.append(error)

    with m.snapshot() as s:
        threads = [threading.Thread(target=read, args=(s,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive(), "deadlock"
    assert not failed


@pytest.mark.parametrize("snapshot", [False, True])
def test_close_in_the_midst_of_a_copy(path: Path, snapshot: bool) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        m["x"] = np.arange(SIZE // 8, dtype="i8")
    for delay in (0, 0.001, 0.005, 0.02):
        m = oocmap.OOCMap(path, mode="r")
        source = m.snapshot() if snapshot else m
        found: list[Any] = []

        def read(lazy: Any = source["x"], found: list[Any] = found) -> None:
            try:
                while True:
                    found.append((lazy[:] == np.arange(SIZE // 8)).all())
            except oocmap.ClosedError:
                pass

        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(delay)
        source.close()
        m.close()
        thread.join(120)
        assert not thread.is_alive(), "deadlock"
        assert all(found)
