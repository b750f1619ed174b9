"""The n-th call of a kind fails, once or from then on: every error surfaces, and nothing is lost.

fault_worker.py does the rounds, with preload/fault.c: open, mmap, write (an error, or half of it
is written), fsync, fallocate, rename, locks, fstat, and memory. Each step of a workload of all
that a map does (Python and SQL, transactions, savepoints, backup, both vacuums) is tried with the
n-th such call failing, n = 1, 2, ... until there is none.
"""

import concurrent.futures
import errno
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).parent / "fault_worker.py"
FAST_FOLDER = Path("/dev/shm")
SHORT = 0  # instead of an error: half of it is written

KINDS: dict[str, list[int]] = {
    "open": [errno.EIO, errno.ENOSPC, errno.EINTR],
    "map": [errno.ENOMEM],
    "write": [errno.ENOSPC, errno.EIO, errno.EINTR, SHORT],
    "sync": [errno.EIO, errno.ENOSPC, errno.EINTR],
    "allocate": [errno.ENOSPC, errno.EIO, errno.EINTR],
    "rename": [errno.ENOSPC, errno.EIO],
    "lock": [errno.ENOLCK, errno.EINTR],
    "stat": [errno.EIO],
    "memory": [errno.ENOMEM],
}


def specs(most: int, dense: int) -> list[dict[str, Any]]:
    """`dense`: up to this n every one is tried, above it n + n / 4 follows n."""
    return [
        {"kind": kind, "error": error, "onwards": onwards, "most": most, "dense": dense}
        for kind, errors in KINDS.items()
        for error in errors
        for onwards in (False, True)
        # A call that is interrupted for ever, or writes a half for ever, is not asked for.
        if not onwards or error not in (errno.EINTR, SHORT)
    ]


class Workers:
    """Two processes that do rounds, each by itself."""

    def __init__(self, library: Path, folder: Path) -> None:
        environment = os.environ | {
            "LD_PRELOAD": str(library),
            "OOCMAP_FAULT_MARK": "oocfault-",
            "OOCMAP_FAULT_FOLDER": str(folder),
        }
        self.processes = [
            subprocess.Popen(
                [sys.executable, str(WORKER)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        self.idle = list(self.processes)

    def run(self, spec: dict[str, Any]) -> dict[str, Any]:
        process = self.idle.pop()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(json.dumps(spec), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())  # type: ignore[no-any-return]
        finally:
            self.idle.append(process)

    def end(self) -> None:
        for process in self.processes:
            process.communicate()


def test_every_call_that_fails(
    tmp_path: Path,
    preload: Callable[[str], Path],
    size: Callable[[int, int], int],
    figure: Callable[[str], None],
) -> None:
    folder = tmp_path
    if FAST_FOLDER.is_dir():
        folder = FAST_FOLDER / f"oocmap-faults-{os.getpid()}"
        folder.mkdir()
    start = time.monotonic()
    wanted = specs(most=size(100, 10**9), dense=size(6, 10**9))
    workers = Workers(preload("fault"), folder)
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(workers.run, wanted))
    finally:
        workers.end()
        if folder != tmp_path:
            subprocess.run(["rm", "-rf", str(folder)], check=True)
    rounds: Counter[str] = Counter()
    wrong: list[str] = []
    silent: list[str] = []
    for spec, result in zip(wanted, results, strict=True):
        rounds[spec["kind"]] += result["rounds"]
        wrong += result["wrong"]
        # What is written or synced in vain must be said.
        tried_again = spec["kind"] == "write" and spec["error"] in (errno.EINTR, SHORT)
        if spec["kind"] in ("write", "sync") and not tried_again:
            silent += [f"{spec}: {step}" for step in result["quiet"]]
    figure(f"{dict(rounds)}, {rounds.total()} rounds in {time.monotonic() - start:.0f} s")
    assert not wrong, "\n".join(wrong[:20])
    assert not silent, "\n".join(silent)
    assert all(rounds[kind] > 0 for kind in KINDS)
