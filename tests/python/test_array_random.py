"""Random arrays and random parts of them, against numpy (hypothesis prints what fails)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import oocmap
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Map = oocmap.OOCMap[Any, Any]

DTYPES = st.one_of(
    hnp.scalar_dtypes(),
    hnp.byte_string_dtypes(),
    hnp.unicode_string_dtypes(),
    hnp.nested_dtypes(max_itemsize=200),
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12)
RELAXED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Map]:
    path: Path = tmp_path_factory.mktemp("arrays") / "map.ooc"
    with oocmap.OOCMap(path, durability="off") as opened:
        yield opened


def filled(data: st.DataObject, dtype: Any, shape: Any) -> Any:
    """A random array, in either order."""
    array = data.draw(hnp.arrays(dtype, shape))
    return np.asfortranarray(array) if data.draw(st.booleans()) else array


def same(left: Any, right: Any) -> bool:
    return (
        left.dtype == right.dtype
        and left.shape == right.shape
        and left.tobytes() == right.tobytes()
    )


@RELAXED
@given(data=st.data())
def test_any_array_comes_back(shared: Map, data: st.DataObject) -> None:
    array = filled(data, data.draw(DTYPES), data.draw(SHAPES))
    shared["a"] = array
    back = shared["a"].eager()
    assert same(back, array)
    assert back.flags.f_contiguous == array.flags.f_contiguous


@RELAXED
@given(data=st.data())
def test_any_part_is_read_and_written(shared: Map, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["i1", ">i4", "f8", "V3", "S5", "i2,f4", "M8[s]"]))
    # Up to a few chunks.
    shape = data.draw(
        SHAPES.map(lambda lengths: tuple(n * (40 if len(lengths) < 3 else 4) for n in lengths))
    )
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    twin = np.ndarray(shape, dtype, random.bytes(size) if size else None).copy(
        data.draw(st.sampled_from("CF"))
    )
    shared["a"] = twin
    lazy = shared["a"]
    for _ in range(3):
        index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=6))
        expected = twin[index]
        found = lazy[index]
        assert type(found) is type(expected)
        assert same(np.asarray(found), np.asarray(expected))
        part = np.asarray(expected)
        raw = random.bytes(part.size * twin.itemsize)
        fresh = np.ndarray(part.shape, dtype, raw if raw else None)
        twin[index] = fresh
        lazy[index] = fresh
        assert same(lazy.eager(), twin)


@RELAXED
@given(data=st.data())
def test_any_advanced_index(shared: Map, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=9))
    twin = (
        np.arange(int(np.prod(shape)), dtype="i4")
        .reshape(shape)
        .copy(data.draw(st.sampled_from("CF")))
    )
    shared["a"] = twin
    index = data.draw(
        st.one_of(
            hnp.integer_array_indices(shape),
            hnp.arrays("?", shape),
            hnp.arrays("?", shape[:1]),
            hnp.arrays(
                "i8", hnp.array_shapes(max_dims=2), elements=st.integers(-shape[0], shape[0] - 1)
            ),
        )
    )
    assert same(shared["a"][index], twin[index])
    shared["a"][index] = -7
    twin[index] = -7
    assert same(shared["a"].eager(), twin)
