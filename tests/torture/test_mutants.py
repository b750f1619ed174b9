"""Mutants of honest stores are opened with verify=full, read, queried, written: no signal, no hang.

And the checks find nothing in honest stores, whatever was done to them.
"""

import concurrent.futures
import pathlib
import random
import select
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import oocmap

PAGE = 4096
WALKER = pathlib.Path(__file__).parent / "mutant_walker.py"
PATIENCE = 60.0  # seconds for one mutant


def random_value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(6 if depth > 2 else 12)
    few = range(rng.randrange(1500 if rng.randrange(25) == 0 else 6))
    if kind == 0:
        return rng.choice([None, True, 0.5, -3, 2**80, 1 + 2j])
    if kind == 1:
        return rng.randrange(1 << 40)
    if kind == 2:
        return "t" * rng.choice([3, 40, 600, 9000])
    if kind == 3:
        return rng.randbytes(rng.choice([5, 50, 5000]))
    if kind in (4, 5):
        return f"text {rng.randrange(60)} that comes more than once, in many places of the store"
    deeper = depth + 1 + len(few) // 20
    if kind in (6, 7, 8):
        return {f"k{i}": random_value(rng, deeper) for i in few}
    if kind == 9:
        return [random_value(rng, deeper) for _ in few]
    if kind == 10:
        return tuple(rng.choice([1, 2.5, "x" * 600, (3, 4)]) for _ in few)
    return {i * 3 for i in few}


def change(m: Any, rng: random.Random, steps: int) -> None:
    for _ in range(steps):
        key = f"key {rng.randrange(30)}"
        action = rng.randrange(10)
        if action < 5:
            m[key] = random_value(rng)
        elif action < 8:
            m.pop(key, None)
        elif action == 8 and key in m:
            m[f"key {rng.randrange(30)}"] = m[key]
        elif key in m and isinstance(m[key], oocmap.LazyDict):
            m[key]["more"] = random_value(rng)


def make(path: pathlib.Path, rng: random.Random, steps: int = 120) -> bytes:
    m: Any
    with oocmap.OOCMap(path, durability="off") as m:
        change(m, rng, steps)
    return path.read_bytes()


def trees(content: bytes) -> list[int]:
    """Where the records of the named databases stand, and those of the newer meta page."""
    first, second = (struct.unpack_from("<Q", content, at + 144)[0] for at in (0, PAGE))
    meta = PAGE if second > first else 0
    (root,) = struct.unpack_from("<Q", content, meta + 128)
    leaf = root * PAGE
    found = [meta + 40, meta + 88]
    (lower,) = struct.unpack_from("<H", content, leaf + 12)
    for i in range(16, lower, 2):
        node = leaf + struct.unpack_from("<H", content, leaf + i)[0]
        found.append(node + 8 + struct.unpack_from("<H", content, node + 6)[0])
    return found


def some_page(content: bytearray, rng: random.Random) -> int:
    """Where a page with nodes begins: their headers decide about LMDB's life."""
    pages = len(content) // PAGE
    for _ in range(50):
        at = rng.randrange(2, pages) * PAGE
        flags, lower = struct.unpack_from("<HH", content, at + 10)
        if flags in (1, 2) and 18 <= lower <= PAGE:
            return at
    return 2 * PAGE


