"""Arrays of a snapshot: of one moment, and without a copy where they lie in one piece."""

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import oocmap
import pytest
from oocmap import _native

Map = oocmap.OOCMap[Any, Any]


def test_parts_are_of_the_moment(m: Map) -> None:
    array = np.arange(200_000.0)
    m["a"] = array
    with m.snapshot() as s:
        lazy = s["a"]
        m["a"][:] = 0
        del m["a"]
        assert lazy[5] == 5
        assert (lazy.eager() == array).all()
        for work in (lambda: lazy.__setitem__(0, 1), lambda: lazy.__iadd__(1)):
            with pytest.raises(oocmap.ReadOnlyError):
                work()
        m["b"] = [lazy]  # a copy
    assert (m["b"][0].eager() == array).all()
    with pytest.raises(oocmap.ClosedError):
        lazy[0]


@pytest.mark.parametrize("order", ["C", "F"])
def test_array_in_one_chunk_is_not_copied(m: Map, order: Any) -> None:
    array = np.arange(20_000, dtype="f8").reshape(100, 200).copy(order)
    m["a"] = array
    with m.snapshot() as s:
        before = _native.array_counters()
        view = np.asarray(s["a"])
        assert _native.array_counters() == before
        assert view.dtype == array.dtype
        assert (view == array).all()
        assert view.flags.f_contiguous == array.flags.f_contiguous
        assert view.flags.aligned
        assert not view.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.flags.writeable = True
        assert np.array(s["a"], copy=True).flags.writeable
        assert s["a"].eager().flags.writeable
        assert s["a"].__array__(copy=False) is not None
        with pytest.raises(ValueError, match="Unable to avoid copy"):
            s["a"].__array__("f4", copy=False)
        assert np.asarray(s["a"], "f4").dtype == "f4"


def test_others_are_copied(m: Map) -> None:
    m["small"] = np.arange(3)
    m["large"] = np.arange(100_000)
    m["empty"] = np.zeros((0, 3))
    with m.snapshot() as s:
        for key in m:
            assert np.asarray(s[key]).flags.writeable
            with pytest.raises(ValueError, match="Unable to avoid copy"):
                s[key].__array__(copy=False)
    m["one"] = np.arange(20_000)
    assert np.asarray(m["one"]).flags.writeable


def test_view_outlives_all_else_and_never_changes(path: Path) -> None:
    array = np.arange(30_000)
    m: Map = oocmap.OOCMap(path, durability="off")
    m["a"] = array
    s = m.snapshot()
    view = np.asarray(s["a"])
    part = view[5:10]
    s.close()
    for i in range(50):  # pages that nobody held would be used again
        m["a"] = array + i
        m["a"][:] = -i
    m.close()
    del s, m
    gc.collect()
    assert (view == array).all()
    del view
    gc.collect()
    assert part.tolist() == [5, 6, 7, 8, 9]
    with oocmap.OOCMap(path, durability="off") as again:  # the file is open still, and shared
        again["b"] = 1
        assert part.tolist() == [5, 6, 7, 8, 9]
    del part
    gc.collect()
    with oocmap.OOCMap(path, mode="r") as again:
        assert again["a"][0] == -49


def test_moment_is_let_go_with_the_last_view(m: Map, path: Path) -> None:
    array = np.arange(30_000)
    for i in range(8):
        m["a"] = array + i
    s = m.snapshot()
    view = np.asarray(s["a"])
    s.close()
    del view
    size = path.stat().st_size
    for i in range(30):
        m["a"] = array + i
    assert path.stat().st_size <= size + 2 * array.nbytes


def test_process_that_ends_with_a_view(path: Path) -> None:
    code = """
import sys, numpy as np, oocmap
m = oocmap.OOCMap(sys.argv[1])
m["a"] = np.arange(20_000)
view = np.asarray(m.snapshot()["a"])
print(view.sum())
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "199990000\n", "")
