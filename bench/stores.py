"""The stores that are compared, behind one small interface. Runs in any interpreter that has them.

`write_all` is one transaction where the store has one, without syncing; `get` gives the value as
the store gives it (lazy or decoded), `update` changes one nested field in place.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable
from typing import Any


class Plain:
    """A dict in memory: the unit of every ratio."""

    # What the values of a store are made of, for the walk.
    types: tuple[type, ...] = (dict,)
    sequences: tuple[type, ...] = (list, tuple)

    def __init__(self, path: str) -> None:
        self.map: Any = {}

    def write_all(self, values: Iterable[Any]) -> None:
        for i, value in enumerate(values):
            self.map[i] = value

    def get(self, key: int) -> Any:
        return self.map[key]

    def eager(self, key: int) -> Any:
        return self.map[key]

    def update(self, steps: tuple[Any, ...], key: int, value: Any) -> None:
        at = self.map[key]
        for step in steps[:-1]:
            at = at[step]
        at[steps[-1]] = value

    def transaction(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def close(self) -> None:
        self.map = None


class Ours(Plain):
    """This project."""

    def __init__(self, path: str) -> None:
        import oocmap

        self.types = (oocmap.LazyDict,)
        self.sequences = (oocmap.LazyList, oocmap.LazyTuple)
        self.map = oocmap.OOCMap(path, durability="off")

    def write_all(self, values: Iterable[Any]) -> None:
        with self.map.transaction():
            for i, value in enumerate(values):
                self.map[i] = value

    def eager(self, key: int) -> Any:
        value = self.map[key]
        return value.eager() if hasattr(value, "eager") else value

    def transaction(self) -> Any:
        return self.map.transaction()

    def close(self) -> None:
        self.map.close()


class Original(Plain):
    """oocmap 0.3 from PyPI: no transactions, never syncs, eager() is shallow for dicts."""

    def __init__(self, path: str) -> None:
        import oocmap

        self.types = (oocmap.LazyDict,)
        self.sequences = (oocmap.LazyList, oocmap.LazyTuple)
        self.map = oocmap.OOCMap(path, max_size=1 << 30)

    def eager(self, key: int) -> Any:
        return self._deep(self.map[key])

    def _deep(self, value: Any) -> Any:
        if isinstance(value, self.types):
            return {k: self._deep(v) for k, v in value.items()}
        if isinstance(value, self.sequences):
            return [self._deep(v) for v in value]
        return value

    def close(self) -> None:
        self.map = None


class LmdbPickle(Plain):
    """py-lmdb, a pickle a value."""

    def __init__(self, path: str) -> None:
        import lmdb

        self.env = lmdb.open(path, subdir=False, map_size=1 << 32, sync=False, metasync=False)
        self.dumps: Any = lambda value: pickle.dumps(value, protocol=5)
        self.loads: Any = pickle.loads
        self.open_txn: Any = None

    @staticmethod
    def key(i: int) -> bytes:
        return i.to_bytes(8, "big")

    def write_all(self, values: Iterable[Any]) -> None:
        with self.env.begin(write=True) as txn:
            for i, value in enumerate(values):
                txn.put(self.key(i), self.dumps(value))

    def get(self, key: int) -> Any:
        with self.env.begin(buffers=True) as txn:
            return self.loads(txn.get(self.key(key)))

    eager = get

    def update(self, steps: tuple[Any, ...], key: int, value: Any) -> None:
        with self.env.begin(write=True) as txn:
            document = self.loads(txn.get(self.key(key)))
            at = document
            for step in steps[:-1]:
                at = at[step]
            at[steps[-1]] = value
            txn.put(self.key(key), self.dumps(document))

    def close(self) -> None:
        self.env.close()


class LmdbOrjson(LmdbPickle):
    """py-lmdb, JSON by orjson a value."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        import orjson

        self.dumps = orjson.dumps
        self.loads = orjson.loads


class SqliteJsonb(Plain):
    """A JSONB column in the newest SQLite (apsw's own)."""

    def __init__(self, path: str) -> None:
        import json

        import apsw

        self.json = json
        self.db = apsw.Connection(path)
        self.db.execute("PRAGMA journal_mode = off; PRAGMA synchronous = off")
        self.db.execute("CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, v BLOB)")

    def write_all(self, values: Iterable[Any]) -> None:
        rows = ((i, self.json.dumps(value)) for i, value in enumerate(values))
        with self.db:
            self.db.executemany("INSERT INTO t VALUES (?, jsonb(?))", rows)

    def get(self, key: int) -> Any:
        return self.json.loads(self.db.execute("SELECT json(v) FROM t WHERE k = ?", (key,)).get)

    eager = get

    def update(self, steps: tuple[Any, ...], key: int, value: Any) -> None:
        path = "$" + "".join(f"[{s}]" if isinstance(s, int) else f'."{s}"' for s in steps)
        self.db.execute("UPDATE t SET v = jsonb_set(v, ?, ?) WHERE k = ?", (path, value, key))

    def field(self, steps: tuple[Any, ...], key: int) -> Any:
        path = "$" + "".join(f"[{s}]" if isinstance(s, int) else f'."{s}"' for s in steps)
        return self.db.execute("SELECT v ->> ? FROM t WHERE k = ?", (path, key)).get

    def transaction(self) -> Any:
        return self.db

    def close(self) -> None:
        self.db.close()


STORES: dict[str, type[Plain]] = {
    "dict": Plain,
    "oocmap": Ours,
    "original": Original,
    "lmdb+pickle": LmdbPickle,
    "lmdb+orjson": LmdbOrjson,
    "sqlite jsonb": SqliteJsonb,
}


def file_bytes(path: str) -> int:
    """Bytes on disk of the store at `path` (a file or a folder), its lock file left out."""
    if os.path.isdir(path):
        return sum(
            file_bytes(os.path.join(path, name)) for name in os.listdir(path) if "lock" not in name
        )
    return os.stat(path).st_blocks * 512 if os.path.exists(path) else 0
