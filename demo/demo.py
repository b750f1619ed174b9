"""`./run demo`: Debian's iso-codes in one map, read and written from Python, SQL and two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import oocmap

ISO_CODES = Path("/usr/share/iso-codes/json")
EXTENSION = Path(__file__).parent.parent / "build" / "oocmap"

QUERIES = f"""\
.load {EXTENSION}
CREATE VIRTUAL TABLE temp.countries USING oocmap('iso.ooc', root='$.countries',
    name TEXT PATH '$.name', flag TEXT PATH '$.flag');
CREATE VIRTUAL TABLE temp.subdivisions USING oocmap('iso.ooc', root='$.subdivisions',
    country TEXT PATH '$.country', name TEXT PATH '$.name', kind TEXT PATH '$.type');
CREATE VIRTUAL TABLE temp.languages USING oocmap('iso.ooc', root='$.languages');

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
    """Stores countries, subdivisions and languages, each by its code; returns the size of their JSON."""
    data: dict[str, dict[str, dict[str, object]]] = {
        "countries": {r["alpha_2"]: {**r} for r in records("3166-1")},
        "subdivisions": {r["code"]: {"country": r["code"][:2], **r} for r in records("3166-2")},
        "languages": {r["alpha_3"]: {**r} for r in records("639-3")},
    }
    with timed(f"stored {sum(map(len, data.values())):,} records in one transaction"):
        with m.transaction():
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


def query(folder: Path) -> None:
    say("SQL: the same file in the sqlite3 shell")
    print(QUERIES)
    with timed("all of it"):
        subprocess.run(
            ["/usr/bin/sqlite3", "-box", ":memory:"], input=QUERIES, text=True, cwd=folder, check=True
        )


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
    with subprocess.Popen([sys.executable, "-c", READER, path], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        print(reader.stdout.readline(), end="", flush=True)
        for _ in range(5):
            with m.transaction():
                m["visits"] += 1
            print(reader.stdout.readline(), end="", flush=True)
    if reader.returncode:
        raise SystemExit("the reading process failed")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "iso.ooc"
        say("Debian's iso-codes: countries, their subdivisions, languages")
        with oocmap.OOCMap(path) as m:
            size = load(m)
            stored = os.stat(path).st_blocks * 512
            print(f"    the file takes {stored / 1e6:.2f} MB, its content as compact JSON {size / 1e6:.2f} MB")
            read_and_write(m)
            query(Path(folder))
            two_processes(m, path)


if __name__ == "__main__":
    main()
