"""vacuum(full=True) killed at any point, beside writers of other processes that come and go.

A writer tells of each commit by a pipe after it returned; whatever it told must be there.
"""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import oocmap

Map = oocmap.OOCMap[Any, Any]
NEVER_KILLED = 1 << 30


class Child:
    """A forked process that runs `body`, which may write lines to the pipe it is given."""

    def __init__(self, body: Callable[[int], None]) -> None:
        self.pipe, end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.close(self.pipe)
                body(end)
                code = 0
            except BaseException as error:
                print(f"child: {error!r}", file=sys.stderr, flush=True)
            finally:
                os._exit(code)
        os.close(end)
        os.set_blocking(self.pipe, False)
        self.read = b""

    def lines(self) -> list[bytes]:
        """What it wrote so far, without a line that is not ended."""
        try:
            while more := os.read(self.pipe, 1 << 16):
                self.read += more
        except BlockingIOError:
            pass
        return self.read.split(b"\n")[:-1]

    def end(self, kill: bool) -> int:
        if self.pid == 0:
            return 0
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.pid = 0
        self.lines()
        os.close(self.pipe)
        return status


def opened(path: pathlib.Path) -> Map:
    while True:
        try:
            return oocmap.OOCMap(path, timeout=60)
        except oocmap.BusyError:  # compacted for more than 10 s
            pass


def write(path: pathlib.Path, name: str, first: int, seed: int, tell: int) -> None:
    """Attach, commit a few times, detach, for ever; the commits are numbered.

    What a killed writer was just committing may be there or not, and be seen by the next one only:
    LMDB tells readers of a commit after it has written it.
    """
    rng = random.Random(seed)
    with opened(path) as m, m.transaction():
        number = m.get(name, 0)
    assert number in (first, first + 1)
    while True:
        with opened(path) as m:
            for _ in range(rng.randrange(1, 6)):
                with m.transaction():
                    assert m.get(name, 0) == number
                    number += 1
                    m[name] = number
                    m[name, number] = {"number": number, "text": "x" * rng.randrange(2000)}
                    m.pop((name, number - 20), None)
                os.write(tell, b"%d\n" % number)
        time.sleep(rng.random() * 0.002)


def vacuum(path: pathlib.Path, tell: int) -> None:
    """Vacuum for ever."""

    def progress(step: str, *_: int) -> None:
        if step == "copy":
            os.write(tell, b"copy\n")

    with opened(path) as m:
        while True:
            try:
                m.vacuum(full=True, timeout=10, progress=progress)
                os.write(tell, b"done\n")
            except oocmap.BusyError:
                pass


def check(path: pathlib.Path, acknowledged: dict[str, int]) -> dict[str, int]:
    """Nothing acknowledged is lost, nothing is half there; returns what there is."""
    with opened(path) as m, m.snapshot() as s:
        there = {name: s.get(name, 0) for name in acknowledged}
        for name, number in there.items():
            assert number >= acknowledged[name], f"{name}: {number} of {acknowledged[name]}"
            for i in range(max(1, number - 19), number + 1):
                assert s[name, i]["number"] == i
        assert len(s) == sum(1 + min(number, 20) for number in there.values() if number)
    return there


