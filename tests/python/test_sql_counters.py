"""What queries read, by oocmap_debug(), in the newest SQLite: apsw's."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import oocmap
import pytest


@pytest.fixture
def m(tmp_path: pathlib.Path) -> Iterator[oocmap.OOCMap[Any, Any]]:
    with oocmap.OOCMap(tmp_path / "m.ooc") as m:
        for i in range(10):
            m[i] = {"name": f"n{i}", "deep": {"x": i}, "long": list(range(1000))}
        m["loop"] = {"name": "L"}
        m["loop"]["self"] = m["loop"]
        m.create_table("named", "$", {"name": "$.name", "x": "$.deep.x"})
        yield m


def added(m: oocmap.OOCMap[Any, Any], query: str) -> dict[str, int]:
    """Return by how much each counter rises; those that do not are left out."""

    def counters() -> dict[str, Any]:
        [(text,)] = m.sql("SELECT oocmap_debug()")
        return json.loads(text)

    before = counters()
    list(m.sql(query))
    after = counters()
    assert after.keys() >= {"version", "build", "sqlite"}
    return {
        name: value - before[name]
        for name, value in after.items()
        if isinstance(value, int) and value != before[name]
    }


@pytest.mark.parametrize(
    "query",
    [
        "SELECT key FROM {}",
        "SELECT key, type, key_type FROM {} ORDER BY key",
        "SELECT count(*) FROM {}",
        "SELECT type, count(*) FROM {} GROUP BY 1",
        "SELECT key FROM (SELECT * FROM {}) WHERE type = 'dict'",
        "SELECT rank() OVER (ORDER BY key) FROM {}",
        "WITH t AS MATERIALIZED (SELECT key, type FROM {}) SELECT * FROM t",
    ],
)
@pytest.mark.parametrize("table", ["map", "named"])
def test_what_is_not_named_is_not_rendered(
    m: oocmap.OOCMap[Any, Any], query: str, table: str
) -> None:
    assert added(m, query.format(table)) == {"cursors_opened": 1, "rows_visited": 11}


def test_a_named_column_reads_its_path(m: oocmap.OOCMap[Any, Any]) -> None:
    assert added(m, "SELECT name FROM named") == {
        "cursors_opened": 1,
        "rows_visited": 11,
        "paths_followed": 11,
        "values_rendered": 11,
    }
    assert added(m, "SELECT name, x FROM named WHERE key IN (1, 2)") == {
        "cursors_opened": 1,
        "rows_visited": 2,
        "paths_followed": 4,
        "values_rendered": 4,
    }
    assert added(m, "SELECT value FROM named WHERE key = 1")["json_bytes"] > 3000


def test_stats(m: oocmap.OOCMap[Any, Any]) -> None:
    [(text,)] = m.sql("SELECT oocmap_stats(map) FROM map WHERE key = 1")
    stats = json.loads(text)
    assert stats["entries"] == len(m) == 11
    assert stats["file_bytes"] == pathlib.Path(m.path).stat().st_size
    with m.snapshot():
        m[0] = None
        m[1] = None
        m.sql("INSERT INTO map(map) VALUES ('stats')")
        [(readers, oldest)] = m.sql(
            "SELECT s ->> '$.readers', s ->> '$.oldest_reader' "
            "FROM (SELECT oocmap_debug() -> '$.stats' AS s)"
        )
        assert readers >= 1
        assert oldest == 2
