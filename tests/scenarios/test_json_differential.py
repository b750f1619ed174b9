"""oocmap_get and its kin answer as SQLite's own JSON functions, on stored values and on text.

The same documents stand in a map and as text beside it. What differs by decision (docs/sql.md) is
in the last tests: ints beyond 64 bits, duplicate keys, `[literal]` steps, bad paths behind the end
of a document. Numbers in JSON text are compared as numbers: SQLite copies how they were written.

OOCMAP_JSON_FOLDER names a folder of *.json files to compare as well.
"""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oocmap
import pytest

ISO_CODES = Path("/usr/share/iso-codes/json")
PATHS = 60  # a document
TYPES = {
    "NoneType": "null",
    "int": "integer",
    "float": "real",
    "str": "text",
    "list": "array",
    "dict": "object",
}
SCALARS = [
    *(None, True, False, 0, -1, 2**63 - 1, -(2**63), 1.5, -0.0, 1e308, 0.1, 1e15, 1e16),
    *(123456789.123456789, 1e21, 100.0, "", "a", 'é\u0001\n"\\/', "\U0001f600", "x" * 40),
    *("1", "null", "[1]", '{"a":1}'),
]
NAMES = ["a", "b", "c", "", "a b", "a.b", "é", "0", "A", "[", "]", "$", "#", "a/b", "a'b"]
ESCAPED_NAMES = ['q"z', "back\\slash", "a\tb", "\u0001"]


def generated(source: random.Random, names: list[str], depth: int = 0) -> Any:
    kind = source.random()
    if depth > 4 or (depth > 0 and kind < 0.4):
        return source.choice(SCALARS)
    if kind < 0.7:
        return [generated(source, names, depth + 1) for _ in range(source.randint(0, 5))]
    return {
        source.choice(names): generated(source, names, depth + 1)
        for _ in range(source.randint(0, 5))
    }


def messages(source: random.Random) -> Any:
    """A page of a social network: records of one shape, text with everything in it."""
    words = ["héllo", "wörld", "\U0001f600", 'a "quote"', "tab\t", "line\n", "https://x.y/z?q=1"]

    def user(number: int) -> dict[str, Any]:
        return {
            "id": 2**40 + number,
            "id_str": str(2**40 + number),
            "name": source.choice(words),
            "protected": source.random() < 0.5,
            "url": source.choice([None, "http://t.co/1"]),
            "entities": {"description": {"urls": []}},
        }

    return {
        "statuses": [
            {
                "metadata": {"result_type": "recent", "iso_language_code": "ja"},
                "id": 505874924095815681 + number,
                "text": " ".join(source.choices(words, k=8)),
                "user": user(number),
                "geo": None,
                "entities": {"hashtags": [{"text": "x", "indices": [1, number]}] * (number % 3)},
            }
            for number in range(40)
        ],
        "search_metadata": {"completed_in": 0.087, "count": 40},
    }


