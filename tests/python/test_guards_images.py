"""A second copy of oocmap.so in a process is refused, in each order, and the first goes on.

LMDB must not open a file twice in a process, and two copies do not know of each other. Each test is
a process of its own, which loads copies in one order and shows what becomes of them.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import oocmap
import pytest

INSTALLED = Path(oocmap.__file__).with_name("oocmap.so")

PRELUDE = """
import ctypes, os, sqlite3, sys
import apsw

installed, copied, other_copy, path = sys.argv[1:]

def stdlib(extension):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    return connection

def front(extension):
    connection = apsw.Connection(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    return connection

def table(connection, create=0):
    connection.execute(f"CREATE VIRTUAL TABLE temp.m USING oocmap('{path}', create={create})")
    return connection

def refused(load, *paths):
    # Each time it is tried, and naming what stands in the way and what was to be loaded.
    for _ in range(2):
        try:
            load()
        except Exception as error:
            error = error.__cause__ or error  # Python says "while initializing the extension"
            text = str(error)
            assert all(each in text for each in paths), text
            print("refused:", type(error).__name__)
        else:
            raise AssertionError("it was loaded")

def import_package():
    import oocmap

def in_child(body):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            body()
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

def rows(connection):
    return list(connection.execute("SELECT key, value FROM m ORDER BY key"))
"""


@pytest.fixture(autouse=True)
def _extensions_can_be_loaded() -> None:
    import sqlite3

    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        pytest.skip("this Python's sqlite3 cannot load extensions")


def run(body: str, folder: Path) -> list[str]:
    """Run the prelude and `body` in a process of its own; return the lines it printed."""
    copies = [folder / "copy" / "oocmap.so", folder / "other" / "oocmap.so"]
    for copied in copies:
        copied.parent.mkdir()
        shutil.copy(INSTALLED, copied)
    result = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(body)]
        + [str(each) for each in (INSTALLED, *copies, folder / "map.ooc")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "OOCMAP_SO"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.parametrize("loads", ["stdlib", "front"])
def test_a_copy_of_another_build_first_then_the_package(loads: str, tmp_path: Path) -> None:
    body = f"""
        a = table({loads}(older), create=1)
        a.execute("INSERT INTO m(key, value) VALUES ('before', 1)")
        refused(import_package, older, installed, "another build", "oocmap.load(connection)")
        a.execute("INSERT INTO m(key, value) VALUES ('after', 2)")
        print(rows(table({loads}(older))))
    """
    build_id = ctypes.CDLL(str(INSTALLED))._ZN6oocmap14image_build_idEv
    build_id.restype = ctypes.c_char_p
    older = tmp_path / "older" / "oocmap.so"
    older.parent.mkdir()
    assert INSTALLED.read_bytes().count(build_id()) == 1
    older.write_bytes(INSTALLED.read_bytes().replace(build_id(), build_id()[::-1]))
    lines = run(f"older = {str(older)!r}" + textwrap.dedent(body), tmp_path)
    assert lines == ["refused: SecondImageError"] * 2 + ["[('after', 2), ('before', 1)]"]
    with oocmap.OOCMap(tmp_path / "map.ooc") as m:
        assert m.eager() == {"before": 1, "after": 2}
        assert m.check().problems == []


@pytest.mark.parametrize("loads", ["stdlib", "front"])
def test_a_copy_of_the_same_build_serves_the_package_too(loads: str, tmp_path: Path) -> None:
    """The loader takes it for the package's own: there is one image, and that one is the copy."""
    body = f"""
        a = table({loads}(copied), create=1)
        a.execute("INSERT INTO m(key, value) VALUES ('before', 1)")
        import oocmap
        from oocmap import _native
        print(_native.image_path() == copied)
        m = oocmap.OOCMap(path)
        m["package"] = 2
        oocmap.load(apsw.Connection(":memory:"))
        refused(lambda: front(installed), copied, installed)
        a.execute("INSERT INTO m(key, value) VALUES ('after', 3)")
        print(sorted(m.items()))
    """
    lines = run(body, tmp_path)
    assert (lines[0], lines[-1]) == ("True", "[('after', 3), ('before', 1), ('package', 2)]")


@pytest.mark.parametrize("loads", ["stdlib", "front"])
def test_the_package_first_then_a_copy(loads: str, tmp_path: Path) -> None:
    body = f"""
        import oocmap
        m = oocmap.OOCMap(path)
        m["before"] = 1
        with m.transaction():
            m["inside"] = 2
            refused(lambda: {loads}(copied), copied, installed)
        m["after"] = 3
        print(rows(table({loads}(installed))))
    """
    lines = run(body, tmp_path)
    assert lines[-1] == "[('after', 3), ('before', 1), ('inside', 2)]"
    assert len(lines) == 3


@pytest.mark.parametrize("order", [("stdlib", "front"), ("front", "stdlib")])
def test_two_copies_through_two_sqlite_libraries(order: tuple[str, str], tmp_path: Path) -> None:
    first, second = order
    body = f"""
        a = table({first}(copied), create=1)
        a.execute("BEGIN")
        a.execute("INSERT INTO m(key, value) VALUES ('k', 1)")
        refused(lambda: {second}(other_copy), copied, other_copy)
        a.execute("INSERT INTO m(key, value) VALUES ('l', 2)")
        a.execute("COMMIT")
        print(rows(table({second}(copied)))[-1])
    """
    assert run(body, tmp_path)[2:] == ["('l', 2)"]


def test_a_copy_in_a_forked_child(tmp_path: Path) -> None:
    """The child has its parent's image, and what that has open."""
    body = """
        import oocmap
        m = oocmap.OOCMap(path)
        m["parent"] = 1
        def child():
            refused(lambda: stdlib(copied), copied, installed)
            m["child"] = 2
        in_child(child)
        print(sorted(m.items()))
    """
    assert run(body, tmp_path)[2:] == ["[('child', 2), ('parent', 1)]"]


def test_copies_in_processes_of_their_own_work_together(tmp_path: Path) -> None:
    body = """
        def child():
            a = table(stdlib(copied), create=1)
            a.execute("INSERT INTO m(key, value) VALUES ('copy', 1)")
        in_child(child)
        import oocmap
        m = oocmap.OOCMap(path)
        m["package"] = 2
        print(sorted(m.items()))
    """
    assert run(body, tmp_path) == ["[('copy', 1), ('package', 2)]"]


DLMOPEN = """
        import oocmap
        libc = ctypes.CDLL(None)
        libc.dlmopen.restype = libc.dlsym.restype = ctypes.c_void_p
        libc.dlmopen.argtypes = [ctypes.c_long, ctypes.c_char_p, ctypes.c_int]
        libc.dlsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        handle = libc.dlmopen(-1, copied.encode(), os.RTLD_NOW)
        if handle is None:
            print("no namespace")
            sys.exit()
        # SQLite calls it for each new connection, with its own functions.
        sqlite = ctypes.CDLL("libsqlite3.so.0")
        entry = libc.dlsym(handle, b"sqlite3_oocmap_init")
        sqlite.sqlite3_auto_extension.argtypes = [ctypes.c_void_p]
        assert sqlite.sqlite3_auto_extension(entry) == 0
        b = sqlite3.connect(":memory:", isolation_level=None)
        sqlite.sqlite3_cancel_auto_extension(ctypes.c_void_p(entry))
"""


@pytest.mark.parametrize("first", ["package", "copy"])
def test_a_copy_in_a_linker_namespace_of_its_own(first: str, tmp_path: Path) -> None:
    """The list of loaded objects does not show it: the lock on the data file does."""
    use = {
        "package": """
        m = oocmap.OOCMap(path)
        m["before"] = 1
        refused(lambda: table(b), path, "another copy of this library")
        m["after"] = 2
        print(sorted(m.items()))
        """,
        "copy": """
        table(b, create=1).execute("INSERT INTO m(key, value) VALUES ('before', 1)")
        refused(lambda: oocmap.OOCMap(path), path, "another copy of this library")
        refused(lambda: oocmap.OOCMap(path, mode="r"), path, "another copy of this library")
        b.execute("INSERT INTO m(key, value) VALUES ('after', 2)")
        print(rows(b))
        """,
    }[first]
    lines = run(textwrap.dedent(DLMOPEN) + textwrap.dedent(use), tmp_path)
    if lines == ["no namespace"]:
        pytest.skip("dlmopen has no room for the library's static thread-local storage")
    assert lines[-1] == "[('after', 2), ('before', 1)]"
    with oocmap.OOCMap(tmp_path / "map.ooc") as m:
        assert m.check().problems == []
