"""Several processes log what they did; the ids of LMDB's transactions are the witness of an order.

Each operation is logged with its start and end on one clock, the id of the transaction that it
read or wrote in, and its result. The log holds if the order of ids contains that of time (what
ended before another began has no larger id, and a smaller one where the other wrote), and each
result is that of replaying the writes in the order of their ids up to its own.
"""

import itertools
import json
import os
import random
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import oocmap
import pytest
from oocmap import _native

Map = oocmap.OOCMap[Any, Any]
PROCESSES, KEYS = 4, 24


class Operation(NamedTuple):
    start: float  # seconds on the clock all processes share
    end: float
    id: int  # of the transaction it wrote, or of the newest it saw
    writes: bool
    name: str
    arguments: list[Any]
    result: Any


Model = dict[str, Any]


def apply(state: Model, name: str, arguments: list[Any]) -> Any:
    """The operation on a plain dict. Returns: its result."""
    if name in ("get", "look"):
        return state.get(arguments[0])
    if name == "set":
        state[arguments[0]] = arguments[1]
        return None
    if name == "pop":
        return state.pop(arguments[0], None)
    nested = state["nested"]
    if name == "nested get":
        return nested[arguments[0]]["n"]
    if name == "nested set":
        nested[arguments[0]]["n"] = arguments[1]
        return None
    if name == "transfer":
        source, target, amount = arguments
        nested[source]["n"] -= amount
        nested[target]["n"] += amount
        return [nested[source]["n"], nested[target]["n"]]
    assert name == "snapshot", name
    return [[nested[key]["n"] for key in arguments], [state.get(key) for key in arguments]]


def names() -> list[str]:
    return [f"k{i}" for i in range(KEYS)]


def initial() -> Model:
    return {"nested": {key: {"n": 100} for key in names()}}


def verify(log: list[Operation], state: Model) -> None:
    """Raise AssertionError where the log is not linearizable. Cost: O(n log n)."""
    by_id = sorted(log, key=lambda op: (op.id, not op.writes))
    for before, after in itertools.pairwise(by_id):
        assert not (after.writes and before.writes and before.id == after.id), (before, after)
    # Who began after an operation's end has at least its id; a write, which makes an id, more.
    ended = sorted(log, key=lambda op: op.end)
    newest, position = -1, 0
    for op in sorted(log, key=lambda op: op.start):
        while ended[position].end < op.start:
            newest = max(newest, ended[position].id)
            position += 1
        assert op.id > newest if op.writes else op.id >= newest, ("the past", op, newest)
    for op in by_id:
        result = apply(state, op.name, op.arguments)
        assert result == op.result, ("another result", op, result)


# --- Workers


class Worker:
    """One process's part: random operations, and the lines of its log."""

    def __init__(self, m: Map, number: int, rng: random.Random) -> None:
        self.m, self.number, self.rng = m, number, rng
        self.log: list[Operation] = []
        self.values = 0

    def newest(self) -> int:
        return _native.moments(self.m)[0]

    def key(self) -> str:
        return f"k{self.rng.randrange(KEYS)}"

    def value(self) -> int:
        """One far from all others, which transfers do not reach: an equal one is not committed."""
        self.values += 1
        return (self.number + 1) * 10**12 + self.values * 10**5

    def read(self, name: str, arguments: list[Any], body: Callable[[], Any]) -> None:
        """A read outside a transaction: its id is known where no commit came in between."""
        while True:
            start = time.monotonic()
            before = self.newest()
            result = body()
            if before == self.newest():
                self.log.append(
                    Operation(start, time.monotonic(), before, False, name, arguments, result)
                )
                return

    def write(self, name: str, arguments: list[Any], body: Callable[[], Any]) -> None:
        """A write that is a transaction of its own."""
        start = time.monotonic()
        result = body()
        end = time.monotonic()
        own = _native.moments(self.m)[1]
        self.log.append(Operation(start, end, own, True, name, arguments, result))

    def transfer(self) -> None:
        source, target, amount = self.key(), self.key(), self.rng.randrange(1, 9)
        nested = self.m["nested"]

        def move() -> list[int]:
            nested[source]["n"] -= amount
            nested[target]["n"] += amount
            return [nested[source]["n"], nested[target]["n"]]

        def body() -> list[int]:
            with self.m.transaction():
                if self.rng.random() < 0.2:
                    try:
                        with self.m.transaction():  # a savepoint that is rolled back
                            move()
                            raise KeyError
                    except KeyError:
                        pass
                return move()

        self.write("transfer", [source, target, amount], body)

    def snapshot(self) -> None:
        start = time.monotonic()
        keys = [self.key() for _ in range(3)]
        with self.m.snapshot() as s:
            moment = _native.moments(s)[0]
            result = [[s["nested"][key]["n"] for key in keys], [s.get(key) for key in keys]]
        end = time.monotonic()
        self.log.append(Operation(start, end, moment, False, "snapshot", keys, result))

    def pop(self) -> None:
        """Of a key that may be missing: then nothing is committed, and it is a read."""
        key = self.key()
        start = time.monotonic()
        with self.m.transaction():
            before = self.newest()
            result = self.m.pop(key, None)
        end = time.monotonic()
        writes = result is not None
        self.log.append(Operation(start, end, before + writes, writes, "pop", [key], result))

    def step(self) -> None:
        m, key, kind = self.m, self.key(), self.rng.random()
        nested = m["nested"]
        if kind < 0.25:
            self.read("get", [key], lambda: m.get(key))
        elif kind < 0.4:
            self.read("nested get", [key], lambda: nested[key]["n"])
        elif kind < 0.5:
            sql = "SELECT value FROM map WHERE key = ?"
            self.read("look", [key], lambda: next(iter(m.sql(sql, (key,))), (None,))[0])
        elif kind < 0.6:
            self.snapshot()
        elif kind < 0.75:
            value = self.value()
            self.write("set", [key, value], lambda: m.__setitem__(key, value))
        elif kind < 0.85:
            value = self.value()
            self.write("nested set", [key, value], lambda: nested[key].__setitem__("n", value))
        elif kind < 0.92:
            self.transfer()
        else:
            self.pop()


