"""What happens to a database file with map tables in the course of its life: dumped, restored,
imported into, vacuumed, backed up, analyzed, checked, opened by somebody who does not trust its
schema; and the ways in which the extension is loaded.

The sqlite3 shell has the commands with a dot. The rest runs on two libraries: the system's (the
shell's, Python's sqlite3), and the newest (apsw's).
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from typing import Any

import apsw
import oocmap
import pytest

SHELL = shutil.which("sqlite3", path="/usr/bin:" + os.environ["PATH"])
PEOPLE = [("ann", "Ann", 31), ("bob", "Bob", None)]
SCHEMA = """
    CREATE VIRTUAL TABLE people USING oocmap('map.ooc', flat=1,
      name TEXT PATH '$.name', age INTEGER PATH '$.age');
    CREATE TABLE ordinary(id INTEGER PRIMARY KEY, who);
    INSERT INTO ordinary(who) VALUES ('ann'), ('nobody');
    CREATE VIEW names AS SELECT key, name FROM people;
    CREATE TRIGGER copied AFTER INSERT ON ordinary BEGIN
      INSERT INTO people(key, name) VALUES (new.who, 'by a trigger');
    END;
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder with map.ooc, and with shop.db that has a table on it."""
    with oocmap.OOCMap(tmp_path / "map.ooc") as m:
        for key, name, age in PEOPLE:
            m[key] = {"name": name, "tags": [key]} | ({"age": age} if age is not None else {})
    connection = sqlite3.connect(tmp_path / "shop.db")
    oocmap.load(connection)
    connection.executescript(SCHEMA)
    connection.close()
    return tmp_path


def shell(
    folder: pathlib.Path,
    lines: str,
    file: str = "shop.db",
    load: bool = True,
    environment: dict[str, str] | None = None,
) -> str:
    """Run lines in the sqlite3 shell in `folder`; return what it prints, errors among it."""
    assert SHELL is not None, "the sqlite3 shell is not installed"
    loading = ["-cmd", f".load {oocmap.loadable_path()}"] if load else []
    result = subprocess.run(
        [SHELL, "-batch", "-init", os.devnull, *loading, file],
        input=lines,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=os.environ | (environment or {}),
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return result.stdout


def opened_by_sqlite3(file: pathlib.Path) -> Callable[[str], list[Any]]:
    connection = sqlite3.connect(file, isolation_level=None)
    oocmap.load(connection)
    return lambda sql: connection.execute(sql).fetchall()


def opened_by_apsw(file: pathlib.Path) -> Callable[[str], list[Any]]:
    connection = apsw.Connection(os.fspath(file))
    oocmap.load(connection)
    return lambda sql: connection.execute(sql).fetchall()


OPENERS = [opened_by_sqlite3, opened_by_apsw]
both_libraries = pytest.mark.parametrize("opened", OPENERS, ids=["sqlite3", "apsw"])


# --- .dump, .import, .backup and their like -------------------------------------------------------


def test_dump_restores_the_tables_and_leaves_the_map(folder: pathlib.Path) -> None:
    before = (folder / "map.ooc").read_bytes()
    dump = shell(folder, ".dump\n")
    assert "CREATE VIRTUAL TABLE people USING oocmap(''map.ooc''" in dump
    assert "INSERT INTO ordinary VALUES(2,'nobody');" in dump
    assert "Ann" not in dump  # the data is the map's
    assert shell(folder, dump, "restored.db") == ""
    assert shell(folder, "SELECT * FROM people; SELECT * FROM names;", "restored.db") == (
        "ann|Ann|31\nbob|Bob|\nann|Ann\nbob|Bob\n"
    )
    assert (folder / "map.ooc").read_bytes() == before


def test_dump_is_readable_without_the_extension(folder: pathlib.Path) -> None:
    dump = shell(folder, ".dump\n")
    assert shell(folder, dump, "restored.db", load=False) == ""
    assert shell(folder, "SELECT who FROM ordinary;", "restored.db", load=False) == "ann\nnobody\n"
    said = shell(folder, "SELECT * FROM people;", "restored.db", load=False)
    assert "no such module: oocmap" in said


def test_restored_elsewhere_a_table_says_where_it_looks(folder: pathlib.Path) -> None:
    (folder / "elsewhere").mkdir()
    dump = shell(folder, ".dump\n")
    assert shell(folder, dump, "elsewhere/restored.db") == ""
    said = shell(folder, "SELECT * FROM people;", "elsewhere/restored.db")
    assert f"cannot open '{folder / 'elsewhere' / 'map.ooc'}': No such file" in said
    # The file is made by nobody, and the table can be dropped without it.
    assert shell(folder, "DROP TABLE people;", "elsewhere/restored.db") == ""
    assert not (folder / "elsewhere" / "map.ooc").exists()
    # Beside its map it works.
    dump = shell(folder, ".dump\n")
    shell(folder, dump, "elsewhere/again.db")
    shutil.copy(folder / "map.ooc", folder / "elsewhere" / "map.ooc")
    assert shell(folder, "SELECT key FROM people;", "elsewhere/again.db") == "ann\nbob\n"


def test_a_table_copied_into_an_ordinary_one_is_dumped_with_its_data(folder: pathlib.Path) -> None:
    dump = shell(
        folder,
        "ATTACH 'copy.db' AS copy;\n"
        "CREATE TABLE copy.people AS SELECT key, name, age, oocmap_json(people) AS json "
        "FROM main.people;\n",
    )
    assert dump == ""
    dump = shell(folder, ".dump\n", "copy.db", load=False)
    assert """VALUES('ann','Ann',31,'{"name":"Ann","tags":["ann"],"age":31}');""" in dump


def test_import_of_csv(folder: pathlib.Path) -> None:
    (folder / "more.csv").write_text("cy,Cy,7\ndee,Dee,\nann,Again,1\n")
    said = shell(
        folder,
        ".mode csv\n.import more.csv people\n.mode list\n"
        "SELECT key, name, age, typeof(age) FROM people WHERE key > 'b';\n",
    )
    # A CSV has only text: an ordinary column of this type would make 7 a number, a map keeps it.
    assert said == (
        "more.csv:3: INSERT failed: UNIQUE constraint failed: people.key\n"
        "bob|Bob||null\ncy|Cy|7|text\ndee|Dee||text\n"
    )
    said = shell(
        folder,
        "UPDATE people SET age = CAST(age AS INTEGER) WHERE age GLOB '[0-9]*';\n"
        "SELECT age, typeof(age) FROM people WHERE key = 'cy';\n",
    )
    assert said == "7|integer\n"


def test_import_into_a_table_with_all_columns(folder: pathlib.Path) -> None:
    """`value` and a named column of the same row meet: an empty field is text, too."""
    shell(
        folder,
        "CREATE VIRTUAL TABLE whole USING"
        " oocmap('map.ooc', root='$.new', name TEXT PATH '$.name');",
    )
    (folder / "whole.csv").write_text("a,text,str,\nb,text,,\n")
    said = shell(folder, ".mode csv\n.import whole.csv whole\nSELECT key FROM whole;\n")
    assert said.count("cannot be set: it meets a value of type str on its way") == 2
    (folder / "plain.csv").write_text("a,text,str\nb,text,\n")
    shell(folder, "CREATE VIRTUAL TABLE plain USING oocmap('map.ooc', root='$.new');")
    said = shell(folder, ".mode csv\n.import plain.csv plain\nSELECT * FROM plain;\n")
    assert said == "a,text,str\nb,text,str\n"


def test_backup_copies_the_definition(folder: pathlib.Path) -> None:
    assert shell(folder, ".backup copy.db\n") == ""
    assert shell(folder, "UPDATE people SET age = 32 WHERE key = 'ann';", "copy.db") == ""
    assert shell(folder, "SELECT age FROM people WHERE key = 'ann';") == "32\n"


def test_clone_and_recover_say_that_they_cannot(folder: pathlib.Path) -> None:
    assert "no such module: oocmap" in shell(folder, ".clone copy.db\n")
    before = shell(folder, "SELECT * FROM people;")
    shell(folder, ".recover\n")
    assert shell(folder, "SELECT * FROM people;") == before


# --- VACUUM, ANALYZE, integrity_check -------------------------------------------------------------


@both_libraries
def test_vacuum_leaves_map_and_table(
    opened: Callable[[pathlib.Path], Any], folder: pathlib.Path
) -> None:
    before = (folder / "map.ooc").read_bytes()
    run = opened(folder / "shop.db")
    run("VACUUM")
    assert run("SELECT * FROM people") == PEOPLE
    run(f"VACUUM INTO '{folder / 'copy.db'}'")
    copy = opened(folder / "copy.db")
    assert copy("SELECT * FROM people") == PEOPLE
    assert copy("SELECT sql FROM sqlite_schema") == run("SELECT sql FROM sqlite_schema")
    assert (folder / "map.ooc").read_bytes() == before


@both_libraries
def test_vacuum_after_writes_in_the_same_connection(
    opened: Callable[[pathlib.Path], Any], folder: pathlib.Path
) -> None:
    run = opened(folder / "shop.db")
    run("BEGIN")
    run("UPDATE people SET age = 50")
    with pytest.raises(Exception, match="cannot VACUUM from within a transaction"):
        run("VACUUM")
    run("COMMIT")
    run("VACUUM")
    assert run("SELECT DISTINCT age FROM people") == [(50,)]


@both_libraries
def test_checks_and_statistics_pass_by(
    opened: Callable[[pathlib.Path], Any], folder: pathlib.Path
) -> None:
    run = opened(folder / "shop.db")
    for pragma in ("integrity_check", "quick_check", "integrity_check(people)"):
        assert run(f"PRAGMA {pragma}") == [("ok",)]
    run("ANALYZE")
    run("ANALYZE people")
    run("REINDEX")
    run("PRAGMA optimize")
    # Plans of a map come from its own counts.
    assert run("SELECT tbl FROM sqlite_stat1") == [("ordinary",)]
    assert run("SELECT * FROM people") == PEOPLE


# --- somebody else's schema -----------------------------------------------------------------------


@both_libraries
def test_a_schema_that_is_not_trusted_cannot_use_the_table(
    opened: Callable[[pathlib.Path], Any], folder: pathlib.Path
) -> None:
    run = opened(folder / "shop.db")
    run("PRAGMA trusted_schema = OFF")
    for sql in (
        "SELECT * FROM names",
        "INSERT INTO ordinary(who) VALUES ('eve')",  # the trigger
    ):
        with pytest.raises(Exception, match='unsafe use of virtual table "people"'):
            run(sql)
    assert run("SELECT count(*) FROM ordinary") == [(2,)]
    run("CREATE TEMP TRIGGER again AFTER DELETE ON ordinary BEGIN DELETE FROM people; END")
    with pytest.raises(Exception, match='unsafe use of virtual table "people"'):
        run("DELETE FROM ordinary")
    # What the user writes himself is his own: the table, its functions, views in temp.
    assert run("SELECT * FROM people") == PEOPLE
    run("UPDATE people SET age = 1 WHERE key = 'bob'")
    run("CREATE TEMP VIEW mine AS SELECT key, oocmap_get(people, '$.age') AS age FROM people")
    assert run("SELECT * FROM mine") == [("ann", 31), ("bob", 1)]
    run("PRAGMA trusted_schema = ON")
    assert run("SELECT * FROM names") == [("ann", "Ann"), ("bob", "Bob")]
    run("INSERT INTO ordinary(who) VALUES ('eve')")
    assert run("SELECT name FROM people WHERE key = 'eve'") == [("by a trigger",)]


@both_libraries
@pytest.mark.parametrize(
    ("select", "unsafe"),
    [
        ("""SELECT oocmap_get('{"a": 7}', '$.a')""", "oocmap_get()"),
        ("SELECT value FROM oocmap_each('[7]')", 'virtual table "oocmap_each"'),
    ],
)
def test_a_schema_that_is_not_trusted_cannot_use_the_functions(
    opened: Callable[[pathlib.Path], Any], select: str, unsafe: str, folder: pathlib.Path
) -> None:
    run = opened(folder / "shop.db")
    run(f"CREATE VIEW seven AS {select}")
    assert run("SELECT * FROM seven") == run(select) == [(7,)]
    run("PRAGMA trusted_schema = OFF")
    with pytest.raises(Exception, match=re.escape(f"unsafe use of {unsafe}")):
        run("SELECT * FROM seven")
    assert run(select) == [(7,)]


def test_defensive_mode_reads_and_writes(folder: pathlib.Path) -> None:
    connection = apsw.Connection(os.fspath(folder / "shop.db"))
    oocmap.load(connection)
    assert connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1) == 1
    connection.execute("UPDATE people SET age = age + 1 WHERE key = 'ann'")
    connection.execute("CREATE VIRTUAL TABLE again USING oocmap('map.ooc')")
    assert connection.execute("SELECT age FROM people WHERE key = 'ann'").get == 32
    assert connection.execute("SELECT count(*) FROM again").get == 2
    connection.execute("DROP TABLE again")
    connection.execute("VACUUM")
    with pytest.raises(apsw.SQLError, match="may not be modified"):
        connection.execute("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema")
    said = shell(
        folder, ".dbconfig defensive on\nUPDATE people SET age = 1;\nSELECT age FROM people;"
    )
    assert said.splitlines()[-2:] == ["1", "1"]


@both_libraries
def test_rename_beside_a_view_that_names_the_handle(
    opened: Callable[[pathlib.Path], Any], folder: pathlib.Path
) -> None:
    """The handle column takes the table's new name, and SQLite cannot change it inside a view."""
    run = opened(folder / "shop.db")
    run("CREATE VIEW handles AS SELECT oocmap_get(people, '$.age') FROM people")
    with pytest.raises(Exception, match="error in view handles after rename: no such column"):
        run("ALTER TABLE people RENAME TO persons")
    assert run("SELECT * FROM handles") == [(31,), (None,)]
    run("DROP VIEW handles")
    run("ALTER TABLE people RENAME TO persons")
    assert run("SELECT key, oocmap_get(persons, '$.age') FROM persons LIMIT 1") == [("ann", 31)]
    # Views that name only its columns are SQLite's to change.
    assert run("SELECT * FROM names") == [("ann", "Ann"), ("bob", "Bob")]


