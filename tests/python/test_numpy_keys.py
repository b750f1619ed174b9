"""numpy's text, bytes and times as keys: found where a plain dict would find them."""

import datetime as dt
import itertools
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import oocmap
import pytest

# Before 2.2 numpy hashed equal times of two units differently, and like ints.
consistent = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.2.0", reason="this numpy's times hash as ints do"
)

UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
SECOND = np.datetime64("2020-01-01T00:00:00")

KEYS: list[Any] = [
    *("a", np.str_("a"), b"a", np.bytes_(b"a"), "a\0", np.str_("a\0"), np.bytes_(b"a\0"), b"a\0"),
    *(np.str_("\ud800"), "\ud800", np.str_(""), "", b"", np.str_("x" * 600), "x" * 600),
    *(np.bytes_(b"y" * 600), b"y" * 600, "2020-01-01", np.str_("2020-01-01")),
    *(SECOND.astype(f"M8[{unit}]") for unit in (*UNITS[:2], *UNITS[3:10], "25s", "3D")),
    *(np.datetime64(0, unit) for unit in UNITS),
    *(np.datetime64(-1, unit) for unit in UNITS),
    *(
        np.datetime64("1969-12-31T23:59:59.999"),
        np.datetime64("2000-02-29"),
        np.datetime64("1900-03"),
    ),
    *(np.datetime64("0001-01-01"), np.datetime64("0000-12-31T23:59:59"), np.datetime64(-1971, "Y")),
    *(
        np.datetime64("9999-12-31T23:59:59.999999"),
        np.datetime64("10000"),
        np.datetime64("10000-01"),
    ),
    *(np.datetime64(2**62, "D"), np.datetime64(-(2**62), "s"), np.datetime64(2**40, "M")),
    *(np.datetime64("2020-01-01T00:00:00.000000001"), np.datetime64(86400 * 10**9 + 1, "ns")),
    *(dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), dt.datetime(1970, 1, 1), dt.date(1970, 1, 1)),
    *(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime.max, dt.datetime.min),
    *(dt.datetime(1969, 12, 31, 23, 59, 59, 999000), dt.datetime(2000, 2, 29)),
    *(np.timedelta64(1, "D"), np.timedelta64(24, "h"), np.timedelta64(1440, "m"), dt.timedelta(1)),
    *(np.timedelta64(86_400 * 10**k, u) for k, u in ((0, "s"), (3, "ms"), (6, "us"), (9, "ns"))),
    *(np.timedelta64(1, "W"), np.timedelta64(7, "D"), np.timedelta64(-1, "s"), dt.timedelta(-1)),
    *(dt.timedelta(seconds=-1), np.timedelta64(0, "D"), np.timedelta64(0, "ns"), dt.timedelta(0)),
    *(np.timedelta64(1, "ns"), np.timedelta64(1000, "ps"), np.timedelta64(-1, "as")),
    *(np.timedelta64(1500, "ms"), dt.timedelta(seconds=1.5), 1.5, np.timedelta64(2**62, "D")),
    *(np.timedelta64(999_999_999, "D"), np.timedelta64(10**9, "D"), dt.timedelta.max),
    *(dt.timedelta.min, np.timedelta64(-999_999_999, "D"), np.timedelta64(-(10**9), "D")),
    *(0, 1, 24, 86_400, 18_262, -1, np.int64(1), np.float64(24), True, None),
]


def exact(value: Any) -> Any:
    if isinstance(value, np.generic) and not isinstance(value, np.character):
        return type(value), value.dtype, value.tobytes()
    return type(value), str.__str__(value) if isinstance(value, str) else value


def is_time(value: Any) -> bool:
    return isinstance(value, (np.datetime64, np.timedelta64, dt.datetime, dt.timedelta))