def mutate(sound: bytes, rng: random.Random) -> bytes:
    content = bytearray(sound)
    kind = rng.randrange(10)
    odd = rng.choice([0, 1, 2, 7, 8, 15, 16, 255, 4095, 4096, 0x7FFF, 0xFFFF, rng.randrange(65536)])
    huge = rng.choice([0, 1, odd, 1 << 31, 1 << 47, 2**64 - 1, rng.randrange(len(sound) // PAGE)])
    if kind < 4:  # some bytes, anywhere in the pages that are written
        for _ in range(rng.randrange(1, 5)):
            content[rng.randrange(len(content))] = rng.randrange(256)
    elif kind == 4:  # two pages change places
        a, b = (rng.randrange(2, len(content) // PAGE) * PAGE for _ in range(2))
        content[a : a + PAGE], content[b : b + PAGE] = content[b : b + PAGE], content[a : a + PAGE]
    elif kind == 5:  # cut off
        del content[rng.randrange(len(content)) :]
    elif kind == 6:  # a page's header
        struct.pack_into("<H", content, some_page(content, rng) + rng.choice([0, 10, 12, 14]), odd)
    elif kind == 7:  # where a node is, or a field of its header
        page = some_page(content, rng)
        (lower,) = struct.unpack_from("<H", content, page + 12)
        slot = page + rng.randrange(16, lower, 2)
        (node,) = struct.unpack_from("<H", content, slot)
        if rng.randrange(2) == 0 or node > PAGE - 8:
            struct.pack_into("<H", content, slot, odd)
        else:
            struct.pack_into("<H", content, page + node + rng.choice([0, 2, 4, 6]), odd)
    elif kind == 8:  # a field of a tree
        at = rng.choice(trees(sound))
        if rng.randrange(3) == 0:
            struct.pack_into("<H", content, at + rng.choice([4, 6]), odd)
        else:
            struct.pack_into("<Q", content, at + rng.choice([8, 16, 24, 32, 40]), huge)
    else:  # the bytes of our own record, behind a node's key
        page = some_page(content, rng)
        (node,) = struct.unpack_from("<H", content, page + 16)
        if node <= PAGE - 24:
            at = page + node + 8 + rng.randrange(min(64, PAGE - node - 16))
            struct.pack_into("<Q" if rng.randrange(2) else "<H", content, at, huge % 65536)
    return bytes(content)


class Walker:
    """A process that uses mutants, started again where one ends it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def use(self, path: pathlib.Path, verify: str) -> str:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, str(WALKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        print(path, verify, file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            self.end()
            return "hangs"
        answer = process.stdout.readline().strip()
        if answer:
            return answer
        status = process.wait()
        self.errors = process.stderr.read()[-2000:] if process.stderr else ""
        self.end()
        return f"ended with {status}"

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def run_mutants(
    folder: pathlib.Path, rng: random.Random, count: int, verify: str, keep: pathlib.Path | None
) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    walker = Walker()
    sound = b""
    path = folder / "mutant.ooc"
    for i in range(count):
        if i % 100 == 0:
            source = folder / f"sound{verify}{i}.ooc"
            sound = make(source, rng)
            source.unlink()
        mutant = mutate(sound, rng)
        path.unlink(missing_ok=True)
        pathlib.Path(f"{path}-lock").unlink(missing_ok=True)
        path.write_bytes(mutant)
        outcome = walker.use(path, verify)
        outcomes[outcome] += 1
        if keep is not None and outcome not in ("refused", "damaged", "used"):
            kept = keep / f"mutant-{verify}-{i}.ooc"
            kept.write_bytes(mutant)
            print(f"{outcome}: {kept}", getattr(walker, "errors", ""), sep="\n")
    walker.end()
    return outcomes


def run_in_two(
    folder: pathlib.Path, rng: random.Random, count: int, verify: str, keep: pathlib.Path | None
) -> Counter[str]:
    """The mutants, by two processes at a time."""
    outcomes: Counter[str] = Counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        parts = []
        for i in range(2):
            part = folder / f"part{i}"
            part.mkdir()
            seed = rng.randrange(1 << 32)
            parts.append(
                pool.submit(run_mutants, part, random.Random(seed), count // 2, verify, keep)
            )
        for part_done in parts:
            outcomes += part_done.result()
    return outcomes


def test_no_mutant_ends_or_hangs_the_process(
    tmp_path: pathlib.Path,
    size: Callable[[int, int], int],
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    start = time.monotonic()
    outcomes = run_in_two(tmp_path, rng, size(2000, 100_000), "full", tmp_path)
    figure(f"verify=full: {dict(outcomes)} in {time.monotonic() - start:.0f} s")
    assert set(outcomes) <= {"refused", "damaged", "used"}, outcomes
    assert outcomes["refused"] > 0 < outcomes["damaged"]  # else they were not mutated


def test_how_many_would_without_the_check(
    tmp_path: pathlib.Path,
    size: Callable[[int, int], int],
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    outcomes = run_in_two(tmp_path, rng, size(100, 5000), "quick", None)
    figure(f"verify=quick: {dict(outcomes)}")
    survived = outcomes["refused"] + outcomes["damaged"] + outcomes["used"]
    # What opening checks by itself leaves fewer than the 11 % that LMDB alone dies of.
    assert survived >= 0.9 * outcomes.total()


def test_the_checks_find_nothing_in_honest_stores(
    tmp_path: pathlib.Path,
    size: Callable[[int, int], int],
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    stores = size(15, 500)
    pages = containers = 0
    for i in range(stores):
        path = tmp_path / f"honest{i}.ooc"
        make(path, rng)
        m: Any
        with oocmap.OOCMap(path, durability="off", verify="full") as m:
            for _ in range(3):
                report = m.check()
                assert (report.problems, report.leaked) == ([], 0), (i, report)
                change(m, rng, 25)
                if rng.randrange(3) == 0:
                    m.vacuum(full=rng.randrange(2) == 0)
            pages += report.pages
            containers += report.containers
        path.unlink()
    figure(f"{stores} honest stores of {pages} pages, {containers} containers: no problem found")
