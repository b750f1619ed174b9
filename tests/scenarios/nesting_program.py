"""Deep values on a thread of a small C stack: stored whole, or refused in words. No test by itself.

python nesting_program.py FILE KIB CASE: each step is printed before it is taken, so the last line
of a process that died says of what.
"""

import copy
import json
import pathlib
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

import oocmap

DEEP = 99_990
TOO_DEEP = 10_000_000
REFUSED = (RecursionError, oocmap.ArgumentError, oocmap.UnsupportedTypeError, TypeError)


class Box:
    """Something registered: its own == and hash recurse in Python, so RecursionError ends them."""

    def __init__(self, inside: Any) -> None:
        self.inside = inside

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Box) and self.inside == other.inside

    def __hash__(self) -> int:
        return hash(("Box", self.inside))


oocmap.register(Box, to=lambda box: box.inside, from_=Box, name="nesting_program.Box")

WRAP: dict[str, Callable[[Any], Any]] = {
    "list": lambda inside: [inside],
    "dict": lambda inside: {"k": inside},
    "tuple": lambda inside: (inside,),
    "list in tuple": lambda inside: ([inside],),
    "tuple in dict": lambda inside: {"k": (inside,)},
    "box": Box,
}


def nested(wrap: Callable[[Any], Any], levels: int, inside: Any = "end") -> Any:
    for _ in range(levels):
        inside = wrap(inside)
    return inside


def inside_of(value: Any) -> Any:
    if hasattr(value, "inside"):
        return value.inside
    return value["k"] if hasattr(value, "keys") else value[0]


def levels_of(value: Any) -> int:
    levels = 0
    while value != "end":
        value = inside_of(value)
        levels += 1
    return levels


def says(error: Exception, words: str) -> None:
    if words not in str(error):
        raise AssertionError(f"it does not say {words!r}: {error!r}")


class Steps:
    def __init__(self, m: oocmap.OOCMap[Any, Any]) -> None:
        self.m = m
        self.alive = 0

    def take(self, name: str, step: Callable[[], Any], expected: Any = None) -> None:
        print(name, flush=True)
        result = step()
        if result != expected:
            raise AssertionError(f"{name}: {result!r:.200} instead of {expected!r:.200}")
        self.check_map()

    def may_refuse(self, name: str, step: Callable[[], Any], expected: Any) -> None:
        """`expected`, or an error that has words; the map is what it was."""
        print(name, flush=True)
        try:
            result = step()
        except REFUSED as error:
            if not str(error):
                raise AssertionError(f"{name}: {error!r} without words") from None
        else:
            if result != expected:
                raise AssertionError(f"{name}: {result!r:.200} instead of {expected!r:.200}")
        self.check_map()

    def check_map(self) -> None:
        """The map takes another commit."""
        self.alive += 1
        self.m["alive"] = self.alive
        assert self.m["alive"] == self.alive

    def rows(self, sql: str) -> Any:
        return next(iter(self.m.sql(sql)))[0]


def whole(steps: Steps, kind: str, levels: int) -> None:
    """What never recurses: storing, reading, walking, text, copies, SQL, deletion."""
    m, take = steps.m, steps.take
    value = nested(WRAP[kind], levels)
    depth = levels * len(kind.split(" in "))
    take("store", lambda: m.__setitem__("x", value))
    take("store again", lambda: m.update({"y": value, "l": [1, value, 2]}))
    x = m["x"]
    take("walk", lambda: levels_of(m["x"]), depth)
    if kind != "box":
        take("eager", lambda: levels_of(x.eager()), depth)
        take("repr", lambda: type(repr(x)), str)
        take("deepcopy", lambda: levels_of(copy.deepcopy(x)), depth)
        take("iterate", lambda: len(list(x)), 1)
        take("pickle", lambda: levels_of(pickle.loads(pickle.dumps(x))), depth)
        take("snapshot", lambda: levels_of(m.snapshot()["x"].eager()), depth)
        brackets = {"list": 2, "tuple": 2, "list in tuple": 4, "dict": 6, "tuple in dict": 8}[kind]
        length = 5 + brackets * levels
        take("json", lambda: steps.rows("SELECT length(json) FROM map WHERE key='x'"), length)
        tree = "SELECT count(*) FROM map, oocmap_tree(map.map) t WHERE map.key = 'x'"
        take("oocmap_tree", lambda: steps.rows(tree), depth + 1)
        each = "SELECT count(*) FROM map, oocmap_each(map.map) t WHERE map.key = 'x'"
        take("oocmap_each", lambda: steps.rows(each), 1)
    if kind == "tuple":
        take("hash", lambda: hash(x) == hash(m["y"]), True)
        take("find in a set", lambda: len({x, m["y"]}), 1)
    take("repr of the map", lambda: repr(m), "OOCMap({...})")


