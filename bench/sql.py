"""The map as an SQL table beside ordinary tables that hold the same rows as JSON text and as JSONB.

usage: sql.py [--data FOLDER] [--documents N] [--seconds S]

All three are on disk and warm, in one connection of apsw's SQLite (the newest; JSONB needs 3.45).
Each query must give the same rows on all three, and then the fastest of repeated runs counts.
Prints Markdown: microseconds, and the ratio of ours to JSONB's (below 1: ours is quicker).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import oocmap

sys.path.insert(0, str(Path(__file__).parent))

import datasets

LANGUAGES = datasets.ISO_CODES / "iso_639-3.json"
TABLES = ("m", "tj", "tb")  # the map; JSON text; JSONB
ROUNDS = 5


@dataclass(frozen=True)
class Query:
    """`ours` on the map, `theirs` on an ordinary table {t}; `rows`: what a time is divided by."""

    name: str
    ours: str
    theirs: str
    rows: int = 1
    parameters: tuple[Any, ...] = ()
    writes: bool = False


def tweets(count: int, data: Path) -> Iterator[dict[str, Any]]:
    """Give twitter.json's statuses in turn: most are longer than a page of 4 KB."""
    statuses = json.loads((data / "twitter.json").read_text("utf-8"))["statuses"]
    for i in range(count):
        yield statuses[i % len(statuses)]


def short(count: int) -> Iterator[dict[str, Any]]:
    """Give documents like them of 3 KB, one of which fits into a page of 4 KB."""
    rng = random.Random(20260101)
    for i in range(count):
        yield generated(rng, i)


def generated(rng: random.Random, number: int) -> dict[str, Any]:
    def text(words: int) -> str:
        return " ".join(rng.choices(datasets.WORDS, k=words))

    user = {
        f"profile_{word}_url": f"https://example.org/{word}/{number}" for word in datasets.WORDS
    }
    user |= {
        "screen_name": text(1) + str(number % 500),
        "followers_count": rng.randrange(5000),
        "lang": rng.choice(["de", "en", "fr", "ja", "pt"]),
        "description": text(30),
    }
    tags = [
        {"text": word, "indices": [n, n + 5]}
        for n, word in enumerate(rng.sample(datasets.WORDS, 3))
    ]
    return {
        "id": 505_874_924_095_815_681 + number,
        "text": text(20),
        "metadata": {f"{word}_{n}": text(2) for word in datasets.WORDS for n in range(4)},
        "user": user,
        "entities": {"hashtags": tags, "urls": []},
        "retweet_count": rng.randrange(100),
        "lang": user["lang"],
    }


def fill(connection: apsw.Connection, path: str, documents: Iterator[dict[str, Any]]) -> float:
    """Make the three tables; return the mean size of a document as compact JSON, in bytes."""
    oocmap.load(connection)
    connection.execute(
        f"""
        CREATE VIRTUAL TABLE temp.m USING oocmap('{path}', create=1, root='$.documents',
          lang TEXT PATH '$.user.lang', followers INTEGER PATH '$.user.followers_count');
        CREATE VIRTUAL TABLE temp.big_m USING oocmap('{path}');
        CREATE TABLE tj(key INTEGER PRIMARY KEY, j TEXT);
        CREATE TABLE tb(key INTEGER PRIMARY KEY, j BLOB);
        CREATE TABLE big_tj(key TEXT PRIMARY KEY, j TEXT);
        CREATE TABLE big_tb(key TEXT PRIMARY KEY, j BLOB);
        CREATE TABLE codes(code TEXT);
        """
    )
    size = count = 0
    with connection:
        for i, document in enumerate(documents):
            count += 1
            text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
            size += len(text.encode())
            connection.execute("INSERT INTO m(key, json) VALUES (?, ?)", (i, text))
            connection.execute("INSERT INTO tj VALUES (?, ?)", (i, text))
            connection.execute("INSERT INTO tb VALUES (?, jsonb(?))", (i, text))
    languages = {
        entry["alpha_3"]: entry for entry in json.loads(LANGUAGES.read_text("utf-8"))["639-3"]
    }
    text = json.dumps(languages)
    with connection:
        connection.execute("INSERT INTO big_m(key, json) VALUES ('languages', ?)", (text,))
        connection.execute("INSERT INTO big_tj VALUES ('languages', ?)", (text,))
        connection.execute("INSERT INTO big_tb VALUES ('languages', jsonb(?))", (text,))
        codes = [(code,) for code in random.Random(1).sample(sorted(languages), 500)]
        connection.executemany("INSERT INTO codes VALUES (?)", codes)
    return size / count


