"""Bad input gets a clear error, and nothing is lost."""

import math
import os
import struct
from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "map.ooc"


@pytest.fixture
def good(path: Path) -> Path:
    """A map with something in it."""
    with oocmap.OOCMap(path) as m, m.transaction():
        m["kept"] = {"a": [1, 2, 3]}
        for i in range(200):
            m[i] = {"text": str(i) * 50}
    return path


# --- Files


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as caught:
        oocmap.OOCMap(tmp_path)
    assert caught.value.filename == str(tmp_path)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        oocmap.OOCMap(tmp_path / "no" / "such" / "folder.ooc")


def test_file_as_a_folder(good: Path) -> None:
    with pytest.raises(NotADirectoryError):
        oocmap.OOCMap(good / "below.ooc")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(good: Path) -> None:
    good.chmod(0)
    with pytest.raises(PermissionError) as caught:
        oocmap.OOCMap(good)
    assert caught.value.filename == str(good)


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"hello world\n" * 1000,
        b"\0" * 8192,
        b"SQLite format 3\0" + b"\0" * 4080,
        bytes(100_000),
    ],
    ids=["one byte", "text", "zeros", "sqlite", "many zeros"],
)
def test_file_of_another_kind(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for mode in ("r", "w", "c"):
        with pytest.raises(oocmap.CorruptionError) as caught:
            oocmap.OOCMap(path, mode=mode)  # type: ignore[arg-type]
        assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_empty_file_in_modes_r_and_w(path: Path) -> None:
    path.touch()
    for mode in ("r", "w"):
        with pytest.raises(oocmap.CorruptionError):
            oocmap.OOCMap(path, mode=mode)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 100, 4096, 5000, 8192, 12_288, 20_000])
def test_truncated_file(good: Path, size: int) -> None:
    whole = good.read_bytes()
    good.write_bytes(whole[:size])
    with pytest.raises(oocmap.CorruptionError) as caught:
        oocmap.OOCMap(good)
    assert str(good) in str(caught.value)
    good.write_bytes(whole)
    with oocmap.OOCMap(good) as m:
        assert m["kept"] == {"a": [1, 2, 3]}


def test_file_cut_at_any_page_is_refused_or_whole(good: Path) -> None:
    """What is cut off at the end may be free pages only; then nothing is missing."""
    with oocmap.OOCMap(good) as m:
        expected = m.eager()
    whole = good.read_bytes()
    refused = 0
    for size in range(0, len(whole), 4096):
        good.write_bytes(whole[:size] or b"x")
        try:
            with oocmap.OOCMap(good, mode="r") as m:
                assert m.eager() == expected
        except oocmap.CorruptionError:
            refused += 1
    assert refused > len(whole) // 4096 // 2


def test_newer_format(good: Path) -> None:
    """The version stands in the meta table, and is read before all else."""
    content = bytearray(good.read_bytes())
    found = 0
    start = 0
    while (at := content.find(b"format_version", start)) >= 0:
        start = at + 1
        value = at + len(b"format_version")
        if struct.unpack_from("<I", content, value)[0] == 1:
            struct.pack_into("<I", content, value, 99)
            found += 1
    if not found:
        pytest.skip("the version is stored under another name")
    good.write_bytes(content)
    with pytest.raises(oocmap.FormatVersionError, match="99"):
        oocmap.OOCMap(good)


def test_hard_link_is_refused(good: Path, tmp_path: Path) -> None:
    os.link(good, tmp_path / "other.ooc")
    with pytest.raises(oocmap.FilesystemError):
        oocmap.OOCMap(good)
    (tmp_path / "other.ooc").unlink()
    with oocmap.OOCMap(good) as m:
        assert m["kept"] == {"a": [1, 2, 3]}


