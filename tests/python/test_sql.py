"""m.sql() and m.connection: rows, handles as lazies both ways."""

# What raises here is the end of a block.
# ruff: noqa: PT012

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import apsw
import numpy as np
import oocmap
import pytest


def test_map_is_a_table(m: Any) -> None:
    m[1] = "John"
    m["two"] = [1, {"a": None}]
    rows = m.sql("SELECT key, value, type FROM map")
    assert isinstance(rows, apsw.Cursor)
    assert list(rows) == [(1, "John", "str"), ("two", '[1,{"a":null}]', "list")]


def test_handles_come_back_as_lazies(m: Any) -> None:
    m["d"], m["l"], m["t"], m["i"] = {"a": {"b": 1}}, [1], (1,), 5
    rows = dict(m.sql("SELECT key, map FROM map"))
    assert type(rows["d"]) is oocmap.LazyDict
    assert type(rows["l"]) is oocmap.LazyList
    assert type(rows["t"]) is oocmap.LazyTuple
    assert rows["i"] == 5
    rows["d"]["a"]["c"] = 2
    assert m["d"] == {"a": {"b": 1, "c": 2}}
    [(ref,)] = m.sql("SELECT oocmap_ref(map, '$.a') FROM map WHERE key = 'd'")
    assert ref == {"b": 1, "c": 2}


def test_arrow_reads_containers_in_the_newest_sqlite(m: Any) -> None:
    """It builds SQLite's ->> without leave to set a subtype, and checks that."""
    m["people"] = {"bob": {"tags": ["x"], "age": 5}}
    [row] = m.sql(
        "SELECT map ->> '$.bob', map ->> 'bob', map -> '$.bob.tags', map ->> '$.bob.age',"
        " value ->> '$.bob', json_array(map ->> '$.bob.tags') FROM map"
    )
    text = '{"tags":["x"],"age":5}'
    assert row == (text, text, '["x"]', 5, text, '["[\\"x\\"]"]')
    for arrow in ("->", "->>"):
        with pytest.raises(apsw.SQLError, match="bad JSON path ''"):
            m.sql(f"SELECT map {arrow} '' FROM map").fetchall()


def test_a_row_is_the_same_however_it_is_found(m: Any) -> None:
    m.update({True: "bool", 3.0: "float", Decimal(5): "Decimal", 7: "int"})
    columns = "typeof(key), key_type, value"
    expected = [
        ("integer", "bool", "bool"),
        ("real", "float", "float"),
        ("integer", "Decimal", "Decimal"),
        ("integer", "int", "int"),
    ]
    for where in ("+key < 9", "key IN (7.0, 5, 3, 1.0)", "key BETWEEN 1 AND 7"):
        assert list(m.sql(f"SELECT {columns} FROM map WHERE {where} ORDER BY key")) == expected
    for key, row in zip(("1.0", "3", "5", "7.0"), expected, strict=True):
        assert list(m.sql(f"SELECT {columns} FROM map WHERE key = {key}")) == [row]
    assert list(m.sql("SELECT a.key_type FROM map a JOIN map b ON a.key = b.key + 0.0")) == [
        (key_type,) for _, key_type, _ in expected
    ]


def test_fullkey_leads_to_the_member_of_every_key(m: Any) -> None:
    keys = [
        *("plain", "a b", 'q"z', "back\\slash", "new\nline", "", "é", "\ud800", "a.b", "0"),
        *(None, True, 7, -7, 2**70, 1.5, float("inf"), 1e300, b"b", b"'\xff", (), (1, ("a",))),
        *(frozenset({1}), Decimal("0.1"), Decimal("1E+30"), Fraction(1, 3), 1 + 2j, range(3)),
        *(date(2020, 1, 2), datetime(2020, 1, 2, 3, tzinfo=UTC), timedelta(1), UUID(int=7)),
        (Decimal("0.1"), date(2020, 1, 2)),
        np.float32(0.1),
    ]
    m["mixed"] = {key: number for number, key in enumerate(keys)}
    rows = list(
        m.sql(
            "SELECT e.fullkey, e.value, oocmap_get(map.map, e.fullkey) FROM map, "
            "oocmap_each(map.map) e WHERE map.key = 'mixed'"
        )
    )
    assert len(rows) == len(keys)
    for key, (fullkey, value, got) in zip(keys, rows, strict=True):
        assert got == value, (key, fullkey)
    assert [row[0] for row in rows[:4]] == ["$.plain", '$."a b"', '$."q\\"z"', '$."back\\\\slash"']


def test_fullkeys_are_json_eachs(m: Any) -> None:
    """Each reads the other's."""
    document = json.dumps(dict.fromkeys(('q"z', "back\\slash", "new\nline", "a b", "\x01"), 1))
    ours = [row[0] for row in m.sql("SELECT fullkey FROM oocmap_each(?)", (document,))]
    sqlites = [row[0] for row in m.sql("SELECT fullkey FROM json_each(?)", (document,))]
    assert ours == sqlites
    for path in sqlites:
        assert list(m.sql("SELECT oocmap_get(?1, ?2), ?1 ->> ?2", (document, path))) == [(1, 1)]