def field_queries(count: int) -> list[Query]:
    """One field of each document, in microseconds a row."""
    paths = {
        "an early field": "$.id",
        "a nested field": "$.user.screen_name",
        "a field of a list's member": "$.entities.hashtags[0].text",
        "a late field": "$.lang",
        "no such field": "$.nope",
    }
    queries = [
        Query(
            f"{what}, `{path}`",
            f"SELECT count(oocmap_get(m, '{path}')) FROM m",
            f"SELECT count(j ->> '{path}') FROM {{t}}",
            count,
        )
        for what, path in paths.items()
    ]
    two = "'$.user.screen_name', '$.user.followers_count'"
    return [
        *queries,
        Query(
            "two fields at once",
            f"SELECT max(oocmap_get(m, {two})) FROM m",
            f"SELECT max(json_extract(j, {two})) FROM {{t}}",
            count,
        ),
        Query(
            "the whole as text",
            "SELECT sum(length(json) > 2) FROM m",
            "SELECT sum(length(json(j)) > 2) FROM {t}",
            count,
        ),
    ]


def big_dict_queries() -> list[Query]:
    """One key out of the 7,910 of one dict, in microseconds a row."""
    where, path = "key = 'languages'", "'$.' || code || '.name'"
    queries = [
        Query(
            "500 keys in turn",
            f"SELECT count(oocmap_get(big_m, {path})) FROM codes, big_m WHERE {where}",
            f"SELECT count(j ->> ({path})) FROM codes, big_{{t}} WHERE {where}",
            500,
        )
    ]
    for what, code in (("an early key", "aaa"), ("a middle key", "mlb"), ("a late key", "zza")):
        queries.append(
            Query(
                what,
                f"SELECT oocmap_get(big_m, '$.{code}.name') FROM big_m WHERE {where}",
                f"SELECT j ->> '$.{code}.name' FROM big_{{t}} WHERE {where}",
            )
        )
    return queries


def table_queries(count: int) -> list[Query]:
    """Whole statements, in microseconds."""
    low, high = count // 5, count // 5 + 999
    wanted = json.dumps(random.Random(2).sample(range(count), min(1000, count)))
    between = f"key BETWEEN {low} AND {high}"
    inside = "key IN (SELECT value FROM json_each(?))"
    lang, followers = "j ->> '$.user.lang'", "j ->> '$.user.followers_count'"
    tags = "'$.entities.hashtags'"
    return [
        Query("`count(*)`", "SELECT count(*) FROM m", "SELECT count(*) FROM {t}"),
        Query(
            "point lookup of a field",
            f"SELECT followers FROM m WHERE key = {low}",
            f"SELECT {followers} FROM {{t}} WHERE key = {low}",
        ),
        Query(
            "point lookup of the whole",
            f"SELECT length(value) > 2 FROM m WHERE key = {low}",
            f"SELECT length(json(j)) > 2 FROM {{t}} WHERE key = {low}",
        ),
        Query(
            "range of 1,000 keys, sum of a column",
            f"SELECT sum(followers) FROM m WHERE {between}",
            f"SELECT sum({followers}) FROM {{t}} WHERE {between}",
        ),
        Query(
            "1,000 keys by `IN (SELECT ...)`",
            f"SELECT sum(followers) FROM m WHERE {inside}",
            f"SELECT sum({followers}) FROM {{t}} WHERE {inside}",
            parameters=(wanted,),
        ),
        Query(
            "the last 10 keys",
            "SELECT key, lang FROM m ORDER BY key DESC LIMIT 10",
            f"SELECT key, {lang} FROM {{t}} ORDER BY key DESC LIMIT 10",
        ),
        Query(
            "GROUP BY a column",
            "SELECT lang, count(*) FROM m GROUP BY lang",
            f"SELECT {lang} AS lang, count(*) FROM {{t}} GROUP BY lang",
        ),
        Query(
            "GROUP BY a column, avg of another",
            "SELECT lang, avg(followers) FROM m GROUP BY lang",
            f"SELECT {lang} AS lang, avg({followers}) FROM {{t}} GROUP BY lang",
        ),
        Query(
            "each member of a list in each row",
            f"SELECT count(e.value) FROM m, oocmap_each(m.m, {tags}) AS e",
            f"SELECT count(e.value) FROM {{t}}, json_each(j, {tags}) AS e",
        ),
        Query(
            "UPDATE of a nested field of 1,000 rows",
            f"UPDATE m SET followers = 7 WHERE {between}",
            f"UPDATE {{t}} SET j = SET(j, '$.user.followers_count', 7) WHERE {between}",
            writes=True,
        ),
    ]