def outlines(source: random.Random) -> Any:
    """A map of the world: long lists of pairs of floats."""

    def point() -> list[float]:
        return [round(source.uniform(-180, 180), 12), round(source.uniform(-90, 90), 6)]

    rings = [[point() for _ in range(30)] for _ in range(15)]
    shape = {"type": "Polygon", "coordinates": rings}
    return {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": shape}]}


def step(name: str) -> str:
    if name.isascii() and name.isalnum() and not name[0].isdigit():
        return "." + name
    return "." + json.dumps(name, ensure_ascii=False)


def paths_of(document: Any, source: random.Random, most: int) -> list[str]:
    """Draw paths to members, and to some that are missing."""
    found: list[str] = []

    def walk(value: Any, path: str) -> None:
        if len(found) >= most:
            return
        found.append(path)
        if isinstance(value, dict):
            for name in source.sample(list(value), min(8, len(value))):
                walk(value[name], path + step(name))
            found.append(path + ".nope")
        elif isinstance(value, list):
            count = len(value)
            for index in source.sample(range(count), min(6, count)):
                walk(value[index], path + source.choice([f"[{index}]", f"[#-{count - index}]"]))
            found.extend([f"{path}[{count}]", f"{path}[#-{count + 1}]", f"{path}[0].x"])

    walk(document, "$")
    return found


class Twins:
    """A document as text and in a map: asks both for the same."""

    def __init__(self, database: Any, folder: Path) -> None:
        self.database = database
        self.file = folder / "map.ooc"
        database.table("m", self.file)
        self.text = ""

    def store(self, text: str) -> None:
        self.database.rows("INSERT OR REPLACE INTO m(key, json) VALUES ('d', ?)", (text,))
        self.text = text

    def ask(self, sqlites: str, ours: str, *parameters: Any) -> tuple[Any, Any]:
        """Both answers: ?1 is the text, and in `ours` the handle."""
        expected = self.database.answer(f"SELECT {sqlites}", (self.text, *parameters))
        stored = self.database.answer(
            f"SELECT {ours.replace('?1', 'm')} FROM m WHERE key = ?1", ("d", *parameters)
        )
        return expected, stored

    def ask_text(self, ours: str, *parameters: Any) -> Any:
        return self.database.answer(f"SELECT {ours}", (self.text, *parameters))


def plain(value: Any) -> Any:
    """JSON text of a container as what it holds, so that numbers compare as numbers."""
    if isinstance(value, list):
        return [tuple(plain(member) for member in row) for row in value]
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def typed(answer: Any) -> str:
    return repr(plain(answer))


def check_path(twins: Twins, path: str) -> None:
    extract = "json_extract(?1, ?2), typeof(json_extract(?1, ?2))"
    get = "oocmap_get(?1, ?2), typeof(oocmap_get(?1, ?2))"
    expected, stored = twins.ask(extract, get, path)
    assert typed(stored) == typed(expected), path
    assert typed(twins.ask_text(get, path)) == typed(expected), path
    expected, stored = twins.ask("?1 ->> ?2", "?1 ->> ?2", path)
    assert typed(stored) == typed(expected), path
    [(expected_json,)], [(stored_json,)] = twins.ask("?1 -> ?2", "?1 -> ?2", path)
    assert (stored_json is None) == (expected_json is None), path
    if expected_json is not None:  # not the same escapes: SQLite copies the document's
        assert repr(json.loads(stored_json)) == repr(json.loads(expected_json)), path
    (expected_type,), (stored_type,) = (
        rows[0] for rows in twins.ask("json_type(?1, ?2)", "oocmap_type(?1, ?2)", path)
    )
    if stored_type == "bool":
        assert expected_type in ("true", "false"), path
    else:
        assert TYPES.get(stored_type) == expected_type, path
    length = "CASE oocmap_type(?1, ?2) WHEN 'list' THEN oocmap_len(?1, ?2) ELSE 0 * length(?2) END"
    if expected_type is not None:
        expected, stored = twins.ask("json_array_length(?1, ?2)", length, path)
        assert stored == expected, path
    check_each(twins, path)


def check_each(twins: Twins, path: str) -> None:
    columns = "e.key, e.value, e.type, e.fullkey, e.path, e.atom"
    expected = twins.database.rows(
        f"SELECT {columns} FROM json_each(?, ?) e LIMIT 20", (twins.text, path)
    )
    stored = twins.database.rows(
        f"SELECT {columns} FROM m, oocmap_each(m.m, ?) e WHERE m.key = 'd' LIMIT 20", (path,)
    )
    text = twins.database.rows(
        f"SELECT {columns} FROM oocmap_each(?, ?) e LIMIT 20", (twins.text, path)
    )
    assert stored == text, path

    def renamed(row: tuple[Any, ...]) -> tuple[Any, ...]:
        kind = ("true" if row[1] else "false") if row[2] == "bool" else TYPES[row[2]]
        return (*row[:2], kind, *row[3:])

    assert typed([renamed(row) for row in stored]) == typed(expected), path


def check_document(twins: Twins, text: str, source: random.Random, most: int = PATHS) -> None:
    twins.store(text)
    paths = paths_of(json.loads(text), source, most)
    for path in paths:
        check_path(twins, path)
    for _ in range(5):
        several = source.choices(paths, k=3)
        expected, stored = twins.ask(
            "json_extract(?1, ?2, ?3, ?4)", "oocmap_get(?1, ?2, ?3, ?4)", *several
        )
        assert typed(stored) == typed(expected), several


@pytest.fixture
def twins(database: Any, tmp_path: Path) -> Twins:
    return Twins(database, tmp_path)


def names_for(database: Any) -> list[str]:
    # Until 3.45 SQLite compared a name with the key's raw text, escapes and all.
    return NAMES + ESCAPED_NAMES if database.version >= (3, 45) else NAMES


def test_generated_documents(twins: Twins, draw: Callable[[int], random.Random]) -> None:
    source = draw(21)
    names = names_for(twins.database)
    for number in range(100):
        # json_each copies the escapes of a document's names into fullkey.
        escaped = number % 2 == 1 and twins.database.version >= (3, 45)
        document = generated(source, [name for name in names if name.isascii() or not escaped])
        check_document(twins, json.dumps(document, ensure_ascii=escaped), source, 12)


@pytest.mark.parametrize("make", [messages, outlines])
def test_documents_of_the_world(
    twins: Twins, draw: Callable[[int], random.Random], make: Callable[[random.Random], Any]
) -> None:
    source = draw(22)
    text = json.dumps(make(source), ensure_ascii=False)
    check_document(twins, text, source)


@pytest.mark.parametrize("name", ["iso_15924", "iso_3166-1", "iso_4217", "iso_639-5"])
def test_iso_codes(twins: Twins, draw: Callable[[int], random.Random], name: str) -> None:
    file = ISO_CODES / f"{name}.json"
    if not file.exists():
        pytest.skip("the Debian package iso-codes is not installed")
    check_document(twins, file.read_text(encoding="utf-8"), draw(23))


def test_files_of_a_folder(twins: Twins, draw: Callable[[int], random.Random]) -> None:
    folder = os.environ.get("OOCMAP_JSON_FOLDER")
    if folder is None:
        pytest.skip("OOCMAP_JSON_FOLDER names no folder of *.json files")
    source = draw(24)
    for file in sorted(Path(folder).glob("*.json")):
        check_document(twins, file.read_text(encoding="utf-8"), source, 200)


# --- Paths that are not quite right


def mutated(path: str, source: random.Random) -> str:
    at = source.randrange(len(path) + 1)
    kind = source.randrange(3)
    if kind == 0:
        return path[:at] + source.choice("$.[]\"#-01a'é \\") + path[at:]
    return path[:at] + (path[at : at + 1] * 2 if kind == 1 else "") + path[at + 1 :]


def test_mutated_paths(twins: Twins, draw: Callable[[int], random.Random]) -> None:
    """Never another value; an error for each of SQLite's, and for what it did not get to."""
    if twins.database.version < (3, 45):
        pytest.skip("older SQLites read paths more loosely")
    source = draw(25)
    document = generated(source, NAMES)
    while not isinstance(document, dict) or len(document) < 4:
        document = generated(source, NAMES)
    twins.store(json.dumps(document))
    paths = paths_of(document, source, 200)
    both = refused = 0
    for _ in range(2000):
        path = mutated(source.choice(paths), source)
        expected, stored = twins.ask("json_extract(?1, ?2)", "oocmap_get(?1, ?2)", path)
        assert typed(twins.ask_text("oocmap_get(?1, ?2)", path)) == typed(stored), path
        if isinstance(stored, str):
            assert isinstance(expected, str) or expected == [(None,)], (path, expected, stored)
            refused += 1
        elif isinstance(expected, str):
            assert "[" in path, (path, expected, stored)  # [literal]: a key that is no string
        else:
            assert typed(stored) == typed(expected), path
            both += 1
    assert both > 500
    assert refused > 300


# --- Decisions


def test_what_differs_by_decision(database: Any) -> None:
    def one(sql: str) -> Any:
        return database.rows("SELECT " + sql)[0][0]

    big = str(2**70)
    assert one(f"oocmap_get('[{big}]', '$[0]')") == big
    assert one(f"json_extract('[{big}]', '$[0]')") == float(2**70)
    assert one("""oocmap_get('{"a":1,"a":2}', '$.a')""") == 2  # as Python's
    assert one("""json_extract('{"a":1,"a":2}', '$.a')""") == 1
    assert one("oocmap_get('[1.50]', '$')") == "[1.5]"  # the number, not its spelling
    assert one("json_extract('[1.50]', '$')") == "[1.50]"
    for text in ("{a:5}", "[1,]", "[0x10]", "'a'"):
        error = database.answer("SELECT oocmap_get(?, '$')", (text,))
        assert isinstance(error, str), text
        assert error.startswith("bad JSON at byte "), text
    assert one("oocmap_get('[1]', '$[-1]')") is None  # the int key -1
    assert one("oocmap_get('[1]', '$[ 0]')") in (1, None)
    assert "bad JSON path" in database.answer("SELECT oocmap_get('5', '$.a[')")


def test_jsonb_is_refused_in_words(database: Any) -> None:
    if database.version < (3, 45):
        pytest.skip("no JSONB in this SQLite")
    error = database.answer("SELECT oocmap_get(jsonb('[1]'), '$[0]')")
    assert error == "expected a handle (the column named like the table) or JSON text, not a BLOB"
    assert database.rows("SELECT oocmap_get(json(jsonb('[1]')), '$[0]')") == [(1,)]


def test_python_reads_what_sql_stored(database: Any, tmp_path: Path) -> None:
    document = {"a": [1, 2.5, None, True, "é\u0001"], 'q"z': {"back\\slash": -(2**63)}}
    database.table("m", tmp_path / "map.ooc")
    database.rows("INSERT INTO m(key, json) VALUES ('d', ?)", (json.dumps(document),))
    with oocmap.OOCMap(tmp_path / "map.ooc") as m:
        assert m["d"] == document