def refusing(steps: Steps, kind: str, levels: int) -> None:
    """What recurses as the builtins do: RecursionError, and nothing is damaged."""
    m, may = steps.m, steps.may_refuse
    value = nested(WRAP[kind], levels)
    other = nested(WRAP[kind], levels)
    m["x"], m["z"], m["l"] = value, other, [1, value, 2]
    may("== lazy", lambda: m["x"] == m["z"], True)
    may("== builtin", lambda: m["x"] == other, True)
    may("<", lambda: m["x"] < m["z"], False)
    may("in a list", lambda: other in m["l"], True)
    may("index in a list", lambda: m["l"].index(other), 1)
    may("in values", lambda: other in m.values(), True)
    may("remove", lambda: m["l"].remove(other), None)
    if kind != "box":
        dumped = lambda: type(json.dumps(m["x"], default=oocmap.json_default))  # noqa: E731
        may("json_default", dumped, str)


def as_keys(steps: Steps, levels: int) -> None:
    m, may = steps.m, steps.may_refuse
    m["dict"], m["set"] = {"old": 1}, {"old"}
    for kind in ("tuple", "list in tuple"):
        key = nested(WRAP[kind], levels)
        may("set", lambda key=key: m.__setitem__(key, 1), None)
        may("get", lambda key=key: m.get(key, 1), 1)
        may("in", lambda key=key: key in m, "never")
        may("setdefault", lambda key=key: m.setdefault(key, 1), 1)
        may("behind what is no key", lambda key=key: m.get((object(), key)), None)
        may("update", lambda key=key: m.update([(key, 1)]), None)
        may("set in a dict", lambda key=key: m["dict"].__setitem__(key, 1), None)
        may("del in a dict", lambda key=key: m["dict"].__delitem__(key), None)
        may("range", lambda key=key: list(m.range(key, None)), "never")
        may("get_many", lambda key=key: m.get_many([key]), "never")
        may("add", lambda key=key: m["set"].add(key), None)
        may("in a set", lambda key=key: key in m["set"], "never")
        may("discard", lambda key=key: m["set"].discard(key), None)
    key = nested(lambda inside: frozenset([inside]), levels)  # a frozenset remembers its hash
    may("frozenset", lambda: m.__setitem__(key, 1), None)
    may("frozenset in a set", lambda: m["set"].add(key), None)
    assert set(m) == {"dict", "set", "alive"}, "a key that was refused is there"
    assert m["dict"] == {"old": 1}
    assert m["set"] == {"old"}


def too_deep(steps: Steps, levels: int) -> None:
    """Refused before anything is written; taking such a value apart is CPython's, not ours."""
    m = steps.m
    for kind in ("list", "tuple", "dict"):
        value = nested(WRAP[kind], levels)
        print(kind, levels, flush=True)
        try:
            m.update({"before": 1, "x": value})
        except oocmap.ArgumentError as error:
            says(error, "more than 100000 levels deep")
        else:
            raise AssertionError(f"{levels} levels were stored")
        assert "x" not in m
        while not isinstance(value, str):
            value = inside_of(value)
        steps.check_map()