def statement(query: Query, table: str) -> str:
    """Return the statement of a query for one of TABLES."""
    if table == "m":
        return query.ours
    setter = "json_set" if table == "tj" else "jsonb_set"
    return query.theirs.format(t=table).replace("SET(", f"{setter}(")


def run_once(connection: apsw.Connection, query: Query, table: str) -> tuple[float, list[Any]]:
    """Run a query: its seconds (of a write: with its rollback), and its rows."""
    text = statement(query, table)
    start = time.perf_counter()
    if query.writes:
        connection.execute("BEGIN")
        connection.execute(text, query.parameters)
        rows = [(connection.changes(),)]
        connection.execute("ROLLBACK")
    else:
        rows = connection.execute(text, query.parameters).fetchall()
    return time.perf_counter() - start, rows


def compare(connection: apsw.Connection, query: Query, seconds: float) -> dict[str, float]:
    """The fastest run of each table, in microseconds a row; they take turns."""
    results = {table: run_once(connection, query, table)[1] for table in TABLES}
    if not results["m"] == results["tj"] == results["tb"]:
        raise SystemExit(f"{query.name}: not the same rows: {results}")
    fastest = dict.fromkeys(TABLES, float("inf"))
    for _ in range(ROUNDS):
        for table in TABLES:
            end = time.perf_counter() + seconds / ROUNDS
            while True:
                fastest[table] = min(fastest[table], run_once(connection, query, table)[0])
                if time.perf_counter() > end:
                    break
    return {table: fastest[table] * 1e6 / query.rows for table in TABLES}


def print_table(
    connection: apsw.Connection, heading: str, queries: list[Query], seconds: float
) -> None:
    print(f"\n### {heading}\n")
    print("| query | oocmap | JSON text | JSONB | oocmap : JSONB |")
    print("|---|---|---|---|---|")
    for query in queries:
        micros = compare(connection, query, seconds)
        ratio = micros["m"] / micros["tb"]
        figures = " | ".join(f"{micros[table]:,.2f}" for table in TABLES)
        print(f"| {query.name} | {figures} | {ratio:.2f} |", flush=True)


def measure(
    name: str,
    documents: Iterator[dict[str, Any]],
    options: argparse.Namespace,
    with_big_dict: bool = False,
) -> None:
    count, seconds = options.documents, options.seconds
    with tempfile.TemporaryDirectory() as folder:
        connection = apsw.Connection(f"{folder}/tables.db")
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-500000"):
            connection.execute(f"PRAGMA {pragma}")
        size = fill(connection, f"{folder}/map.ooc", documents)
        print(f"\n## SQL: {count:,} {name}, {size:,.0f} bytes of JSON each")
        print_table(
            connection, "One field of each document, us a row", field_queries(count), seconds
        )
        print_table(connection, "Statements, us", table_queries(count), seconds)
        if with_big_dict:
            print_table(connection, "One key of a dict of 7,910, us", big_dict_queries(), seconds)
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, help="folder with twitter.json")
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=0.5, help="a query and table, at least")
    options = parser.parse_args()
    if not LANGUAGES.exists():
        raise SystemExit(f"{LANGUAGES} is not there: install Debian's package iso-codes")
    measure("short documents", short(options.documents), options, with_big_dict=True)
    if options.data is not None and (options.data / "twitter.json").exists():
        measure("tweets", tweets(options.documents, options.data), options)
    else:
        print("\ntweets: not measured, twitter.json is not there (see --data)")


if __name__ == "__main__":
    main()
