"""Values and keys of the standard library's types: equal, of equal type, to the last bit."""

import datetime as dt
import os
import struct
import subprocess
import sys
import uuid
import zoneinfo
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import oocmap
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
LORD_HOWE = zoneinfo.ZoneInfo("Australia/Lord_Howe")  # its clock changes by half an hour
UTC = dt.UTC
ODD_ZONE = dt.timezone(dt.timedelta(hours=-5, microseconds=3), "näme \ud800")
QUIET_NAN = struct.unpack("<d", b"\x01\x02\x03\x04\x05\x06\xf8\xff")[0]

VALUES: list[Any] = [
    1 + 2j,
    complex(-0.0, 0.0),
    complex(0.0, -0.0),
    complex(float("inf"), QUIET_NAN),
    complex(5e-324, -1.7976931348623157e308),
    bytearray(),
    bytearray(b"\x00\xff" * 5000),
    range(10),
    range(5, 1, -2),
    range(0),
    range(-(10**40), 10**40, 3**50),
    dt.datetime.min,
    dt.datetime.max,
    dt.datetime(2024, 2, 29, 23, 59, 59, 999999),
    dt.datetime(1, 1, 1, tzinfo=UTC),
    dt.datetime(2020, 11, 1, 1, 30, tzinfo=NEW_YORK),
    dt.datetime(2020, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=1),
    dt.datetime(2020, 3, 8, 2, 30, tzinfo=NEW_YORK),
    dt.datetime(2021, 4, 4, 1, 45, tzinfo=LORD_HOWE, fold=1),
    dt.datetime(2020, 1, 1, fold=1),
    dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
    dt.datetime(2020, 1, 1, tzinfo=ODD_ZONE),
    dt.datetime(2020, 1, 1, tzinfo=dt.timezone.max),
    dt.datetime(2020, 1, 1, tzinfo=dt.timezone.min),
    dt.date.min,
    dt.date.max,
    dt.time.min,
    dt.time.max,
    dt.time(1, 2, 3, 4, fold=1),
    dt.time(1, 2, tzinfo=UTC),
    dt.time(1, 2, tzinfo=NEW_YORK),
    dt.time(1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
    dt.timedelta.min,
    dt.timedelta.max,
    dt.timedelta(seconds=-1),
    dt.timedelta(microseconds=1),
    Decimal("1.10"),
    Decimal("-0"),
    Decimal("0E-100"),
    Decimal("NaN123"),
    Decimal("-sNaN"),
    Decimal("-Infinity"),
    Decimal("1E+1000000"),
    Decimal("9" * 5000),
    Fraction(1, 3),
    Fraction(-(10**4000), 7),
    Fraction(0),
    uuid.UUID(int=0),
    uuid.UUID(int=2**128 - 1),
    uuid.UUID(int=5, is_safe=uuid.SafeUUID.safe),
    uuid.UUID(int=5, is_safe=uuid.SafeUUID.unsafe),
]


def exact(value: Any) -> Any:
    """What two values share where they are the same in every respect that can be seen."""
    if isinstance(value, complex):
        return complex, struct.pack("<dd", value.real, value.imag)
    if isinstance(value, (dt.datetime, dt.time)):
        tzinfo = value.tzinfo
        offset = value.utcoffset() if tzinfo is not None else None
        return type(value), value.replace(tzinfo=None), value.fold, repr(tzinfo), offset
    if isinstance(value, uuid.UUID):
        return uuid.UUID, value.int, value.is_safe
    return type(value), repr(value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:60])
def test_value_comes_back_as_it_was(m: Any, value: Any) -> None:
    m["alone"] = value
    m["tuple"] = (1, value)
    m["list"] = [value]
    m["list"].append(value)
    m["dict"] = {"a": value}
    m["dict"].update(b=value)
    m.update({"updated": [value]})
    m["long"] = [value] * 1500  # spilled
    kept = exact(value)
    read = [m["alone"], m["tuple"][1], *m["list"], m["list"].eager()[1], m["updated"][0]]
    read += [m["dict"]["a"], m["dict"]["b"], m["dict"].eager()["b"], m["long"][1400]]
    read += [m["alone"], m["alone"], m.pop("alone")]
    assert [exact(each) for each in read] == [kept] * len(read)


