"""An interpreter that ends with things left open: no noise, no crash, committed data is there."""

import subprocess
import sys
from pathlib import Path

import oocmap
import pytest

BEGIN = """
import sys, threading, oocmap
m = oocmap.OOCMap(sys.argv[1], durability="normal")
m["committed"] = {"list": [1, 2], "dict": {i: i for i in range(1000)}}
"""

LEFT_OPEN = {
    "a map": "",
    "a handle": "h = m['committed']['list']",
    "iterators": """
its = [iter(m), iter(m["committed"]["dict"].items()), reversed(m["committed"]["list"])]
for it in its: next(it)
views = [m.keys(), m["committed"].values()]
""",
    "a cursor": "c = m.sql('SELECT key FROM map'); next(c)",
    "a transaction": "m.transaction().__enter__(); m['undone'] = [1]; h = m['undone']",
    "nested transactions": """
m.transaction().__enter__(); m['undone'] = 1
m.transaction().__enter__(); m['undone'] = 2
""",
    "two maps": "m2 = oocmap.OOCMap(sys.argv[1], durability='normal'); h = m2['committed']",
    "a cycle": "m.me = m; m.handle = m['committed']; box = [m.handle]; box.append(box)",
    "in a module": "import math; math.m = m; math.h = m['committed']",
    "a thread in a transaction": """
inside = threading.Event()
def hold():
    with m.transaction():
        m["undone"] = 1
        inside.set()
        threading.Event().wait()
threading.Thread(target=hold, daemon=True).start()
inside.wait()
""",
    "a thread that waits": """
inside = threading.Event()
def wait():
    inside.set()
    m["undone"] = 1
m.transaction().__enter__()
threading.Thread(target=wait, daemon=True).start()
inside.wait()
""",
    "threads that read and write": """
def work():
    while True:
        m["committed"]["list"][0]
        list(m["committed"]["dict"])
        m["other"] = 1
for _ in range(3): threading.Thread(target=work, daemon=True).start()
import time; time.sleep(0.1)
""",
    "an object that writes when it goes": """
class Late:
    def __del__(self):
        try: m["late"] = 1
        except oocmap.Error: pass
late = Late()
""",
    "atexit": "import atexit; atexit.register(lambda: m.__setitem__('at exit', [1]))",
    "sys.exit inside a block": "with m.transaction(): m['undone'] = 1; sys.exit(0)",
}


@pytest.mark.parametrize("name", LEFT_OPEN)
def test_interpreter_exits_in_silence(tmp_path: Path, name: str) -> None:
    path = tmp_path / "map.ooc"
    command = [sys.executable, "-X", "dev", "-c", BEGIN + LEFT_OPEN[name], str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    with oocmap.OOCMap(path, durability="normal") as m:
        assert m["committed"] == {"list": [1, 2], "dict": {i: i for i in range(1000)}}
        assert "undone" not in m
        assert ("at exit" in m) == (name == "atexit")
        m["after"] = 1
