"""numpy's scalars: of the same type, dtype and bytes again, and the keys that their numbers are."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import oocmap
import pytest
from oocmap import stored_types

RECORD = np.dtype([("a", ">i4"), ("b", "<f8", (2,)), ("c", "S3"), ("d", [("e", "?")])])

INTEGERS = [
    *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)),
    "longlong",
    "ulonglong",
]

SCALARS: list[Any] = [
    np.bool_(True),
    np.bool_(False),
    *(np.dtype(kind).type(3) for kind in INTEGERS),
    np.uint64(2**64 - 1),
    np.int64(-(2**63)),
    np.float16(0.1),
    np.float32(0.1),
    np.float64(-0.0),
    np.frombuffer(b"\x01\x02\xc0\x7f", "<f4")[0],  # a NaN with a payload
    np.frombuffer(b"\x01\x02\x03\x04\x05\x06\xf8\xff", "<f8")[0],
    np.longdouble(1) / 3,
    np.longdouble("nan"),
    np.complex64(1 - 2j),
    np.complex128(complex(-0.0, float("inf"))),
    np.clongdouble(np.longdouble(1) / 3),
    np.str_("a\0\ud800é"),
    np.str_("NULs at the end\0\0"),
    np.str_(""),
    np.str_("long" * 500),
    np.bytes_(b"x\0"),
    np.bytes_(b""),
    np.datetime64("NaT"),
    np.datetime64("2020-02-29T01:02:03.000000004"),
    np.datetime64("2020", "Y"),
    np.timedelta64(5, "25s"),
    np.timedelta64("NaT"),
    np.void(b"abc"),
    np.void(b"\0" * 1000),
    np.array([(7, [1.5, -0.0], b"xy", (True,))], RECORD)[0],
]


def exact(value: Any) -> Any:
    whole = str.__str__(value) if isinstance(value, str) else None  # tobytes() drops NULs
    return type(value), value.dtype, value.tobytes(), whole


@pytest.mark.parametrize("value", SCALARS, ids=lambda value: f"{type(value).__name__}-{value}"[:40])
def test_scalar_comes_back_as_it_was(m: Any, value: Any) -> None:
    m["alone"] = value
    m["nested"] = {"list": [value], "tuple": (1, value)}
    m["nested"]["list"].append(value)
    m.update({"long": [value] * 1500})
    m["nested"]["large"] = dict.fromkeys(range(300), value)
    read = [m["alone"], m["alone"], *m["nested"]["list"], m["nested"]["tuple"][1], m["long"][1400]]
    read += [m["nested"].eager()["list"][1], m["nested"]["large"][299], m.pop("alone")]
    assert [exact(each) for each in read] == [exact(value)] * len(read)


def test_changing_a_record_read_changes_only_itself(m: Any) -> None:
    m["x"] = [SCALARS[-1]]
    for _ in range(4):
        record = m["x"][0]
        assert record["a"] == 7
        record["a"] = 8
    assert exact(m["x"][0]) == exact(SCALARS[-1])


def test_number_is_the_key_that_it_equals(m: Any) -> None:
    for scalar in SCALARS:
        if isinstance(scalar, np.number) and not isinstance(scalar, np.timedelta64):
            plain = scalar.item()
            if scalar != scalar or isinstance(scalar, (np.longdouble, np.clongdouble)):
                continue
            m["x"] = {}
            for place in (m, m["x"]):
                place[scalar] = "found"
                assert exact(list(place)[-1]) == exact(scalar)
                assert place[scalar] == place[plain] == "found"
                assert {scalar: 1}.get(plain) == 1
                assert plain in place
                place[plain] = "again"
                assert place[scalar] == "again"
                del place[plain]
            m[(scalar, "t")] = "tuple"
            assert m[(plain, "t")] == "tuple"
            assert exact(list(m)[-1][0]) == exact(scalar)
            del m[(scalar, "t")]
    m[1] = "one"
    assert m[np.bool_(True)] == m[np.float32(1)] == m[np.longdouble(1)] == "one"
    m["text"] = m[b"bytes"] = 1
    assert m[np.str_("text")] == m[np.bytes_(b"bytes")] == 1
    m[0.1] = 1
    assert np.float32(0.1) not in m


@pytest.mark.parametrize(
    "key",
    [
        np.longdouble(1) / 3,
        np.float32("nan"),
        np.complex64(complex(0, float("nan"))),
    ],
    ids=lambda key: type(key).__name__,
)
def test_other_scalar_is_no_key_and_absent(m: Any, key: Any) -> None:
    for place in (key, (1, key)):
        with pytest.raises(
            (oocmap.UnsupportedTypeError, oocmap.ArgumentError), match="cannot be a"
        ):
            m[place] = 1
        assert place not in m
    assert len(m) == 0


class Mine(np.float64):
    pass


def test_what_is_refused_is_named_with_its_place(m: Any) -> None:
    with pytest.raises(oocmap.UnsupportedTypeError, match=r"type 'Mine' at \['rows'\]\[1\]"):
        m["x"] = {"rows": [1, Mine(1)]}
    held = np.array([(object(),)], [("a", "O")])[0]
    overlapping = np.zeros(1, {"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [0, 2]})[0]
    titled = np.zeros(1, [(("title", "a"), "i4")])[0]
    with pytest.raises(oocmap.UnsupportedTypeError, match=r"objects in it at \[0\]"):
        m["x"] = [held]
    with pytest.raises(oocmap.UnsupportedTypeError, match="overlap"):
        m["x"] = [overlapping]
    m["titled"] = [titled]
    assert exact(m["titled"][0]) == exact(titled)
    assert "x" not in m


def run(path: Path, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, os.fspath(path)], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_numpy_is_imported_by_reading_only(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        m["x"] = [np.float32(0.5), 2]
    out = run(
        path,
        "import sys, oocmap\nm = oocmap.OOCMap(sys.argv[1])\nx = m['x']\nm['y'] = 1j\nx[1]\n"
        "print('numpy' in sys.modules, repr(x[0]), 'numpy' in sys.modules)",
    )
    assert out == "False np.float32(0.5) True\n"


def test_without_numpy_the_error_says_so_and_the_rest_is_readable(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        m["x"] = [np.float32(0.5), 2]
    out = run(
        path,
        "import sys, oocmap\nm = oocmap.OOCMap(sys.argv[1])\nsys.modules['numpy'] = None\n"
        "print(m['x'][1])\ntry:\n    m['x'][0]\nexcept oocmap.Error as error:\n    print(error)\n"
        "print(list(m.sql(\"SELECT oocmap_get(map, '$[0]') FROM temp.map\")))",
    )
    assert out == (
        "2\nthe value is a numpy scalar (float32), and numpy cannot be imported here: "
        "install it to read the value\n[(0.5,)]\n"
    )


def test_sql_shows_the_plain_value(m: Any) -> None:
    for value, shown, in_json in (
        (np.bool_(True), 1, 1),
        (np.int8(-3), -3, -3),
        (np.uint64(2**64 - 1), str(2**64 - 1), float(2**64 - 1)),
        (np.longlong(5), 5, 5),
        (np.float32(0.1), float(np.float32(0.1)), float(np.float32(0.1))),
        (np.longdouble(1) / 3, str(np.longdouble(1) / 3), str(np.longdouble(1) / 3)),
        (np.complex64(1j), "1j", "1j"),
        (np.str_("é"), "é", "é"),
        (np.bytes_(b"ab"), b"ab", "YWI="),
        (np.datetime64("2020-02-29T01"), "2020-02-29T01", "2020-02-29T01"),
        (np.void(b"abc"), b"abc", "YWJj"),
        (np.void(b"a" * 600), b"a" * 600, "YWFh" * 200),
    ):
        m["x"] = value
        m["y"] = [value]
        name = type(value).__name__
        rows = list(m.sql("SELECT type, value, oocmap_type(map) FROM temp.map WHERE key = 'x'"))
        assert rows == [(name, shown, name)]
        [(json,)] = m.sql("SELECT json_extract(value, '$[0]') FROM temp.map WHERE key = 'y'")
        assert json == in_json
    m.clear()
    m[np.int16(7)] = 1
    [(key, kind)] = m.sql("SELECT key, key_type FROM temp.map")
    assert (key, kind) == (7, "int16")


@pytest.mark.parametrize(
    ("code", "plain", "extra", "raw"),
    [
        (11, 0.5, "", b"abc"),
        (19, "x", "<f8", b"12345678"),
        (19, "x", "nonsense", b"12345678"),
        (19, "x", "<M8[D]", b""),
        (17, b"bytes", "", b""),
        (21, b"", "O", b"12345678"),
        (21, b"", "|V99999999999", b"12345678"),
        (21, b"", "[('a', 'O')]", b"12345678"),
        (21, b"", "[('a', '<i4')", b"1234"),
        (21, b"", "[" * 10_000, b"1234"),
        (21, b"", "[__import__('os')]", b"1234"),
        (21, b"", "[('a', '<i4', -1)]", b"1234"),
        (0, 1, "", b""),
        (99, 1, "", b""),
    ],
)
def test_damaged_scalar_is_an_error_in_words(code: int, plain: Any, extra: str, raw: bytes) -> None:
    with pytest.raises(oocmap.Error, match=r"does not decode|no scalar type of code"):
        stored_types.numpy_scalar(code, plain, extra, raw)
