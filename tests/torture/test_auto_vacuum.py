"""100 processes that write, delete and vacuum by themselves in one map: all of them get on."""

import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

import oocmap

# Each reports its slowest write, which a starved one would show.
WORK = """
import sys, time, oocmap
path, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
slowest = 0.0
def timed(write):
    global slowest
    start = time.monotonic()
    write()
    slowest = max(slowest, time.monotonic() - start)
with oocmap.OOCMap(path, timeout=60) as m:
    m.configure_auto_vacuum(10)
    for round in range(rounds):
        for i in range(10):
            timed(lambda: m.__setitem__((name, i), [name * 500, {"n": i}, m.get("shared")]))
        with m.transaction():
            m["count"] = m.get("count", 0) + 1
        for i in range(10):
            assert m[name, i][1]["n"] == i
            timed(lambda: m.__delitem__((name, i)))
print(slowest)
"""


def test_workers_with_auto_vacuum(
    tmp_path: pathlib.Path, size: Callable[[int, int], int], figure: Callable[[str], None]
) -> None:
    path = tmp_path / "map.ooc"
    count, rounds = 100, size(1, 20)
    with oocmap.OOCMap(path) as m:
        m["shared"] = {"a": ["x" * 600] * 3}
    start = time.monotonic()
    largest = 0
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, str(path), f"worker{i}", str(rounds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(count)
    ]
    slowest = 0.0
    for worker in workers:
        out, err = worker.communicate()
        largest = max(largest, os.stat(path).st_blocks * 512)
        assert worker.returncode == 0, err
        slowest = max(slowest, float(out))
    seconds = time.monotonic() - start
    allocated = os.stat(path).st_blocks * 512
    assert allocated <= 1 << 20
    with oocmap.OOCMap(path) as m:
        assert m.pop("count") == count * rounds
        assert list(m) == ["shared"]
        del m["shared"]
        m.vacuum(full=True)
        assert m.eager() == {}
        small = os.stat(path).st_size
    assert small <= 1 << 17
    figure(
        f"{count} processes x {rounds} rounds in {seconds:.1f} s, slowest write "
        f"{slowest:.2f} s; the file took {largest / 1024:.0f} KiB at most, {allocated / 1024:.0f} "
        f"at the end, {small / 1024:.0f} after a full vacuum"
    )
