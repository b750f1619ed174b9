"""Fills what its file may take, again and again, and removes what is in it. See test_space.py.

    python space_worker.py FILE SEED ROUNDS

Exit status 0 and a line of JSON, or the traceback of what failed.
"""

import json
import os
import pathlib
import random
import sys
from typing import Any

import apsw
import oocmap

Map = oocmap.OOCMap[int, Any]
FULL = (oocmap.StoreFullError, apsw.FullError)


class Filler:
    """A map and what has to be in it."""

    def __init__(self, m: Map, rng: random.Random) -> None:
        self.m = m
        self.rng = rng
        self.expected: dict[int, Any] = {}
        self.next = 0
        self.full = 0  # errors of adding
        self.refused = 0  # errors of removing

    def value(self, size: int) -> Any:
        if self.rng.random() < 0.5:
            return self.rng.randbytes(size)
        return {"a": self.rng.randbytes(size // 2), "l": list(range(size // 8))}

    def add(self, entries: int, size: int) -> None:
        new: dict[int, Any] = {}
        for _ in range(entries):
            # Keys all over the file, so that removing them touches many pages.
            self.next += 1
            new[self.next * 2654435761 % 2**32] = self.value(size)
        with self.m.transaction():
            for key, value in new.items():
                self.m[key] = value
        self.expected.update(new)

    def fill(self) -> None:
        """Until not even small things fit."""
        for entries, size in ((self.rng.choice((20, 100)), self.rng.choice((100, 1000))), (1, 100)):
            while True:
                try:
                    self.add(entries, size)
                except oocmap.StoreFullError as error:
                    if not error.errno:
                        raise
                    self.full += 1
                    break

    def remove(self, keys: list[int], how: str) -> None:
        """What an error leaves goes on after a vacuum, one by one, which has to work then."""
        try:
            self.try_to_remove(keys, how)
        except FULL:
            self.refused += 1
            self.m.vacuum()
            for key in keys:
                if key in self.m:
                    del self.m[key]
        for key in keys:
            del self.expected[key]

    def try_to_remove(self, keys: list[int], how: str) -> None:
        if how == "one by one":
            for key in keys:
                del self.m[key]
        elif how == "in a transaction":
            with self.m.transaction():
                for key in keys:
                    del self.m[key]
        else:
            marks = ", ".join(map(str, keys))
            self.m.sql(f"DELETE FROM map WHERE key IN ({marks})").fetchall()

    def verify(self) -> None:
        assert set(self.m) == set(self.expected)
        for key in self.rng.sample(list(self.expected), min(200, len(self.expected))):
            value = self.m[key]
            assert value == self.expected[key], key


def main() -> None:
    path = pathlib.Path(sys.argv[1])
    rng = random.Random(int(sys.argv[2]))
    rounds = int(sys.argv[3])
    durability: Any = rng.choice(("off", "normal", "full"))
    removed = dict.fromkeys(("one by one", "in a transaction", "by SQL"), 0)
    with Map(path, durability=durability) as m:
        filler = Filler(m, rng)
        for turn in range(rounds):
            filler.fill()
            filler.verify()
            how = list(removed)[turn % len(removed)]
            keys = list(filler.expected)
            for _ in range(5):
                some = rng.sample(keys, min(len(keys), 50))
                keys = list(set(keys) - set(some))
                before = len(filler.expected)
                filler.remove(some, how)
                removed[how] += before - len(filler.expected)
                if not filler.expected:
                    break
            filler.verify()
            m.vacuum()
            filler.verify()
            filler.add(1, 100)
        report = m.check()
        assert (report.problems, report.leaked) == ([], 0), report
        full = filler.full
        # Now all of it, fifty at a time, from full to empty.
        filler.fill()
        keys = rng.sample(list(filler.expected), len(filler.expected))
        for i in range(0, len(keys), 50):
            filler.remove(keys[i : i + 50], "in a transaction")
        filler.verify()
        m.vacuum()
        allocated = os.stat(path).st_blocks * 512
    result = {"full": full, "refused": filler.refused, "removed": removed, "allocated": allocated}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
