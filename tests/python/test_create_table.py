"""OOCMap.create_table(): a part of a map as an SQL table."""

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import apsw
import oocmap
import pytest


@pytest.fixture
def m(tmp_path: pathlib.Path) -> Iterator[oocmap.OOCMap[Any, Any]]:
    with oocmap.OOCMap(tmp_path / "it's a map.ooc") as m:
        m["people"] = {
            "ann": {"name": "Ann", "age": 31, "home": {"city": "Rome"}},
            "bob": {"name": "Bob", "home": {"city": "Oslo"}, "big": 2**80},
        }
        m["rows"] = [{"a": 1}, {"a": 2.5}]
        yield m


def columns(m: oocmap.OOCMap[Any, Any], table: str) -> list[tuple[str, str]]:
    rows = m.sql("SELECT name, type FROM pragma_table_info(?)", (table,))
    return [(name, type) for name, type in rows if name not in ("key", "value", "type")]


def test_columns_are_found(m: oocmap.OOCMap[Any, Any]) -> None:
    m.create_table("people", "$.people")
    assert columns(m, "people") == [
        ("name", "TEXT"),
        ("age", "INTEGER"),
        ("home_city", "TEXT"),
        ("big", "TEXT"),
    ]
    assert list(m.sql("SELECT key, name, age, home_city, big FROM people ORDER BY key DESC")) == [
        ("bob", "Bob", None, "Oslo", str(2**80)),
        ("ann", "Ann", 31, "Rome", None),
    ]


def test_names_that_a_table_uses_itself(m: oocmap.OOCMap[Any, Any]) -> None:
    m["files"] = {1: {"path": "/home", "item": 2, "rowid": 3, "key": 4, "json": 5}}
    statement = m.create_table("files", "$.files")
    found = re.findall(r'^  "(\w+)"', statement, re.MULTILINE)
    assert found == ["path_2", "item_2", "rowid_2", "key_2", "json_2"]
    m.connection.execute("UPDATE files SET path = '$.size', value = 7 WHERE key = 1")
    assert m["files"].eager() == {
        1: {"path": "/home", "item": 2, "rowid": 3, "key": 4, "json": 5, "size": 7}
    }
    with pytest.raises(oocmap.ArgumentError, match="cannot be named 'key'"):
        m.create_table("others", "$.files", {"Key": "$.key"})


def test_it_is_the_map_itself(m: oocmap.OOCMap[Any, Any]) -> None:
    m.create_table("people", "$.people")
    m.sql("UPDATE people SET age = age + 1 WHERE key = 'ann'")
    assert m["people"]["ann"]["age"] == 32
    m["people"]["cy"] = {"name": "Cy"}
    assert list(m.sql("SELECT name FROM people WHERE key = 'cy'")) == [("Cy",)]
    [(ann,)] = m.sql("SELECT people FROM people WHERE key = 'ann'")
    assert ann == m["people"]["ann"]


def test_columns_that_are_given(m: oocmap.OOCMap[Any, Any]) -> None:
    given = {"city": ("TEXT", "$.home.city"), "n": "$.name", "d": ("DECIMAL(10, 2)", "$.age")}
    m.create_table("given", "$.people", given)
    assert columns(m, "given") == [("city", "TEXT"), ("n", ""), ("d", "DECIMAL(10,2)")]
    assert list(m.sql("SELECT city, n, d FROM given")) == [
        ("Rome", "Ann", 31),
        ("Oslo", "Bob", None),
    ]
    m.create_table("none", columns={})
    assert columns(m, "none") == []
    assert list(m.sql("SELECT key FROM none")) == [("people",), ("rows",)]


def test_a_list_and_the_whole_map(m: oocmap.OOCMap[Any, Any]) -> None:
    m.create_table("r", "$.rows")
    assert columns(m, "r") == [("a", "REAL")]
    assert list(m.sql("SELECT key, a FROM r")) == [(0, 1), (1, 2.5)]
    m.create_table("whole")
    assert ("ann_home_city", "TEXT") in columns(m, "whole")