def test_values_and_keys_are_read_by_another_process(path: Path) -> None:
    """A process that imported none of these modules reads the same."""
    keys = [value for value in VALUES if is_key(value)]
    with oocmap.OOCMap(path) as m:
        m["values"] = VALUES
        m["keys"] = dict.fromkeys(keys)
        for key in keys:
            m[key] = repr(key)
    program = (
        "import sys, oocmap\n"
        "m = oocmap.OOCMap(sys.argv[1], mode='r')\n"
        "out = [repr(m['values'].eager()), repr(list(m['keys'])), repr(list(m))]\n"
        "sys.stdout.buffer.write(ascii(out).encode())\n"
    )
    read = subprocess.run(
        [sys.executable, "-c", program, os.fspath(path)], check=True, capture_output=True
    )
    expected = {"values": None, "keys": None} | dict.fromkeys(keys)
    assert read.stdout.decode() == ascii(
        [repr(VALUES), repr(list(dict.fromkeys(keys))), repr(list(expected))]
    )


def test_decimal_is_read_exactly_in_any_context(m: Any) -> None:
    m["x"] = value = Decimal("1." + "3" * 60)
    with localcontext(Context(prec=3, traps=[])):
        assert repr(m["x"]) == repr(value)


def test_decimal_is_written_alike_in_any_context(m: Any) -> None:
    value, infinite = Decimal("-1.5E+300"), Decimal("-Infinity")
    plain = {"x": value, value: infinite, infinite: [Decimal("sNaN12")]}
    small = Context(capitals=0)
    m.update(plain)
    with localcontext(small):
        assert str(value) == "-1.5e+300"
        assert repr(m["x"]) == repr(value)
        assert repr(m[value]) == repr(infinite)
        m.update(plain)
        m["y"] = [value]
    assert len(m) == 4
    assert m.pop("y") == [value]
    assert repr(m.eager()) == repr(plain)
    assert not m.check().problems


def test_bytearray_is_read_as_a_copy(m: Any) -> None:
    for text in (b"ab", b"long" * 100):
        m["x"] = [bytearray(text)]
        for _ in range(4):  # also where a cache would keep it
            m["x"][0].append(1)
            m["x"].eager()[0].append(1)
        assert m["x"][0] == text
    m["y"] = bytearray(b"z")
    for _ in range(4):
        m["y"].append(1)
    assert m["y"] == b"z"


class Other(dt.tzinfo):
    def utcoffset(self, _: Any) -> dt.timedelta:
        return dt.timedelta(0)


class MyDate(dt.date):
    pass


class MyDecimal(Decimal):
    pass


REFUSED = [
    (MyDate(2020, 1, 1), "cannot store a value of type 'MyDate'"),
    (MyDecimal(1), "cannot store a value of type '.*MyDecimal'"),
    (
        dt.datetime(2020, 1, 1, tzinfo=Other()),
        r"cannot store a datetime.datetime with a tzinfo of type 'Other': "
        r"datetime.timezone and zoneinfo.ZoneInfo can be stored",
    ),
    (dt.time(1, tzinfo=Other()), "cannot store a datetime.time with a tzinfo of type 'Other'"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED)
def test_what_is_refused_is_named_with_its_place(m: Any, value: Any, message: str) -> None:
    with pytest.raises(oocmap.UnsupportedTypeError, match=message + r".* at \['rows'\]\[1\]"):
        m["x"] = {"rows": [1, value]}
    with pytest.raises(oocmap.UnsupportedTypeError, match=message):
        m["x"] = value
    with pytest.raises(TypeError, match=r"at \[datetime|at \[.*MyD|at \["):
        m["x"] = {value: 1}
    assert "x" not in m
    assert value not in m


def test_zone_without_a_key_is_refused(m: Any) -> None:
    with open(os.path.join(zoneinfo.TZPATH[0], "UTC"), "rb") as data:
        nameless = zoneinfo.ZoneInfo.from_file(data)
    with pytest.raises(oocmap.UnsupportedTypeError, match="has no key: make it with ZoneInfo"):
        m["x"] = dt.datetime(2020, 1, 1, tzinfo=nameless)
    assert "x" not in m


def is_key(value: Any) -> bool:
    if isinstance(value, Decimal) and value.is_nan():
        return False
    if isinstance(value, bytearray) or value != value:
        return False
    return not (isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) > 99_999)


