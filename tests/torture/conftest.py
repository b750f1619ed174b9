"""Fixtures of the torture tests: size, random numbers, figures, preloaded libraries.

OOCMAP_TORTURE=ci (`./run check`) or long (`./run torture`); without it they are of the size ci.
They draw the same in every run; OOCMAP_TORTURE_SEED=n draws otherwise, and repeats what n drew.
"""

import os
import pathlib
import random
import subprocess
from collections.abc import Callable

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIGURES: list[str] = []


@pytest.fixture
def size() -> Callable[[int, int], int]:
    """size(ci, long): how many of something this run is to do."""
    wanted = os.environ.get("OOCMAP_TORTURE", "ci")
    if wanted not in ("ci", "long"):
        raise ValueError(f"OOCMAP_TORTURE is {wanted!r}: give ci or long")
    return lambda ci, long: long if wanted == "long" else ci


@pytest.fixture
def seed() -> int:
    """The seed of this run, printed where a test fails."""
    value = int(os.environ.get("OOCMAP_TORTURE_SEED", "1"))
    print(f"OOCMAP_TORTURE_SEED={value}")
    return value


@pytest.fixture
def rng(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """figure(text): a measured result, shown at the end of the run."""
    return lambda text: FIGURES.append(f"{request.node.name}: {text}")


@pytest.fixture(scope="session")
def preload() -> Callable[[str], pathlib.Path]:
    """preload(name): tests/torture/preload/name.c, compiled, as a library for LD_PRELOAD."""

    def compiled(name: str) -> pathlib.Path:
        source = ROOT / "tests" / "torture" / "preload" / f"{name}.c"
        library = ROOT / "build" / "torture" / f"{name}.so"
        if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
            library.parent.mkdir(parents=True, exist_ok=True)
            flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
            subprocess.run(["cc", *flags, "-o", library, source, "-ldl"], check=True)
        return library

    return compiled


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("figures")
        for line in FIGURES:
            terminalreporter.write_line(line)
