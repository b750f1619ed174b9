"""What is on the disk after a power failure, at any system call: tens of thousands of states.

Workloads run under a recorder (preload/record.c); crash_states/disk.py draws what the disk may hold
from each recording, and crash_states/check.py has the product open it. "full" must have lost no
acknowledged commit, "normal" must show one of the last two; for "off" nothing is promised, and what
happens to it shows that the states are severe.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .crash_states import workloads

HERE = Path(__file__).resolve().parent
CHECKERS = 2  # processes
Figure = Callable[[str], None]

# Commits of a recording, recordings, and their states: at CI size, and at the long one.
RUNS: dict[str, tuple[int, tuple[int, int], tuple[int, int]]] = {
    "create": (4, (4, 100), (1_000, 100_000)),
    "empty": (4, (2, 50), (1_000, 50_000)),
    "create by link": (4, (1, 50), (500, 50_000)),
    "writes": (90, (1, 10), (4_000, 200_000)),
    "transactions": (60, (1, 10), (4_000, 200_000)),
    "big": (9, (1, 3), (1_000, 50_000)),
    "reclaim": (30, (1, 10), (2_000, 100_000)),
    "writes normal": (90, (1, 5), (2_000, 100_000)),
    "transactions normal": (60, (1, 5), (2_500, 120_000)),
    "big normal": (9, (1, 2), (500, 30_000)),
    "reclaim normal": (30, (1, 5), (1_000, 50_000)),
    "off, then full": (20, (2, 20), (500, 50_000)),
}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: the disk is simulated, a slow one shows no more."""
    # Containers often have 64 MB of it, which recordings need.
    if not os.access("/dev/shm", os.W_OK) or shutil.disk_usage("/dev/shm").free < 2**30:
        yield tmp_path.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="oocmap-crash-states-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def record(memory: Path, preload: Callable[[str], Path]) -> Callable[[str, int], Path]:
    """record(workload, commits): runs it, and returns the log."""
    library = preload("record")

    def run(name: str, commits: int) -> Path:
        number = len(list(memory.glob("recorded *")))
        folder = memory / f"recorded {number}"
        folder.mkdir()
        log = memory / f"{number}.log"
        environment = os.environ | {
            "LD_PRELOAD": str(library),
            "OOCMAP_RECORD_FOLDER": str(folder),
            "OOCMAP_RECORD_LOG": str(log),
        }
        if name == "create by link":
            environment["OOCMAP_RECORD_PLAIN"] = "1"
        script = HERE / "crash_states" / "workloads.py"
        command = [sys.executable, str(script), name, str(folder), str(commits)]
        subprocess.run(command, env=environment, check=True, timeout=300)
        return log

    return run


def add(total: dict[str, Any], part: dict[str, Any]) -> None:
    """Take a summary of check.py into another."""
    for key, value in part.items():
        both = (total.get(key, type(value)()), value)
        total[key] = max(both) if key == "lost most" else both[0] + both[1]


def check(
    name: str, commits: int, log: Path, seed: str, count: int, *options: str
) -> dict[str, Any]:
    """Draw and open `count` states, in two processes; their summaries, added up."""
    recorded = log.parent / f"recorded {log.stem}"
    running = []
    for first in range(CHECKERS):
        folder = log.parent / f"states {first}"
        (folder / "state").mkdir(parents=True)
        arguments = [name, commits, log, recorded, folder, seed, first, CHECKERS, count, *options]
        command = [sys.executable, "-m", "crash_states.check", *map(str, arguments)]
        running.append((folder, subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE)))
    total: dict[str, Any] = {}
    outputs = [process.communicate()[0] for _, process in running]
    for (folder, process), output in zip(running, outputs, strict=True):
        at = (folder / "at").read_text().strip() if (folder / "at").exists() else "none"
        shutil.rmtree(folder)
        if process.returncode != 0:
            total["broken"] = total.get("broken", 0) + 1
            what = f"state {at} ended the process: {process.returncode}"
            total["failures"] = [*total.get("failures", []), what]
            continue
        add(total, json.loads(output))
    return total


@pytest.mark.parametrize("name", RUNS)
def test_no_power_failure_breaks_the_map(
    name: str,
    record: Callable[[str, int], Path],
    seed: int,
    size: Callable[[int, int], int],
    figure: Figure,
) -> None:
    commits, recordings, states = RUNS[name]
    count = size(*recordings)
    total: dict[str, Any] = {}
    for number in range(count):
        log = record(name, commits)
        result = check(name, commits, log, f"{seed} {name} {number}", size(*states) // count)
        log.unlink()
        assert result["broken"] == 0, result["failures"]
        add(total, result)
    assert total["states"] == size(*states) // count * count
    # FULL is checked state by state.
    assert total["lost most"] <= 1, "normal loses the last commit at most"
    lost = f", {total['lost']} without the last commit" if "normal" in name else ", 0 lost"
    figure(f"{total['states']} states, 0 broken{lost}, {total['absent']} before there was a map")


@pytest.mark.parametrize("without", ["SYNC", "FOLDER_SYNC"])
def test_a_missing_sync_would_be_found(
    without: str, record: Callable[[str, int], Path], seed: int, figure: Figure
) -> None:
    name, commits = ("create", 4) if without == "FOLDER_SYNC" else ("transactions", 20)
    result = check(name, commits, record(name, commits), str(seed), 400, without)
    assert result["broken"] > 0
    figure(f"found, first by: {result['failures'][0]:.100}")


def test_workloads_have_a_state_for_each_commit() -> None:
    for name, (commits, _, _) in RUNS.items():
        assert len(list(workloads.states(name, commits))) == commits + 1
