"""What `OOCMap.vacuum()` did, and when it runs by itself."""

import operator
from typing import NamedTuple

from oocmap.errors import ArgumentError

_LARGEST = 2**64 - 1


class VacuumReport(NamedTuple):
    """What a vacuum did."""

    finished: bool
    """Whether it came to its end."""
    containers: int
    """Containers freed that nothing reached any more."""
    immutables: int
    """Texts and other immutables freed, likewise."""
    punched_bytes: int
    """Bytes given back as holes in the file."""
    can_punch: bool
    """Whether the file system has holes; without them space is only used again."""
    allocated_before: int
    """What the file took of the disk before, in bytes."""
    allocated_after: int
    """What it takes now."""


def checked_threshold(delete_threshold: int | None) -> int:
    """Return the threshold as the native module takes it: 0 for none."""
    if delete_threshold is None:
        return 0
    try:
        if isinstance(delete_threshold, bool):
            raise TypeError
        threshold = operator.index(delete_threshold)
    except TypeError:
        raise TypeError(
            f"delete_threshold must be an int or None, not {type(delete_threshold).__name__!r}"
        ) from None
    if threshold < 1:
        raise ArgumentError(f"delete_threshold must be 1 or more, or None, not {threshold}")
    return min(threshold, _LARGEST)