def one_key(a: Any, b: Any) -> bool:
    """What a dict says; but all times of one hash are one key, which numpy's == denies of some.

    datetime64[D] equals datetime64[s], that a datetime, but the first does not equal the last; and
    units far from each other, such as Y and ps, cannot be compared at all.
    """
    try:
        if b in {a: 1}:
            return True
    except OverflowError:
        assert hash(a) == hash(b)
    return is_time(a) and is_time(b) and hash(a) == hash(b)


@consistent
def test_pairs_are_one_key_where_a_dict_says_so(m: Any) -> None:
    m["small"] = {}
    m["large"] = dict.fromkeys(range(1000, 3000))
    small, large = m["small"], m["large"]
    found = 0
    with m.transaction():
        for a in KEYS:
            small[a] = large[a] = "found"
            m["tuple"] = {(1, a): 1}
            m["set"] = {frozenset({a})}
            in_tuple, in_set = m["tuple"], m["set"]
            assert exact(next(iter(small))) == exact(a)
            assert exact(list(large)[-1]) == exact(a)
            assert exact(next(iter(in_tuple))[1]) == exact(a)
            assert [exact(each) for each in next(iter(in_set))] == [exact(a)]
            for b in KEYS:
                wanted = one_key(a, b)
                assert wanted == one_key(b, a)
                found += wanted
                got = [
                    b in small,
                    b in large,
                    (1, b) in in_tuple,
                    frozenset({b}) in in_set,
                    small.get(b) == "found",
                    large.get(b) == "found",
                ]
                assert got == [wanted] * len(got), (a, b)
            del small[a], large[a]
    assert found > 2 * len(KEYS)


@consistent
def test_random_times_of_all_units_are_one_key_where_they_are_equal(m: Any) -> None:
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    units = (*UNITS[2:], "7D", "15m", "1000s", "25us")
    m["d"] = {}
    compared = 0
    while compared < 300:
        kind = draw.choice((np.datetime64, np.timedelta64))
        code = "M8" if kind is np.datetime64 else "m8"
        first, second = draw.sample(units, 2)
        a = kind(draw.randrange(-(2 ** draw.randrange(1, 60)), 2 ** draw.randrange(1, 60)), "s")
        try:
            a = a.astype(f"{code}[{first}]")  # another time, where it is too far away
            b = a.astype(f"{code}[{second}]")
        except OverflowError:
            continue
        if np.isnat(a) or np.isnat(b):
            continue
        if any(abs(int(each.astype("i8"))) * np.datetime_data(each)[1] >= 2**63 for each in (a, b)):
            continue  # numpy's hash wraps: of multiples of a unit it takes the product
        compared += 1
        m["d"] = {a: 1}
        assert (b in m["d"]) == (hash(a) == hash(b)), (seed, a, b, a.dtype, b.dtype)


def test_text_key_keeps_its_class_and_is_one_with_its_str(m: Any) -> None:
    for key, plain in ((np.str_("a"), "a"), (np.bytes_(b"a"), b"a"), (np.str_("\ud800"), "\ud800")):
        m[key] = 1
        assert exact(next(iter(m))) == exact(key)
        m[plain] = 2  # the first key written stays
        assert m.eager() == {plain: 2}
        assert exact(next(iter(m))) == exact(key)
        assert exact(next(iter(m.eager()))) == exact(key)
        m["s"] = {key}
        m["s"].add(plain)
        assert [exact(each) for each in m["s"]] == [exact(key)]
        assert m.pop(plain) == 2
        assert key not in m
        m.clear()
        m[plain] = 1
        m[key] = 2
        m[key, 1] = 3
        assert exact(next(iter(m))) == exact(plain)
        assert m[plain, 1] == 3
        m.clear()


