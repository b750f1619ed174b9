"""Plants the bugs of tests/planted/bugs.toml one at a time, and says which test catches each.

usage: planted_bugs.py [NAME ...]      all of them without a NAME

Works in a checkout of HEAD of its own (build/planted). For each bug the suites run from the cheap
to the dear, those that know the file, and stop at the first test that fails: nobody chooses it.
Prints
Markdown; exits with 1 where a bug was caught by none, or no longer fits the code.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TREE = ROOT / "build" / "planted"
BUILD = TREE / "build" / "release"
PACKAGE = TREE / ".venv" / "lib" / "python3.11" / "site-packages" / "oocmap"
LIMIT = 900  # seconds a suite may take: a bug that hangs it is caught, too
CORE = ["base", "format", "lmdb", "store", "json"]


class CaughtError(Exception):
    """A test failed; its name."""


def main() -> int:
    bugs = tomllib.loads((ROOT / "tests/planted/bugs.toml").read_text("utf-8"))["bug"]
    wanted = sys.argv[1:] or [bug["name"] for bug in bugs]
    unknown = set(wanted) - {bug["name"] for bug in bugs}
    if unknown:
        sys.exit(f"no such bug: {', '.join(sorted(unknown))}")
    check_out()
    print("| planted | where | caught by | seconds |\n|---|---|---|---|", flush=True)
    outcomes = [plant(bug) for bug in bugs if bug["name"] in wanted]
    print(f"\n{sum(outcomes)} of {len(outcomes)} caught.")
    return 0 if all(outcomes) else 1


def run(command: list[str], **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command, cwd=TREE, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
    )


def check_out() -> None:
    if TREE.exists():
        subprocess.run(["git", "worktree", "remove", "--force", TREE], cwd=ROOT, check=False)
        shutil.rmtree(TREE, ignore_errors=True)
    subprocess.run(
        ["git", "worktree", "add", "--quiet", "--force", "--detach", TREE, "HEAD"],
        cwd=ROOT,
        check=True,
    )
    # Sets up everything; there is no test of this name, which is its exit code 1.
    made = run(["./run", "test", "NoTestHasThisName"])
    if not (BUILD / "build.ninja").exists():
        sys.exit(made.stdout[-3000:])


def plant(bug: dict[str, str]) -> bool:
    path = TREE / bug["file"]
    sound = path.read_text("utf-8")
    started = time.monotonic()
    caught = True
    if sound.count(bug["find"]) != 1:
        caught, by = False, f"**fits no more** ({sound.count(bug['find'])} places)"
    else:
        path.write_text(sound.replace(bug["find"], bug["replace"]), "utf-8")
        try:
            climb(bug["file"])
            caught, by = False, "**nobody**"
        except CaughtError as failure:
            by = f"`{failure}`"
        finally:
            path.write_text(sound, "utf-8")
        if by.startswith("`tests/") and fails(by.strip("`")):
            caught, by = False, f"{by} fails without the bug, too"
    seconds = time.monotonic() - started
    print(f"| {bug['name']} | `{bug['file']}` | {by} | {seconds:.0f} |", flush=True)
    return caught


def climb(file: str) -> None:
    """Run suite after suite. Raises CaughtError at the first test that fails."""
    if file.startswith("core/"):
        for layer in CORE[CORE.index(file.split("/")[1]) :]:
            google_test(f"oocmap_core_tests_{layer}")
        google_test("oocmap_scenario_model_test")
    if not file.endswith(".py"):
        google_test("oocmap_sqlite_ext_tests")
    install()
    pytest("tests/python")
    pytest("tests/scenarios")
    pytest("tests/test_sql_scripts.py")
    torture = (TREE / "tests/torture").glob("test_*.py")
    for path in sorted(torture, key=lambda path: "fuzz" in path.name):  # that builds for minutes
        pytest(str(path.relative_to(TREE)))


def build(*targets: str) -> None:
    made = run(["/usr/bin/cmake", "--build", str(BUILD), "--target", *targets])
    if made.returncode != 0:
        raise CaughtError(f"the compiler: {made.stdout.strip().splitlines()[-1][:80]}")


def google_test(target: str) -> None:
    build(target)
    environment = os.environ | {"OOCMAP_SO": str(BUILD / "oocmap.so")}
    build("oocmap")
    try:
        ran = run(
            [str(BUILD / "tests" / target), "--gtest_fail_fast", "--gtest_brief=1"],
            env=environment,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise CaughtError(f"{target} hangs") from None
    if ran.returncode == 0:
        return
    named = re.search(r"\[  FAILED  \] (\S+?)(?:,| \(|$)", ran.stdout, re.MULTILINE)
    raise CaughtError(named[1] if named else f"{target}, exit {ran.returncode}")


def fails(test: str) -> bool:
    """Whether a Python test fails in the sound tree."""
    install()
    try:
        pytest(test)
    except CaughtError:
        return True
    return False


def install() -> None:
    build("oocmap", "_native")
    run(["/usr/bin/cmake", "--install", str(BUILD), "--prefix", str(PACKAGE.parent)])
    for source in (TREE / "python/src/oocmap").glob("*.py*"):
        shutil.copy(source, PACKAGE)


def pytest(path: str) -> None:
    command = [".venv/bin/python", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", path]
    try:
        ran = run(command, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise CaughtError(f"{path} hangs") from None
    if ran.returncode in (0, 5):
        return
    named = re.search(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE)
    raise CaughtError(named[1] if named else f"{path}, exit {ran.returncode}")


if __name__ == "__main__":
    sys.exit(main())
