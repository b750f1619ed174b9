"""Runs every script in sql/ in the sqlite3 shell and compares what it prints, errors too.

sql/NAME.sql is fed to the shell; sql/NAME.expected is the output, with <folder> for the folder it
ran in. A script runs in an empty folder with build/oocmap.so and sql/ linked into it, so the
same lines (`.load build/oocmap`) work by hand from the root of the repository:
`sqlite3 < sql/NAME.sql`.

OOCMAP_SO names another oocmap.so (the sanitizers' build), OOCMAP_SQLITE3_PRELOAD a library that
the shell must load first (their runtime).
"""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "sql").glob("*.sql"))


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    extension = pathlib.Path(os.environ.get("OOCMAP_SO", ROOT / "build" / "oocmap.so"))
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "oocmap.so").symlink_to(extension.resolve(strict=True))
    (tmp_path / "sql").symlink_to(ROOT / "sql")
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_prints_what_is_expected(script: pathlib.Path, folder: pathlib.Path) -> None:
    shell = shutil.which("sqlite3", path="/usr/bin:" + os.environ["PATH"])
    assert shell is not None, "the sqlite3 shell is not installed"
    environment = dict(os.environ)
    if "OOCMAP_SQLITE3_PRELOAD" in environment:
        environment["LD_PRELOAD"] = environment["OOCMAP_SQLITE3_PRELOAD"]
    with script.open() as text:
        result = subprocess.run(
            [shell, "-batch", "-init", os.devnull],
            stdin=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
    output = result.stdout.replace(str(folder.resolve()), "<folder>")
    assert output == script.with_suffix(".expected").read_text(encoding="utf-8")
    assert not [line for line in output.splitlines() if line.startswith("FAIL")]