def test_lazies_are_parameters(m: Any) -> None:
    m["d"] = {"a": [10, 20, {"deep": "x"}]}
    [row] = m.sql(
        "SELECT oocmap_get(?1, '$.a[1]'), oocmap_json(?1), oocmap_len(?2), oocmap_type(?2)",
        (m["d"], m["d"]["a"]),
    )
    assert row == (20, '{"a":[10,20,{"deep":"x"}]}', 3, "list")
    [row] = m.sql("SELECT oocmap_get(:d, '$.a[2].deep')", {"d": m["d"]})
    assert row == ("x",)


def test_other_parameters_are_refused_by_name(m: Any) -> None:
    with pytest.raises(oocmap.UnsupportedTypeError, match="'set'"):
        m.sql("SELECT ?", ({1},))
    with pytest.raises(oocmap.UnsupportedTypeError, match="'dict'"):
        m.sql("SELECT ?", ({"a": 1},))


def test_lazy_of_another_map_is_a_clear_error(m: Any, tmp_path: Any) -> None:
    with oocmap.OOCMap(tmp_path / "other.ooc", durability="off") as other:
        other["a"] = [1]
        with pytest.raises(apsw.SQLError, match="no table of this connection"):
            list(m.sql("SELECT oocmap_json(?)", (other["a"],)))


def test_handle_of_an_uncommitted_value_is_its_sessions_own(m: Any, path: Any) -> None:
    with oocmap.OOCMap(path, durability="off") as other:
        with m.transaction():
            m["a"] = [1, 2]
            [(length,)] = m.sql("SELECT oocmap_len(?)", (m["a"],))
            assert length == 2
            [(lazy,)] = m.sql("SELECT map FROM map WHERE key = 'a'")
            assert lazy == [1, 2]
            [(raw,)] = m.connection.execute("SELECT map FROM map WHERE key = 'a'")
            with pytest.raises(apsw.SQLError):
                list(other.sql("SELECT oocmap_len(?)", (raw,)))
        [(length,)] = other.sql("SELECT oocmap_len(?)", (m["a"],))
        assert length == 2


def test_stale_handle_in_sql_is_an_error(m: Any) -> None:
    with pytest.raises(KeyError), m.transaction():
        m["a"] = [1, 2]
        [(raw,)] = m.connection.execute("SELECT map FROM map WHERE key = 'a'")
        raise KeyError
    with pytest.raises(apsw.SQLError):
        list(m.sql("SELECT oocmap_len(?)", (raw,)))
    with pytest.raises(oocmap.StaleHandleError):
        list(m.sql("SELECT ?", (raw,)))


def test_bytes_are_bytes(m: Any) -> None:
    m["b"] = b"\x00\xcf"
    assert list(m.sql("SELECT value FROM map")) == [(b"\x00\xcf",)]
    assert list(m.sql("SELECT ?", (b"\xcfOther",))) == [(b"\xcfOther",)]


def test_writes_are_seen_at_once_both_ways(m: Any) -> None:
    m.sql("INSERT INTO map(key, json) VALUES ('k', '{\"a\": [1, 2]}')")
    assert m["k"] == {"a": [1, 2]}
    m["k"]["a"].append(3)
    assert list(m.sql("SELECT value FROM map")) == [('{"a":[1,2,3]}',)]
    m.sql("UPDATE map SET value = 5 WHERE key = 'k'")
    assert m["k"] == 5
    m.sql("DELETE FROM map")
    assert len(m) == 0


def test_int_beyond_64_bits_is_its_text_in_sql(m: Any) -> None:
    m["big"] = 10**30
    assert list(m.sql("SELECT value, type FROM map")) == [(str(10**30), "int")]


def test_plain_connection_gives_handles_as_bytes(m: Any) -> None:
    m["a"] = [1]
    [(raw,)] = m.connection.execute("SELECT map FROM map")
    assert type(raw) is bytes


def test_connection_is_apsws(m: Any) -> None:
    assert isinstance(m.connection, apsw.Connection)
    assert isinstance(m.connection, oocmap.Connection)
    m.close()
    with pytest.raises(apsw.ConnectionClosedError):
        m.connection.execute("SELECT 1")


def test_sql_errors_are_apsws(m: Any) -> None:
    with pytest.raises(apsw.SQLError, match="nonsense"):
        m.sql("SELECT nonsense FROM map")


def test_list_that_is_emptied_while_it_is_read_backwards(m: Any) -> None:
    m["x"] = list(range(200_000))
    m.connection.execute(f"CREATE VIRTUAL TABLE temp.t USING oocmap('{m.path}', root='$.x')")
    rows = m.connection.execute("SELECT key FROM temp.t ORDER BY key DESC")
    assert next(rows) == (199_999,)
    m["x"].clear()
    assert list(rows) == []
