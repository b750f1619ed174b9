"""numpy arrays in a map, compared with the arrays themselves."""

import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import oocmap
import pytest
from oocmap import _native

Map = oocmap.OOCMap[Any, Any]

CHUNK = 64 * 4096 - 16

ARRAYS = {
    "floats": np.arange(24, dtype="f4").reshape(2, 3, 4),
    "no axis": np.array(3.5),
    "empty": np.zeros((0, 3)),
    "empty inside": np.zeros((3, 0, 2), "i2"),
    "Fortran": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "big-endian": np.arange(6, dtype=">i4"),
    "bool": np.array([True, False]),
    "half": np.array([1.5, -0.0, np.nan, np.inf], "f2"),
    "complex": np.array([1 + 2j, -1j], "c16"),
    "big-endian complex": np.array([1 + 2j, -1j], ">c8"),
    "long double": np.array([1, 2], "g"),
    "dates": np.array(["2000-01-01", "NaT"], "M8[D]"),
    "nanoseconds": np.array([1, -1], "M8[ns]"),
    "25 seconds": np.array([1, 2], "m8[25s]"),
    "durations": np.array([1, 2], "m8"),
    "bytes": np.array([b"a", b"bcd\0e"]),
    "text": np.array(["a", "\u00e9\U0001f600", ""]),
    "void": np.array([b"abc", b"def"], "V3"),
    "no bytes": np.zeros((3,), "S0"),
    "structured": np.array([(1, 2.5), (3, 4.5)], [("a", ">i2"), ("b", "f8")]),
    "aligned": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "nested": np.ones(3, [("p", [("x", "i4", (2, 3))]), ("q", "U5")]),
    "titles": np.ones(
        2,
        np.dtype(
            {
                "names": ["a", "b"],
                "formats": ["i4", "i4"],
                "offsets": [8, 2],
                "titles": ["t", None],
                "itemsize": 20,
            }
        ),
    ),
    "many axes": np.arange(2**20, dtype="i1").reshape((2,) * 20),
    "one chunk": np.arange(CHUNK // 8, dtype="i8"),
    "three chunks": np.arange(3 * CHUNK // 8, dtype="i8").reshape(3, -1),
    "odd items": np.frombuffer(np.arange(110_000, dtype="i8").tobytes(), "V7, i4"),
    "Fortran, large": np.asfortranarray(np.arange(200_000.0).reshape(500, 400)),
}


def same(left: Any, right: Any) -> bool:
    """Whether two arrays have the same type, shape and bytes."""
    return (
        type(left) is type(right)
        and left.dtype == right.dtype
        and left.shape == right.shape
        and left.tobytes() == right.tobytes()
    )


@pytest.mark.parametrize("name", ARRAYS)
def test_array_comes_back_as_it_was(m: Map, name: str) -> None:
    array = ARRAYS[name]
    m["a"] = array
    m["in"] = {"list": [array, (array,)]}
    lazy = m["a"]
    assert type(lazy) is oocmap.LazyArray
    for back in (
        lazy.eager(),
        m["in"].eager()["list"][0],
        m["in"]["list"][1][0].eager(),
        m.pop("a"),
    ):
        assert same(back, array)
        assert back.dtype.isalignedstruct == array.dtype.isalignedstruct
        assert back.dtype.fields == array.dtype.fields
        assert back.flags.c_contiguous == array.flags.c_contiguous
        assert back.flags.f_contiguous == array.flags.f_contiguous
        assert back.flags.writeable


@pytest.mark.parametrize("name", ARRAYS)
def test_what_it_is_costs_no_data(m: Map, name: str) -> None:
    array = ARRAYS[name]
    m["a"] = array
    lazy = m["a"]
    before = _native.array_counters()
    for attribute in ("shape", "ndim", "size", "itemsize", "nbytes", "dtype"):
        assert getattr(lazy, attribute) == getattr(array, attribute)
    assert _native.array_counters() == before


def test_neither_contiguous_is_stored_in_c_order(m: Map) -> None:
    array = np.arange(60).reshape(3, 4, 5)[::2, :, ::-2]
    m["a"] = array
    assert same(m["a"].eager(), np.ascontiguousarray(array))


def test_file_opened_again_has_it(path: Path) -> None:
    array = ARRAYS["three chunks"]
    with oocmap.OOCMap(path) as m:
        m["a"] = array
    with oocmap.OOCMap(path, mode="r") as m:
        assert same(m["a"].eager(), array)
        with pytest.raises(oocmap.ReadOnlyError):
            m["a"][0] = 1
        assert same(m["a"].eager(), array)


# --- Reading parts

INDICES: list[Any] = [
    0,
    -1,
    np.int8(1),
    slice(None),
    slice(1, None),
    slice(None, None, -1),
    slice(5, 1, -2),
    slice(2, 2),
    ...,
    None,
    (),
    (0, 1),
    (0, 1, 2),
    (0, 1, -1, ...),
    (..., 0),
    (slice(None), 1),
    (slice(None), slice(1, 3), slice(None, None, 2)),
    (None, 0, ..., None),
    (1, None, slice(-1, 0, -1)),
    [0, 1],
    [-1, 0, 0],
    [[0], [1]],
    [True, False],
    [],
    np.array([1, 0]),
    np.array([[True, False, True]] * 2),
    ([0, 1], [1, 2]),
    (slice(None), [0, 2]),
    (0, np.array([True, False, True])),
    np.array(1),
    True,
    # and those that cannot be
    2,
    -3,
    (0, 3),
    (0, 0, 0, 0),
    (..., ...),
    "a",
    1.5,
    [0, 2],
    [True],
    (0, [3]),
    [[0, 1], [2]],
    slice(None, None, 0),
    slice("a", None),
    {},
    2**70,
]


def result(work: Callable[[Any], Any], subject: Any) -> Any:
    try:
        found = work(subject)
    except Exception as error:
        return type(error), str(error)
    return type(found), found.dtype, found.shape, found.tobytes()


@pytest.mark.parametrize("index", INDICES, ids=repr)
@pytest.mark.parametrize("order", ["C", "F"])
def test_index_gives_what_numpys_gives(m: Map, index: Any, order: Any) -> None:
    array = np.arange(24, dtype="i4").reshape(2, 3, 4).copy(order)
    m["a"] = array
    assert result(lambda a: a[index], m["a"]) == result(lambda a: a[index], array)


@pytest.mark.parametrize("index", INDICES, ids=repr)
@pytest.mark.parametrize("value", [-1, [-1, -2], np.arange(4), "x", np.ones((7, 7))], ids=repr)
def test_assignment_does_what_numpys_does(m: Map, index: Any, value: Any) -> None:
    array = np.arange(24, dtype="i4").reshape(2, 3, 4)
    m["a"] = array
    expected = result(lambda a: a.__setitem__(index, value) or a, array)
    found = result(lambda a: a.__setitem__(index, value) or a.eager(), m["a"])
    assert found == expected
    assert same(m["a"].eager(), array)


def test_fields_of_structured_arrays(m: Map) -> None:
    array = np.array([(1, 2.5), (3, 4.5)], [("a", ">i2"), ("b", "f8")])
    m["a"] = array
    assert same(m["a"]["b"], array["b"].copy()) or same(m["a"]["b"].copy(), array["b"].copy())
    m["a"]["a"] = [7, 8]
    array["a"] = [7, 8]
    m["a"][0] = array[0] = (9, 9.5)
    assert same(m["a"].eager(), array)
    assert m["a"][1] == array[1]
    with pytest.raises(ValueError, match="no field of name c"):
        m["a"]["c"]


def read_by(work: Callable[[], Any]) -> int:
    before = _native.array_counters()[0]
    work()
    return _native.array_counters()[0] - before


def written_by(work: Callable[[], Any]) -> int:
    before = _native.array_counters()[1]
    work()
    return _native.array_counters()[1] - before


def test_part_reads_no_more_than_it_means(m: Map) -> None:
    m["a"] = np.zeros((1000, 3000), "i4")
    m["f"] = np.asfortranarray(np.zeros((1000, 3000), "i4"))
    a = m["a"]
    assert read_by(lambda: a[5, 7]) == 4
    assert read_by(lambda: a[5]) == 12_000
    assert read_by(lambda: a[:, 5]) == 4_000
    assert read_by(lambda: m["f"][:, 5]) == 4_000
    assert read_by(lambda: a[10:20, ::300]) == 400
    assert read_by(lambda: a[[5, 999, 5]]) == 36_000
    assert read_by(lambda: a[np.arange(1000) % 500 == 3]) == 24_000
    assert read_by(lambda: repr(a)) < 1_000
    assert read_by(lambda: next(iter(a))) < 2_000_000
    assert read_by(lambda: len(a)) == 0
    with pytest.raises(IndexError):
        a[1000]
    before = _native.array_counters()
    with pytest.raises(IndexError):
        a[(5, [3000])]
    assert _native.array_counters() == before


def test_assignment_writes_only_the_chunks_it_touches(m: Map) -> None:
    m["a"] = np.zeros((1000, 3000), "i4")
    a = m["a"]
    assert written_by(lambda: a.__setitem__((5, 7), 1)) == CHUNK
    assert written_by(lambda: a.__setitem__(slice(500, 510), 1)) <= 2 * CHUNK
    assert written_by(lambda: a.__setitem__([5, 6], 3)) == CHUNK
    assert written_by(lambda: a.__setitem__(..., a.eager())) == 0
    assert written_by(lambda: a.__setitem__(..., 9)) == a.nbytes


def test_iterating_gives_the_rows(m: Map) -> None:
    array = np.arange(300_000, dtype="i4").reshape(1000, 300)
    m["a"] = array
    assert all(same(row, own) for row, own in zip(m["a"], array, strict=True))
    m["b"] = np.arange(5)
    assert list(m["b"]) == [0, 1, 2, 3, 4]
    m["c"] = np.zeros((0, 5))
    assert list(m["c"]) == []
    m["d"] = np.zeros((4, 0))
    assert [row.shape for row in m["d"]] == [(0,)] * 4
    m["e"] = np.array(1)
    for work in (iter, len):
        assert result(work, m["e"]) == result(work, np.array(1))


# --- In expressions


def test_operators_are_numpys(m: Map) -> None:
    array = np.arange(1, 7).reshape(2, 3)
    m["a"] = array
    works: list[Callable[[Any], Any]] = [
        lambda a: a + 1,
        lambda a: 1 - a,
        lambda a: a * a,
        lambda a: 2**a,
        lambda a: a @ array.T,
        lambda a: array @ a.eager().T if hasattr(a, "eager") else array @ a.T,
        lambda a: a == 3,
        lambda a: a != array,
        lambda a: array < a,
        lambda a: a >= 2.5,
        lambda a: -a,
        lambda a: abs(a),
        lambda a: ~a,
        lambda a: a & 1,
        lambda a: 7 // a,
        lambda a: a << 1,
        lambda a: divmod(a, 2)[1],
        lambda a: divmod(9, a)[0],
        lambda a: np.sqrt(a),
        lambda a: np.add.reduce(a),
        lambda a: array + a,
        lambda a: np.concatenate([a, a]),
        lambda a: np.mean(a, axis=0),
        lambda a: np.float64(2) * a,
        lambda a: a + "x",
        lambda a: np.asarray(a, "f4"),
        lambda a: a / 0.5,
    ]
    for i, work in enumerate(works):
        assert result(work, m["a"]) == result(work, array), i


def test_in_place_operators_change_the_stored_array(m: Map) -> None:
    array = np.arange(1, 7)
    m["a"] = array
    lazy = kept = m["a"]
    lazy += 1
    array += 1
    lazy *= lazy
    array *= array
    assert lazy is kept
    m["a"] -= 3
    array -= 3
    assert same(kept.eager(), array)
    with pytest.raises(TypeError) as mine:
        lazy /= 2
    with pytest.raises(TypeError) as numpys:
        array /= 2
    assert str(mine.value) == str(numpys.value)
    assert same(kept.eager(), array)
    with pytest.raises(TypeError, match="out="):
        np.add(array, 1, out=kept)


def test_conversions(m: Map) -> None:
    m["one"] = np.array([7])
    m["many"] = np.arange(3)
    assert (bool(m["one"]), int(np.array(m["one"])[0])) == (True, 7)
    for work in (bool, float, hash):
        mine = result(work, m["many"])
        assert mine[0] is result(work, np.arange(3))[0]
    assert 2 in m["many"]
    assert 5 not in m["many"]
    assert m["many"].tolist() == [0, 1, 2]
    assert np.array(m["many"], copy=True).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        m["many"].__array__(copy=False)
    m["list"] = []
    m["list"].extend(m["many"].tolist())
    assert m["list"] == [0, 1, 2]


def test_repr_shows_what_it_is(m: Map) -> None:
    m["a"] = np.arange(3)
    assert repr(m["a"]) == "LazyArray([0, 1, 2], shape=(3,), dtype=int64)"
    m["a"] = np.arange(1_000_000).reshape(1000, 1000)
    text = repr(m["a"])
    assert "[     0,      1,      2, ...,    997,    998,    999]" in text
    assert text.endswith("shape=(1000, 1000), dtype=int64)")
    m["a"] = np.array([(1, 2)], "i4, i4")
    assert repr(m["a"]) == "LazyArray([(1, 2)], shape=(1,), dtype=structured)"
    m["in"] = {"x": [np.zeros((2, 3)), np.array(1.0)]}
    assert repr(m["in"]) == (
        "{'x': [array(shape=(2, 3), dtype='<f8'), array(shape=(), dtype='<f8')]}"
    )


def test_copies_and_pickles(m: Map) -> None:
    array = np.arange(3)
    m["a"] = array
    for copied in (m["a"].copy(), copy.copy(m["a"]), copy.deepcopy(m["a"])):
        assert same(copied, array)
    back = pickle.loads(pickle.dumps(m["a"]))
    assert type(back) is oocmap.LazyArray
    assert same(back.eager(), array)
    with pytest.raises(TypeError):
        oocmap.LazyArray()  # type: ignore[call-arg, unused-ignore]
    with pytest.raises(TypeError, match="cannot be subclassed"):
        type("Mine", (oocmap.LazyArray,), {})
    assert oocmap.json_default(m["a"]) == [0, 1, 2]


# --- The map around it


def test_two_handles_of_one_array_are_one_object_to_containers(m: Map) -> None:
    """As list and dict take an object for equal to itself before they ask its ==."""
    array = np.arange(3.0)
    m["list"] = twin = [array, array]
    m["dict"], m["tuple"] = {"a": array}, (array, 1)
    for x, kind in ((m["list"], list), (twin, list), (m["tuple"], tuple), ((array, 1), tuple)):
        assert x[0] in x
        assert x.index(x[0]) == 0
        assert (x == kind(x)) is True
        assert (kind(x) == x) is True
        assert (x < kind(x)) is False
    assert m["list"].count(m["list"][0]) == twin.count(array) == 2
    for d in (m["dict"], {"a": array}):
        assert d == {"a": d["a"]}
        assert d.copy() == d
        assert d["a"] in d.values()
        assert ("a", d["a"]) in d.items()
    m["list"].remove(m["list"][0])
    assert m["list"] == [m["list"][0]]
    m["other"] = [array]
    for x, other in ((m["list"], m["other"]), ([array], [array.copy()])):
        with pytest.raises(ValueError, match="truth value of an array"):
            assert x[-1] in other
        with pytest.raises(ValueError, match="truth value of an array"):
            assert [x[-1]] == other


def test_shared_array_stays_shared(m: Map) -> None:
    array = np.arange(3)
    m["x"] = [array, array, np.arange(3)]
    x = m["x"]
    x[0][0] = 9
    assert [lazy.tolist() for lazy in x] == [[9, 1, 2], [9, 1, 2], [0, 1, 2]]
    back = x.eager()
    assert back[0] is back[1]
    assert back[0] is not back[2]
    m["y"] = x[0]
    m["y"][1] = 8
    assert x[1].tolist() == [9, 8, 2]


def test_copy_into_another_map(m: Map, tmp_path: Path) -> None:
    m["a"] = ARRAYS["three chunks"]
    with oocmap.OOCMap(tmp_path / "other.ooc", durability="off") as other:
        other["b"] = [m["a"]]
        other["b"][0][0, 0] = -1
        assert m["a"][0, 0] == 0
        assert other["b"][0][1, 5] == ARRAYS["three chunks"][1, 5]


def test_array_that_is_gone_is_stale(m: Map) -> None:
    m["a"] = np.arange(3)
    lazy = m["a"]
    with pytest.raises(ZeroDivisionError), m.transaction():  # noqa: PT012
        m["b"] = np.arange(3)
        inside = m["b"]
        m["a"][0] = 9
        assert lazy[0] == 9
        raise ZeroDivisionError
    assert lazy.tolist() == [0, 1, 2]
    works: list[Callable[[Any], Any]] = [
        lambda a: a.shape,
        lambda a: a[0],
        lambda a: a.eager(),
        lambda a: a.__setitem__(0, 1),
        repr,
    ]
    for work in works:
        with pytest.raises(oocmap.StaleHandleError):
            work(inside)
    m.close()
    for work in works:
        with pytest.raises(oocmap.ClosedError):
            work(lazy)


def test_space_is_used_again(m: Map, path: Path) -> None:
    array = np.arange(1_000_000)
    for i in range(8):
        m["a"] = array + i
    size = path.stat().st_size
    for i in range(12):
        m["a"] = array + i
    assert path.stat().st_size <= size
    assert same(m["a"].eager(), array + 11)


def test_many_assignments_are_one_transaction(m: Map) -> None:
    m["a"] = np.zeros(100_000)
    with pytest.raises(ZeroDivisionError), m.transaction():  # noqa: PT012
        m["a"][:] = 1
        m["a"][5] = 2
        m["a"][[1, 2]] = 3
        assert m["a"][:6].tolist() == [1, 3, 3, 1, 1, 2]
        raise ZeroDivisionError
    assert not m["a"].eager().any()


def test_threads_add_and_lose_nothing(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=60) as m:
        m["a"] = np.zeros(50_000, "i8")

        def count() -> None:
            for _ in range(20):
                m["a"] += 1

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (m["a"] == 80).all()


# --- What cannot be stored


def refused() -> list[tuple[Any, str]]:
    return [
        (np.array([object()]), "ndarray' (its elements are object, which is not of fixed size)"),
        (np.zeros(2, [("a", "O")]), "ndarray' (its elements are"),
        (np.matrix([1]), "matrix' (numpy.array(value) makes a plain ndarray of it)"),
        (np.ma.masked_array([1]), "MaskedArray' (numpy.array(value)"),
        (np.rec.array([(1,)]), "recarray' (numpy.array(value)"),
        (np.zeros(1, np.dtype((np.record, [("a", "i4")]))), "ndarray' (its elements are"),
        (np.array(["a"], np.dtypes.StringDType()), "ndarray' (its elements are"),
    ]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_what_would_not_come_back_is_refused(m: Map) -> None:
    for value, text in refused():
        with pytest.raises(oocmap.UnsupportedTypeError) as caught:
            m["x"] = {"rows": [1, value]}
        assert str(caught.value).startswith("cannot store a value of type '")
        assert text in str(caught.value)
        assert str(caught.value).endswith(" at ['rows'][1]")
    assert len(m) == 0
    with pytest.raises(TypeError, match="unhashable"):
        m[np.arange(3)] = 1


class FakeTable:
    pass


def test_tables_are_refused_with_what_to_do(m: Map, monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("pandas")
    module.DataFrame = FakeTable  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", module)
    with pytest.raises(
        oocmap.UnsupportedTypeError, match=r"store its columns, each with to_numpy\(\)"
    ):
        m["x"] = FakeTable()


def test_ml_dtypes(m: Map) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "int4"):
        array = np.array([1, 2, 3], getattr(ml_dtypes, name))
        m["a"] = array
        assert same(m["a"].eager(), array)
        m["a"][1:] = 1
        assert m["a"].eager().astype("i4").tolist() == [1, 1, 1]
    m["a"] = np.array([1.5, -2], ml_dtypes.bfloat16)
    assert m.sql("SELECT value FROM map").fetchall() == [("[1.5,-2.0]",)]


# --- Without numpy, and hostile files

WITHOUT = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "numpy":
            raise ImportError("no numpy here")
sys.meta_path.insert(0, Nothing())
import oocmap
m = oocmap.OOCMap(sys.argv[1])
a = m["d"]["a"]
print(a.shape, a.ndim, a.size, a.itemsize, a.nbytes, len(a), repr(a), m["d"])
print(m.sql("SELECT value FROM map WHERE key = 'd'").fetchall())
for work in (
    a.eager, lambda: a[0], lambda: a.dtype, m["d"].eager, lambda: m.pop("d"),
    lambda: a.__setitem__(0, 1),
):
    try:
        work()
    except ImportError as error:
        print(error)
print(len(m), m["other"])
del m["d"]
assert "numpy" not in sys.modules
"""


def test_without_numpy_all_else_stays_readable(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        m["d"] = {"a": np.arange(6).reshape(2, 3)}
        m["other"] = 1
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(path)], capture_output=True, text=True, check=True
    )
    lines = run.stdout.splitlines()
    assert lines[0] == (
        "(2, 3) 2 6 8 48 2 LazyArray(shape=(2, 3), dtype='<i8') "
        "{'a': array(shape=(2, 3), dtype='<i8')}"
    )
    assert lines[1] == """[('{"a":[[0,1,2],[3,4,5]]}',)]"""
    assert lines[2:8] == ["numpy is needed to read this array: pip install numpy"] * 6
    assert lines[8] == "2 1"


def test_numpy_is_not_imported_for_other_values(path: Path) -> None:
    code = (
        "import sys, oocmap; m = oocmap.OOCMap(sys.argv[1]); m[1] = [1, {'a': 2}]; m[1].eager();"
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


TYPES = [
    "|O",
    "O",
    "<O8",
    "i4,O",
    "<f8,<f8",
    "(2,)f8",
    "f16x",
    "<f4",
    "bfloat16",
    "object",
    "eval",
    "__class__",
    "{",
    "{}",
    "[]",
    '{"names":["a"],"formats":["|O8"],"offsets":[0],"itemsize":8}',
    '{"names":["a"],"formats":["<f8"],"offsets":[-8],"itemsize":8}',
    '{"names":["a"],"formats":["<f8"],"offsets":[4],"itemsize":8}',
    '{"names":["a","a"],"formats":["<f4","<f4"],"offsets":[0,4],"itemsize":8}',
    '{"names":["a"],"formats":[["<f4",[2,-1]]],"offsets":[0],"itemsize":8}',
    '{"names":["a"],"formats":[["<f4",2]],"offsets":[0],"itemsize":8}',
    '{"names":1,"formats":2,"offsets":3,"itemsize":4}',
    "[" * 100_000,
    "\ud800",
    "",
    "<M8[xx]",
    "|S99999999999",
]


@pytest.mark.parametrize("text", TYPES, ids=lambda text: ascii(text[:40]))
def test_hostile_types_are_corrupt(text: str) -> None:
    from oocmap.array_types import dtype_of, torch_type

    with pytest.raises((oocmap.CorruptionError, ImportError)):
        dtype_of(text, 8)
    if "torch" in sys.modules:
        with pytest.raises(oocmap.CorruptionError):
            torch_type(text, 8)


def test_mutated_files_raise_and_never_crash(tmp_path: Path) -> None:
    """In a process of its own: a crash would be seen. Prints its seed."""
    code = r"""
import pathlib, random, sys
import numpy as np, oocmap
folder = pathlib.Path(sys.argv[1])
seed = random.randrange(2**32)
print("seed", seed)
r = random.Random(seed)
with oocmap.OOCMap(folder / "good.ooc", durability="off") as m:
    m["a"] = np.arange(12, dtype="i2").reshape(3, 4)
    m["s"] = np.zeros(2, [("a", "i4"), ("b", "U3")])
    m["d"] = np.array([1, 2], "M8[ns]")
good = (folder / "good.ooc").read_bytes()
# Bytes of the nodes alone: LMDB's own, around them, are another test's.
nodes = {b"<i2": (32, 27), b'"<U3"': (20, 10), b"<M8[ns]": (24, 23)}
places = []
for mark, (before, behind) in nodes.items():
    at = good.find(mark)
    while at >= 0:
        places += range(at - before, at + behind)
        at = good.find(mark, at + 1)
assert places
fine = 0
for round in range(150):
    bad = bytearray(good)
    for _ in range(r.randrange(1, 4)):
        bad[r.choice(places)] = r.randrange(256)
    path = folder / f"bad{round}.ooc"
    path.write_bytes(bad)
    try:
        with oocmap.OOCMap(path, mode="r") as m:
            for key in ("a", "s", "d"):
                works = [
                    lambda: m[key].eager(), lambda: m[key][0], lambda: repr(m[key]),
                    lambda: repr(m), lambda: m.sql("SELECT value FROM map").fetchall(),
                ]
                for work in works:
                    try:
                        work()
                        fine += 1
                    except (oocmap.Error, MemoryError, ImportError):
                        pass
                    except Exception as error:
                        if type(error).__module__ != "apsw":
                            raise
    except oocmap.Error:
        pass
    path.unlink()
print("fine", fine)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert int(run.stdout.split()[-1]) > 0


# --- SQL


def test_sql_shows_an_array_as_one_value(m: Map) -> None:
    m["a"] = np.arange(6, dtype="i2").reshape(2, 3)
    m["scalar"] = np.array("2000-01-01", "M8[D]")
    m["in"] = [np.array([1 + 2j, np.nan])]
    rows = m.sql("SELECT key, value, type, oocmap_len(map) FROM map").fetchall()
    assert rows == [
        ("a", "[[0,1,2],[3,4,5]]", "ndarray", 2),
        ("scalar", '"2000-01-01"', "ndarray", None),
        ("in", '[["(1+2j)","(nan+0j)"]]', "list", 1),
    ]
    each = (
        "SELECT e.key, e.value, e.type, e.atom, e.ref "
        "FROM map, oocmap_each(map, ?) e WHERE map.key = ?"
    )
    ((key, value, kind, atom, ref),) = m.sql(each, ("$", "a"))
    assert (key, value, kind, atom) == (None, "[[0,1,2],[3,4,5]]", "ndarray", None)
    assert ref.shape == (2, 3)
    assert m.sql(each, ("$", "in")).fetchall()[0][2] == "ndarray"
    path = "SELECT oocmap_get(map, '$[0]'), oocmap_get(map, '$.x') FROM map WHERE key = 'a'"
    assert m.sql(path).fetchall() == [(None, None)]
    (lazy,) = m.sql("SELECT map FROM map WHERE key = 'a'").fetchall()[0]
    assert type(lazy) is oocmap.LazyArray
    m.sql("INSERT INTO map(key, value) SELECT 'again', map FROM map WHERE key = 'a'")
    m["again"][0, 0] = 9
    assert lazy[0, 0] == 9
    file = str(m.path).replace("'", "''")
    m.connection.execute(f"CREATE VIRTUAL TABLE temp.t USING oocmap('{file}', root='$.a')")
    with pytest.raises(Exception, match="leads to a value of type ndarray"):
        m.sql("SELECT * FROM t").fetchall()
