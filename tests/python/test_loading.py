"""The extension in other connections, and one image a process."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest

HAS_EXTENSIONS = hasattr(sqlite3.Connection, "enable_load_extension")


def rows(connection: Any, path: Path) -> list[Any]:
    quoted = str(path).replace("'", "''")
    connection.execute(f"CREATE VIRTUAL TABLE temp.t USING oocmap('{quoted}')")
    return list(connection.execute("SELECT key, value FROM t"))


def test_loadable_path_is_beside_the_package() -> None:
    path = Path(oocmap.loadable_path())
    assert path.name == "oocmap.so"
    assert path.is_absolute()
    assert path.is_file()


def test_any_apsw_connection(path: Path, m: Any) -> None:
    m["a"] = 1
    connection = apsw.Connection(":memory:")
    oocmap.load(connection)
    assert rows(connection, path) == [("a", 1)]
    connection.execute("UPDATE t SET value = 2")
    assert m["a"] == 2
    with pytest.raises(apsw.ExtensionLoadingError, match="not authorized"):
        connection.load_extension(oocmap.loadable_path())
    connection.close()


@pytest.mark.skipif(not HAS_EXTENSIONS, reason="this Python's sqlite3 loads no extensions")
def test_any_stdlib_connection(path: Path, m: Any) -> None:
    m["a"] = 1
    connection = sqlite3.connect(":memory:", isolation_level=None)
    oocmap.load(connection)
    assert rows(connection, path) == [("a", 1)]
    connection.execute("INSERT INTO t(key, value) VALUES ('b', 'from the other library')")
    assert m.eager() == {"a": 1, "b": "from the other library"}
    with pytest.raises(sqlite3.OperationalError, match="not authorized"):
        connection.load_extension(oocmap.loadable_path())
    connection.close()


def test_sqlite3_without_extensions_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking(sqlite3.Connection):
        @property
        def enable_load_extension(self) -> Any:
            raise AttributeError

    connection = sqlite3.connect(":memory:", factory=Lacking)
    with pytest.raises(oocmap.Error, match="without support for extensions"):
        oocmap.load(connection)
    connection.close()


def test_no_connection_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="not str"):
        oocmap.load("file")  # type: ignore[arg-type]


def test_loading_twice_is_harmless() -> None:
    connection = apsw.Connection(":memory:")
    oocmap.load(connection)
    oocmap.load(connection)
    assert list(connection.execute("SELECT length(oocmap_version()) > 0")) == [(1,)]


def value_of_a(connection: Any) -> Any:
    return next(iter(connection.execute("SELECT value FROM far WHERE key = 'a'")))[0]


@pytest.mark.parametrize("library", ["apsw", "sqlite3"])
@pytest.mark.parametrize("kind", ["folder", "file", "several", "bytes"])
def test_allow_opens_files_elsewhere(library: str, kind: str, tmp_path: Path) -> None:
    if library == "sqlite3" and not HAS_EXTENSIONS:
        pytest.skip("this Python's sqlite3 loads no extensions")
    (tmp_path / "db").mkdir()
    (tmp_path / "maps").mkdir()
    file = tmp_path / "maps" / "far.ooc"
    with oocmap.OOCMap(file) as m:
        m["a"] = "found"
    database = str(tmp_path / "db" / "catalog.db")

    def connect() -> Any:
        return apsw.Connection(database) if library == "apsw" else sqlite3.connect(database)

    allowed: Any = {
        "folder": str(file.parent),
        "file": file,
        "several": ["/nowhere", file.parent],
        "bytes": os.fsencode(file),
    }[kind]
    connection = connect()
    oocmap.load(connection)
    create = f"CREATE VIRTUAL TABLE far USING oocmap('{file}')"
    with pytest.raises((apsw.AuthError, sqlite3.DatabaseError), match=r"allow=\.\.\."):
        connection.execute(create)
    oocmap.load(connection, allow=allowed)
    connection.execute(create)
    assert value_of_a(connection) == "found"
    connection.close()
    connection = connect()
    oocmap.load(connection, allow=allowed)
    assert value_of_a(connection) == "found"
    connection.close()


def test_allow_takes_paths_that_are_no_text(tmp_path: Path) -> None:
    connection = apsw.Connection(":memory:")
    folder = os.fsencode(tmp_path) + b"/\xff"
    oocmap.load(connection, allow=[folder, os.fsdecode(folder)])
    connection.close()


@pytest.mark.parametrize("allow", ["", b"", "a\0b", ["/tmp", ""]])
def test_allow_of_no_path_is_an_argument_error(allow: Any) -> None:
    connection = apsw.Connection(":memory:")
    with pytest.raises(oocmap.ArgumentError, match="allow must name files or folders, not '"):
        oocmap.load(connection, allow=allow)
    with pytest.raises(apsw.SQLError, match="no such function"):
        connection.execute("SELECT oocmap_version()")
    connection.close()


@pytest.mark.parametrize("allow", [7, [7], None, [None]])
def test_allow_of_another_type_is_a_type_error(allow: Any) -> None:
    connection = apsw.Connection(":memory:")
    with pytest.raises(TypeError):
        oocmap.load(connection, allow=allow)
    connection.close()


LOAD_COPY = """
import sys, apsw
def load_copy():
    connection = apsw.Connection(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(sys.argv[1])
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_a_copy_of_the_image_loaded_second_is_refused_with_both_paths(tmp_path: Path) -> None:
    copied = shutil.copy(oocmap.loadable_path(), tmp_path / "oocmap.so")
    code = LOAD_COPY + (
        "import oocmap\n"
        "try: load_copy()\n"
        "except apsw.ExtensionLoadingError as error: print(error)\n"
        "else: sys.exit('both were loaded')\n"
        "with oocmap.OOCMap(sys.argv[2]) as m: m['a'] = 1\n"
    )
    message = run(code, str(copied), str(tmp_path / "m.ooc"))
    assert str(copied) in message
    assert oocmap.loadable_path() in message


def test_a_copy_of_the_image_loaded_first_is_the_one_image(tmp_path: Path) -> None:
    """The native module then runs on it: the loader takes a library of the same name once."""
    copied = shutil.copy(oocmap.loadable_path(), tmp_path / "oocmap.so")
    code = LOAD_COPY + (
        "load_copy()\n"
        "import oocmap\n"
        "with oocmap.OOCMap(sys.argv[2]) as m:\n"
        "    m['a'] = [1]\n"
        "    assert list(m.sql('SELECT value FROM map')) == [('[1]',)]\n"
        "print(oocmap.loadable_path())\n"
    )
    assert run(code, str(copied), str(tmp_path / "m.ooc")).strip() == str(copied)