def test_what_it_returns_makes_the_table_again(m: oocmap.OOCMap[Any, Any]) -> None:
    for given in (None, {"n": ("TEXT", "$.name")}):
        statement = m.create_table("t", "$.people", given)
        before = columns(m, "t")
        m.sql("DROP TABLE t")
        m.sql(statement)
        assert columns(m, "t") == before != []
        m.sql("DROP TABLE t")


@pytest.mark.parametrize("name", ["with blank", 'quote"', "it's", "a.b", "select", "naïve", "x;--"])
def test_names_are_quoted(m: oocmap.OOCMap[Any, Any], name: str) -> None:
    m["odd"] = {"row": {name: 1}}
    for table, given in (("inferred", None), ("given", {name: f"$[{name!r}]"}), (name, None)):
        m.create_table(table, "$.odd", given)
        quoted = '"' + table.replace('"', '""') + '"'
        [(_, _, _, value)] = m.sql(f"SELECT * FROM {quoted}")
        assert value == 1


def test_inside_a_transaction(m: oocmap.OOCMap[Any, Any]) -> None:
    with m.transaction():
        m["new"] = [{"fresh": True}]
        m.create_table("new", "$.new")
        assert columns(m, "new") == [("fresh", "BOOLEAN")]
    assert list(m.sql("SELECT fresh FROM new")) == [(1,)]


def test_a_map_that_is_only_read(m: oocmap.OOCMap[Any, Any], tmp_path: pathlib.Path) -> None:
    path = m.path
    m.close()
    with oocmap.OOCMap(path, mode="r") as reader:
        reader.create_table("people", "$.people")
        assert list(reader.sql("SELECT age FROM people WHERE key = 'ann'")) == [(31,)]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("map",), apsw.SQLError, '"map" already exists|table map already exists'),
        (("t", "$.nope"), apsw.SQLError, r"the root '\$\.nope' leads to nothing"),
        (("t", "$.people.ann.age"), apsw.SQLError, "leads to a value of type int"),
        (("t", "people"), apsw.SQLError, "bad JSON path 'people'"),
        (("t", "$", {"c": "x"}), apsw.SQLError, "bad JSON path 'x'"),
        (("t", "$", {"c": "$.a", "C": "$.b"}), apsw.SQLError, "more than one column"),
        (("t", "$", {"key": "$.a"}), oocmap.ArgumentError, "cannot be named 'key'"),
        (("t", "$", {"c": ("TEXT PATH '$.b', d TEXT", "$.a")}), oocmap.ArgumentError, "is none"),
        (("t", "$", {"c": ("NOT NULL", "$.a")}), apsw.SQLError, "unexpected"),
        (("t\0", "$"), oocmap.ArgumentError, "NUL"),
        (("t", "$\0", {}), oocmap.ArgumentError, "NUL"),
        (("t", "$", {"c\0": "$.a"}), oocmap.ArgumentError, "NUL"),
        (("",), oocmap.ArgumentError, "name is empty"),
        ((5,), TypeError, "name must be str, not int"),
        (("t", b"$"), TypeError, "root must be str, not bytes"),
        (("t", "$", ["a"]), TypeError, "columns must be a mapping or None, not list"),
        (("t", "$", {"c": 1}), TypeError, "the column 'c' must be a path or a tuple"),
        (("t", "$", {"c": ("TEXT",)}), TypeError, "the column 'c' must be a path or a tuple"),
        (("t", "$", {"c": (1, "$.a")}), TypeError, "the type of the column 'c' must be str"),
        (("t", "$", {1: "$.a"}), TypeError, "a column's name must be str, not int"),
    ],
)
def test_errors(
    m: oocmap.OOCMap[Any, Any], arguments: tuple[Any, ...], error: type[Exception], text: str
) -> None:
    before = list(m.sql("SELECT name FROM temp.sqlite_master ORDER BY name"))
    with pytest.raises(error, match=text):
        m.create_table(*arguments)
    assert list(m.sql("SELECT name FROM temp.sqlite_master ORDER BY name")) == before


def test_a_closed_map(m: oocmap.OOCMap[Any, Any]) -> None:
    m.close()
    with pytest.raises(oocmap.ClosedError):
        m.create_table("t")