def test_symbolic_link_is_followed(good: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.ooc"
    link.symlink_to(good)
    with oocmap.OOCMap(good) as m, oocmap.OOCMap(link) as same:
        assert same.path == m.path == str(good)
        same["via link"] = 1
        assert m["via link"] == 1


# --- Values and keys


def test_unsupported_value_deep_inside_a_large_one(good: Path) -> None:
    with oocmap.OOCMap(good) as m:
        before = m.eager()
        size = good.stat().st_size
        value: dict[str, Any] = {f"k{i}": [i, {"x": [i] * 20}] for i in range(5000)}
        value["k4321"][1]["x"][7] = object()
        with pytest.raises(
            oocmap.UnsupportedTypeError,
            match=r"^cannot store a value of type 'object' at \['k4321'\]\[1\]\['x'\]\[7\]$",
        ):
            m["new"] = value
        assert m.eager() == before
        assert good.stat().st_size == size


@pytest.mark.parametrize(
    ("key", "error"),
    [([], TypeError), ({}, TypeError), ((1, []), TypeError), (math.nan, oocmap.ArgumentError),
     (object(), oocmap.UnsupportedTypeError), (..., oocmap.UnsupportedTypeError)],
    ids=["list", "dict", "list in tuple", "nan", "object", "ellipsis"],
)  # fmt: skip
def test_bad_key(good: Path, key: Any, error: type[Exception]) -> None:
    with oocmap.OOCMap(good) as m:
        before = m.eager()
        with pytest.raises(error):
            m[key] = 1
        with pytest.raises(error):
            m["kept"][key] = 1
        assert m.eager() == before


@pytest.mark.parametrize(
    "value",
    [2**64, -(2**64), 10**5000, "nul \0 inside", "\ud800", "a\udc00b", "\0"],
    ids=["2^64", "-2^64", "10^5000", "nul", "surrogate", "surrogate inside", "only nul"],
)
def test_not_errors(good: Path, value: Any) -> None:
    with oocmap.OOCMap(good) as m:
        m["v"] = [value]
        m[value] = value
        assert m[value] == m["v"][0] == value
        assert m.eager()[value] == value
        if type(value) is int:
            [(text,)] = m.sql("SELECT oocmap_get(map, '$[0]') FROM map WHERE key = 'v'")
            assert text == _decimal(value)
        elif value.isascii():
            rows = m.sql("SELECT oocmap_get(map, '$[0]') FROM map WHERE key = 'v'")
            assert list(rows) == [(value,)]


def _decimal(value: int) -> str:
    """str() of an int of any size: Python limits its own to 4300 digits."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    parts = []
    while value >= 10**1000:
        value, part = divmod(value, 10**1000)
        parts.append(f"{part:01000d}")
    return sign + str(value) + "".join(reversed(parts))


def test_int_of_any_size_is_read_exactly_from_json(good: Path) -> None:
    with oocmap.OOCMap(good) as m:
        m.sql("INSERT INTO map(key, json) VALUES ('j', ?)", (f"[{10**40}, -{10**40}]",))
        assert m["j"] == [10**40, -(10**40)]


# --- SQL


@pytest.mark.parametrize(
    ("path_text", "position"), [("$.", 2), ("a", 0), ("$[", 2), ("$.a[x]", 4), ('$."a', 2), ("", 0)]
)
def test_bad_json_path_shows_its_position(good: Path, path_text: str, position: int) -> None:
    with oocmap.OOCMap(good) as m:
        with pytest.raises(apsw.SQLError) as caught:
            list(m.sql("SELECT oocmap_get(map, ?) FROM map", (path_text,)))
        assert path_text in str(caught.value)
        assert any(str(position + off) in str(caught.value) for off in (-1, 0, 1, 2))


@pytest.mark.parametrize(
    "arguments", ["nonsense=1", "root='$['", "create=maybe", "name TEXT PATH", "flat=2"]
)
def test_bad_table_arguments_quote_the_token(good: Path, arguments: str) -> None:
    with oocmap.OOCMap(good) as m:
        with pytest.raises(apsw.SQLError) as caught:
            m.sql(f"CREATE VIRTUAL TABLE temp.t USING oocmap('{good}', {arguments})")
        assert arguments.split("=")[0].split()[0] in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[1,]", '{"a" 1}', "nul", '"open', "[1] 2", ""])
def test_bad_json_shows_its_position(good: Path, text: str) -> None:
    with oocmap.OOCMap(good) as m:
        before = m.eager()
        with pytest.raises(apsw.SQLError, match=r"\d"):
            m.sql("INSERT INTO map(key, json) VALUES ('j', ?)", (text,))
        assert m.eager() == before


# --- Full


def test_full_map_stays_readable(path: Path) -> None:
    with oocmap.OOCMap(path, max_size=1 << 20) as m:
        m["kept"] = {"a": [1, 2, 3]}
        with pytest.raises(oocmap.StoreFullError):
            m["too much"] = ["x" * 1000 + str(i) for i in range(10_000)]
        assert m.eager() == {"kept": {"a": [1, 2, 3]}}
        m["small"] = 1
    with oocmap.OOCMap(path) as m:
        assert m.eager() == {"kept": {"a": [1, 2, 3]}, "small": 1}