@pytest.mark.parametrize(
    "key", [value for value in VALUES if is_key(value)], ids=lambda key: repr(key)[:60]
)
def test_key_comes_back_as_it_was(m: Any, key: Any) -> None:
    m[key] = "root"
    m[(0, key)] = "in a tuple"
    m["small"] = {key: "small"}
    m["set"] = {}
    m["set"][key] = "set"
    m["large"] = {key: "large"} | {("x", i): i for i in range(200)}
    m["long"] = {(key,) * 200: 1}
    for place, word in (
        (m, "root"),
        (m["small"], "small"),
        (m["set"], "set"),
        (m["large"], "large"),
    ):
        assert place[key] == word
        assert key in place
        assert exact(next(iter(place))) == exact(key)
    assert m[(0, key)] == "in a tuple"
    assert exact(list(m)[1][1]) == exact(key)
    assert m["long"][(key,) * 200] == 1
    del m[key]
    assert key not in m


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (bytearray(b"x"), TypeError, "unhashable type: 'bytearray'"),
        (Decimal("NaN"), oocmap.ArgumentError, "nan cannot be a key"),
        (Decimal("sNaN"), TypeError, "Cannot hash a signaling NaN value"),
        (complex(float("nan"), 0), oocmap.ArgumentError, "nan cannot be a key"),
        (complex(0, float("nan")), oocmap.ArgumentError, "nan cannot be a key"),
        (Decimal("1E+100000"), oocmap.ArgumentError, "more than 100000 digits"),
        (Decimal("1E-100001"), oocmap.ArgumentError, "more than 100000 digits"),
    ],
)
def test_what_is_no_key_is_refused_and_absent(
    m: Any, key: Any, error: type[Exception], message: str
) -> None:
    for place in (key, (1, key)):
        with pytest.raises(error, match=message):
            m[place] = 1
        with pytest.raises(error, match=message):
            m["x"] = {1: 2, place: 1} if error is not TypeError else unhashable(place)
        if error is TypeError:
            with pytest.raises(TypeError, match=message):
                m.get(place)
        else:
            assert place not in m
            assert m.get(place, "absent") == "absent"
    assert len(m) == 0


def unhashable(key: Any) -> dict[Any, Any]:
    """Raises what a dict raises for an unhashable key."""
    return {key: 1}


def test_huge_zero_and_trailing_zeros_are_keys(m: Any) -> None:
    m[Decimal("0E+999999")] = "zero"
    m[Decimal("10E+99990")] = "large"
    assert m[0] == m[-0.0] == m[0j] == m[Fraction(0)] == "zero"
    assert m[10**99991] == "large"


zones = st.sampled_from(
    [None, UTC, NEW_YORK, LORD_HOWE, zoneinfo.ZoneInfo("UTC"), dt.timezone(dt.timedelta(hours=-5))]
)
small = st.integers(-3, 3)
numbers = st.one_of(
    small,
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.builds(complex, st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 1.0])),
    st.decimals(allow_nan=False),
    st.decimals(-4, 4, places=1),
    st.fractions(),
    st.fractions(-4, 4, max_denominator=10),
    st.builds(Fraction, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(Decimal, st.floats(allow_nan=False)),
    st.builds(Decimal, st.integers(-(2**70), 2**70)),
)
# Few moments, around the changes of New York's and Lord Howe's clocks, so that many are equal.
moments = st.builds(
    lambda base, hours, fold: (base + dt.timedelta(minutes=30 * hours)).replace(fold=fold),
    st.sampled_from(
        [
            dt.datetime(2020, 11, 1, 1),
            dt.datetime(2020, 3, 8, 2),
            dt.datetime(2020, 11, 1, 6),
            dt.datetime(2021, 4, 4, 1),
            dt.datetime(2021, 4, 3, 15),
        ]
    ),
    st.integers(-4, 4),
    st.integers(0, 1),
)
aware = st.builds(lambda moment, zone: moment.replace(tzinfo=zone), moments, zones)
keys = st.one_of(
    numbers,
    numbers,
    aware,
    st.datetimes(timezones=zones),
    st.builds(lambda moment: moment.timetz(), aware),
    st.builds(lambda moment: moment.date(), moments),
    st.builds(dt.timedelta, small, small, small),
    st.timedeltas(),
    st.builds(range, small, small, small.filter(bool)),
    st.builds(range, st.integers(), st.integers(), st.integers().filter(bool)),
    st.uuids(),
    st.text(max_size=2),
    st.binary(max_size=2),
    st.none(),
)
nested = st.one_of(keys, st.tuples(keys), st.tuples(keys, keys))


def find_each_other(make: Callable[[], Any], a: Any, b: Any) -> None:
    equal = {a: 1}.get(b) == 1
    assert (a == b) == equal  # or the builtin itself is at odds with its hash
    m = make()
    m.clear()
    m[a] = 1
    assert (m.get(b) == 1) == equal
    m["inside"] = {a: 1}
    assert (m["inside"].get(b) == 1) == equal
    m[b] = 2
    assert len(m) == 2 + (not equal)
    assert exact(next(iter(m))) == exact(a)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("keys") / "map.ooc"
    with oocmap.OOCMap(path, durability="off") as m:
        yield m


