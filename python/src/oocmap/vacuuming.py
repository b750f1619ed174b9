"""Vacuum: the space of what is gone, given back."""

from collections.abc import Callable
from typing import Any, NamedTuple

from oocmap import _native


class VacuumReport(NamedTuple):
    """What `OOCMap.vacuum()` did."""

    finished: bool
    """Whether it came to its end. False where a limit stopped it: what it did stays."""
    containers: int
    """Dicts, lists, tuples, sets and arrays freed that removing them had left: shared and cyclic
    ones."""
    immutables: int
    """Shared texts, key sets and the like freed."""
    punched: int
    """Bytes given back to the file system."""
    can_punch: bool
    """Whether the file system can take them; where not, they are used by later writes."""
    allocated_before: int
    """What the file took on the disk before, in bytes; its size says nothing of it."""
    allocated_after: int
    """What it takes now."""


def vacuum(
    map: _native.Map[Any, Any], progress: Callable[[str, int, int], object] | None
) -> VacuumReport:
    """As OOCMap.vacuum()."""
    return VacuumReport(*map._vacuum(progress))