# --- loading --------------------------------------------------------------------------------------


def test_load_by_name_where_the_loader_looks(folder: pathlib.Path) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "oocmap.so").symlink_to(oocmap.loadable_path())
    select = "SELECT name FROM people LIMIT 1;"
    found = {"LD_LIBRARY_PATH": os.fspath(folder / "lib")}
    lines = f".load oocmap\n{select}"
    assert shell(folder, lines, load=False, environment=found) == "Ann\n"
    lines = f"SELECT load_extension('oocmap'); {select}"
    assert shell(folder, lines, load=False, environment=found) == "\nAnn\n"
    assert "cannot open shared object file" in shell(folder, lines, load=False)


def test_load_from_another_folder(folder: pathlib.Path) -> None:
    """Neither the extension nor the map is looked for in the working directory."""
    (folder / "lib").mkdir()
    (folder / "work").mkdir()
    (folder / "lib" / "oocmap.so").symlink_to(oocmap.loadable_path())
    for path in ("../lib/oocmap", "../lib/oocmap.so", os.fspath(folder / "lib" / "oocmap")):
        lines = f".load {path}\nSELECT name FROM people LIMIT 1;"
        assert shell(folder / "work", lines, "../shop.db", load=False) == "Ann\n"
    assert list((folder / "work").iterdir()) == []


def test_load_twice_and_by_a_link(folder: pathlib.Path) -> None:
    """SQLite takes the entry point's name from the file's, so a link of another name names it."""
    (folder / "lib").mkdir()
    (folder / "lib" / "oocmap.so").symlink_to(oocmap.loadable_path())
    (folder / "other.so").symlink_to(oocmap.loadable_path())
    select = "SELECT name FROM people LIMIT 1;\n"
    said = shell(
        folder,
        f"{select}.load {oocmap.loadable_path()}\n{select}.load ./lib/oocmap\n{select}"
        f"SELECT load_extension('./lib/oocmap');\n{select}"
        f".load ./other sqlite3_oocmap_init\n{select}"
        f"SELECT load_extension('./other', 'sqlite3_oocmap_init');\n{select}",
    )
    assert said == "Ann\nAnn\nAnn\n\nAnn\nAnn\n\nAnn\n"
    assert "undefined symbol: sqlite3_other_init" in shell(folder, ".load ./other\n", load=False)