def test_kills_of_vacuum_and_writers(
    tmp_path: pathlib.Path,
    size: Callable[[int, int], int],
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    path = tmp_path / "map.ooc"
    acknowledged = {f"w{i}": 0 for i in range(3)}
    oocmap.OOCMap(path).close()

    def start(name: str, first: int) -> Child:
        seed = rng.randrange(1 << 30)
        return Child(lambda tell: write(path, name, first, seed, tell))

    writers = {name: start(name, 0) for name in acknowledged}

    def hear() -> None:
        for name, writer in writers.items():
            if lines := writer.lines():
                acknowledged[name] = max(acknowledged[name], int(lines[-1]))

    kills = vacuums = writer_kills = left = 0
    begun = time.monotonic()
    try:
        while kills < size(150, 5000):
            child = Child(lambda tell: vacuum(path, tell))
            if rng.random() < 0.5:
                time.sleep(rng.random() * 0.1)
            else:  # while the copy is made, checked, or takes the file's place
                deadline = time.monotonic() + 2
                while b"copy" not in child.lines() and time.monotonic() < deadline:
                    time.sleep(0.0002)
                time.sleep(rng.random() * 0.006)
            assert child.end(kill=True) == -signal.SIGKILL
            kills += 1
            vacuums += child.read.count(b"done")
            left += os.path.exists(f"{path}.oocmap-vacuum")
            hear()
            if rng.random() < 0.2:
                name = rng.choice(list(writers))
                assert writers[name].end(kill=True) == -signal.SIGKILL
                lines = writers[name].read.split(b"\n")[:-1]
                acknowledged[name] = max([acknowledged[name], *map(int, lines[-1:])])
                there = check(path, acknowledged)
                writer_kills += 1
                writers[name] = start(name, there[name])
            elif rng.random() < 0.2:
                check(path, acknowledged)
    finally:
        for writer in writers.values():
            writer.end(kill=True)
    there = check(path, acknowledged)
    with opened(path) as m:
        m.vacuum(full=True)
        assert m.eager().keys() >= there.keys()
    assert not os.path.exists(f"{path}.oocmap-vacuum")
    assert os.stat(path).st_size < 1 << 20
    commits = sum(acknowledged.values())
    assert vacuums > 0
    assert commits > 0
    figure(
        f"{kills} vacuums and {writer_kills} writers killed in {time.monotonic() - begun:.0f} s, "
        f"{vacuums} vacuums done, {left} killed with a copy half made; {commits} acknowledged "
        "commits, 0 lost"
    )


RUN = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1]) as m:
    m.vacuum(full=True)
    m["after"] = "committed"
    print("acknowledged", flush=True)
"""


def test_a_kill_before_each_system_call(
    tmp_path: pathlib.Path,
    preload: Callable[[str], pathlib.Path],
    size: Callable[[int, int], int],
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    path = tmp_path / "map.ooc"
    counts = tmp_path / "counts"

    def run(at: int) -> tuple[int, bool]:
        environment = {
            **os.environ,
            "LD_PRELOAD": str(preload("kill_at")),
            "KILL_FROM": ".oocmap-vacuum",
            "KILL_AT": str(at),
            "KILL_COUNTS": str(counts),
        }
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(path)], env=environment, stdout=subprocess.PIPE
        )
        return done.returncode, b"acknowledged" in done.stdout

    value = {"deep": ["x" * 3000, (1, 2.5), {"set"}]}
    with oocmap.OOCMap(path) as m:
        m["kept"] = value
    assert run(NEVER_KILLED) == (0, True)
    calls = int(counts.read_text())
    assert calls > 20
    points = list(range(1, calls + 1))
    if len(points) > size(80, 10**6):
        points = sorted(rng.sample(points, size(80, 10**6)))
    swapped = 0
    for at in points:
        with oocmap.OOCMap(path) as m:
            m.pop("after", None)
            m["big"] = ["y" * 4000] * 40
            del m["big"]
        before = os.stat(path)
        code, acknowledged = run(at)
        assert code in (0, -signal.SIGKILL)
        after = os.stat(path)
        swapped += after.st_ino != before.st_ino
        with oocmap.OOCMap(path) as m:
            assert m["kept"].eager() == value
            assert m.get("after") == "committed" or not acknowledged
            m["n"] = at
        assert not os.path.exists(f"{path}.oocmap-vacuum")
        with oocmap.OOCMap(path, mode="r") as m:
            assert m["n"] == at
    assert 0 < swapped < len(points)
    figure(
        f"killed before {len(points)} of {calls} system calls: {swapped} times the new file, else "
        "the old one, always whole"
    )
