"""Opens mutants of a store and uses them: the worker of test_mutants.py.

It reads lines `path verify` and answers each with a word: `refused` (at opening), `damaged` (an
error later) or `used` (none). What it does with a file: reads all values, asks SQL, checks, writes,
deletes, reads what it wrote. Only errors of oocmap, apsw's and those of decoding are allowed.
"""

import faulthandler
import sys
from typing import Any

import apsw
import oocmap

ALLOWED = (oocmap.Error, apsw.Error, OSError, ValueError, KeyError, OverflowError, MemoryError)
MOST = 400  # values looked at in one file: counts may say anything


def walk(value: Any, left: list[int]) -> None:
    waiting = [value]
    while waiting and left[0] > 0:
        value = waiting.pop()
        left[0] -= 1
        if isinstance(value, (oocmap.OOCMap, oocmap.LazyDict)):
            for key, member in value.items():
                repr(key)
                waiting.append(member)
                left[0] -= 1
                if left[0] <= 0:
                    return
        elif isinstance(value, (oocmap.LazyList, oocmap.LazyTuple)):
            for member in value:
                waiting.append(member)
                left[0] -= 1
                if left[0] <= 0:
                    return
        else:
            repr(value)


def attempt(work: Any) -> bool:
    try:
        work()
    except ALLOWED:
        return False
    return True


def write(m: Any) -> None:
    with m.transaction():
        m["new"] = {"list": list(range(50)), "text": "x" * 700}
    m["key 3"] = "over"
    for key in [f"key {i}" for i in range(8)]:
        m.pop(key, None)
    m["big"] = list(range(1200))
    del m["big"]
    if m["new"]["list"][49] != 49:
        raise SystemExit("what was written is not what is read")


def use(path: str, verify: Any, vacuum: bool) -> str:
    try:
        m = oocmap.OOCMap(path, mode="w", durability="off", verify=verify)
    except ALLOWED:
        return "refused"
    sql = m.connection.execute
    sound = [
        attempt(lambda: walk(m, [MOST])),
        attempt(lambda: sql("SELECT key, type, json FROM map LIMIT 50").fetchall()),
        attempt(lambda: sql("SELECT value FROM map WHERE key = 'key 5'").fetchall()),
        attempt(lambda: sql("SELECT sum(oocmap_len(map)) FROM map").fetchall()),
    ]
    if verify == "full":
        sound.append(attempt(lambda: m.check()) and m.check().ok)
    sound += [
        attempt(lambda: write(m)),
        attempt(lambda: sql("DELETE FROM map WHERE key > 'key 2'")),
        attempt(lambda: sql("INSERT INTO map(map) VALUES ('optimize')")),
    ]
    if vacuum:
        sound.append(attempt(lambda: m.vacuum()))
    sound.append(attempt(lambda: m.close()))
    return "used" if all(sound) else "damaged"


def main() -> None:
    faulthandler.enable()
    for i, line in enumerate(sys.stdin):
        path, verify = line.split()
        print(use(path, verify, vacuum=i % 4 == 0), flush=True)


if __name__ == "__main__":
    main()
