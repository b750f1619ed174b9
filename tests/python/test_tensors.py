"""Tensors of torch, jax and tensorflow come back as what they were.

What is not installed is skipped: none of them is needed, and each is large.
"""

import importlib.util
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import oocmap
import pytest
from oocmap import _native

Map = oocmap.OOCMap[Any, Any]

# --- torch


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="torch is not installed")


TORCH_TYPES = [
    "bool",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "complex64",
    "complex128",
    "float8_e4m3fn",
    "float8_e5m2",
    "complex32",
]


def bits(torch: Any, tensor: Any) -> Any:
    return tensor.contiguous().reshape(-1).view(torch.uint8).tolist() if tensor.numel() else []


def same(torch: Any, left: Any, right: Any) -> bool:
    return (
        type(left) is torch.Tensor
        and left.dtype is right.dtype
        and left.shape == right.shape
        and bits(torch, left) == bits(torch, right)
    )


@pytest.mark.parametrize("name", TORCH_TYPES)
@pytest.mark.filterwarnings("ignore:.*ComplexHalf.*")
def test_tensor_comes_back_as_it_was(torch: Any, m: Map, name: str) -> None:
    tensor = torch.arange(24).reshape(2, 3, 4).to(getattr(torch, name))
    for stored in (tensor, tensor[0, 0, 1], tensor[:, :0], tensor.transpose(0, 2), tensor[:, 1]):
        m["t"] = {"x": [stored]}
        lazy = m["t"]["x"][0]
        assert type(lazy) is oocmap.LazyArray
        assert (lazy.shape, lazy.ndim, lazy.size) == (stored.shape, stored.ndim, stored.numel())
        assert lazy.dtype is stored.dtype
        assert (lazy.itemsize, lazy.nbytes) == (stored.itemsize, stored.nbytes)
        assert same(torch, lazy.eager(), stored)
        assert same(torch, m["t"].eager()["x"][0], stored)
    m["t"] = tensor
    for index in (
        0,
        (1, 2),
        (1, 2, 3),
        slice(1, None),
        (..., slice(None, None, 2)),
        (None, 1),
        [1, 0],
    ):
        assert same(torch, m["t"][index], tensor[index])
    m["t"][0, 1:] = tensor[1, :2]
    m["t"][:, 0, 0] = 1
    tensor[0, 1:] = tensor[1, :2].clone()
    tensor[:, 0, 0] = 1
    assert same(torch, m["t"].eager(), tensor)


def test_slice_of_a_tensor_reads_no_more(torch: Any, m: Map) -> None:
    m["t"] = torch.zeros(1000, 1000, dtype=torch.bfloat16)
    before = _native.array_counters()[0]
    assert m["t"][5].shape == (1000,)
    assert _native.array_counters()[0] - before == 2_000


def test_tensor_in_expressions(torch: Any, m: Map) -> None:
    tensor = torch.arange(3.0)
    m["t"] = tensor
    assert same(torch, m["t"] + 1, tensor + 1)
    assert same(torch, tensor * m["t"], tensor * tensor)
    assert same(torch, m["t"] @ m["t"], tensor @ tensor)
    m["t"] += tensor
    assert same(torch, m["t"].eager(), tensor * 2)
    assert type(np.asarray(m["t"])) is np.ndarray
    assert "bfloat16" in repr([m.__setitem__("b", tensor.bfloat16()), m["b"]][1])
    assert repr(m["t"]) == "LazyArray([0., 2., 4.], shape=(3,), dtype=torch.float32)"


def test_result_is_its_own_memory(torch: Any, m: Map) -> None:
    m["t"] = torch.zeros(3)
    m["t"].eager()[0] = 5
    assert m["t"].eager().tolist() == [0, 0, 0]


