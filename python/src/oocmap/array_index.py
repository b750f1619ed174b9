"""Indices of arrays: which part of an array an index means, without the array."""

from typing import Any, NamedTuple


class Part(NamedTuple):
    """What a basic index means: a rectangular part, and what remains to be done with that part."""

    ranges: tuple[int, ...]
    """Start, step (1 or more) and count of each axis, one after another."""
    counts: tuple[int, ...]
    """The shape of the part; every axis is there still."""
    rest: tuple[Any, ...]
    """The index that makes of the part what the whole index makes of the array."""


def basic_part(index: Any, shape: tuple[int, ...], integer: type) -> Part | None:
    """The part that an index of ints, slices, None and Ellipsis means.

    `integer`: numpy.integer. Returns None for any other index, and for one that does not fit: numpy
    says why. Raises: what slice.indices() does, as numpy.
    """
    items = index if type(index) is tuple else (index,)
    used = 0
    ellipses = 0
    for item in items:
        if item is Ellipsis:
            ellipses += 1
        elif isinstance(item, slice) or (
            isinstance(item, (int, integer)) and not isinstance(item, bool)
        ):
            used += 1
        elif item is not None:
            return None
    if ellipses > 1 or used > len(shape):
        return None
    ranges: list[int] = []
    rest: list[Any] = []
    axis = 0
    for item in items:
        if item is None:
            rest.append(None)
        elif item is Ellipsis:
            for length in shape[axis : axis + len(shape) - used]:
                ranges += (0, 1, length)
            axis += len(shape) - used
            rest.append(Ellipsis)
        elif isinstance(item, slice):
            start, stop, step = item.indices(shape[axis])
            count = len(range(start, stop, step))
            if step < 0:
                start, step = start + (count - 1) * step, -step
                rest.append(slice(None, None, -1))
            else:
                rest.append(slice(None))
            ranges += (start, step, count) if count else (0, 1, 0)
            axis += 1
        else:
            at = int(item)
            if not -shape[axis] <= at < shape[axis]:
                return None
            ranges += (at % shape[axis], 1, 1)
            rest.append(0)
            axis += 1
    for length in shape[axis:]:
        ranges += (0, 1, length)
    return Part(tuple(ranges), tuple(ranges[2::3]), tuple(rest))


def rows_of(numpy: Any, index: Any, length: int) -> Any:
    """The rows of the first axis that a list or array of ints, or of as many bools, selects.

    Returns an int64 array, or None for any other index, and for one that does not fit.
    """
    if type(index) not in (list, numpy.ndarray):
        return None
    try:
        rows = numpy.asarray(index)
    except (ValueError, TypeError, OverflowError):
        return None
    if rows.dtype.kind == "b" and rows.shape == (length,):
        return rows.nonzero()[0].astype(numpy.int64)
    if rows.dtype.kind not in "iu" or rows.ndim == 0:
        return None
    if rows.size and (rows.max() >= length or rows.min() < -length):
        return None
    rows = rows.astype(numpy.int64)
    return numpy.where(rows < 0, rows + length, rows)
