"""Hostile shapes: what they cost grows as their size does, or they are refused in words.

Growth is CPU time at n, 2n and 4n: 4 times is linear, 16 quadratic, 10 fails (the best of three
rounds counts, as the machine may be busy). What would be exponential has 60 levels.
"""

import copy
import gc
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import oocmap
import pytest

LIMIT = 10
LEVELS = 60


@pytest.fixture
def m(tmp_path: pathlib.Path) -> Iterator[oocmap.OOCMap[Any, Any]]:
    with oocmap.OOCMap(tmp_path / "map.ooc", durability="off") as opened:
        yield opened


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """What other tests have left is not looked through, whenever much is made here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def cost(work: Callable[[Any], Any], subject: Any) -> float:
    start = time.process_time()
    work(subject)
    return time.process_time() - start


def check_growth(n: int, make: Callable[[int], Any], work: Callable[[Any], Any]) -> None:
    """work(make(size)) may cost LIMIT times as much at 4n as at n; making is not measured."""
    rounds = []
    for _ in range(3):
        costs = [cost(work, make(size)) for size in (n, 2 * n, 4 * n)]
        # Below 5 ms a clock and a cache are measured, not growth.
        if costs[2] < LIMIT * max(costs[0], 0.005):
            return
        rounds.append(costs)
    raise AssertionError(f"seconds at {n}, {2 * n}, {4 * n}, in three rounds: {rounds}")


def rows(m: Any, sql: str, *parameters: Any) -> list[Any]:
    return [tuple(row) for row in m.sql(sql, parameters)]


# --- Shared parts


def doubled(wrap: Callable[[Any], Any], inside: Any, levels: int = LEVELS) -> Any:
    for _ in range(levels):
        inside = wrap(inside)
    return inside


DOUBLED: dict[str, Callable[[], Any]] = {
    "list": lambda: doubled(lambda x: [x, x], ["leaf"]),
    "dict": lambda: doubled(lambda x: {"a": x, "b": x}, {"leaf": 1}),
    "tuple": lambda: doubled(lambda x: (x, x), ("leaf",)),
    "mixed": lambda: doubled(lambda x: {"a": [x, (x, 1)]}, ["leaf"], LEVELS // 2),
}


@pytest.mark.parametrize("kind", DOUBLED)
def test_shared_parts_are_read_and_compared_once(m: Any, kind: str) -> None:
    value = DOUBLED[kind]()
    m["x"], m["y"] = value, DOUBLED[kind]()
    assert m["x"] == m["y"]
    assert m["x"] == DOUBLED[kind]()
    assert DOUBLED[kind]() == m["x"]
    assert (m["x"] != m["y"]) is False
    # Of four [x, x], x equal and y not: what was equal is not taken for equal to something else.
    other = DOUBLED[kind]()
    deepest = other
    while isinstance(
        inner := next(iter(deepest.values() if isinstance(deepest, dict) else deepest)),
        (list, dict, tuple),
    ):
        deepest = inner
    if kind != "tuple":
        deepest.clear()
        m["y"] = other
        assert m["x"] != m["y"]
        assert m["x"] != other
    assert len(repr(m["x"])) < 20_000
    twin = m["x"].eager()
    assert twin is not value
    copy.deepcopy(m["x"])
    m.clear()
    m.vacuum()


@pytest.mark.parametrize("kind", [set, frozenset])
def test_shared_set_is_looked_at_once(m: Any, kind: type) -> None:
    """A Decimal is made after the read, by a look at all members of all that was read."""

    def store(n: int) -> Any:
        m["x"] = [[kind(range(n))] * n, Decimal(1)]
        return m["x"]

    check_growth(3000, store, lambda x: x.eager())
    [first, *_, last], _ = m["x"].eager()
    assert first is last
    assert first == kind(range(12_000))


def test_shared_parts_of_tuples_are_hashed_once(m: Any) -> None:
    value = DOUBLED["tuple"]()
    m["x"], m["y"] = value, [value]
    assert hash(m["x"]) == hash(m["y"][0])
    assert m["x"] in {m["x"]: 1}
    small = doubled(lambda x: (x, x, (1.5, "text", None, x)), ("leaf", -1, (), ((),)), 5)
    m["small"] = small
    assert hash(m["small"]) == hash(small)
    m["no hash"] = ((1, [2]), ())
    with pytest.raises(TypeError, match="unhashable"):
        hash(m["no hash"])


def test_keys_that_share_parts_end_soon(m: Any) -> None:
    key = DOUBLED["tuple"]()
    m["set"], m["dict"] = {1}, {1: 1}
    for write in (lambda: m.update([(key, 1)]), lambda: m["set"].add(key),
                  lambda: m["dict"].setdefault(key)):  # fmt: skip
        with pytest.raises(oocmap.ArgumentError, match="more than 1,000,000 members"):
            write()
    assert m.get(key) is None
    assert key not in m["set"]
    assert key not in m["dict"]
    with pytest.raises(TypeError, match="unhashable"):
        m.get((key, []))


def test_sql_of_shared_parts_is_bounded(database: Any, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "map.ooc"
    with oocmap.OOCMap(path, durability="off") as m:
        m["x"] = DOUBLED["list"]()
    database.table("t", path)
    limit = 5_000_000
    if hasattr(database.connection, "setlimit"):
        database.connection.setlimit(0, limit)
    else:
        database.connection.limit(0, limit)
    for text in ("json", "value", "oocmap_json(t)", "oocmap_json(t, '$[0][1]')"):
        answer = database.answer(f"SELECT length({text}) FROM t")
        assert "JSON text is longer than 5000000 bytes: read parts of it with a path" in answer
    assert database.rows("SELECT type, oocmap_len(t) FROM t") == [("list", 2)]
    assert database.rows("SELECT oocmap_get(t, ?) FROM t", ("$" + "[1]" * LEVELS + "[0]",)) == [
        ("leaf",)
    ]
    walk = "SELECT n.id FROM t, oocmap_tree(t.t) n"
    assert len(database.rows(walk + " LIMIT 1000")) == 1000
    # 2**60 rows are as many as were asked for; they can be interrupted.
    began = time.monotonic()
    late = lambda: time.monotonic() > began + 0.2  # noqa: E731
    database.connection.set_progress_handler(late, 1000)
    assert "nterrupt" in database.answer("SELECT count(*) FROM t, oocmap_tree(t.t) n")
    database.connection.set_progress_handler(None, 1000)


@pytest.mark.parametrize("column", ["json", "value"])
def test_update_of_shared_parts_looks_no_further_than_the_new_text(m: Any, column: str) -> None:
    """Whether it changes anything is asked of the old JSON text: 2**60 members."""
    m["x"] = DOUBLED["list"]()
    rows(m, f"UPDATE map SET {column} = '[[1],2]'")
    assert m["x"] == ([[1], 2] if column == "json" else "[[1],2]")
    ring: list[Any] = []
    ring.append(ring)
    m["x"] = ring
    rows(m, f"UPDATE map SET {column} = '[[1],2]'")
    assert m["x"] == ([[1], 2] if column == "json" else "[[1],2]")
    m["x"] = [1, {"a": None}]
    before = m["x"]
    rows(m, f"UPDATE map SET {column} = {column}")
    assert before == [1, {"a": None}]


# --- Numbers


@pytest.mark.parametrize("exponent", [999_999_999, -999_999_999, 999_999_999_999_999_999])
def test_huge_exponents_make_no_huge_integer(m: Any, exponent: int) -> None:
    value = Decimal(f"-7.5e{exponent}")
    m["v"] = [value, {"d": value}]
    assert m["v"] == [value, {"d": value}]
    assert value in m["v"]
    assert rows(m, "SELECT oocmap_get(map, '$[0]') FROM map") == [(str(value),)]
    assert [
        atom
        for (atom,) in rows(
            m, "SELECT t.atom FROM map, oocmap_tree(map.map) t WHERE atom IS NOT NULL"
        )
    ] == [str(value)] * 2
    m["s"] = {1}
    for write in (
        lambda: m.update([(value, 1)]),
        lambda: m.update([((1, value), 1)]),
        lambda: m["s"].add(value),
        lambda: m.setdefault(value),
        lambda: list(m.range(0, value)),
    ):
        with pytest.raises(oocmap.ArgumentError, match="more than 100000 digits"):
            write()
    assert m.get(value) is None
    assert value not in m
    assert (1, value) not in m
    assert value not in m["s"]
    for text in (f"[1e{exponent}]", f"[-1e{exponent}]"):
        m.sql("INSERT OR REPLACE INTO map(key, json) VALUES ('j', ?)", (text,))
        assert abs(m["j"][0]) in (0.0, float("inf"))


def test_ints_of_many_digits(m: Any) -> None:
    def in_and_out(text: str) -> None:
        rows(
            m,
            "INSERT OR REPLACE INTO map(key, json) VALUES ('j', ?)",
            f"[{text}, 1.{text}, 1e{text}, {text}e1]",
        )
        assert rows(m, "SELECT oocmap_get(map, '$[0]') FROM map") == [(text,)]

    check_growth(100_000, lambda n: "7" * n, in_and_out)
    big = 7 << 3_400_000  # a million digits
    m[big] = [big]
    assert m[big] == [big]
    assert big in m
    m["f"] = [Fraction(big, 3)]
    m[Fraction(big, 3)] = 1
    assert m["f"] == [Fraction(big, 3)]
    assert Fraction(big, 3) in m


# --- Keys


def test_keys_that_share_440_bytes(m: Any) -> None:
    def use(keys: list[str]) -> None:
        m.clear()
        m.update(dict.fromkeys(keys, 1))
        m["d"] = dict.fromkeys(keys, 2)
        for key in keys[::5]:
            assert m[key] + m["d"][key] == 3
            assert key + "x" not in m
        assert sum(1 for _ in m.range("p" * 440, None)) == len(keys)
        for key in keys[::3]:
            del m[key]

    check_growth(3000, lambda n: ["p" * 440 + str(i) for i in range(n)], use)


def test_keys_repeated_in_json(m: Any) -> None:
    def load(text: str) -> None:
        rows(m, "INSERT OR REPLACE INTO map(key, json) VALUES ('j', ?)", text)

    for names in (1, 300, 1 << 60):  # of one name, of some, all different
        check_growth(
            10_000,
            lambda n, names=names: "{" + ",".join(f'"k{i % names}":{i}' for i in range(n)) + "}",
            load,
        )
        assert len(m["j"]) == min(names, 40_000)
        assert m["j"][f"k{39_999 % names}"] == 39_999


def test_thousands_of_shapes(m: Any) -> None:
    def use(dicts: list[dict[str, int]]) -> None:
        m["s"] = dicts
        assert m["s"].eager() == dicts
        assert rows(m, "SELECT count(*) FROM map, oocmap_each(map.map) t") == [(len(dicts),)]
        del m["s"]

    check_growth(2000, lambda n: [{f"k{i}": 1, f"l{i}": 2} for i in range(n)], use)
    # Shapes that differ at the end only.
    front = {f"front{i}": i for i in range(40)}
    check_growth(500, lambda n: [{**front, f"k{i}": 1} for i in range(n)], use)


@pytest.mark.parametrize("size", [65_534, 65_535, 65_536, 65_537])
def test_sizes_around_16_bits(m: Any, size: int) -> None:
    values: dict[str, Any] = {
        "dict": {i: i for i in range(size)},
        "named": {f"k{i}": i for i in range(size)},
        "list": list(range(size)),
        "lists": [[i] for i in range(size)],
        "set": set(range(size)),
        "tuple": tuple(range(size)),
        "text": ["x" * size, b"y" * size],
    }
    m["x"] = values
    assert m["x"] == values
    assert m["x"]["lists"][size - 1] == [size - 1]
    m["x"]["dict"][size] = size
    m["x"]["lists"].append([size])
    assert len(m["x"]["dict"]) == len(m["x"]["lists"]) == size + 1
    assert m["x"]["lists"][-1] == [size]


def test_containers_that_grow_one_by_one(m: Any) -> None:
    def grow(n: int) -> None:
        with m.transaction():
            m["d"], m["l"], m["s"] = {}, [], set()
            held_dict, held_list, held_set = m["d"], m["l"], m["s"]
            for i in range(n):
                held_dict[f"k{i}"] = [i]
                held_list.append({"i": i})
                held_set.add(i)
            for i in range(0, n, 2):
                del held_dict[f"k{i}"]
                held_set.discard(i)
        assert (len(m["d"]), len(m["l"]), len(m["s"])) == (n // 2, n, n // 2)

    check_growth(1000, lambda n: n, grow)


# --- Patterns, depth, arrays


@pytest.mark.parametrize("operator", ["LIKE", "GLOB"])
def test_patterns_of_many_wildcards(m: Any, operator: str) -> None:
    wild = "%" if operator == "LIKE" else "*"
    pattern = ("a" + wild) * 500 + "b"

    def match(text: str) -> None:
        m[text] = text
        for column in ("key", "value"):
            assert rows(m, f"SELECT count(*) FROM map WHERE {column} {operator} ?", pattern) == [
                (0,)
            ]
        m.clear()

    check_growth(2000, lambda n: "a" * n, match)


def test_depth(m: Any) -> None:
    def use(levels: int) -> None:
        value: Any = ("end",)
        for i in range(levels):
            value = (value,) if i % 2 else {"k": [value]}
        m["x"] = value
        assert len(rows(m, "SELECT json FROM map WHERE key = 'x'")[0][0]) > levels
        rows(m, "SELECT count(*) FROM map, oocmap_tree(map.map) t WHERE map.key = 'x'")
        repr(m["x"])
        m["x"].eager()
        del m["x"]
        m.vacuum()

    check_growth(8000, lambda n: n, use)


def test_deep_tuples_hashed_again_and_again(m: Any) -> None:
    def use(levels: int) -> None:
        value: Any = ()
        for _ in range(levels):
            value = (value,)
        m["x"] = value
        one = m["x"]
        assert len({hash(one) for _ in range(1000)}) == 1

    check_growth(20_000, lambda n: n, use)


@pytest.mark.parametrize(
    "shape",
    [(0,) * 32, (1,) * 32, (0, 2**62), (2**20, 0, 2**31), (1, 0, 1)],
    ids=["zeros", "ones", "wide", "wider", "thin"],
)
def test_arrays_of_odd_shapes(m: Any, shape: tuple[int, ...]) -> None:
    value = np.zeros(shape, "u1")
    m["a"] = value
    assert m["a"].shape == shape
    assert np.array_equal(np.asarray(m["a"]), value)
    [(text,)] = rows(m, "SELECT length(json) FROM map WHERE key = 'a'")
    assert text < 5_000_000
    assert rows(m, "SELECT count(*) < 100 FROM map, oocmap_tree(map.map) t") == [(1,)]


def test_arrays_that_only_seem_large(m: Any) -> None:
    """A broadcast array has one byte in memory; written out it would be 1 EiB."""
    seeming = np.broadcast_to(np.zeros(1, "u1"), (2**30, 2**30))
    with pytest.raises((oocmap.ArgumentError, MemoryError, oocmap.StoreFullError)):
        m["a"] = seeming
    assert "a" not in m
    m["a"] = 1


@pytest.mark.skipif(
    "OOCMAP_HUGE" not in os.environ, reason="OOCMAP_HUGE=1: 10 GB of memory, a minute"
)
def test_two_gigabytes_of_text(m: Any) -> None:
    text = "x" * (2 << 30)
    for write in (lambda: m.update({"t": text}), lambda: m.update({text: 1})):
        with pytest.raises(oocmap.ArgumentError, match=r"1073741824|1 GiB|too long|larger"):
            write()
    m["t"] = text[: (1 << 30) - 1]
    assert len(m["t"]) == (1 << 30) - 1
