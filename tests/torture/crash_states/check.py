"""Draws crash states from a recording and has the product open them, one after another.

`python -m crash_states.check NAME COMMITS LOG RECORDED FOLDER SEED FIRST STEP COUNT [KIND]`: the
states FIRST, FIRST + STEP, ... of COUNT. FOLDER is where they are made; "at" in it tells the one
under way, should it end the process. KIND is a kind of operation that is left out, to see that it
is missed. Prints a summary as JSON; a broken state is described in it.
"""

import bisect
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oocmap

from . import workloads
from .disk import Disk
from .recording import Kind, Operation, read

KEPT_FAILURES = 5


def plain(value: Any) -> Any:
    """The same for equal values: arrays as their bytes."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    if hasattr(value, "tobytes"):
        return "array", str(value.dtype), value.shape, value.tobytes()
    return value


class BrokenStateError(Exception):
    """A state that shows what no state may show."""


class Checker:
    """Opens states, and knows what they may be."""

    def __init__(self, name: str, commits: int, folder: Path, rng: random.Random) -> None:
        self.path = folder / workloads.NAME
        self.lock = folder / f"{workloads.NAME}-lock"
        commit, self.durability, self.processes = workloads.WORKLOADS[name]
        self.since = -1  # the commit before which nothing is promised
        if commit is workloads.promise:
            self.since, self.durability = workloads.PROMISED_AT, "full"
        self.rng = rng
        self.numbers: dict[str, list[int]] = {}
        self.changes: list[int] = []  # how many of the commits up to a number changed something
        before = ""
        for number, model in enumerate(workloads.states(name, commits)):
            text = repr(plain(model))
            self.numbers.setdefault(text, []).append(number)
            self.changes.append((self.changes[-1] if number else 0) + (text != before))
            before = text
        self.lost = 0
        self.lost_most = 0
        self.absent = 0
        self.checked = 0

    def check(self, files: dict[str, bytes], acknowledged: int) -> None:
        """Opens one state: `acknowledged` is the last commit that had returned, -1 for none.

        Raises:
            BrokenStateError: It shows something else than one of the commits that may be there.
            oocmap.Error, OSError: It cannot be opened, read or written.
        """
        for old in self.path.parent.iterdir():
            if old != self.lock:
                old.unlink()
        made: dict[int | str, str] = {}
        for name, content in files.items():
            first = made.setdefault(id(content) if content else name, name)
            if first == name:
                (self.path.parent / name).write_bytes(content)
            else:
                (self.path.parent / name).hardlink_to(self.path.parent / first)
        self._make_lock_file()
        if not files.get(workloads.NAME):
            self.absent += 1
            if acknowledged >= 0:
                raise BrokenStateError("the map is gone, though opening it had returned")
        m: Any
        with oocmap.OOCMap(self.path, timeout=1) as m:
            found = self._number(m, acknowledged)
            self._write(m)
            after = repr(plain(m.eager()))
        if workloads.NAME not in files or len(made) < len(files):
            left = [name.name for name in self.path.parent.iterdir() if "oocmap-new" in name.name]
            if left:
                raise BrokenStateError(f"temporary files of the crashed creator stay: {left}")
        if self.rng.random() < 0.1:
            with oocmap.OOCMap(self.path, mode="w", timeout=1) as m:
                if repr(plain(m.eager())) != after:
                    raise BrokenStateError(f"what was written after commit {found} is not there")
        self.checked += 1

    def _make_lock_file(self) -> None:
        """None, one of another time (that of the state before), or one that was partly written."""
        drawn = self.rng.random()
        if drawn < 0.3:
            self.lock.unlink(missing_ok=True)
        elif drawn < 0.4:
            content = bytearray(self.lock.read_bytes() if self.lock.exists() else 8192)
            for at in range(0, len(content), 512):
                if self.rng.random() < 0.5:
                    content[at : at + 512] = bytes(len(content[at : at + 512]))
            self.lock.write_bytes(content[: self.rng.choice((0, 512, 4096, len(content)))])

    def _number(self, m: Any, acknowledged: int) -> int:
        """The commit that the map shows."""
        for key in m:
            m[key]  # by the index of keys, too, and not just in their order
        text = repr(plain(m.eager()))
        numbers = self.numbers.get(text)
        if numbers is None:
            raise BrokenStateError(f"a state that is none of a commit: {text:.300}")
        # Of equal states the one that lost least. A commit of each process may be there before
        # that has said so.
        latest = acknowledged + self.processes
        found = numbers[bisect.bisect_right(numbers, latest) - 1]
        if found > latest:
            raise BrokenStateError(f"commit {found} is there, which had not begun")
        lost = self.changes[max(acknowledged, 0)] - self.changes[found]
        if lost > 0:
            self.lost += 1
            self.lost_most = max(self.lost_most, lost)
            if self.durability == "full":
                raise BrokenStateError(f"commit {acknowledged} had returned, and {found} is there")
        if self.rng.random() < 0.25 and not (report := m.check()).ok:
            raise BrokenStateError(f"check() says {report.problems}")
        return found

    def _write(self, m: Any) -> None:
        with m.transaction():
            m["after"] = {"list": [1, 2, {"x": "y" * 900}]}
            for key in list(m)[:3]:
                if key != "after":
                    del m[key]
        m["single"] = b"z" * 5000


def crash_points(
    operations: list[Operation], count: int, since: int, rng: random.Random
) -> list[int]:
    """How many states are drawn while each operation is under way: as many, by chance, for all that
    come after the acknowledgement of commit `since`."""
    acknowledged = -1
    points = []
    for i, each in enumerate(operations):
        acknowledged = acknowledged_by(each, acknowledged)
        if each.kind != Kind.MESSAGE and acknowledged >= since:
            points.append(i)
    counts = [0] * len(operations)
    for i in range(count):
        # Each once if there are enough, then any.
        counts[points[i] if i < len(points) else rng.choice(points)] += 1
    return counts


def acknowledged_by(operation: Operation, before: int) -> int:
    if operation.kind != Kind.MESSAGE:
        return before
    return max(before, *map(int, operation.data.split()))


def drawn(
    operations: list[Operation], count: int, since: int, seed: str
) -> Iterator[tuple[int, Operation, Disk, int]]:
    """The states, numbered: the operation under way, the disk, the last acknowledged commit."""
    counts = crash_points(operations, count, since, random.Random(f"{seed} points"))
    disk = Disk()
    acknowledged = -1
    number = 0
    for operation, times in zip(operations, counts, strict=True):
        disk.begin(operation)
        for _ in range(times):
            yield number, operation, disk, acknowledged
            number += 1
        disk.end(operation)
        acknowledged = acknowledged_by(operation, acknowledged)


def main() -> None:
    name, commits, log, recorded, folder, seed, first, step, count = sys.argv[1:10]
    here = Path(folder)
    operations = list(read(Path(log), Path(recorded)))
    operations = [each for each in operations if each.kind.name not in sys.argv[10:]]
    checker = Checker(name, int(commits), here / "state", random.Random(f"{seed} checks"))
    failures = []
    with (here / "at").open("w") as at:
        for number, operation, disk, acknowledged in drawn(
            operations, int(count), checker.since, seed
        ):
            if number % int(step) != int(first):
                continue
            files = disk.draw(random.Random(f"{seed} {number}"))
            at.seek(0)
            at.write(f"{number:9}")
            at.flush()
            try:
                checker.check(files, acknowledged)
            except Exception as error:  # of whatever class: none is expected
                what = operation.kind.name
                failures.append(f"state {number}, at {what}: {type(error).__name__}: {error}")
    summary = {
        "operations": len(operations),
        "states": checker.checked,
        "absent": checker.absent,
        "lost": checker.lost,
        "lost most": checker.lost_most,
        "broken": len(failures),
        "failures": failures[:KEPT_FAILURES],
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
