"""Measures one store with one data set in a process of its own; prints one JSON object of seconds.

usage: measure.py STORE DATASET [DATA_FOLDER]
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import datasets
import stores

SHORTEST = 0.2  # seconds a figure is measured for, at least


def best(action: Callable[[], Any], seconds: float = SHORTEST) -> float:
    """The fastest of repeated runs of `action`, in seconds."""
    fastest = float("inf")
    end = time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        action()
        stop = time.perf_counter()
        fastest = min(fastest, stop - start)
        if stop > end:
            return fastest


def walk(value: Any, mappings: tuple[type, ...], sequences: tuple[type, ...]) -> int:
    """Touches every leaf: the one loop that all stores are walked with."""
    if isinstance(value, mappings):
        return sum(walk(member, mappings, sequences) for member in value.values())
    if isinstance(value, sequences):
        return sum(walk(member, mappings, sequences) for member in value)
    return 1


def write(
    kind: type[stores.Plain], values: list[Any], folder: str
) -> tuple[float, stores.Plain, int]:
    """Writes all values to fresh stores: the fastest time, the last store, its bytes."""
    fastest = float("inf")
    end = time.perf_counter() + SHORTEST
    attempt = 0
    while True:
        path = f"{folder}/store{attempt}"
        store = kind(path)
        start = time.perf_counter()
        store.write_all(values)
        stop = time.perf_counter()
        fastest = min(fastest, stop - start)
        attempt += 1
        if attempt >= 3 and stop > end:
            return fastest, store, stores.file_bytes(path)
        store.close()


def read_field(store: stores.Plain, steps: tuple[Any, ...], keys: list[int]) -> Callable[[], None]:
    """Reads the nested field of every key, from the root."""
    field = getattr(store, "field", None)

    def through_sql() -> None:
        for key in keys:
            field(steps, key)

    def by_steps() -> None:
        get = store.get
        for key in keys:
            at = get(key)
            for step in steps:
                at = at[step]

    # Lazy maps are read the way their users write it: from the map itself.
    def from_map() -> None:
        root = store.map
        for key in keys:
            at = root[key]
            for step in steps:
                at = at[step]

    if field is not None:
        return through_sql
    return from_map if hasattr(store, "map") else by_steps


def update_field(
    store: stores.Plain, steps: tuple[Any, ...], keys: list[int]
) -> Callable[[], None]:
    def run() -> None:
        with store.transaction():
            for i, key in enumerate(keys):
                store.update(steps, key, i)

    return run


def main() -> None:
    name, dataset = sys.argv[1:3]
    values = datasets.load(dataset, Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    assert values is not None
    kind = stores.STORES[name]
    steps = datasets.field_of(dataset, values[0])
    keys = [i for i in range(len(values)) if datasets.field_of(dataset, values[i]) == steps][:200]
    text = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]
    with tempfile.TemporaryDirectory() as folder:
        written, store, size = write(kind, values, folder)
        count = len(values)
        if name != "dict":
            del values
        gc.collect()
        gc.disable()
        shape = (store.types, store.sequences)
        result = {
            "write": written / count,
            "walk": best(lambda: sum(walk(store.get(i), *shape) for i in range(count)), 1.0)
            / count,
            "field": best(read_field(store, steps, keys)) / len(keys),
            "eager": best(lambda: [store.eager(i) for i in range(count)], 0.5) / count,
            "loads": best(lambda: [json.loads(t) for t in text], 0.5) / count,
            "update": best(update_field(store, steps, keys)) / len(keys),
            "json": sum(len(t.encode()) for t in text),
        }
        result["file"] = size
        store.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
