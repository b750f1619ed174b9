"""Documents of the two kinds that JSON benchmarks are made of go in and come back equal.

Through Python, and through SQL as JSON text. The documents are generated to be like twitter.json
(many small dicts, repeating keys and text) and canada.json (one deep list of pairs of floats);
OOCMAP_TEST_DATA names a folder with the files themselves, which are then used too.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oocmap
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WORDS = ["the", "quick", "brown", "fox", "日本語", "Ünïcödé", "🂡", "\\", '"', "/", "\u2028"]


def statuses(count: int) -> dict[str, Any]:
    rng = random.Random(1)

    def text(words: int) -> str:
        return " ".join(rng.choices(WORDS, k=words))

    def user(name: int) -> dict[str, Any]:
        return {
            "id": name,
            "id_str": str(name),
            "name": text(2),
            "description": text(20),
            "entities": {"description": {"urls": []}, "url": None},
            "followers_count": rng.randrange(10**6),
            "verified": False,
            "profile_image_url": f"http://example.org/{name}/normal.jpeg",
        }

    users = [user(rng.getrandbits(60)) for _ in range(20)]
    return {
        "statuses": [
            {
                "created_at": "Sun Aug 31 00:29:15 +0000 2014",
                "id": rng.getrandbits(63),
                "text": text(15),
                "user": rng.choice(users),
                "coordinates": None,
                "entities": {"hashtags": [], "user_mentions": [{"indices": [3, 19]}]},
                "retweet_count": rng.randrange(100),
                "lang": "ja",
            }
            for _ in range(count)
        ],
        "search_metadata": {"completed_in": 0.087, "max_id": 505874924095815681},
    }


def outline(points: int) -> dict[str, Any]:
    rng = random.Random(2)
    ring = [[rng.uniform(-180, 180), rng.uniform(-90, 90)] for _ in range(points)]
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "Canada"},
                "geometry": {"type": "Polygon", "coordinates": [ring[:10], ring, ring[:1]]},
            }
        ],
    }


def documents() -> Iterator[Any]:
    yield pytest.param(statuses(100), id="like twitter")
    yield pytest.param(outline(20_000), id="like canada")
    folder = os.environ.get("OOCMAP_TEST_DATA")
    for name in ("twitter", "canada") if folder else ():
        yield pytest.param(json.loads(Path(f"{folder}/{name}.json").read_bytes()), id=name)


@pytest.mark.parametrize("document", list(documents()))
def test_document_comes_back_equal(tmp_path: Path, document: Any) -> None:
    text = json.dumps(document)
    with oocmap.OOCMap(tmp_path / "m.ooc", durability="off") as m:
        m["python"] = document
        m.sql("INSERT INTO map(key, json) VALUES ('sql', ?)", (text,))
        for key in ("python", "sql"):
            assert m[key] == document
            assert json.dumps(m[key].eager()) == text
            [(back, value)] = m.sql("SELECT oocmap_json(map), value FROM map WHERE key = ?", (key,))
            assert json.loads(back) == document
            assert back == value
            assert json.dumps(json.loads(back)) == text
        assert m["python"] == m["sql"]


@pytest.mark.parametrize("document", list(documents()))
def test_document_is_smaller_than_its_json(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "m.ooc"
    with oocmap.OOCMap(path, durability="off") as m:
        m["document"] = document
    compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    assert path.stat().st_size < len(compact.encode()) * 1.1 + 50_000


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.binary()
)
KEYS = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner), max_leaves=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner, max_size=8)
    ),
    max_leaves=30,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with oocmap.OOCMap(tmp_path_factory.mktemp("shared") / "m.ooc", durability="off") as m:
        yield m


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES, key=KEYS)
def test_any_value_under_any_key(shared: Any, value: Any, key: Any) -> None:
    shared[key] = value
    back = shared.eager()[key]
    assert repr(back) == repr(value)
    assert shared[key] == value
    [(text,)] = shared.sql("SELECT oocmap_json(?)", (shared,))
    json.loads(text)  # always valid
    del shared[key]
    assert key not in shared