@given(nested.filter(lambda key: key != "inside"), nested.filter(lambda key: key != "inside"))
@example(Decimal("0.1"), Fraction(1, 10))
@example(Decimal("0.1"), 0.1)
@example(Decimal.from_float(0.1), 0.1)
@example(Fraction(5e-324), 5e-324)
@example(Fraction(1, 2**1075), 5e-324)
@example(Decimal(2**64 + 1), 2**64 + 1)
@example(Fraction(2**100), 2.0**100)
@example((True, 1j), (Decimal("1.0"), 1j))
@example(range(0), range(2, 2, 5))
@example(range(3, 4, 7), range(3, 4))
@example(range(0, 5, 2), range(0, 6, 2))
@example(dt.time(1, tzinfo=NEW_YORK), dt.time(1))
@example(
    dt.datetime(2020, 3, 8, 2, 30, tzinfo=NEW_YORK), dt.datetime(2020, 3, 8, 7, 30, tzinfo=UTC)
)
@example(dt.datetime(2020, 1, 1), dt.date(2020, 1, 1))
def test_two_keys_are_one_where_python_says_so(shared: Any, a: Any, b: Any) -> None:
    find_each_other(lambda: shared, a, b)


def test_sql_shows_numbers_blobs_and_exact_text(m: Any) -> None:
    rows: list[tuple[Any, str, Any, Any]] = [
        (1 - 2j, "complex", "(1-2j)", None),
        (complex(0, 1.5), "complex", "1.5j", None),
        (complex(float("-inf"), float("nan")), "complex", "(-inf+nanj)", None),
        (bytearray(b"ab"), "bytearray", b"ab", "YWI="),
        (range(1, 5), "range", "range(1, 5)", None),
        (range(0, 2**70, 3), "range", f"range(0, {2**70}, 3)", None),
        (dt.datetime(2020, 1, 2, 3, 4, 5, 6), "datetime", "2020-01-02T03:04:05.000006", None),
        (dt.date(1, 2, 3), "date", "0001-02-03", None),
        (dt.timedelta(0), "timedelta", "PT0S", None),
        (dt.timedelta(days=2), "timedelta", "P2D", None),
        (dt.timedelta(1, 7384, 500000), "timedelta", "P1DT2H3M4.5S", None),
        (dt.timedelta(microseconds=-1), "timedelta", "-PT0.000001S", None),
        (dt.timedelta(hours=-25), "timedelta", "-P1DT1H", None),
        (Decimal("1.10"), "Decimal", "1.10", None),
        (Fraction(-1, 3), "Fraction", "-1/3", None),
        (Fraction(4), "Fraction", "4", None),
        (uuid.UUID(int=1), "UUID", "00000000-0000-0000-0000-000000000001", None),
    ]
    for value, _, text, _ in rows:
        if isinstance(value, (complex, Fraction, Decimal, uuid.UUID, range)):
            assert str(value) == text
    for value in VALUES:
        if isinstance(value, (dt.datetime, dt.date, dt.time)):
            rows.append((value, type(value).__name__, value.isoformat(), None))
    for value, name, text, in_json in rows:
        m["x"] = value
        m["y"] = [value]
        assert list(m.sql("SELECT type, value FROM temp.map WHERE key = 'x'")) == [(name, text)]
        json = list(m.sql("SELECT json_extract(value, '$[0]') FROM temp.map WHERE key = 'y'"))
        assert json == [(in_json or text,)]
        handle = "SELECT oocmap_type(map), oocmap_get(map) FROM temp.map WHERE key = 'x'"
        assert list(m.sql(handle)) == [(name, text)]


def test_sql_finds_keys_by_their_blob_and_numbers_by_value(m: Any) -> None:
    m[Decimal("0.5")] = "half"
    m[dt.date(2020, 1, 2)] = "day"
    m[Fraction(1, 3)] = "third"
    assert list(m.sql("SELECT value FROM temp.map WHERE key = 0.5")) == [("half",)]
    shown = m.sql("SELECT key, value FROM temp.map WHERE key_type = 'Decimal'")
    assert list(shown) == [(0.5, "half")]
    for kind, word in (("date", "day"), ("Fraction", "third")):
        [(blob,)] = m.sql("SELECT key FROM temp.map WHERE key_type = ?", (kind,))
        assert isinstance(blob, bytes)
        assert list(m.sql("SELECT value FROM temp.map WHERE key = ?", (blob,))) == [(word,)]
    m["x"] = {dt.date(2020, 1, 2): 1, (Fraction(1, 3), 1j): 2}
    [(text,)] = m.sql("SELECT oocmap_json(map) FROM temp.map WHERE key = 'x'")
    assert text == '{"2020-01-02":1,"(1/3, 1j)":2}'


def test_values_are_copied_to_another_map(m: Any, tmp_path: Path) -> None:
    m["x"] = VALUES
    with oocmap.OOCMap(tmp_path / "other.ooc", durability="off") as other:
        other["y"] = m["x"]
        assert [exact(value) for value in other["y"]] == [exact(value) for value in VALUES]
