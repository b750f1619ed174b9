"""load_jsonl: against json.loads of every line."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oocmap
import pytest

DOCUMENTS: list[Any] = [
    {"id": "a", "n": 1, "tags": ["x", None, True]},
    {"id": 7, "big": 10**30, "f": -0.5, "ü": "😀 \ud800"},
    {"id": None, "nested": {"deep": [[], {}]}},
    {"id": 2**70, "text": "x" * 10_000},
    {"id": 1.5},
    {"id": True},
]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "d.jsonl", [json.dumps(document) for document in DOCUMENTS])


def test_numbered(m: Any, file: Path) -> None:
    assert m.load_jsonl(file) == len(DOCUMENTS)
    assert m.eager() == dict(enumerate(DOCUMENTS))


def test_by_field(m: Any, file: Path) -> None:
    assert m.load_jsonl(str(file), key="id") == len(DOCUMENTS)
    assert list(m.eager().items()) == [(d["id"], d) for d in DOCUMENTS]
    assert [type(key) for key in m] == [type(d["id"]) for d in DOCUMENTS]


def test_by_function(m: Any, file: Path) -> None:
    m.load_jsonl(file, key=lambda document: ("k", document["id"]))
    assert m.eager() == {("k", d["id"]): d for d in DOCUMENTS}


def test_what_the_function_does_to_the_document_is_not_stored(m: Any, file: Path) -> None:
    m.load_jsonl(file, key=lambda document: str(document.pop("id")))
    assert m["a"]["id"] == "a"


def test_later_lines_and_loads_replace(m: Any, tmp_path: Path) -> None:
    m["a"] = "old"
    lines = ['{"k": "b", "v": 1}', '{"k": "a", "v": 2}', '{"k": "b", "v": 3}']
    assert m.load_jsonl(write(tmp_path / "d", lines), key="k") == 3
    assert list(m.eager().items()) == [("a", {"k": "a", "v": 2}), ("b", {"k": "b", "v": 3})]


def test_blank_lines_byte_order_mark_line_ends(m: Any, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"\xef\xbb\xbf[1]\r\n\r\n  \n\t{}  \n0")
    assert m.load_jsonl(path) == 3
    assert m.eager() == {0: [1], 1: {}, 2: 0}


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_nothing(m: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(content)
    assert m.load_jsonl(path, key="id") == 0
    assert len(m) == 0


@pytest.mark.parametrize(
    ("ending", "opener"), [(".gz", gzip.open), (".bz2", bz2.open), (".xz", lzma.open)]
)
def test_compressed(m: Any, file: Path, ending: str, opener: Callable[..., Any]) -> None:
    path = Path(str(file) + ending)
    with opener(path, "wb") as packed:
        packed.write(file.read_bytes())
    m.load_jsonl(path)
    assert m.eager() == dict(enumerate(DOCUMENTS))


def test_progress(m: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [f"[{i}]" for i in range(20_000)])
    size = path.stat().st_size
    calls: list[tuple[int, int]] = []
    m.load_jsonl(path, progress=lambda done, total: calls.append((done, total)))
    assert len(m) == 20_000
    assert len(calls) == 3
    assert calls == sorted(calls)
    assert {total for _, total in calls} == {size}
    assert 0 < calls[0][0] < size == calls[-1][0]


def test_batches_are_seen_by_others_on_the_way(m: Any, path: Path, tmp_path: Path) -> None:
    lines = write(tmp_path / "d.jsonl", [f"[{i}]" for i in range(20_000)])
    counts = []
    with oocmap.OOCMap(path, durability="off") as other:
        m.load_jsonl(lines, progress=lambda *_: counts.append(len(other)))
    assert counts == [8_192, 16_384, 20_000]


def test_in_a_transaction_all_or_nothing(m: Any, tmp_path: Path) -> None:
    lines = write(tmp_path / "d.jsonl", [f"[{i}]" for i in range(20_000)] + ["{"])
    with pytest.raises(oocmap.JsonError), m.transaction():
        m.load_jsonl(lines)
    assert len(m) == 0


def test_bad_line(m: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", ["[1]", "", '{"a": nul}', "[2]"])
    with pytest.raises(oocmap.JsonError) as raised:
        m.load_jsonl(path)
    assert str(raised.value).startswith(f"'{path}', line 3: ")
    assert len(m) == 0


def test_bad_line_after_a_batch(m: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", ["0"] * 10_000 + ["?"])
    with pytest.raises(
        oocmap.JsonError, match=r"line 10001: .*\(the first 8192 entries are stored\)"
    ):
        m.load_jsonl(path)
    assert len(m) == 8_192


@pytest.mark.parametrize("line", [b'{"a": "\xff"}', b"\xff", b"[1] [2]", b"NaN", b'"\x00"'])
def test_what_is_not_json(m: Any, tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(line)
    with pytest.raises(oocmap.JsonError, match="line 1: "):
        m.load_jsonl(path)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"x": 1}', "line 1: the document has no field 'id'"),
        ("[1]", "line 1: the document has no field 'id'"),
        ("1", "line 1: the document has no field 'id'"),
        ('{"id": [1]}', "line 1: the field 'id' holds an array or object"),
        ('{"id": {}}', "line 1: the field 'id' holds an array or object"),
        ('{"id": 1, "id": []}', "line 1: the field 'id' holds an array or object"),
        ('{"x": {"id": 1}, "y": [{"id": 1}]}', "line 1: the document has no field 'id'"),
        ('[{"id": 1}]', "line 1: the document has no field 'id'"),
    ],
)
def test_bad_field(m: Any, tmp_path: Path, line: str, text: str) -> None:
    with pytest.raises(oocmap.ArgumentError, match=text):
        m.load_jsonl(write(tmp_path / "d.jsonl", [line]), key="id")
    assert len(m) == 0


@pytest.mark.parametrize("field", ["\ud800", "a\udc80é", "it's", "'\"", "\n\t\\\0", "😀", ""])
def test_bad_field_is_named_as_repr_would(m: Any, tmp_path: Path, field: str) -> None:
    path = write(tmp_path / "d.jsonl", ["{}", json.dumps({field: []})])
    with pytest.raises(oocmap.ArgumentError) as raised:
        m.load_jsonl(path, key=field)
    assert f"line 1: the document has no field {field!r} to take its key from" in str(raised.value)
    path = write(tmp_path / "d.jsonl", [json.dumps({field: []})])
    with pytest.raises(oocmap.ArgumentError) as raised:
        m.load_jsonl(path, key=field)
    assert f"line 1: the field {field!r} holds an array or object" in str(raised.value)


def test_which_field(m: Any, tmp_path: Path) -> None:
    lines = [
        '{"id": 1, "id": 2}',
        '{"id": [], "id": 3}',
        '{"x": {"id": 9}, "id": 4, "y": [{"id": 9}]}',
    ]
    m.load_jsonl(write(tmp_path / "d.jsonl", lines), key="id")
    assert list(m) == [2, 3, 4]


def test_odd_field_names(m: Any, tmp_path: Path) -> None:
    document = {"a.b": 1, "": 2, 'q"': 3, "[0]": 4, "ü": 5}
    path = write(tmp_path / "d.jsonl", [json.dumps(document)])
    for name in document:
        m.load_jsonl(path, key=name)
    assert list(m) == [1, 2, 3, 4, 5]


def test_bad_key_function(m: Any, file: Path) -> None:
    with pytest.raises(KeyError) as raised:
        m.load_jsonl(file, key=lambda document: document["n"])
    assert raised.value.__notes__ == [f"it was '{file}', line 2"]
    with pytest.raises(TypeError, match="unhashable"):
        m.load_jsonl(file, key=lambda document: [])
    with pytest.raises(TypeError, match="key must be None, the name of a field or a function"):
        m.load_jsonl(file, key=5)
    assert len(m) == 0


def test_progress_that_raises_ends_it(m: Any, file: Path) -> None:
    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        m.load_jsonl(file, progress=stop)
    assert len(m) == len(DOCUMENTS)  # the batch before it is stored


def test_key_function_that_closes_the_map(m: Any, file: Path) -> None:
    with pytest.raises(oocmap.ClosedError):
        m.load_jsonl(file, key=lambda document: m.close())


def test_files(m: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        m.load_jsonl(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        m.load_jsonl(tmp_path)
    with open(tmp_path / "f", "wb") as file:
        with pytest.raises(TypeError):
            m.load_jsonl(file.fileno())
        file.write(b"x")  # it is not closed
    m.close()
    with pytest.raises(oocmap.ClosedError):
        m.load_jsonl(tmp_path / "none")


def test_read_only(path: Path, m: Any, file: Path) -> None:
    m.close()
    with oocmap.OOCMap(path, mode="r") as reader, pytest.raises(oocmap.ReadOnlyError):
        reader.load_jsonl(file)


def test_deep(m: Any, tmp_path: Path) -> None:
    depth = 50_000
    path = write(tmp_path / "d.jsonl", ["[" * depth + "]" * depth])
    m.load_jsonl(path)
    value = m[0]
    for _ in range(100):
        value = value[0]
    assert len(value) == 1
