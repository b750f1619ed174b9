"""Threads and processes that share a map: fork, spawn, forkserver, waiting, and a DataLoader."""

import multiprocessing
import random
import threading
import time
from pathlib import Path
from typing import Any

import oocmap
import pytest

METHODS = ["fork", "spawn", "forkserver"]


@pytest.fixture
def m(tmp_path: Path) -> Any:
    with oocmap.OOCMap(tmp_path / "map.ooc", durability="off", timeout=60) as opened:
        yield opened


# --- Threads


def test_many_threads_on_one_map(m: Any) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)  # shown where the test fails
    m["n"], m["list"], m["dict"] = 0, [], {}
    failures: list[BaseException] = []

    def work(number: int) -> None:
        rng = random.Random(seed + number)
        kept, dictionary = m["list"], m["dict"]
        try:
            for i in range(150):
                kept.append((number, i))
                dictionary[(number, i)] = {"by": number, "list": [i]}
                with m.transaction():
                    m["n"] += 1
                    if rng.random() < 0.3:
                        dictionary[(number, i)]["list"].append("inside")
                assert dictionary[(number, i)]["by"] == number
                assert sum(1 for _ in kept) > i
                if rng.random() < 0.2:
                    assert dictionary.pop((number, i))["list"][0] == i
                assert [i for name, i in kept.copy() if name == number] == list(range(i + 1))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert m["n"] == len(m["list"]) == 8 * 150
    assert set(m["dict"]) <= set(m["list"])


def count_while(condition: Any, counted: list[int]) -> None:
    while condition():
        counted[0] += 1


@pytest.mark.parametrize("holder", ["thread", "process"])
def test_other_threads_run_while_one_waits_for_the_lock(m: Any, holder: str) -> None:
    waits = {
        "write": lambda: m.__setitem__("a", 1),
        "locked write": lambda: m.setdefault("list", []).clear(),
        "transaction": lambda: m.transaction().__enter__().__exit__(None, None, None),
    }
    m["list"] = [1]
    for wait in waits.values():
        if holder == "thread":
            inside, done = threading.Event(), threading.Event()
            other: Any = threading.Thread(target=hold, args=(m, inside, done))
        else:
            context = multiprocessing.get_context("spawn")
            inside, done = context.Event(), context.Event()
            other = context.Process(target=hold, args=(m, inside, done))
        other.start()
        assert inside.wait(60)
        waiting = threading.Thread(target=wait)
        waiting.start()
        counted = [0]
        until = time.monotonic() + 0.3
        count_while(lambda until=until: time.monotonic() < until, counted)
        assert waiting.is_alive()  # it did wait
        done.set()
        waiting.join()
        other.join()
        assert counted[0] > 1000


def hold(m: Any, inside: Any, done: Any) -> None:
    with m.transaction():
        m["held"] = 1
        inside.set()
        done.wait(60)


# --- Processes


def take_part(m: Any, kept: Any, shared: Any, number: int, barrier: Any) -> None:
    """A worker: writes its part, and sees the others' after each barrier."""
    for round_ in range(5):
        kept.append([number, round_])
        shared[(number, round_)] = {"list": [number]}
        with m.transaction():
            m["n"] += 1
        barrier.wait(60)
        # Each commit before the barrier is seen by all, whichever handle is asked.
        assert len(kept) == len(m["list"]) == 3 * (round_ + 1)
        assert kept.eager() == m["list"].eager()
        assert set(shared) == {(n, r) for n in range(3) for r in range(round_ + 1)}
        assert m["n"] == 3 * (round_ + 1)
        barrier.wait(60)


@pytest.mark.parametrize("method", METHODS)
def test_handles_in_several_processes_agree_after_each_commit(m: Any, method: str) -> None:
    m["list"], m["shared"], m["n"] = [], {}, 0
    context = multiprocessing.get_context(method)
    barrier = context.Barrier(3)
    workers = [
        context.Process(target=take_part, args=(m, m["list"], m["shared"], number, barrier))
        for number in range(2)
    ]
    for worker in workers:
        worker.start()
    take_part(m, m["list"], m["shared"], 2, barrier)
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert m["n"] == 15


def square(lazy: Any) -> int:
    lazy["square"] = lazy["n"] ** 2
    return lazy["square"]


@pytest.mark.parametrize("method", METHODS)
def test_pool_maps_over_handles(m: Any, method: str) -> None:
    m.update({i: {"n": i} for i in range(40)})
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(square, list(m.values())) == [i**2 for i in range(40)]
    assert [value["square"] for value in m.values()] == [i**2 for i in range(40)]


class Rows:
    """A map as a data set: __len__ and __getitem__, as torch wants them."""

    def __init__(self, m: Any) -> None:
        self.m = m
        self.rows = m["rows"]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> int:
        row = self.rows[i]
        assert self.m["name"] == "data"
        return sum(row["x"]) + row["y"]


@pytest.mark.parametrize("method", METHODS)
def test_data_loader_with_workers(m: Any, method: str) -> None:
    data = pytest.importorskip("torch.utils.data", reason="torch is not installed")
    m["name"] = "data"
    m["rows"] = [{"x": [i, i], "y": i} for i in range(100)]
    loader = data.DataLoader(
        Rows(m), batch_size=10, num_workers=2, multiprocessing_context=method, shuffle=True
    )
    for _ in range(2):
        assert sorted(int(value) for batch in loader for value in batch) == [
            3 * i for i in range(100)
        ]
