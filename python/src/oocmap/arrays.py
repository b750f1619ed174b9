"""Arrays in a map: read by parts, and written by parts."""

import math
import operator
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

from oocmap import _native
from oocmap.array_index import basic_part, rows_of
from oocmap.array_libraries import (
    Head,
    build,
    describe,
    empty,
    give,
    library_dtype,
    nested_lists,
    raw_bytes,
    to_carrier,
)
from oocmap.array_types import NUMPY, carrier_of, library

# Elements that an iterator reads at a time, in bytes.
_BLOCK = 1 << 20
# As numpy's printing: longer arrays show this many elements at each end of an axis.
_EDGE = 3
_SHOWN = 1000


def _transaction(array: "LazyArray") -> AbstractContextManager[Any]:
    opened = _native.map_of(array)
    # A snapshot has none, and refuses the write itself.
    return opened.transaction() if hasattr(opened, "transaction") else nullcontext()


def _plain(value: Any) -> Any:
    return value.eager() if isinstance(value, LazyArray) else value


# Every operator works on the eager array: what that gives, the LazyArray gives.


def _unary(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda self: work(self.eager())


def _binary(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: work(self.eager(), _plain(other))


def _reflected(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: work(_plain(other), self.eager())


def _in_place(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: "LazyArray", other: Any) -> "LazyArray":
        other = _plain(other)
        with _transaction(self):
            self[...] = work(self.eager(), other)
        return self

    return method


class LazyArray(_native.ArrayHandle):
    """A numpy array, or a tensor of torch, jax or tensorflow, inside a map.

        m["x"] = numpy.zeros((100_000, 768), "f4")
        m["x"][5]                  # reads 3 kB: an ndarray of shape (768,)
        m["x"][10:20, ::2] = 1     # writes the chunks it touches, at once

    Indexing gives a plain array or scalar (of torch, jax or tensorflow: its tensor) of what the map
    holds then. Shape and dtype never change. `eager()` gives the whole array, `numpy.asarray()` and
    arithmetic read it whole; `==` and the like compare element by element, so a LazyArray has no
    hash.

    Errors of any use: ClosedError, StaleHandleError where the array is gone, CorruptionError,
    ImportError where the library is not installed (shape, ndim, size, itemsize and nbytes do not
    need it).
    """

    __slots__ = ()
    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __init_subclass__(cls) -> None:
        raise TypeError("LazyArray cannot be subclassed")

    # --- What it is

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._head()[4]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._head()[4])

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self._head()[4])

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self._head()[2]

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        head = self._head()
        return math.prod(head[4]) * head[2]

    @property
    def dtype(self) -> Any:
        """Type of the elements: numpy's or jax's numpy.dtype, torch.dtype, tensorflow.DType."""
        return library_dtype(self._head())

    def __len__(self) -> int:
        shape = self._head()[4]
        if not shape:
            raise TypeError("len() of unsized object")
        return shape[0]

    # --- Reading

    def _part(self, head: Head, ranges: tuple[int, ...], counts: tuple[int, ...]) -> Any:
        kind, text, item_size, fortran, _ = head
        part = empty(counts, carrier_of(kind, text, item_size), "F" if fortran else "C")
        if part.nbytes:
            self._read(raw_bytes(part), ranges)
        return part

    def _whole(self, head: Head) -> Any:
        """All of it as a numpy array of the carrier's dtype."""
        shape = head[4]
        ranges = tuple(number for length in shape for number in (0, 1, length))
        return self._part(head, ranges, shape)

    def __getitem__(self, index: Any, /) -> Any:
        """Read what numpy's indexing would give: a plain array, or a scalar.

        Ints, slices, None and Ellipsis read the elements they mean; a list or array of ints or
        bools as the only index reads the rows it selects (in Fortran order: all). Any other index
        reads the whole array first.
        """
        numpy = library("numpy")
        head = self._head()
        shape = head[4]
        scalar = () if head[0] == NUMPY else (Ellipsis,)
        part = basic_part(index, shape, numpy.integer)
        if part is not None:
            found = self._part(head, part.ranges, part.counts)
            rest = part.rest if Ellipsis in part.rest else (*part.rest, *scalar)
            return give(head, found[rest])
        rows = rows_of(numpy, index, shape[0]) if shape and not head[3] else None
        if rows is not None:
            found = empty((rows.size, *shape[1:]), carrier_of(*head[:3]), "C")
            if found.nbytes:
                self._read_rows(raw_bytes(found), numpy.ascontiguousarray(rows.reshape(-1)))
            return give(head, found.reshape(rows.shape + shape[1:]))
        index = tuple(map(_plain, index)) if type(index) is tuple else _plain(index)
        _check_index(numpy, shape, index)
        found = self._whole(head)[index]
        if head[0] != NUMPY:
            found = numpy.asarray(found)
        return give(head, found)

    def __iter__(self) -> Iterator[Any]:
        head = self._head()
        shape = head[4]
        if not shape:
            raise TypeError("iteration over a 0-d array")
        return self._rows(shape[0], max(1, _BLOCK * shape[0] // max(1, self.nbytes)))

    def _rows(self, length: int, at_once: int) -> Iterator[Any]:
        for start in range(0, length, at_once):
            yield from self[start : start + at_once]

    def eager(self) -> Any:
        """The whole array or tensor, of one consistent moment."""
        head = self._head()
        return give(head, self._whole(head))

    def copy(self) -> Any:
        """As eager()."""
        return self.eager()

    def __copy__(self) -> Any:
        return self.eager()

    def __deepcopy__(self, memo: Any, /) -> Any:
        return self.eager()

    def tolist(self) -> Any:
        """The elements as nested lists, or the one scalar, as numpy's tolist()."""
        return nested_lists(self.eager())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The whole array as numpy's: a copy.

        In a snapshot, an array that lies in one chunk (8 KiB to 256 KiB) is shown where it lies,
        read-only, unless `copy` is True; the snapshot's moment is kept until that array is gone.
        Raises: ValueError where `copy` is False and it has to be one.
        """
        head = self._head()
        kind, text, item_size, fortran, shape = head
        memory = None if copy is True else self._memory()
        if memory is not None:
            dtype_here = carrier_of(kind, text, item_size)
            whole = library("numpy").ndarray(
                shape, dtype_here, buffer=memory, order="F" if fortran else "C"
            )
        elif copy is False:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        else:
            whole = self._whole(head)
        named = not text.startswith(("<", ">", "|", "{"))
        if named and kind != NUMPY:  # it may travel as an unsigned int
            ml_dtypes = library("ml_dtypes")
            if not hasattr(ml_dtypes, text):
                raise TypeError(f"numpy has no type for {text}")
            whole = whole.view(getattr(ml_dtypes, text))
        if dtype is None or whole.dtype == dtype:
            return whole
        if copy is False:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        return whole.astype(dtype)

    # --- Writing

    def __setitem__(self, index: Any, value: Any, /) -> None:
        """Assign as numpy does, broadcasting. On disk when it returns, or when the transaction
        commits; all of it or nothing.

        Ints, slices, None and Ellipsis write the chunks that hold these elements. Any other index
        reads the whole array, in a transaction, and writes the chunks that changed.

        Raises: what numpy raises for the index or the value; what any write does.
        """
        numpy = library("numpy")
        head = self._head()
        if isinstance(value, LazyArray):
            value = value.eager()
        value = to_carrier(head, value)
        part = basic_part(index, head[4], numpy.integer)
        if part is None:
            index = tuple(map(_plain, index)) if type(index) is tuple else _plain(index)
            self._change(lambda whole: operator.setitem(whole, index, value))
            return
        kind, text, item_size, fortran, _ = head
        fresh = empty(part.counts, carrier_of(kind, text, item_size), "F" if fortran else "C")
        fresh[part.rest] = value
        self._write(raw_bytes(fresh) if fresh.nbytes else b"", part.ranges)

    def _change(self, change: Callable[[Any], Any]) -> None:
        """Change the whole array in memory, and write what that changed."""
        with _transaction(self):
            head = self._head()
            whole = self._whole(head)
            change(whole)
            ranges = tuple(number for length in head[4] for number in (0, 1, length))
            self._write(raw_bytes(whole) if whole.nbytes else b"", ranges)

    # --- As numpy's arrays in expressions

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **arguments: Any) -> Any:
        if any(isinstance(out, LazyArray) for out in arguments.get("out") or ()):
            raise TypeError("a LazyArray cannot be out=: assign the result to array[...]")
        return getattr(ufunc, method)(*map(_plain, inputs), **arguments)

    def __bool__(self) -> bool:
        return bool(self.eager())

    def __int__(self) -> int:
        return int(self.eager())

    def __float__(self) -> float:
        return float(self.eager())

    def __complex__(self) -> complex:
        return complex(self.eager())

    def __index__(self) -> int:
        return operator.index(self.eager())

    def __contains__(self, value: Any, /) -> bool:
        return _plain(value) in self.eager()

    __add__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.add)
    __radd__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.add)
    __iadd__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.iadd)
    __sub__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.sub)
    __rsub__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.sub)
    __isub__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.isub)
    __mul__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.mul)
    __rmul__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.mul)
    __imul__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.imul)
    __truediv__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.truediv)
    __rtruediv__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.truediv)
    __itruediv__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.itruediv)
    __floordiv__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.floordiv)
    __rfloordiv__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.floordiv)
    __ifloordiv__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.ifloordiv)
    __mod__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.mod)
    __rmod__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.mod)
    __imod__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.imod)
    __pow__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.pow)
    __rpow__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.pow)
    __ipow__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.ipow)
    __matmul__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.matmul)
    __rmatmul__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.matmul)
    __imatmul__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.imatmul)
    __lshift__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.lshift)
    __rlshift__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.lshift)
    __ilshift__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.ilshift)
    __rshift__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.rshift)
    __rrshift__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.rshift)
    __irshift__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.irshift)
    __and__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.and_)
    __rand__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.and_)
    __iand__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.iand)
    __or__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.or_)
    __ror__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.or_)
    __ior__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.ior)
    __xor__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.xor)
    __rxor__: ClassVar[Callable[[Any, Any], Any]] = _reflected(operator.xor)
    __ixor__: ClassVar[Callable[[Any, Any], Any]] = _in_place(operator.ixor)
    __divmod__: ClassVar[Callable[[Any, Any], Any]] = _binary(divmod)
    __rdivmod__: ClassVar[Callable[[Any, Any], Any]] = _reflected(divmod)
    __lt__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.lt)
    __le__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.le)
    __gt__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.gt)
    __ge__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.ge)
    __eq__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.eq)
    __ne__: ClassVar[Callable[[Any, Any], Any]] = _binary(operator.ne)
    __neg__: ClassVar[Callable[[Any], Any]] = _unary(operator.neg)
    __pos__: ClassVar[Callable[[Any], Any]] = _unary(operator.pos)
    __abs__: ClassVar[Callable[[Any], Any]] = _unary(operator.abs)
    __invert__: ClassVar[Callable[[Any], Any]] = _unary(operator.invert)

    # --- Text

    def __repr__(self) -> str:
        """As numpy's, shortened, with shape and dtype: reads only what it shows."""
        head = self._head()
        kind, text, _, _, shape = head
        name = "LazyArray"
        try:
            shown = give(head, self._edges(head))
            dtype = str(self.dtype) if text[:1] != "{" else "structured"
            content = _content(shown, kind)
        except ImportError:
            return f"{name}(shape={shape}, dtype={text[:100]!r})"
        return f"{name}({content}, shape={shape}, dtype={dtype})"

    def __format__(self, spec: str, /) -> str:
        """As numpy's: an array without axes is formatted as its scalar."""
        if spec and not self._head()[4]:
            return format(self.eager(), spec)
        return super().__format__(spec)

    def _edges(self, head: Head) -> Any:
        """The whole, or where it is large: of each long axis the ends, and one more element that
        makes numpy write "...".
        """
        numpy = library("numpy")
        shape = head[4]
        if math.prod(shape) <= _SHOWN:
            return self._whole(head)
        ends = 2 * _EDGE + 1
        small = empty(tuple(min(length, ends) for length in shape), carrier_of(*head[:3]), "C")
        # (where it goes, where it comes from) of the pieces of each axis
        pieces = [
            [(slice(0, length), slice(0, length))]
            if length <= ends
            else [
                (slice(0, _EDGE), slice(0, _EDGE)),
                (slice(_EDGE, ends), slice(length - _EDGE - 1, length)),
            ]
            for length in shape
        ]
        for at in numpy.ndindex(*map(len, pieces)):
            chosen = [axis[i] for axis, i in zip(pieces, at, strict=True)]
            part = basic_part(tuple(piece[1] for piece in chosen), shape, numpy.integer)
            if part is not None:
                small[tuple(piece[0] for piece in chosen)] = self._part(
                    head, part.ranges, part.counts
                )
        return small


def _content(shown: Any, kind: int) -> str:
    if kind != NUMPY and not hasattr(shown, "__array__"):
        return str(shown)
    numpy = library("numpy")
    try:
        array = numpy.asarray(shown)
    except TypeError:  # bfloat16 of torch and its like
        return " ".join(str(shown).split())
    threshold = 0 if any(length > 2 * _EDGE for length in array.shape) else _SHOWN
    return str(
        numpy.array2string(
            array, separator=", ", threshold=threshold, edgeitems=_EDGE, prefix=" " * 10
        )
    )


def _check_index(numpy: Any, shape: tuple[int, ...], index: Any) -> None:
    """Raise what numpy raises for an index that cannot be, before anything is read."""
    fields = isinstance(index, str) or (
        isinstance(index, list) and any(isinstance(name, str) for name in index)
    )
    if not fields:
        numpy.broadcast_to(numpy.zeros((), "?"), shape)[index]


_native.use_arrays(LazyArray, describe, build)
