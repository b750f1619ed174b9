"""Soak: processes that overwrite, share, change and delete for long, and vacuum beside them.

Values are always those of a model, the file stays within twice what its content takes in a file of
its own, and memory is flat. Texts come from one pool, so that every process stores again what is
garbage of another's: what a vacuum must not take for garbage.
"""

import gc
import multiprocessing
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oocmap

WORKERS = 3
KEYS = 500  # of each
TEXTS = [chr(97 + i % 26) * (40 + 60 * i) for i in range(50)]  # the window's, and indexed ones

Figure = Callable[[str], None]
Size = Callable[[int, int], int]


def value(rng: random.Random) -> Any:
    """A value of one of the forms that a file knows, 100 bytes to 30 KB."""
    text = rng.choice(TEXTS)
    n = rng.randrange(1 << 40)
    forms: list[Callable[[], Any]] = [
        lambda: {"name": text, "n": n, "tags": [text, n], "where": {"x": n, "y": text}},
        lambda: [{"i": i, "text": rng.choice(TEXTS)} for i in range(rng.randrange(60))],
        lambda: {f"key {i}": [i, n] for i in range(rng.randrange(300))},
        lambda: [[i] for i in range(rng.randrange(1500))],
        lambda: (n, text, (text, rng.choice(TEXTS)), frozenset({n, text})),
        lambda: [f"{n} {i} " * 60 for i in range(rng.randrange(60))],
        lambda: {"deep": [[[{"n": n, "set": {n, "x"}}]]]},
        lambda: text,
        lambda: {f"shape {rng.randrange(500)}": n, "b": text},
    ]
    return rng.choice(forms)()


def unshared(rng: random.Random) -> Any:
    """A value whose parts are nobody else's: all of it is freed where it is overwritten."""
    n = rng.randrange(1 << 40)
    forms: list[Callable[[], Any]] = [
        lambda: {"n": n, "text": f"{n} " * rng.randrange(300), "list": [n, [n]]},
        lambda: [f"{n} {i} " * 60 for i in range(rng.randrange(60))],
        lambda: [[i, {"n": n, "text": f"{n} {i} " * 5}] for i in range(rng.randrange(300))],
        lambda: {f"key {i}": [i, n] for i in range(130, 130 + rng.randrange(200))},
        lambda: list(range(rng.randrange(3000))),
        lambda: (n, f"{n} " * 90, (n, [n])),
    ]
    return rng.choice(forms)()


def anonymous_memory() -> int:
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


class Worker:
    """One process: its keys of the map, and the plain objects that stand for what is there."""

    def __init__(self, m: Any, number: int, seed: int) -> None:
        self.m = m
        self.number = number
        self.rng = random.Random(seed * 1000 + number)
        self.model: dict[int, Any] = {}

    def key(self, i: int) -> tuple[int, int]:
        return (self.number, i)

    def put(self, i: int) -> None:
        self.model[i] = value(self.rng)
        self.m[self.key(i)] = self.model[i]

    def step(self) -> None:
        rng, i = self.rng, self.rng.randrange(KEYS)
        choice = rng.random()
        if i not in self.model or choice < 0.4:
            self.put(i)
        elif choice < 0.55:  # shared, as in Python
            j = rng.randrange(KEYS)
            self.m[self.key(j)] = self.m[self.key(i)]
            self.model[j] = self.model[i]
        elif choice < 0.65:
            del self.m[self.key(i)]
            del self.model[i]
        elif choice < 0.8:
            self.change(i)
        elif choice < 0.85:
            with self.m.transaction():
                for _ in range(5):
                    self.put(rng.randrange(KEYS))
        else:
            self.check(i)

    def change(self, i: int) -> None:
        plain = self.model[i]
        if type(plain) is dict:
            key = f"key {self.rng.randrange(400)}"
            new = value(self.rng)
            self.m[self.key(i)][key] = new
            plain[key] = new
            if len(plain) > 400 or self.rng.random() < 0.1:
                self.m[self.key(i)].clear()
                plain.clear()
        elif type(plain) is list and plain:
            where = self.rng.randrange(len(plain))
            self.m[self.key(i)].pop(where)
            plain.pop(where)
            self.m[self.key(i)].append(self.number)
            plain.append(self.number)

    def check(self, i: int) -> None:
        stored = self.m[self.key(i)]
        assert getattr(stored, "eager", lambda: stored)() == self.model[i], (self.number, i)

    def check_all(self) -> None:
        keys = {key for key in self.m if key[0] == self.number}
        assert keys == {self.key(i) for i in self.model}
        for i in self.model:
            self.check(i)


