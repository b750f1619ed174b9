"""Data far larger than memory is loaded and walked in memory that does not grow with it.

A process of its own loads and walks generated data, and looks at its anonymous memory (RssAnon: not
the pages of the file, which the system takes back when it needs them) all the while.
"""

import subprocess
import sys
from pathlib import Path

import pytest

STREAM = """
import itertools, sys, oocmap
path, how, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])

def anonymous():  # kB
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon:"): return int(line.split()[1])

peak = 0
def look(i):
    global peak
    if i % 500 == 0: peak = max(peak, anonymous())

def rows(count):
    for i in range(count):
        look(i)
        yield {"id": i, "text": f"{i:08}" * 60, "list": [i, i + 0.5, str(i)], "in": {"n": i}}

ROW = 600  # bytes and more
count = megabytes * 1_000_000 // ROW
m = oocmap.OOCMap(path, durability="off")
m["warm up"] = [{"a": [1]}]
base = anonymous()
if how == "update":
    m.update((i, row) for i, row in enumerate(rows(count)))
elif how == "transactions":
    source = enumerate(rows(count))
    while batch := list(itertools.islice(source, 2000)):
        with m.transaction():
            for i, row in batch: m[i] = row
else:
    m["list"] = []
    rows_ = m["list"]
    source = rows(count)
    while batch := list(itertools.islice(source, 2000)): rows_.extend(batch)
loaded = peak - base
peak = seen = 0
walked = rows_ if how == "list" else (value for key, value in m.items() if key != "warm up")
for i, row in enumerate(walked):
    look(i)
    assert row["id"] == i and row["in"]["n"] == i and len(row["text"]) == 480, i
    seen += 1
assert seen == count
print(loaded // 1024, (peak - base) // 1024)
"""


# MB above what the process takes before it begins. update() of an iterable is bound by the 64 MB
# of its batches; the others by what one of theirs takes.
CAPS = {"update": 64, "transactions": 24, "list": 24}


@pytest.mark.parametrize("how", CAPS)
def test_memory_stays_flat(tmp_path: Path, how: str) -> None:
    cap = CAPS[how]
    path = tmp_path / "map.ooc"
    command = [sys.executable, "-c", STREAM, str(path), how, str(10 * cap)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert path.stat().st_size > 10 * cap * 1_000_000 * 0.8
    loading, walking = map(int, ended.stdout.split())
    assert loading < cap
    assert walking < cap
