"""UPDATE map SET path = '$.a.b', value = 5 does what assigning there does; on apsw's SQLite."""

import copy
import json
import os
import random
from typing import Any

import apsw
import pytest

SEED = random.randrange(2**32) if os.environ.get("OOCMAP_RANDOM") else 20261123
NAMES = ["a", "b", "odd name", "é", "0"]


def random_value(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randrange(6 if depth < 3 else 4)
    if kind < 4:
        return draw.choice([None, True, 1, 2.5, "text", "", 2**70, -3])
    size = draw.randrange(4)
    if kind == 4:
        return {draw.choice(NAMES): random_value(draw, depth + 1) for _ in range(size)}
    return [random_value(draw, depth + 1) for _ in range(size)]


def random_steps(draw: random.Random) -> list[str | int]:
    return [
        draw.choice(NAMES) if draw.random() < 0.65 else draw.randrange(-2, 3)
        for _ in range(draw.randrange(5))
    ]


def path_text(steps: list[str | int]) -> str:
    def step(one: str | int) -> str:
        if isinstance(one, str):
            return f'."{one}"'
        return f"[{one}]" if one >= 0 else f"[#{one}]"

    return "$" + "".join(step(one) for one in steps)


def assign(entry: Any, steps: list[str | int], value: Any) -> Any:
    """Assign inside `entry`; LookupError or TypeError where SQL refuses. Returns the entry."""
    if not steps:
        return value
    at = entry
    for i, step in enumerate(steps):
        last = i == len(steps) - 1
        if isinstance(at, dict):
            if not isinstance(step, str):
                raise LookupError(step)
            if last:
                at[step] = value
            else:
                at = at.setdefault(step, {})
        elif isinstance(at, list):
            if not isinstance(step, int):
                raise LookupError(step)
            if last:
                at[step] = value
            else:
                at = at[step]
        else:
            raise TypeError(at)
    return entry


def test_random_paths_do_what_assigning_does(m: Any) -> None:
    print("seed", SEED)
    draw = random.Random(SEED)
    plain = {key: random_value(draw) for key in range(40)}
    m.update(plain)
    done = 0
    for _ in range(1500):
        key, steps, value = draw.choice(list(plain)), random_steps(draw), random_value(draw)
        sql = "UPDATE map SET path = ?, json = ? WHERE key = ?"
        parameters = (path_text(steps), json.dumps(value), key)
        try:
            expected = assign(copy.deepcopy(plain[key]), steps, value)
        except (LookupError, TypeError):
            with pytest.raises(apsw.SQLError, match="oocmap: the path '"):
                m.sql(sql, parameters)
        else:
            m.sql(sql, parameters)
            plain[key] = expected
            done += 1
        assert m[key] == plain[key], parameters
        if draw.random() < 0.05:  # so that there is something to lead into
            plain[key] = m[key] = {"a": [1, {"b": 2}], "b": {}}
    assert m.eager() == plain
    assert done > 300


def test_lazy_objects_see_it(m: Any) -> None:
    m["k"] = {"a": {"b": [1, (2,)]}}
    inner = m["k"]["a"]
    m.sql("UPDATE map SET path = '$.a.b[0]', value = 'new' WHERE key = 'k'")
    assert inner["b"].eager() == ["new", (2,)]
    m.sql("UPDATE map SET path = '$.a.c', value = ? WHERE key = 'k'", (inner["b"],))
    assert m["k"]["a"]["c"] is not None
    inner["b"].append(3)
    assert inner["c"].eager() == ["new", (2,), 3]
    with pytest.raises(apsw.SQLError, match="a tuple, which cannot be changed"):
        m.sql("UPDATE map SET path = '$.a.b[1][0]', value = 5")
    m["s"] = {1}
    with pytest.raises(apsw.SQLError, match="neither name nor index"):
        m.sql("UPDATE map SET path = '$[0]', value = 5 WHERE key = 's'")


def test_it_is_no_condition_and_no_argument(m: Any) -> None:
    m["k"] = {"a": 1}
    for sql in (
        "SELECT * FROM map('$.a')",
        "DELETE FROM map WHERE path = '$.a'",
        "DELETE FROM map WHERE key = 'k' AND path IN ('$.a', '$.b')",
        "UPDATE map SET value = 1 WHERE key = 'k' OR path = '$.a'",
        "SELECT * FROM map AS a JOIN map AS b ON b.path = a.key",
    ):
        with pytest.raises(apsw.SQLError, match="the column path of the table map is there for"):
            m.sql(sql)
    assert m.eager() == {"k": {"a": 1}}


def test_update_from_writes_where_the_other_table_says(m: Any) -> None:
    m.update({"k": {"a": 1}, "l": [1, 2], "n": 7})
    m.sql("CREATE TEMP TABLE s(k, p, v)")
    m.connection.executemany(
        "INSERT INTO s VALUES (?, ?, ?)", [("k", "$.b.c", "x"), ("l", "$[1]", 9), ("n", "$", 7)]
    )
    m.sql("UPDATE map SET path = s.p, value = s.v FROM s WHERE s.k = map.key")
    assert m.eager() == {"k": {"a": 1, "b": {"c": "x"}}, "l": [1, 9], "n": 7}