@pytest.mark.filterwarnings("ignore:.*quantize.*")
def test_tensors_that_would_not_come_back_are_refused(torch: Any, m: Map) -> None:
    class Mine(torch.Tensor):  # type: ignore[misc, name-defined]
        pass

    cases = [
        (torch.zeros(2, requires_grad=True), "requires grad"),
        (torch.nn.Parameter(torch.zeros(2)), "Parameter"),
        (torch.zeros(2).as_subclass(Mine), "Mine"),
        (torch.zeros(2, 2).to_sparse(), "not dense"),
        (torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8), "not dense"),
        (torch.zeros(2, device="meta"), "it is on the device meta: store its cpu()"),
    ]
    for value, text in cases:
        with pytest.raises(oocmap.UnsupportedTypeError) as caught:
            m["x"] = [value]
        assert text in str(caught.value)
        assert str(caught.value).endswith(" at [0]")
    assert len(m) == 0


def test_conjugate_and_negative_views_are_resolved(torch: Any, m: Map) -> None:
    tensor = torch.tensor([1 + 2j, 3 - 4j])
    for view in (tensor.conj(), tensor.conj().imag):
        m["t"] = view
        assert torch.equal(m["t"].eager(), view)


def test_sql_sees_the_numbers(torch: Any, m: Map) -> None:
    m["t"] = torch.tensor([[1.5, -2]], dtype=torch.bfloat16)
    assert m.sql("SELECT value, type FROM map").fetchall() == [("[[1.5,-2.0]]", "ndarray")]


def test_tensor_of_a_file_opened_again(torch: Any, path: Path) -> None:
    tensor = torch.arange(200_000, dtype=torch.int32).reshape(1000, 200)
    with oocmap.OOCMap(path) as m:
        m["t"] = tensor
    with oocmap.OOCMap(path, mode="r") as m:
        assert same(torch, m["t"].eager(), tensor)


# --- jax and tensorflow, each in a process of its own: they warn of forks, which other tests do


