"""Nesting without a bound: stored whole or refused in words, never a stack overflow.

Each case runs in a process of its own, on a thread with a small C stack.
"""

import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).parent / "nesting_program.py"


@pytest.mark.parametrize("kib", [128, 512])
@pytest.mark.parametrize("case", ["whole", "refusing", "keys", "too deep", "cyclic", "texts"])
def test_on_a_small_stack(tmp_path: pathlib.Path, case: str, kib: int) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path / "map.ooc"), str(kib), case],
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout[-1000:] + done.stderr[-3000:]
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["finished"]), said
