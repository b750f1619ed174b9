"""Arrays and tensors of each library: how one is taken apart to be stored, and put together again.

A library is looked for among the modules that are loaded; only reading an array imports it.
"""

import sys
from typing import Any

from oocmap.array_types import (
    JAX,
    NUMPY,
    TENSORFLOW,
    TORCH,
    carrier_of,
    dtype_of,
    dtype_text,
    library,
    torch_text,
    torch_type,
)
from oocmap.errors import CorruptionError, UnsupportedTypeError

Described = tuple[int, str, int, bool, tuple[int, ...], Any]
Head = tuple[int, str, int, bool, tuple[int, ...]]

_HINTS = {
    ("pandas", "DataFrame"): "store its columns, each with to_numpy()",
    ("pandas", "Series"): "store its to_numpy()",
    ("pandas", "Index"): "store its to_numpy()",
    ("pyarrow", "Table"): "store its columns, each with to_numpy()",
    ("pyarrow", "Array"): "store its to_numpy()",
    ("pyarrow", "ChunkedArray"): "store its to_numpy()",
    ("tensorflow", "Variable"): "store its value()",
    ("tensorflow", "SparseTensor"): "store tensorflow.sparse.to_dense(value)",
    ("tensorflow", "RaggedTensor"): "store its to_tensor()",
    ("tensorflow", "Tensor"): "it is being traced and has no value",
}


def _loaded(module: str, name: str) -> Any:
    """A class of a library, None where that is not loaded."""
    return getattr(sys.modules.get(module), name, None)


def _refusal(value: Any, why: str) -> str:
    return f"cannot store a value of type '{type(value).__name__}' ({why})"


def is_array(value: object) -> bool:
    """Whether it is an array or tensor as eager() gives it."""
    kinds = (_loaded("numpy", "ndarray"), _loaded("torch", "Tensor"), _loaded("jax", "Array"))
    if any(isinstance(kind, type) and isinstance(value, kind) for kind in kinds):
        return True
    return type(value).__name__ == "EagerTensor" and _loaded("tensorflow", "Tensor") is not None


def nested_lists(array: Any) -> Any:
    """The elements of an array or tensor as nested lists, or the one scalar."""
    # tensorflow's tensors have no tolist().
    return (array if hasattr(array, "tolist") else array.numpy()).tolist()


def describe(value: Any) -> Described | str | None:
    """How to store an array or tensor: library, type, item size, order, shape, bytes.

    Returns text where it cannot be stored: why; None where it is none.
    """
    kind = type(value)
    ndarray = _loaded("numpy", "ndarray")
    if ndarray is not None and isinstance(value, ndarray):
        if kind is ndarray:
            return _describe_numpy(value, NUMPY)
        return _refusal(value, "numpy.array(value) makes a plain ndarray of it")
    tensor = _loaded("torch", "Tensor")
    if isinstance(tensor, type) and isinstance(value, tensor):
        if kind is tensor:
            return _describe_torch(value)
        return _refusal(value, "value.detach() or value.data may be a plain Tensor")
    jax_array = _loaded("jax", "Array")
    if isinstance(jax_array, type) and isinstance(value, jax_array):
        return _describe_jax(value)
    tensor = _loaded("tensorflow", "Tensor")
    if kind.__name__ == "EagerTensor" and isinstance(tensor, type) and isinstance(value, tensor):
        return _describe_tensorflow(value)
    for (module, name), hint in _HINTS.items():
        known = _loaded(module, name)
        if isinstance(known, type) and isinstance(value, known):
            return _refusal(value, hint)
    return None


def _describe_numpy(array: Any, kind: int) -> Described | str:
    numpy = library("numpy")
    dtype = array.dtype
    text = dtype_text(dtype)
    if text is None:
        return _refusal(array, f"its elements are {dtype}, which is not of fixed size")
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = numpy.ascontiguousarray(array)
    fortran = bool(array.flags.f_contiguous and not array.flags.c_contiguous)
    data = raw_bytes(array) if array.nbytes else b""
    return kind, text, dtype.itemsize, fortran, array.shape, data


