"""The harnesses of tests/fuzz under libFuzzer, with the address and undefined-behaviour sanitizers.

They begin with the inputs in tests/fuzz/corpus, and put what they find beside the build.
"""

import os
import pathlib
import re
import subprocess
from collections.abc import Callable

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
HARNESSES = sorted(path.stem.removesuffix("_fuzz") for path in ROOT.glob("tests/fuzz/*_fuzz.cc"))
MOST_MEMORY = 3000  # MB, the sanitizer's own included


@pytest.fixture(scope="session")
def built() -> pathlib.Path:
    """The folder of the programs. The compiler is clang, which brings libFuzzer."""
    cache = BUILD / "CMakeCache.txt"
    if cache.exists() and f"CMAKE_HOME_DIRECTORY:INTERNAL={ROOT}\n" not in cache.read_text():
        cache.unlink()
    targets = [f"oocmap_fuzz_{name}" for name in HARNESSES]
    for command in (["--preset", "fuzz"], ["--build", str(BUILD), "--target", *targets]):
        made = subprocess.run(
            ["/usr/bin/cmake", *command], cwd=ROOT, text=True, capture_output=True, check=False
        )
        assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    return BUILD / "tests" / "fuzz"


@pytest.mark.parametrize("name", HARNESSES)
def test_no_input_breaks_it(
    built: pathlib.Path,
    name: str,
    size: Callable[[int, int], int],
    seed: int,
    figure: Callable[[str], None],
) -> None:
    found = BUILD / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    corpus = ROOT / "tests" / "fuzz" / "corpus" / name
    command = [
        str(built / f"oocmap_fuzz_{name}"),
        f"-max_total_time={size(20, 3600)}",
        f"-seed={seed}",
        "-timeout=10",
        f"-rss_limit_mb={MOST_MEMORY}",
        "-max_len=4096",
        f"-artifact_prefix={found}/broken-",
        "-print_final_stats=1",
        str(found),
        str(corpus),
    ]
    environment = os.environ | {"OOCMAP_SO": str(BUILD / "oocmap.so")}
    ran = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    runs = re.search(r"stat::number_of_executed_units: (\d+)", ran.stderr)
    cover = re.findall(r"cov: (\d+)", ran.stderr)
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert runs is not None
    figure(f"{int(runs[1]):,} inputs, {cover[-1] if cover else 0} places of the code reached")
    assert int(runs[1]) > 100
