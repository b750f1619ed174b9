"""`./run demo`: Debian's iso-codes in one map, from Python, SQL and two processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import oocmap

ISO_CODES = Path("/usr/share/iso-codes/json")
ROOT = Path(__file__).resolve().parent.parent
MAP = Path("build/demo/iso.ooc")  # from ROOT

QUERIES = """\
.load build/oocmap
CREATE VIRTUAL TABLE temp.countries USING oocmap('build/demo/iso.ooc', root='$.countries',
    name TEXT PATH '$.name', flag TEXT PATH '$.flag');
CREATE VIRTUAL TABLE temp.subdivisions USING oocmap('build/demo/iso.ooc', root='$.subdivisions',
    country TEXT PATH '$.country', name TEXT PATH '$.name', kind TEXT PATH '$.type');
CREATE VIRTUAL TABLE temp.languages USING oocmap('build/demo/iso.ooc', root='$.languages');

.print -- the countries with the most subdivisions
SELECT c.flag, c.name, count(*) AS subdivisions
  FROM subdivisions AS s JOIN countries AS c ON c.key = s.country
 GROUP BY c.key ORDER BY subdivisions DESC LIMIT 5;

.print -- one value out of one language
SELECT key, oocmap_get(languages, '$.name') AS name, oocmap_get(languages, '$.scope') AS scope
  FROM languages WHERE key IN ('deu', 'cym', 'eus');

.print -- the neighbours that Python wrote
SELECT e.key, e.value FROM countries AS c, oocmap_each(c.countries, '$.neighbours') AS e
 WHERE c.key = 'LI';
"""


def say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


def show(code: str, value: object) -> None:
    print(f">>> {code}\n{value!r}")


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"    {what}: {(time.perf_counter() - start) * 1000:.1f} ms")


def records(name: str) -> list[dict[str, str]]:
    """The one list in an iso-codes file."""
    document = json.loads((ISO_CODES / f"iso_{name}.json").read_bytes())
    (found,) = document.values()
    return list(found)


def load(m: oocmap.OOCMap) -> int:
    """Stores countries, subdivisions, languages, by code; returns the size of their JSON."""
    data: dict[str, dict[str, dict[str, object]]] = {
        "countries": {r["alpha_2"]: {**r} for r in records("3166-1")},
        "subdivisions": {r["code"]: {"country": r["code"][:2], **r} for r in records("3166-2")},
        "languages": {r["alpha_3"]: {**r} for r in records("639-3")},
    }
    count = sum(map(len, data.values()))
    with timed(f"stored {count:,} records in one transaction"), m.transaction():
        m.update(data)
    return len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())


def read_and_write(m: oocmap.OOCMap) -> None:
    say("Python: nested, lazy, and written in place")
    start = time.perf_counter()
    name = m["languages"]["cym"]["name"]
    took = (time.perf_counter() - start) * 1e6
    show('m["languages"]["cym"]["name"]', name)
    print(f"    first read of one field: {took:.0f} us; nothing else was decoded")
    show('type(m["languages"])', type(m["languages"]))
    show('len(m["languages"])', len(m["languages"]))
    m["countries"]["LI"]["neighbours"] = ["AT"]
    m["countries"]["LI"]["neighbours"].append("CH")
    show('m["countries"]["LI"]', m["countries"]["LI"])


def query() -> None:
    say("SQL: the same file in the sqlite3 shell")
    print(QUERIES, flush=True)
    with timed("all of it"):
        shell = ["/usr/bin/sqlite3", "-box", ":memory:"]
        subprocess.run(shell, input=QUERIES, text=True, check=True)


READER = """
import sys, time, oocmap
with oocmap.OOCMap(sys.argv[1], mode="r") as m:
    seen = []
    while not seen or seen[-1] < 5:
        count = m.get("visits", 0)
        if not seen or seen[-1] != count:
            seen.append(count)
            print("    the reading process sees", count, flush=True)
        time.sleep(0.001)
"""


def two_processes(m: oocmap.OOCMap, path: Path) -> None:
    say("A second process reads while this one writes")
    m["visits"] = 0
    with subprocess.Popen(
        [sys.executable, "-c", READER, path], stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        print(reader.stdout.readline(), end="", flush=True)
        for _ in range(5):
            with m.transaction():
                m["visits"] += 1
            print(reader.stdout.readline(), end="", flush=True)
    if reader.returncode:
        raise SystemExit("the reading process failed")


def main() -> None:
    os.chdir(ROOT)
    shutil.rmtree(MAP.parent, ignore_errors=True)
    MAP.parent.mkdir(parents=True)
    say("Debian's iso-codes: countries, their subdivisions, languages")
    with oocmap.OOCMap(MAP) as m:
        size = load(m)
        stored = os.stat(MAP).st_blocks * 512
        print(
            f"    the file takes {stored / 1e6:.2f} MB, "
            f"its content as compact JSON {size / 1e6:.2f} MB"
        )
        read_and_write(m)
        query()
        two_processes(m, MAP)


if __name__ == "__main__":
    main()