def work(path: Path, number: int, seed: int, operations: int, go: int) -> None:
    os.read(go, 1)  # until all are ready
    with oocmap.OOCMap(path, durability="off", timeout=60) as m:
        worker = Worker(m, number, random.Random(seed * 1000 + number))
        for _ in range(operations):
            worker.step()
    with path.with_suffix(f".{number}.log").open("w") as file:
        file.writelines(json.dumps(operation) + "\n" for operation in worker.log)


def run(path: Path, seed: int, operations: int) -> list[Operation]:
    """Let PROCESSES do `operations` in all. Returns: their logs."""
    with oocmap.OOCMap(path, durability="off") as m:
        m["nested"] = initial()["nested"]
    held, go = os.pipe()
    pids = []
    for number in range(PROCESSES):
        pid = os.fork()
        if pid == 0:
            try:
                os.close(go)
                work(path, number, seed, operations // PROCESSES, held)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        pids.append(pid)
    os.close(held)
    os.close(go)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * PROCESSES
    log: list[Operation] = []
    for number in range(PROCESSES):
        file = path.with_suffix(f".{number}.log")
        with file.open() as lines:
            log.extend(Operation(*json.loads(line)) for line in lines)
        file.unlink()
    return log


def test_linearizable(
    tmp_path: Path,
    size: Callable[[int, int], int],
    seed: int,
    figure: Callable[[str], None],
) -> None:
    total, part = size(200_000, 10_000_000), 200_000
    operations = 0
    started = time.monotonic()
    for number in range(total // part):
        path = tmp_path / f"{number}.ooc"
        log = run(path, seed + number, part)
        state = initial()
        verify(log, state)
        with oocmap.OOCMap(path, durability="off") as m:
            assert m.eager() == state
        operations += len(log)
        path.unlink()
    assert operations == total
    figure(
        f"{operations} operations of {PROCESSES} processes in {time.monotonic() - started:.0f} s, "
        "0 violations"
    )


def falsified(log: list[Operation], how: str, rng: random.Random) -> list[Operation]:
    """The log with one thing in it changed to what must not be."""
    false = list(log)
    sets = [i for i, op in enumerate(log) if op.name == "set"]
    if how == "lost write":
        # Not merely the last of its key: a later read has to have seen it.
        read = {op.result for op in log if op.name == "get"}
        del false[next(i for i in rng.sample(sets, len(sets)) if log[i].arguments[1] in read)]
    elif how == "other value":
        i = next(i for i in rng.sample(range(len(log)), len(log)) if log[i].name == "nested get")
        false[i] = log[i]._replace(result=log[i].result + 1)
    elif how == "torn snapshot":
        i = next(i for i in rng.sample(range(len(log)), len(log)) if log[i].name == "snapshot")
        amounts, values = log[i].result
        false[i] = log[i]._replace(result=[[amounts[0] + 1, *amounts[1:]], values])
    elif how == "read of the past":
        # The right value for an old id, given after a newer commit had returned.
        i = next(i for i in rng.sample(range(len(log)), len(log)) if log[i].name == "get")
        late = max(op.end for op in log) + 1
        assert any(op.writes and op.id > log[i].id for op in log)
        false[i] = log[i]._replace(start=late, end=late + 1)
    elif how == "commit out of order":
        i, j = sorted(rng.sample(sets, 2), key=lambda i: log[i].id)
        first, second = log[i], log[j]
        false[i] = first._replace(start=second.end + 1, end=second.end + 2)
    else:
        i, j = rng.sample(sets, 2)
        false[i] = log[i]._replace(id=log[j].id)
    return false


HOW = [
    "lost write",
    "other value",
    "torn snapshot",
    "read of the past",
    "commit out of order",
    "one id",
]


def test_checker_finds_what_is_false(tmp_path: Path, rng: random.Random) -> None:
    log = run(tmp_path / "map.ooc", 1, 4000)
    verify(log, initial())
    assert len({op.id for op in log}) > 100
    for how in HOW:
        for _ in range(5):
            with pytest.raises(AssertionError):
                verify(falsified(log, how, rng), initial())
