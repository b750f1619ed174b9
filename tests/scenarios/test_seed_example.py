"""The first example of this project, across two processes; the second reads only what it asks."""

import subprocess
import sys
from pathlib import Path

import oocmap

WRITE = """
import sys, oocmap
m = oocmap.OOCMap(sys.argv[1])
m[1] = "John"
m[2] = "Paul"
m[3] = [4, "score", "and", (7.0, "years"), "ago"]
m["four"] = m[1]
"""

READ = """
import sys, oocmap
from oocmap import _native
m = oocmap.OOCMap(sys.argv[1])
assert m[1] == "John"
assert m["four"] == "John"
before = _native.counters()
score = m[3]
assert type(score) is oocmap.LazyList
assert _native.counters() == (before[0], before[1] + 1)  # found, not looked into
years = score[3]
assert type(years) is oocmap.LazyTuple
assert _native.counters() == (before[0] + 1, before[1] + 2)
assert years == (7.0, "years")
assert score == [4, "score", "and", (7.0, "years"), "ago"]
assert list(m) == [1, 2, 3, "four"]
assert len(m) == 4
"""


def test_written_in_one_process_and_read_in_another(tmp_path: Path) -> None:
    path = str(tmp_path / "beatles.ooc")
    subprocess.run([sys.executable, "-c", WRITE, path], check=True)
    subprocess.run([sys.executable, "-c", READ, path], check=True)
    with oocmap.OOCMap(path, mode="r") as m:
        assert m.eager() == {
            1: "John",
            2: "Paul",
            3: [4, "score", "and", (7.0, "years"), "ago"],
            "four": "John",
        }
        assert list(m.sql("SELECT key, value FROM map WHERE key = 3")) == [
            (3, '[4,"score","and",[7.0,"years"],"ago"]')
        ]
