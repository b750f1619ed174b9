"""m.sql() and m.connection: rows, handles as lazies both ways."""

# What raises here is the end of a block.
# ruff: noqa: PT012

from typing import Any

import apsw
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