def work(path: str, number: int, seed: int, seconds: float, results: Any) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=60) as m:
        worker = Worker(m, number, seed)
        steps, early, end = 0, 0, time.monotonic() + seconds
        while time.monotonic() < end:
            worker.step()
            steps += 1
            if early == 0 and time.monotonic() > end - seconds * 0.7:
                gc.collect()
                early = anonymous_memory()
        worker.check_all()
        gc.collect()
        results.put((steps, early, anonymous_memory()))


def allocated(path: Path) -> int:
    return path.stat().st_blocks * 512


def live_bytes(m: Any, path: Path) -> int:
    """What the content takes in a file of its own."""
    path.unlink(missing_ok=True)
    with oocmap.OOCMap(path, durability="off") as copy, copy.transaction():
        copy.update(m.eager())
    with oocmap.OOCMap(path, durability="off") as copy:
        copy.vacuum()
    return allocated(path)


def vacuum_under_a_snapshot(m: Any) -> None:
    with m.snapshot() as s:
        some = [key for key in s if key[1] % 100 == 0]
        values = [getattr(s[key], "eager", lambda: None)() for key in some]
        assert m.vacuum().finished
        assert values == [getattr(s[key], "eager", lambda: None)() for key in some]


def test_churn_with_vacuums(tmp_path: Path, size: Size, seed: int, figure: Figure) -> None:
    path, seconds = tmp_path / "map.ooc", size(25, 3600)
    spawn = multiprocessing.get_context("spawn")
    results: Any = spawn.Queue()
    with oocmap.OOCMap(path, durability="off", timeout=60) as m:
        workers = [
            spawn.Process(target=work, args=(str(path), number, seed, seconds, results))
            for number in range(WORKERS)
        ]
        for process in workers:
            process.start()
        before: list[int] = []
        after: list[int] = []
        rounds = 0
        took = 0.0
        begin = time.monotonic()
        while any(process.is_alive() for process in workers):
            time.sleep(0.5)
            rounds += 1
            if time.monotonic() > begin + 0.8 * seconds:  # what a snapshot keeps, the file keeps
                vacuum_under_a_snapshot(m)
                continue
            start = time.monotonic()
            report = m.vacuum()
            took = max(took, time.monotonic() - start)
            assert report.finished
            before.append(report.allocated_before)
            after.append(report.allocated_after)
        for process in workers:
            process.join()
        assert [process.exitcode for process in workers] == [0] * WORKERS
        assert m.vacuum().finished
        live = live_bytes(m, tmp_path / "live.ooc")
        final = allocated(path)
    memory = [results.get() for _ in workers]
    steps = sum(each[0] for each in memory)
    ratio, median = final / live, sorted(after)[len(after) // 2] / live
    figure(
        f"{seconds} s, {WORKERS} processes, {steps:,} writes and reads, {rounds} vacuums of at most"
        f" {took * 1000:.0f} ms; live {live / 2**20:.1f} MiB; file at the end {ratio:.2f}x, beside"
        f" the writers {median:.2f}x (median), {max(before) / live:.2f}x (most); anonymous memory"
        f" {', '.join(f'{a / 2**20:.0f} -> {b / 2**20:.0f}' for _, a, b in memory)} MiB"
    )
    assert ratio <= 2
    # In a tight loop, on a machine with other work: who is put to sleep while it reads keeps pages.
    assert median <= 10
    for _, early, late in memory:
        assert late <= 1.3 * early + 8 * 2**20


def test_the_same_keys_for_long(tmp_path: Path, size: Size, seed: int, figure: Figure) -> None:
    """Without a vacuum: what had one referent is used again."""
    path, seconds = tmp_path / "map.ooc", size(12, 3600)
    rng = random.Random(seed)
    with oocmap.OOCMap(path, durability="off") as m:
        model: dict[int, Any] = {}
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            i = rng.randrange(KEYS)
            model[i] = unshared(rng)
            m[i] = model[i]
            count += 1
        assert m == model
        live = live_bytes(m, tmp_path / "live.ooc")
        ratio = path.stat().st_size / live
    figure(f"{seconds} s, {count:,} writes to {KEYS} keys: st_size {ratio:.2f}x live bytes")
    assert ratio <= 2
