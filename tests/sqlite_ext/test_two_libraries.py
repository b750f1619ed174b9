"""Two SQLite libraries in one process: Python's sqlite3 and the one inside apsw.

Each test runs in a process of its own, with the interpreter whose sqlite3 can load extensions.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import pytest

apsw = pytest.importorskip("apsw")

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXTENSION = os.environ.get("OOCMAP_SO", str(ROOT / "build" / "oocmap.so"))

PRELUDE = """
import sqlite3, sys
import apsw

extension, folder = sys.argv[1:]

def stdlib():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    return connection

def front():
    connection = apsw.Connection(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    return connection

def create(connection, name="f"):
    connection.execute(
        f"CREATE VIRTUAL TABLE temp.m USING oocmap('{folder}/{name}.ooc', create=1)"
    )
    return connection

def one(connection, sql):
    return list(connection.execute(sql))
"""


def run(body: str, folder: pathlib.Path) -> str:
    """Run the prelude and `body` in a process of its own; return what it printed."""
    result = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(body), EXTENSION, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def stdlib_loads_extensions() -> bool:
    import sqlite3

    return hasattr(sqlite3.Connection, "enable_load_extension")


pytestmark = pytest.mark.skipif(
    not stdlib_loads_extensions(), reason="this Python's sqlite3 cannot load extensions"
)

USE_BOTH = """
    for connection in (a, b):
        create(connection)
    a.execute("INSERT INTO m(key, json) VALUES ('a', '[1]')")
    b.execute("INSERT INTO m(key, json) VALUES ('b', '{\\"x\\": [2, 3]}')")
    sql = "SELECT key, oocmap_get(m, '$[0]'), oocmap_len(m) FROM m ORDER BY key"
    print(one(a, sql) == one(b, sql) == [("a", 1, 1), ("b", None, 1)])
    each = "SELECT e.value FROM m, oocmap_each(m.m, '$.x') e"
    print(one(a, each) == one(b, each) == [(2,), (3,)])
    for connection in (a, b):
        connection.execute("BEGIN")
        connection.execute("INSERT INTO m(key) VALUES ('gone')")
        connection.execute("ROLLBACK")
    print(one(a, "SELECT m ->> '[0]' FROM m WHERE key = 'a'"), one(b, "SELECT count(*) FROM m"))
"""


@pytest.mark.parametrize("order", ["a, b = stdlib(), front()", "b, a = front(), stdlib()"])
def test_both_libraries_work_at_once(order: str, tmp_path: pathlib.Path) -> None:
    body = order + textwrap.dedent(USE_BOTH)
    assert run(body, tmp_path) == "True\nTrue\n[(1,)] [(2,)]"


def test_one_is_closed_and_the_other_goes_on(tmp_path: pathlib.Path) -> None:
    body = """
        a, b = create(stdlib()), create(front())
        a.execute("INSERT INTO m(key) VALUES (1)")
        a.close()
        b.execute("INSERT INTO m(key) VALUES (2)")
        c = create(stdlib())
        print(one(b, "SELECT count(*) FROM m"), one(c, "SELECT count(*) FROM m"))
    """
    assert run(body, tmp_path) == "[(2,)] [(2,)]"


def test_a_function_of_one_library_runs_the_other(tmp_path: pathlib.Path) -> None:
    body = """
        a, b = create(stdlib()), create(front(), "g")
        b.execute("INSERT INTO m(key, value) VALUES ('k', 5)")
        a.execute("INSERT INTO m(key, value) VALUES ('k', 7), ('l', 8)")
        def other(key):
            return one(b, f"SELECT oocmap_get(m) FROM m WHERE key = '{key}'")[0][0]
        a.create_function("other", 1, other)
        print(one(a, "SELECT value, other('k'), oocmap_get(m), oocmap_json(m) FROM m"))
    """
    assert run(body, tmp_path) == "[(7, 5, 7, '7'), (8, 5, 8, '8')]"


def test_writers_of_both_wait_for_each_other(tmp_path: pathlib.Path) -> None:
    body = """
        import threading, time
        a, b = create(stdlib()), create(front())
        b.set_busy_timeout(20_000)
        a.execute("BEGIN")
        a.execute("INSERT INTO m(key) VALUES ('a')")
        writer = threading.Thread(target=b.execute, args=("INSERT INTO m(key) VALUES ('b')",))
        writer.start()
        time.sleep(0.2)
        print(writer.is_alive())
        a.execute("COMMIT")
        writer.join()
        print(one(a, "SELECT group_concat(key) FROM m"))
    """
    assert run(body, tmp_path) == "True\n[('a,b',)]"


def test_apsw_closes_after_use(tmp_path: pathlib.Path) -> None:
    body = """
        b = create(front())
        b.execute("BEGIN; INSERT INTO m(key) VALUES (1); COMMIT")
        print(b.execute("SELECT key FROM m").fetchall())
        b.close()
    """
    assert run(body, tmp_path) == "[(1,)]"


def test_constraints_have_their_own_exceptions(tmp_path: pathlib.Path) -> None:
    body = """
        a, b = create(stdlib()), create(front())
        a.execute("INSERT INTO m(key) VALUES (1)")
        for connection, error in ((a, sqlite3.IntegrityError), (b, apsw.ConstraintError)):
            for key in ("1", "NULL"):
                try:
                    connection.execute(f"INSERT INTO m(key, value) VALUES ({key}, 5)")
                except error as raised:
                    print(raised)
    """
    unique = "UNIQUE constraint failed: m.key"
    null = "NOT NULL constraint failed: m.key"
    assert run(body, tmp_path).splitlines() == [unique, null, unique, null]


@pytest.mark.parametrize("order", ["extension, copied", "copied, extension"])
def test_a_refused_copy_leaves_the_first_image_usable(order: str, tmp_path: pathlib.Path) -> None:
    """A copy stays mapped once it was loaded, refused or not."""
    copied = shutil.copy(EXTENSION, tmp_path / "oocmap.so")
    body = f"""
        copied = {str(copied)!r}
        first, second = {order}
        def load(path):
            connection = apsw.Connection(":memory:")
            connection.enable_load_extension(True)
            connection.load_extension(path)
            return connection
        a = load(first)
        create(a, "before")
        for _ in range(2):
            try:
                load(second)
            except apsw.ExtensionLoadingError as error:
                print(first in str(error), second in str(error))
        a.execute("INSERT INTO m(key, value) VALUES ('open', 1); DROP TABLE m")
        create(a, "after")
        b = create(load(first), "before")
        b.execute("INSERT INTO m(key, value) VALUES ('opened', 2)")
        print(one(b, "SELECT key, value FROM m"))
    """
    assert run(body, tmp_path) == "True True\nTrue True\n[('open', 1), ('opened', 2)]"


def test_plans_of_the_newer_library_read_right(tmp_path: pathlib.Path) -> None:
    body = """
        b = create(front())
        b.execute("INSERT INTO m(key, value) SELECT value, value FROM json_each('[5,3,1,4,2,0]')")
        for sql in (
            "SELECT key FROM m ORDER BY key LIMIT 2 OFFSET 1",
            "SELECT key FROM m WHERE key IN (4, 9, 2) ORDER BY key DESC LIMIT 1",
            "SELECT key FROM m WHERE key > 1 AND value <> 3 ORDER BY key LIMIT 2",
            "SELECT key FROM m UNION ALL SELECT key FROM m LIMIT 3 OFFSET 5",
            "SELECT DISTINCT key FROM m WHERE key < 3 ORDER BY key",
            "SELECT count(*) FROM (SELECT * FROM m LIMIT 4)",
        ):
            print(*(row[0] for row in b.execute(sql)))
    """
    assert run(body, tmp_path).splitlines() == ["1 2", "4", "2 4", "0 5 3", "0 1 2", "4"]
