"""Types of the elements of stored arrays: text in the file, a numpy dtype here.

docs/format.md ("Arrays") has the text. Nothing is imported before an array is converted.
"""

import functools
import importlib
import json
import re
from typing import Any

from oocmap.errors import CorruptionError

NUMPY, TORCH, JAX, TENSORFLOW = range(4)

# What numpy.dtype.str says of a type of fixed size without references; nothing else is handed to
# numpy.dtype, which would also take "O".
_PLAIN = re.compile(r"[<>|][biufcmMSUV][0-9]{1,10}(\[[0-9]{0,10}[A-Za-z]{1,2}\])?", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}", re.ASCII)

# The types torch and numpy share. Others have a name of torch's in the file.
_TORCH_TYPES = {
    "bool": "|b1",
    "uint8": "|u1",
    "int8": "|i1",
    "uint16": "<u2",
    "int16": "<i2",
    "float16": "<f2",
    "uint32": "<u4",
    "int32": "<i4",
    "float32": "<f4",
    "uint64": "<u8",
    "int64": "<i8",
    "float64": "<f8",
    "complex64": "<c8",
    "complex128": "<c16",
}
_TORCH_NAMES = {text: name for name, text in _TORCH_TYPES.items()}


def library(name: str) -> Any:
    """Import a library that a stored array needs. Raises: ImportError that says what for."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name} is needed to read this array: pip install {name}", name=name
        ) from error


# --- To text


def dtype_text(dtype: Any) -> str | None:
    """The text of a numpy dtype; None for one that cannot be stored."""
    numpy = library("numpy")
    if dtype.hasobject:
        return None
    if dtype.names is not None:
        fields = _fields(dtype)
        return None if fields is None else json.dumps(fields, separators=(",", ":"))
    if dtype.type.__module__ == "ml_dtypes":
        return str(dtype.name) if _NAME.fullmatch(dtype.name) else None
    if _PLAIN.fullmatch(dtype.str) and dtype.type is numpy.dtype(dtype.str).type:
        return str(dtype.str)
    return None


def _fields(dtype: Any) -> dict[str, Any] | None:
    formats: list[Any] = []
    titles = []
    if dtype.type is not library("numpy").void:  # a record: its class would be lost
        return None
    for name in dtype.names:
        field = dtype.fields[name]
        base = field[0] if field[0].subdtype is None else field[0].subdtype[0]
        text = dtype_text(base)
        title = field[2] if len(field) > 2 else None
        if text is None or not isinstance(title, str | None):
            return None
        form = json.loads(text) if text.startswith("{") else text
        formats.append(form if base is field[0] else [form, list(field[0].shape)])
        titles.append(title)
    fields: dict[str, Any] = {
        "names": list(dtype.names),
        "formats": formats,
        "offsets": [dtype.fields[name][1] for name in dtype.names],
        "itemsize": dtype.itemsize,
    }
    if any(title is not None for title in titles):
        fields["titles"] = titles
    if dtype.isalignedstruct:
        fields["aligned"] = True
    return fields


# --- From text, which may be anything


def _format(numpy: Any, text: Any) -> Any:
    if isinstance(text, list):
        base, shape = text
        if not all(type(length) is int for length in shape):
            raise ValueError("a shape that is none")
        return numpy.dtype((_format(numpy, base), tuple(shape)))
    if isinstance(text, dict):
        fields = {key: text[key] for key in ("names", "offsets", "itemsize")}
        fields["formats"] = [_format(numpy, form) for form in text["formats"]]
        for key in ("titles", "aligned"):
            if key in text:
                fields[key] = text[key]
        return numpy.dtype(fields)
    if _PLAIN.fullmatch(text):
        return numpy.dtype(text)
    if not _NAME.fullmatch(text):
        raise ValueError("no type of numpy's, and no name")
    named = numpy.dtype(getattr(library("ml_dtypes"), text))
    if named.type.__module__ != "ml_dtypes":
        raise ValueError("no type of ml_dtypes")
    return named


@functools.lru_cache(maxsize=256)
def dtype_of(text: str, item_size: int) -> Any:
    """The numpy dtype that `text` stands for. Raises: CorruptionError, ImportError."""
    numpy = library("numpy")
    try:
        dtype = _format(numpy, json.loads(text) if text.startswith("{") else text)
        sound = dtype.itemsize == item_size and not dtype.hasobject and dtype.subdtype is None
    except ImportError:
        raise
    except Exception as error:
        raise CorruptionError(f"an array has an unknown type: {text[:100]!r}") from error
    if not sound:
        raise CorruptionError(f"an array's type is not what its items are: {text[:100]!r}")
    return dtype


def torch_type(text: str, item_size: int) -> Any:
    """The torch dtype that `text` stands for. Raises: CorruptionError, ImportError."""
    torch = library("torch")
    name = _TORCH_NAMES.get(text, text)
    dtype = getattr(torch, name, None) if _NAME.fullmatch(name) else None
    if not isinstance(dtype, torch.dtype) or dtype.itemsize != item_size:
        raise CorruptionError(f"a tensor has an unknown type: {text[:100]!r}")
    return dtype


def torch_text(dtype: Any) -> str:
    """The text of a torch dtype."""
    name = str(dtype).removeprefix("torch.")
    return _TORCH_TYPES.get(name, name)


def carrier_of(kind: int, text: str, item_size: int) -> Any:
    """The numpy dtype in which items travel: their own, or where numpy has no such type an unsigned
    int of their size. Raises: CorruptionError, ImportError.
    """
    if kind != TORCH or text in _TORCH_NAMES:
        return dtype_of(text, item_size)
    if item_size not in (1, 2, 4, 8):
        raise CorruptionError(f"a tensor has an unknown type: {text[:100]!r}")
    return library("numpy").dtype(f"u{item_size}")
