"""Random operations through Python and SQL in turn on one map, against one plain dict.

With reopening, savepoints and rollback, and with cursors, iterators and handles that are kept
across all of it. The seed is printed; OOCMAP_MODEL_SEED repeats a run, OOCMAP_MODEL_STEPS makes it
longer.
"""

import copy
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oocmap
import pytest

STEPS = int(os.environ.get("OOCMAP_MODEL_STEPS", "1500"))
GIVEN_SEED = os.environ.get("OOCMAP_MODEL_SEED")
SEEDS = [int(GIVEN_SEED)] if GIVEN_SEED else [1, 2, 3, random.SystemRandom().getrandbits(32)]

WORDS = ["", "a", "b", "name", "value", "a longer key", "ключ", "k" * 30, "long " * 100]


class Rollback(Exception):  # noqa: N818  (no error: how a block is left)
    pass


class Twins:
    """A map and the dict it should equal; each operation is done to both."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        self.path = path
        self.rng = rng
        self.plain: dict[Any, Any] = {}
        self.map: Any = oocmap.OOCMap(path, durability="off")
        self.iterators: list[Iterator[Any]] = []
        self.cursors: list[Any] = []
        self.handles: list[Any] = []
        self.depth = 0

    # --- Random material

    def key(self) -> Any:
        kinds: list[Callable[[], Any]] = [
            lambda: self.rng.choice(WORDS),
            lambda: self.rng.randrange(-5, 20),
            lambda: self.rng.randrange(-5, 20),
            lambda: self.rng.choice([None, True, 0.5, 1 << 70, b"bytes", (1, "t"), ("t" * 500,)]),
        ]
        return self.rng.choice(kinds)()

    def scalar(self) -> Any:
        return self.rng.choice(
            [
                None,
                True,
                0,
                -1,
                1 << 65,
                2.5,
                "",
                "short",
                "text of some length",
                b"\0\1",
                "x" * 400,
            ]
        )

    def value(self, depth: int = 3) -> Any:
        kind = self.rng.randrange(10)
        if depth == 0 or kind < 3:
            return self.scalar()
        size = self.rng.choice([0, 1, 2, 3, 5, 8, 12])
        if kind < 6:
            return [self.value(depth - 1) for _ in range(size)]
        if kind == 6:
            return tuple(self.value(depth - 1) for _ in range(size))
        if kind == 7 and depth == 3:
            return {i: i for i in range(self.rng.choice([60, 200, 500]))}
        return {self.key(): self.value(depth - 1) for _ in range(size)}

    def json_value(self) -> Any:
        return self.rng.choice([None, 5, "text", [1, [2], {"a": None}], {"a": {"b": [1.5]}}, []])

    def place(self) -> tuple[Any, Any]:
        """A random container of the map, lazy, and its twin."""
        lazy, plain = self.map, self.plain
        while self.rng.random() < 0.7 and plain:
            keys = list(plain) if isinstance(plain, dict) else range(len(plain))
            key = self.rng.choice(list(keys))
            if not isinstance(plain[key], (dict, list, tuple)):
                break
            lazy, plain = lazy[key], plain[key]
        return lazy, plain

    # --- Operations

    def both(self, operation: Callable[[Any], Any], lazy: Any, plain: Any) -> None:
        """Does it to both; results and exceptions must agree."""
        results = []
        for subject in (lazy, plain):
            try:
                result = operation(subject)
                results.append(result.eager() if hasattr(result, "eager") else result)
            except (KeyError, IndexError, ValueError, TypeError) as error:
                results.append((type(error), str(error) if type(error) is not TypeError else ""))
        assert results[0] == results[1]

    def change_dict(self, lazy: Any, plain: Any) -> None:
        key, value = self.key(), self.value()
        operation = self.rng.choice(
            [
                lambda d: d.__setitem__(key, copy.deepcopy(value)),
                lambda d: d.__setitem__(key, copy.deepcopy(value)),
                lambda d: d.__setitem__(key, copy.deepcopy(value)),
                lambda d: d.__delitem__(key),
                lambda d: d.pop(key, None),
                lambda d: d.popitem() if len(d) > 5 else None,
                lambda d: d.setdefault(key, copy.deepcopy(value)),
                lambda d: d.update({key: copy.deepcopy(value), "u": 1}),
                lambda d: d.get(key),
                lambda d: key in d,
                lambda d: d.clear() if self.rng_clear else None,
                lambda d: len(d),
            ]
        )
        self.rng_clear = plain is not self.plain or self.rng.random() < 0.05
        self.both(operation, lazy, plain)

    def change_list(self, lazy: Any, plain: Any) -> None:
        i, value = self.rng.randrange(-8, 12), self.value(2)
        j = self.rng.randrange(-8, 12)
        operation = self.rng.choice(
            [
                lambda x: x.append(copy.deepcopy(value)),
                lambda x: x.insert(i, copy.deepcopy(value)),
                lambda x: x.extend([copy.deepcopy(value), i]),
                lambda x: x.__setitem__(i, copy.deepcopy(value)),
                lambda x: x.__setitem__(
                    slice(i, j), [copy.deepcopy(value), i, copy.deepcopy(value)]
                ),
                lambda x: x.__delitem__(i),
                lambda x: x.__delitem__(slice(i, j)),
                lambda x: x.pop(i),
                lambda x: x.reverse(),
                lambda x: x.sort(key=repr),
                lambda x: x.remove(value),
                lambda x: x.count(value),
                lambda x: list(x[i:j]) == [],
                lambda x: x.extend(range(600)) if len(x) < 50 else x.clear(),
            ]
        )
        self.both(operation, lazy, plain)

    def change(self) -> None:
        lazy, plain = self.place()
        if isinstance(plain, dict):
            self.change_dict(lazy, plain)
        elif isinstance(plain, list):
            self.change_list(lazy, plain)
        else:
            self.both(lambda t: (len(t), list(t[:1]) == [], 5 in t), lazy, plain)

    def swap(self) -> None:
        """Two values of one container exchange their places."""
        lazy, plain = self.place()
        places = list(plain) if isinstance(plain, dict) else list(range(len(plain)))
        if isinstance(plain, tuple) or len(places) < 2:
            return
        a, b = self.rng.sample(places, 2)
        lazy[a], lazy[b] = lazy[b], lazy[a]
        plain[a], plain[b] = plain[b], plain[a]

    def move(self) -> None:
        """A value leaves its key and comes back under another, through a handle."""
        keys = [key for key, value in self.plain.items() if isinstance(value, (dict, list))]
        if not keys:
            return
        key, to = self.rng.choice(keys), self.key()
        handle, value = self.map[key], self.plain[key]
        del self.map[key], self.plain[key]
        self.map[to] = handle
        self.plain[to] = value
        assert handle == value

    def sql(self) -> None:
        """One statement, on keys that are what they are in SQL too."""
        key = self.rng.choice([self.rng.choice(WORDS), self.rng.randrange(-5, 20), 0.5, b"bytes"])
        value = self.json_value()
        kind = self.rng.randrange(4)
        if kind == 0:
            self.map.sql(
                "INSERT OR REPLACE INTO map(key, json) VALUES (?, ?)", (key, json.dumps(value))
            )
            self.plain[key] = value
        elif kind == 1:
            self.map.sql("UPDATE map SET json = ? WHERE key = ?", (json.dumps(value), key))
            if key in self.plain:
                self.plain[key] = value
        elif kind == 2:
            self.map.sql("DELETE FROM map WHERE key = ?", (key,))
            self.plain.pop(key, None)
        else:
            rows = self.map.sql("SELECT map FROM map WHERE key = ?", (key,)).fetchall()
            assert [row for (row,) in rows] == ([self.plain[key]] if key in self.plain else [])

    # --- What is kept open

    def keep(self) -> None:
        """Starts an iterator or a cursor, or goes on with one."""
        kind = self.rng.randrange(3)
        if kind == 0:
            lazy, _ = self.place()
            self.iterators.append(iter(lazy))
            self.handles.append(lazy)
        elif kind == 1:
            order = self.rng.choice(["", " ORDER BY key", " ORDER BY key DESC"])
            self.cursors.append(self.map.sql("SELECT key, value, map FROM map" + order))
        for kept in [*self.iterators, *self.cursors]:
            if self.rng.random() < 0.3:
                try:
                    list(itertools.islice(kept, self.rng.randrange(3)))
                except (RuntimeError, oocmap.StaleHandleError):
                    self.iterators = [other for other in self.iterators if other is not kept]
        for handle in self.handles:
            try:
                len(handle)
                repr(handle)
            except oocmap.StaleHandleError:
                self.handles = [other for other in self.handles if other is not handle]
        del self.iterators[:-6], self.cursors[:-4], self.handles[:-10]

    # --- Transactions and reopening

    def block(self) -> None:
        """Some operations in a transaction or savepoint, committed or rolled back."""
        if self.depth == 3:
            return
        before = copy.deepcopy(self.plain)
        undo = self.rng.random() < 0.5
        self.depth += 1
        try:
            with self.map.transaction():
                for _ in range(self.rng.randrange(8)):
                    self.step()
                if undo:
                    raise Rollback
        except Rollback:
            self.plain = before
        self.depth -= 1

    def reopen(self) -> None:
        if self.depth:
            return
        self.map.close()
        for handle in self.handles:
            with pytest.raises(oocmap.ClosedError):
                len(handle)
        self.iterators, self.cursors, self.handles = [], [], []
        self.map = oocmap.OOCMap(self.path, durability="off")

    def step(self) -> None:
        [operation] = self.rng.choices(
            [self.change, self.sql, self.swap, self.move, self.keep, self.block, self.reopen],
            [50, 15, 4, 4, 12, 8, 1],
        )
        operation()

    def check(self) -> None:
        whole = self.map.eager()
        assert whole == self.plain
        assert list(map(repr, whole)) == list(map(repr, self.plain))  # order, and each key's type
        assert len(self.map) == len(self.plain)
        [(count,)] = self.map.sql("SELECT count(*) FROM map").fetchall()
        assert count == len(self.plain)


@pytest.mark.parametrize("seed", SEEDS)
def test_map_and_dict_stay_twins(tmp_path: Path, seed: int) -> None:
    print(f"OOCMAP_MODEL_SEED={seed}")
    twins = Twins(tmp_path / "model.ooc", random.Random(seed))
    for number in range(STEPS):
        twins.step()
        if number % 20 == 0:
            twins.check()
    twins.check()
    twins.reopen()
    twins.check()
    twins.map.close()
