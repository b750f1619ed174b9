"""What the tests of the SQL clients share: where the clients are, and how they are started.

`./run` installs them: Debian's packages, and those of PyPI into build/clients-venv (requirements-
clients.txt). Nothing here reaches the network but localhost. A client that is not installed skips
its tests, and the summary of the run says which.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from functools import cache

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VENV = ROOT / "build" / "clients-venv"
JDBC_JAR = pathlib.Path("/usr/share/java/sqlite-jdbc.jar")
PROGRAMS = pathlib.Path(__file__).parent / "programs"

# What each client needs: programs (by name), Python packages of the clients' venv, files.
NEEDS: dict[str, tuple[str | pathlib.Path, ...]] = {
    "every client": ("sqlite3", "python:apsw"),  # what makes the data
    "sqlite3 shell": ("sqlite3",),
    "Python sqlite3": ("python:sqlite3",),
    "apsw": ("python:apsw",),
    "sqlite-utils": ("python:sqlite_utils",),
    "SQLAlchemy and pandas": ("python:sqlalchemy", "python:pandas"),
    "Datasette": ("python:datasette",),
    # Chromium reads /proc, which a chroot may not have.
    "Datasette in Chromium": ("python:datasette", "chromium", "chromedriver", "/proc/self/maps"),
    "JDBC": ("javac", JDBC_JAR),
    "ODBC": ("isql", "libsqlite3odbc"),
    "pyodbc": ("python:pyodbc", "libsqlite3odbc"),
}
not_tested: dict[str, str] = {}


def need(client: str) -> None:
    """Skip the test, and have the summary say so, where `client` is not installed."""
    missing = [str(thing) for thing in NEEDS[client] if not is_there(str(thing))]
    if missing:
        not_tested[client] = f"{client}: not installed: {', '.join(missing)}"
        pytest.skip(not_tested[client])


@cache
def is_there(thing: str) -> bool:
    if thing.startswith("python:"):
        return importable(thing.removeprefix("python:"))
    if thing == "libsqlite3odbc":
        return any(pathlib.Path("/usr/lib").glob("*/odbc/libsqlite3odbc.so"))
    if thing.startswith("/"):
        return pathlib.Path(thing).exists()
    return shutil.which(thing, path=environment(ROOT)["PATH"]) is not None


def importable(module: str) -> bool:
    python = VENV / "bin" / "python"
    command = [python, "-c", f"import {module}"]
    return python.exists() and subprocess.run(command, capture_output=True).returncode == 0


def environment(folder: pathlib.Path) -> dict[str, str]:
    """Return the variables a client gets: nothing of this process's own but what is named here."""
    return {
        "PATH": f"{VENV / 'bin'}:/usr/bin:/bin",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(command: list[str | pathlib.Path], folder: pathlib.Path, stdin: str = "") -> str:
    """Run a client in `folder` and return what it printed, errors among it. It must succeed."""
    result = subprocess.run(
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment(folder),
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}"
    return result.stdout


def run_program(name: str, folder: pathlib.Path, *arguments: str) -> list[str]:
    """Run tests/clients/programs/NAME with the clients' Python; return the lines it printed."""
    output = run([VENV / "bin" / "python", PROGRAMS / name, *arguments], folder)
    return output.splitlines()
