"""What the benchmark measures with: each data set is a list of values, stored under 0, 1, 2, ...

twitter.json and canada.json are not part of the repository: `./run bench --data FOLDER` names a
folder that holds them (they are in many JSON benchmarks, e.g. simdjson's `jsonexamples`).
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

ISO_CODES = Path("/usr/share/iso-codes/json")
WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "inlet",
    "jolly",
    "kayak",
    "lemon",
    "maple",
    "north",
    "olive",
]


def small(count: int = 20_000) -> list[Any]:
    """Small records, about 300 bytes of JSON each: nested, the same keys, some repeating text."""
    rng = random.Random(20260101)
    records = []
    for i in range(count):
        first, last = rng.choice(WORDS), rng.choice(WORDS)
        records.append(
            {
                "id": i,
                "name": f"{first} {last}",
                "email": f"{first}.{last}{i}@example.org",
                "created": f"2026-{1 + i % 12:02}-{1 + i % 28:02}T{i % 24:02}:{i % 60:02}:00Z",
                "price": round(rng.random() * 1000, 2),
                "in_stock": rng.random() < 0.5,
                "tags": rng.sample(WORDS, 3),
                "address": {
                    "street": f"{rng.choice(WORDS)} street {rng.randrange(200)}",
                    "city": last,
                },
                "seller": {"name": first, "rating": rng.randrange(50) / 10, "country": "DE"},
                "note": None,
            }
        )
    return records


def unique_text(count: int = 5_000) -> list[Any]:
    """Records whose text never repeats: the worst case for storing equal text once."""
    rng = random.Random(20260102)

    def text(length: int) -> str:
        return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=length))

    return [
        {
            "id": i,
            "title": text(30),
            "body": text(rng.randrange(100, 400)),
            "author": {"name": text(12)},
        }
        for i in range(count)
    ]


def load(name: str, data: Path | None) -> list[Any] | None:
    """The data set `name`, or None where its file is not there."""
    if name == "small":
        return small()
    if name == "unique":
        return unique_text()
    if name == "iso-codes":
        files = sorted(ISO_CODES.glob("iso_*.json"))
        return [json.loads(file.read_bytes()) for file in files] or None
    file = data / f"{name}.json" if data else None
    if file is None or not file.exists():
        return None
    value = json.loads(file.read_bytes())
    return list(value["statuses"]) if name == "twitter" else [value]


NAMES = ("small", "twitter", "canada", "iso-codes", "unique")

# One nested field of a value, from the root: the steps after the value's own key.
FIELD: dict[str, tuple[Any, ...]] = {
    "small": ("seller", "rating"),
    "twitter": ("user", "screen_name"),
    "canada": ("features", 0, "geometry", "coordinates", 0, 0, 1),
    "iso-codes": (),  # set by field_of(): each file has another top-level key
    "unique": ("author", "name"),
}


def field_of(name: str, value: Any) -> tuple[Any, ...]:
    """The steps to one nested field of `value`."""
    if name != "iso-codes":
        return FIELD[name]
    top = next(iter(value))
    return (top, 0, next(iter(value[top][0])))