def _describe_torch(tensor: Any) -> Described | str:
    torch = library("torch")
    if tensor.device.type != "cpu":
        return _refusal(tensor, f"it is on the device {tensor.device}: store its cpu()")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested:
        return _refusal(tensor, "it is not dense")
    if tensor.requires_grad:
        return _refusal(tensor, "it requires grad, which is not kept: store its detach()")
    size = tensor.element_size()
    text = torch_text(tensor.dtype)
    try:
        carrier_of(TORCH, text, size)
    except CorruptionError:
        return _refusal(tensor, f"its elements are {tensor.dtype}")
    data: Any = b""
    if tensor.numel():
        dense = tensor.resolve_conj().resolve_neg().contiguous()
        data = dense.reshape(-1).view(torch.uint8).numpy()
    return TORCH, text, size, False, tuple(tensor.shape), data


def _describe_jax(array: Any) -> Described | str:
    numpy = library("numpy")
    if isinstance(array, library("jax").core.Tracer):
        return _refusal(array, "it is being traced and has no value")
    if array.is_deleted():
        return _refusal(array, "it was deleted or donated")
    if not array.is_fully_addressable:
        return _refusal(array, "parts of it are on other hosts")
    if not isinstance(array.dtype, numpy.dtype):
        return _refusal(array, f"its elements are {array.dtype}: store jax.random.key_data(value)")
    return _describe_numpy(numpy.asarray(array), JAX)


def _describe_tensorflow(tensor: Any) -> Described | str:
    array = library("numpy").asarray(tensor.numpy())
    if array.dtype.hasobject:
        return _refusal(tensor, f"its elements are {tensor.dtype.name}")
    if library("tensorflow").as_dtype(array.dtype) != tensor.dtype:
        # Quantized: numpy has the integers only, and they would come back as these.
        return _refusal(
            tensor, f"its elements are {tensor.dtype.name}: store it cast to {array.dtype}"
        )
    return _describe_numpy(array, TENSORFLOW)


def raw_bytes(array: Any) -> Any:
    """The memory of an array that is contiguous in C or Fortran order and not empty: a view."""
    return array.ravel(order="K").view(library("numpy").uint8)


# --- Back


def give(head: Head, array: Any) -> Any:
    """The library's own array of `array`, which is fresh and has the dtype carrier_of().

    Raises: ImportError; UnsupportedTypeError where jax would change the type.
    """
    kind, text, item_size = head[:3]
    if kind == NUMPY:
        return array
    if kind == TORCH:
        dense = array if array.flags.c_contiguous else array.copy(order="C")
        found = library("torch").from_numpy(dense)
        dtype = torch_type(text, item_size)
        return found if found.dtype == dtype else found.view(dtype)
    if kind == JAX:
        library("jax")
        made = library("jax.numpy").asarray(array)
        if made.dtype != array.dtype:
            raise UnsupportedTypeError(
                f"this jax makes {made.dtype} of {array.dtype}: set jax_enable_x64"
            )
        return made
    return library("tensorflow").convert_to_tensor(array)


def build(head: Head, data: bytearray) -> Any:
    """The array or tensor of which these are the bytes. Raises: as give(); CorruptionError."""
    numpy = library("numpy")
    kind, text, item_size, fortran, shape = head
    dtype = carrier_of(kind, text, item_size)
    order = "F" if fortran else "C"
    if data:
        array = numpy.ndarray(shape, dtype, buffer=data, order=order)
    else:
        array = empty(shape, dtype, order)
    return give(head, array)


def empty(shape: tuple[int, ...], dtype: Any, order: str) -> Any:
    """numpy.empty(). Raises: CorruptionError for a shape that numpy does not take, MemoryError."""
    try:
        return library("numpy").empty(shape, dtype, order)
    except ValueError as error:
        raise CorruptionError(f"an array's shape is impossible: {error}") from error


def library_dtype(head: Head) -> Any:
    """The dtype as the library has it. Raises: ImportError, CorruptionError."""
    kind, text, item_size = head[:3]
    if kind == TORCH:
        return torch_type(text, item_size)
    dtype = dtype_of(text, item_size)
    return library("tensorflow").as_dtype(dtype) if kind == TENSORFLOW else dtype


def to_carrier(head: Head, value: Any) -> Any:
    """`value`, which is to be assigned, as what numpy can assign to an array of the carrier."""
    kind, text, item_size = head[:3]
    if kind != TORCH:
        return value
    torch = library("torch")
    if carrier_of(kind, text, item_size).kind == "u" and text not in ("|u1", "<u2", "<u4", "<u8"):
        dtype = torch_type(text, item_size)
        made = torch.as_tensor(value, dtype=dtype, device="cpu").detach().contiguous()
        return made.view(getattr(torch, f"uint{8 * item_size}")).numpy()
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().resolve_conj().resolve_neg().numpy()
    return value
