"""SELECT ... FROM oocmap('file', '$.path'), on apsw's SQLite."""

from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest


@pytest.fixture
def connection() -> Any:
    connection = apsw.Connection(":memory:")
    oocmap.load(connection)
    yield connection
    connection.close()


def rows(connection: Any, sql: str, *parameters: Any) -> list[Any]:
    return list(connection.execute(sql, parameters))


def test_reads_a_file_without_a_table(path: Path, m: Any, connection: Any) -> None:
    m.update({"a": {"x": [1, 2]}, 7: "seven", (1, 2): None})
    file = str(path)
    assert rows(connection, "SELECT key, value, type FROM oocmap(?) WHERE key = 7", file) == [
        (7, "seven", "str")
    ]
    assert rows(connection, "SELECT * FROM oocmap(?, '$.a.x')", file) == [
        (0, 1, "int"),
        (1, 2, "int"),
    ]
    found = rows(connection, "SELECT oocmap_get(oocmap, '$.x[1]') FROM oocmap(?)", file)
    assert found == [(2,), (None,), (None,)]
    assert rows(connection, "SELECT oocmap ->> '$.x' FROM oocmap(?) WHERE key = 'b'", file) == []
    m["new"] = 1
    sql = "SELECT value FROM oocmap(?) WHERE key = 'new' OR key = 7 ORDER BY key"
    assert rows(connection, sql, file) == [("seven",), (1,)]


def test_joins_over_many_files(tmp_path: Path, connection: Any) -> None:
    connection.execute("CREATE TABLE files(path, root)")
    for n in range(5):
        file = tmp_path / f"{n}.ooc"
        with oocmap.OOCMap(file) as m:
            m["in"] = {str(i): i * n for i in range(n)}
        connection.execute("INSERT INTO files VALUES (?, '$.in')", (str(file),))
    sql = "SELECT {} FROM files, oocmap(files.path, files.root) AS o {}"
    expected = [(n, str(i), i * n) for n in range(5) for i in range(n)]
    by_number = f"CAST(substr(o.file, {len(str(tmp_path)) + 2}, 1) AS INTEGER)"
    found = rows(connection, sql.format(f"{by_number}, o.key, o.value", "ORDER BY 1, 2"))
    assert found == expected
    assert rows(connection, sql.format("count(DISTINCT o.rowid)", "")) == [(len(expected),)]
    some = rows(connection, sql.format("o.value", "WHERE o.key = '2' ORDER BY 1"))
    assert some == [(6,), (8,)]
    either = "WHERE o.key = '2' OR o.key = '3' OR o.value = 0"
    found = sorted(rows(connection, sql.format("o.value", either)))
    assert found == [(value,) for value in [0, 0, 0, 0, 6, 8, 12]]


def test_a_file_without_the_root_has_no_rows(tmp_path: Path, connection: Any) -> None:
    for name, value in (("one", {"a": {"x": 1}}), ("two", {"b": 1}), ("three", {"a": 5})):
        with oocmap.OOCMap(tmp_path / name) as m:
            m.update(value)
    names = "VALUES ('one'), ('two'), ('three')"
    sql = f"SELECT column1, key FROM ({names}) LEFT JOIN oocmap(? || column1, '$.a')"
    found = rows(connection, sql, f"{tmp_path}/")
    assert found == [("one", "x"), ("two", None), ("three", None)]


def test_its_name_stays_its_own(path: Path, m: Any, connection: Any) -> None:
    with pytest.raises(apsw.SQLError, match="would hide the table-valued function"):
        connection.execute(f"CREATE VIRTUAL TABLE temp.OOCMap USING oocmap('{path}')")
    with pytest.raises(apsw.SQLError, match="would hide the table-valued function"):
        m.create_table("oocmap")


def test_plans_reach_the_key(path: Path, m: Any, connection: Any) -> None:
    m["a"] = 1
    plans = {
        "WHERE key = 'a'": "key=?",
        "WHERE key > 'a' ORDER BY key DESC": "key>? in key order descending",
        "WHERE key IN ('a', 'b')": "key IN (...)",
        "": "scan",
    }
    for rest, words in plans.items():
        sql = f"EXPLAIN QUERY PLAN SELECT * FROM oocmap('{path}') {rest}"
        assert " ".join(row[3] for row in rows(connection, sql)).endswith(":" + words)


def test_a_file_that_is_missing_is_not_made(tmp_path: Path, connection: Any) -> None:
    with pytest.raises(apsw.CantOpenError, match=r"missing\.ooc"):
        connection.execute("SELECT * FROM oocmap(?)", (str(tmp_path / "missing.ooc"),))
    assert list(tmp_path.iterdir()) == []


def test_it_is_read_only_and_needs_a_file(path: Path, m: Any, connection: Any) -> None:
    for sql in ("INSERT INTO oocmap(key) VALUES (1)", "DELETE FROM oocmap WHERE file = 'x'"):
        with pytest.raises(apsw.ReadOnlyError, match=r"oocmap\(\) is read-only"):
            connection.execute(sql)
    with pytest.raises(apsw.SQLError, match=r"oocmap\(\): no file is named"):
        connection.execute("SELECT * FROM oocmap")


def test_views_in_a_database_file_cannot_use_it(
    path: Path, m: Any, tmp_path: Path, connection: Any
) -> None:
    m["a"] = 1
    database = str(tmp_path / "catalog.db")
    with apsw.Connection(database) as writer:  # without the extension nothing is checked
        writer.execute(f"CREATE VIEW v AS SELECT * FROM oocmap('{path}')")
        writer.execute("CREATE TABLE t(a)")
        writer.execute(
            f"CREATE TRIGGER r AFTER INSERT ON t BEGIN "
            f"INSERT INTO t SELECT key FROM oocmap('{path}'); END"
        )
    connection.execute("ATTACH ? AS c", (database,))
    for sql in ("SELECT * FROM c.v", "INSERT INTO c.t VALUES (1)"):
        with pytest.raises(apsw.SQLError, match='unsafe use of virtual table "oocmap"'):
            connection.execute(sql)
    connection.execute(f"CREATE TEMP VIEW mine AS SELECT key FROM oocmap('{path}')")
    assert rows(connection, "SELECT * FROM mine") == [("a",)]


def test_it_takes_part_in_the_maps_own_transaction(path: Path, m: Any) -> None:
    sql = f"SELECT value FROM oocmap('{path}') WHERE key = 'k'"
    m.sql("BEGIN")
    m["k"] = 1
    assert list(m.sql(sql)) == [(1,)]
    m.sql("ROLLBACK")
    assert list(m.sql(sql)) == []


def test_create_makes_the_file_in_every_wording(tmp_path: Path, connection: Any) -> None:
    for n, create in enumerate(
        ["CREATE VIRTUAL TABLE a", "/**/create virtual table if not exists temp . [b c]"]
    ):
        file = tmp_path / f"{n}.ooc"
        connection.execute(f"{create} USING oocmap('{file}', create=1)")
        assert file.exists()