def cyclic(steps: Steps) -> None:
    m = steps.m
    ring: list[Any] = []
    ring.append(nested(WRAP["list"], 50_000, ring))
    steps.take("store", lambda: m.__setitem__("x", ring))
    x = m["x"]
    back = x.eager()
    for _ in range(50_001):
        back = back[0]
    steps.take("repr", lambda: repr(x).count("[...]") <= 1, True)
    steps.may_refuse("==", lambda: m["x"] == ring, "never")
    steps.may_refuse("json_default", lambda: json.dumps(x, default=oocmap.json_default), "never")
    m["y"] = [ring, ring]
    steps.take("delete", lambda: m.__delitem__("x"))
    ring.clear()
    back.clear()


def texts(steps: Steps, levels: int) -> None:
    """JSON and paths, as SQL and load_jsonl give them."""
    m = steps.m
    deep = "[" * levels + "]" * levels
    steps.take(
        "json in",
        lambda: steps.m.sql("INSERT INTO map(key, json) VALUES ('j', ?)", (deep,)).fetchall(),
        [],
    )
    steps.take("json out", lambda: steps.rows("SELECT json FROM map WHERE key = 'j'") == deep, True)
    path = "$" + "[0]" * (levels - 1)
    get = lambda: next(m.sql("SELECT oocmap_get(map, ?) FROM map WHERE key = 'j'", (path,)))[0]  # noqa: E731
    steps.take("path", get, "[]")
    lines = pathlib.Path(m.path + ".jsonl")
    lines.write_text('{"key": "a", "deep": ' + deep[1:-1] + "}\n")
    steps.take("load_jsonl", lambda: m.load_jsonl(lines, key="key"), 1)
    for name, text in {
        "open": "[" * TOO_DEEP,
        "lists": "[" * TOO_DEEP + "]" * TOO_DEEP,
        "dicts": '{"a":' * TOO_DEEP,
    }.items():
        print(name, flush=True)
        try:
            m.sql("INSERT INTO map(key, json) VALUES ('t', ?)", (text,))
        except Exception as error:
            says(error, "more than 100000 levels deep")
        else:
            raise AssertionError(f"{name}: stored")
        lines.write_text(text)
        try:
            m.load_jsonl(lines)
        except ValueError as error:
            says(error, "levels deep")
        else:
            raise AssertionError(f"{name}: loaded")
        steps.check_map()
    long = "$" + ".a" * 1_000_000
    steps.take(
        "no such path",
        lambda: next(m.sql("SELECT oocmap_get(map, ?) FROM map WHERE key = 'j'", (long,)))[0],
    )


def levels_for(kind: str) -> int:
    # Registered objects inside each other cost more than their number.
    return 10_000 if kind == "box" else DEEP // len(kind.split(" in "))


def main(case: str, m: oocmap.OOCMap[Any, Any]) -> None:
    steps = Steps(m)
    if case == "whole":
        for kind in WRAP:
            print("-", kind, flush=True)
            whole(steps, kind, levels_for(kind))
            m.clear()
            m.vacuum()
    elif case == "refusing":
        for kind in set(WRAP) - {"box"}:  # whose == is Python's, and takes its stack
            for levels in (100, levels_for(kind)):
                print("-", kind, levels, flush=True)
                refusing(steps, kind, levels)
            m.clear()
    elif case == "keys":
        as_keys(steps, DEEP)
    elif case == "too deep":
        too_deep(steps, 100_001)
        too_deep(steps, 1_000_000)
    elif case == "cyclic":
        cyclic(steps)
    elif case == "texts":
        texts(steps, DEEP)
    m.clear()
    assert m == {}


if __name__ == "__main__":
    finished = []

    def run() -> None:
        with oocmap.OOCMap(sys.argv[1], durability="off") as m:
            main(sys.argv[3], m)
        finished.append(True)

    threading.stack_size(int(sys.argv[2]) * 1024)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    print("finished" if finished else "failed")
