"""numpy's scalars as the store keeps them, and back; the native module calls this by name.

numpy is looked at only where it is loaded already (storing), or where a value of it is read.
"""

import ast
import sys
from typing import Any

from oocmap.errors import CorruptionError, Error

# The numbers are on disk (docs/format.md): never renumbered.
_CODES = {
    "bool_": 1,  # numpy 1, which warns where it is asked for the other name
    "bool": 1,
    "int8": 2,
    "int16": 3,
    "int32": 4,
    "int64": 5,
    "uint8": 6,
    "uint16": 7,
    "uint32": 8,
    "uint64": 9,
    "float16": 10,
    "float32": 11,
    "float64": 12,
    "longdouble": 13,
    "float128": 13,  # numpy 1
    "complex64": 14,
    "complex128": 15,
    "clongdouble": 16,
    "complex256": 16,  # numpy 1
    "str_": 17,
    "bytes_": 18,
    "datetime64": 19,
    "timedelta64": 20,
    "void": 21,
    "longlong": 22,
    "ulonglong": 23,
}
# By code: the names under which numpy, of any version, has the type.
_NAMES = {code: [name for name in _CODES if _CODES[name] == code] for code in set(_CODES.values())}
_LONG = (13, 16)
_TEXT = (17, 18)
_TIMES = (19, 20)
_VOID = 21

Parts = tuple[int, bool, Any, str, bytes]


def _dtype_text(dtype: Any) -> str | None:
    """What _dtype() makes the same dtype of; None where nothing would."""
    try:
        text = repr(dtype.descr) if dtype.names is not None else str(dtype.str)
        return text if _dtype(text) == dtype else None
    except (ValueError, TypeError, SyntaxError):
        return None


def _dtype(text: str) -> Any:
    numpy = sys.modules["numpy"]
    return numpy.dtype(ast.literal_eval(text) if text.startswith("[") else text)


def _precision(cls: Any) -> str:
    """Tells the platforms' long doubles apart: bits of the significand."""
    return str(sys.modules["numpy"].finfo(cls).nmant)


def numpy_parts(value: Any) -> Parts | str | None:
    """(code, whether `plain` equals the value, plain, extra, raw bytes) of a numpy scalar.

    None where its class is not numpy's own. A str says why a void cannot be stored.
    """
    cls = type(value)
    code = _CODES.get(cls.__name__)
    if code is None or value.dtype.type is not cls:
        return None
    if code in _TEXT:
        # numpy's own __str__ drops NULs at the end.
        return code, True, str.__str__(value) if code == 17 else bytes(value), "", b""
    raw = b"" if value.dtype.hasobject else value.tobytes()
    if code in _TIMES:
        return code, False, str(value), value.dtype.str, raw
    if code == _VOID:
        if value.dtype.hasobject:
            return "cannot store a numpy void with objects in it"
        if (text := _dtype_text(value.dtype)) is None:
            return f"cannot store a numpy void whose fields overlap or have gaps: {value.dtype}"
        return code, False, raw, text, raw
    if code not in _LONG:
        return code, True, value.item(), "", raw
    plain = float(value) if code == 13 else complex(value)
    equal = bool(value == plain)
    return code, equal, plain if equal else str(value), _precision(cls), raw


def numpy_scalar(code: int, plain: Any, extra: str, raw: bytes) -> Any:
    """The scalar again. Raises Error where numpy cannot be imported, or has no such type here."""
    try:
        import numpy
    except ImportError as error:
        raise Error(
            f"the value is a numpy scalar ({_NAMES.get(code, ['?'])[0]}), "
            "and numpy cannot be imported here: install it to read the value"
        ) from error
    for name in _NAMES.get(code, ()):
        cls = getattr(numpy, name, None)
        if cls is not None and isinstance(cls, type) and issubclass(cls, numpy.generic):
            break
    else:
        raise Error(f"this numpy has no scalar type of code {code}")
    try:
        if code in _TEXT:
            if type(plain) is not (str if code == 17 else bytes):
                raise TypeError(plain)
            return cls(plain)
        if code in _LONG and extra != _precision(cls):
            raise Error(
                f"a numpy {cls.__name__} of {extra} bits, written on another kind of machine, "
                f"cannot be read where it has {_precision(cls)}"
            )
        dtype = _dtype(extra) if code == _VOID or code in _TIMES else numpy.dtype(cls)
        if dtype.type is not cls or dtype.hasobject or len(raw) != dtype.itemsize:
            raise ValueError(extra)
        if dtype.itemsize == 0:
            return numpy.zeros(1, dtype)[0]
        return numpy.frombuffer(bytearray(raw), dtype)[0]
    except Error:
        raise
    except Exception as error:  # of numpy or ast, for whatever bytes a damaged file holds
        raise CorruptionError("the file is damaged: a numpy scalar that does not decode") from error
