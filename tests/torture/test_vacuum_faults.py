"""vacuum() where things go wrong: no holes, a disk that breaks, kill -9 anywhere in it."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import oocmap
import pytest

FILL = """
import sys, oocmap
m = oocmap.OOCMap(sys.argv[1], durability="normal")
m["stays"] = {"a": [1, "x" * 700, {"b": "y" * 2000}]}
m["garbage"] = [["g" * 600, [i]] for i in range(2000)]
m["alias"] = m["garbage"]
del m["garbage"], m["alias"]
"""
VACUUM = """
try:
    print(m.vacuum())
except oocmap.Error as error:
    print(type(error).__name__, error)
m["more"] = [["h" * 600, [i]] for i in range(2000)]
assert m["stays"].eager() == {"a": [1, "x" * 700, {"b": "y" * 2000}]}
assert len(m["more"]) == 2000 and m["more"][1999] == ["h" * 600, [1999]]
"""


def run(code: str, path: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errno.EOPNOTSUPP, "can_punch=False"),
        (errno.EIO, "IoError"),
        (errno.ENOSPC, "StoreFullError"),
    ],
)
def test_holes_that_cannot_be_punched(
    tmp_path: Path, preload: Callable[[str], Path], error: int, said: str
) -> None:
    path = tmp_path / "map.ooc"
    answer = run(
        FILL + VACUUM,
        path,
        LD_PRELOAD=str(preload("no_holes")),
        OOCMAP_FALLOCATE_ERRNO=str(error),
    )
    assert said in answer
    assert error == errno.EOPNOTSUPP or str(path) in answer
    with oocmap.OOCMap(path) as m:
        assert m["more"][7] == ["h" * 600, [7]]
        assert m.vacuum().can_punch


ENDLESS = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], durability="normal", timeout=60) as m:
    print("ready", flush=True)
    while True:
        m.vacuum()
        m["garbage"] = [["g" * 600, [i]] for i in range(200)]
        m["garbage"].append(m["garbage"])
        del m["garbage"]
"""


def test_killed_while_it_vacuums(
    tmp_path: Path,
    size: Callable[[int, int], int],
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    """Beside a writer that stores again what is garbage: all of its values are always there."""
    path, kills = tmp_path / "map.ooc", size(40, 4000)
    texts = ["g" * 600, "t" * 900, *(chr(97 + i) * 100 for i in range(9))]
    model: dict[int, object] = {}
    slowest = 0.0
    with oocmap.OOCMap(path, durability="normal", timeout=60) as m:
        for _ in range(kills):
            vacuumer = subprocess.Popen(
                [sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE, text=True
            )
            assert vacuumer.stdout is not None
            assert vacuumer.stdout.readline() == "ready\n"
            end = time.monotonic() + rng.random() * 0.15
            while time.monotonic() < end:
                i = rng.randrange(30)
                if rng.random() < 0.3 and i in model:
                    del m[i], model[i]
                else:
                    model[i] = [rng.choice(texts), {"k": (1, rng.choice(texts))}, [i]]
                    m[i] = model[i]
            vacuumer.send_signal(signal.SIGKILL)
            vacuumer.wait()
            vacuumer.stdout.close()
            start = time.monotonic()
            m["next"] = 1
            slowest = max(slowest, time.monotonic() - start)
            m.pop("garbage", None)
            del m["next"]
            assert m.eager() == model
        assert m.vacuum().finished
        assert m.eager() == model
        once_more = m.vacuum()
        assert (once_more.containers, once_more.immutables) == (0, 0)
    figure(f"{kills} kills of a vacuum, 0 broken; the next write took at most {slowest:.3f} s")