def test_sql_sees_the_plain_key(m: Any) -> None:
    m[np.str_("é")] = 1
    m[np.bytes_(b"x")] = 2
    m[SECOND] = 3
    m["d"] = {np.str_("k"): {np.datetime64("2020", "Y"): 4}}
    rows = list(m.sql("SELECT key, key_type, value FROM temp.map WHERE value < 4"))
    assert rows[:2] == [("é", "str_", 1), (b"x", "bytes_", 2)]
    assert rows[2][1:] == ("datetime64", 3)
    assert list(m.sql("SELECT value FROM temp.map WHERE key = ?", (rows[2][0],))) == [(3,)]
    assert list(m.sql("SELECT value FROM temp.map WHERE key IN ('é', x'78')")) == [(1,), (2,)]
    query = "SELECT oocmap_json(map) FROM temp.map WHERE key = 'd'"
    assert list(m.sql(query)) == [('{"k":{"2020":4}}',)]
    m.sql("UPDATE temp.map SET value = 5 WHERE key = 'é'").close()
    assert m["é"] == 5
    assert exact(next(iter(m))) == exact(np.str_("é"))


def read_only_record() -> Any:
    records = np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])
    records.flags.writeable = False
    return records[0]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (np.datetime64("NaT"), "NaT cannot be a key"),
        (np.datetime64("NaT", "s"), "NaT cannot be a key"),
        (np.timedelta64("NaT", "s"), "NaT cannot be a key"),
        (np.timedelta64(12, "M"), "of months or years cannot be a key"),
        (np.timedelta64(1, "Y"), "of months or years cannot be a key"),
        (np.longdouble(1) / 3, "cannot be a key"),
        (read_only_record(), "cannot be a key"),
    ],
    ids=lambda each: None if isinstance(each, str) else f"{type(each).__name__}-{each}",
)
def test_what_is_no_key_is_refused_and_absent(m: Any, key: Any, message: str) -> None:
    for place in (key, (1, key)):
        with pytest.raises((oocmap.UnsupportedTypeError, oocmap.ArgumentError), match=message):
            m[place] = 1
        assert place not in m
        assert m.get(place) is None
    assert len(m) == 0


@pytest.mark.parametrize(
    "key",
    [np.void(b"abc"), np.zeros(1, "i4,f8")[0], np.timedelta64(5)],
    ids=["void", "record", "no unit"],
)
def test_what_numpy_cannot_hash_raises_what_it_raises_in_a_dict(m: Any, key: Any) -> None:
    plain: dict[Any, int] = {}
    try:
        plain[key] = 1
    except (TypeError, ValueError) as error:
        wanted = error
    else:
        pytest.skip("this numpy can")
    for use in (lambda: m.__setitem__(key, 1), lambda: m[key], lambda: key in m):
        with pytest.raises(type(wanted)) as raised:
            use()
        assert str(raised.value) == str(wanted)


@consistent
def test_keys_of_all_kinds_come_back_in_order_after_reopening(path: Any) -> None:
    kept: dict[Any, int] = {}
    for i, key in enumerate(KEYS):
        if not any(one_key(key, other) for other in kept):
            kept[key] = i
    with oocmap.OOCMap(path) as m:
        m.update(kept)
        m["nested"] = kept
    with oocmap.OOCMap(path, mode="r") as m:
        wanted = [exact(key) for key in kept]
        assert [exact(key) for key in itertools.islice(m, len(kept))] == wanted
        assert [exact(key) for key in m["nested"].eager()] == wanted
        for key, i in kept.items():
            assert m[key] == m["nested"][key] == i


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
import oocmap
m = oocmap.OOCMap(sys.argv[1], mode="r")
assert m["d"]["a"] == 1 and "b" in m["d"] and m["d"].get("c") is None and len(m["d"]) == 3
assert list(m["d"].values()) == [1, 2, 3]
try:
    list(m["d"])
except oocmap.Error as error:
    assert "numpy" in str(error)
else:
    raise AssertionError("read")
"""


def test_other_keys_of_the_dict_are_found_without_numpy(m: Any, path: Path) -> None:
    m["d"] = {"a": 1, np.datetime64("2020-01-01", "ns"): 2, "b": 3}
    subprocess.run([sys.executable, "-c", WITHOUT_NUMPY, str(path)], check=True)