def run_apart(library: str, path: Path, code: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    code = "import sys, oocmap\nm = oocmap.OOCMap(sys.argv[1])\n" + textwrap.dedent(code)
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_jax_array_comes_back_as_it_was(path: Path) -> None:
    run_apart(
        "jax",
        path,
        """
        import jax
        for name in ("float32", "int8", "bool", "bfloat16", "float16", "complex64", "uint32"):
            array = jax.numpy.arange(6).reshape(2, 3).astype(name)
            m["j"] = array
            for back, own in (
                (m["j"].eager(), array), (m["j"][1], array[1]), (m["j"][0, 1], array[0, 1]),
                (m["j"][:, ::-1], array[:, ::-1]),
            ):
                assert isinstance(back, jax.Array), name
                assert (back.dtype, back.shape) == (own.dtype, own.shape)
                assert (back == own).all()
            m["j"][0] = array[1]
            assert (m["j"].eager()[0] == array[1]).all()
            assert m["j"].dtype == array.dtype
            assert isinstance(m["j"] + array, jax.Array)
        """,
    )


def test_jax_refusals(path: Path) -> None:
    run_apart(
        "jax",
        path,
        """
        import jax
        def refusal(work):
            try:
                work()
            except oocmap.UnsupportedTypeError as error:
                return str(error)
        def traced(x):
            assert "is being traced" in refusal(lambda: m.__setitem__("j", x))
            return x
        jax.jit(traced)(jax.numpy.zeros(2))
        assert "key_data" in refusal(lambda: m.__setitem__("j", jax.random.key(0)))
        jax.config.update("jax_enable_x64", True)
        m["wide"] = jax.numpy.arange(3.0)
        assert m["wide"].eager().dtype == "float64"
        jax.config.update("jax_enable_x64", False)
        assert "set jax_enable_x64" in refusal(m["wide"].eager)
        """,
    )


TENSORFLOW_TYPES = """
bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16 complex64
complex128 float8_e4m3fn float8_e5m2
"""


def test_tensorflow_tensor_comes_back_as_it_was(path: Path) -> None:
    run_apart(
        "tensorflow",
        path,
        f"""
        names = {TENSORFLOW_TYPES.split()}
        """
        """
        import numpy
        import tensorflow as tf
        def same(back, own):
            assert type(back) is type(own)
            assert (back.dtype, back.shape) == (own.dtype, own.shape)
            assert back.numpy().tobytes() == own.numpy().tobytes()
        everything = slice(None)
        for name in names:
            tensor = tf.cast(tf.reshape(tf.range(24.0), (2, 3, 4)), name)
            for stored in (tensor, tensor[0, 0, 1], tensor[:, :0], tensor[:, 1]):
                m["t"] = {"x": [stored]}
                lazy = m["t"]["x"][0]
                assert (lazy.dtype, lazy.shape) == (stored.dtype, tuple(stored.shape))
                same(lazy.eager(), stored)
                same(m["t"].eager()["x"][0], stored)
            m["t"] = tensor
            for index in (0, (1, 2), (1, 2, 3), (..., slice(None, None, 2)), (everything, 0)):
                same(m["t"][index], tensor[index])
            m["t"][0, 1:] = tensor[1, :2]
            same(m["t"][0, 1:], tensor[1, :2])
        m["t"] = tensor = tf.range(3.0)
        same(m["t"] + 1, tensor + 1)
        same(tensor * m["t"], tensor * tensor)
        same(tf.convert_to_tensor(m["t"]), tensor)
        m["t"] += tensor
        same(m["t"].eager(), tensor * 2)
        same(m["t"][tf.constant([2, 0])], tf.constant([4.0, 0.0]))
        same(m["t"][tf.constant([True, False, True])], tf.constant([0.0, 4.0]))
        for name in ("int4", "uint4", "float8_e4m3b11fnuz"):
            kind = getattr(tf.dtypes.experimental, name, None)
            if kind is not None:
                numbers = numpy.array([1.0, 2.0, 3.0]).astype(kind.as_numpy_dtype)
                m["t"] = own = tf.convert_to_tensor(numbers)
                assert own.dtype == kind
                same(m["t"].eager(), own)
        """,
    )


def test_tensorflow_refusals(path: Path) -> None:
    run_apart(
        "tensorflow",
        path,
        """
        import tensorflow as tf
        def refusal(value):
            try:
                m["t"] = [value]
            except oocmap.UnsupportedTypeError as error:
                assert str(error).endswith(" at [0]")
                return str(error)
            raise AssertionError(value)
        assert "its elements are string" in refusal(tf.constant(["a"]))
        for name in ("qint8", "quint8", "qint16", "quint16", "qint32"):
            plain = name.replace("q", "")
            value = tf.bitcast(tf.zeros(2, plain), name)
            assert f"its elements are {name}: store it cast to {plain}" in refusal(value)
        assert "store its value()" in refusal(tf.Variable([1.0]))
        assert "to_dense(value)" in refusal(tf.sparse.from_dense([1, 0]))
        assert "store its to_tensor()" in refusal(tf.ragged.constant([[1], [1, 2]]))
        @tf.function(autograph=False)
        def traced(x):
            assert "is being traced" in refusal(x)
            return x
        traced(tf.range(3))
        for look in (lambda: {tf.range(3): 1}, lambda: m.get(tf.range(3))):
            try:
                look()
            except TypeError as error:
                assert "unhashable" in str(error)
            else:
                raise AssertionError
        assert "t" not in m
        """,
    )


def test_tensorflow_tensor_of_a_file_opened_again(path: Path) -> None:
    run_apart(
        "tensorflow",
        path,
        """
        import tensorflow as tf
        tensor = tf.reshape(tf.cast(tf.range(200_000), tf.bfloat16), (1000, 200))
        m["t"] = tensor
        m.close()
        with oocmap.OOCMap(sys.argv[1], mode="r") as m:
            assert (m["t"].eager() == tensor).numpy().all()
            before = oocmap._native.array_counters()[0]
            assert m["t"][5].shape == (200,)
            assert oocmap._native.array_counters()[0] - before == 400
            first = m.sql("SELECT value ->> '$[0][2]', type FROM temp.map").fetchall()
            assert first == [(2.0, "ndarray")], first
        """,
    )
