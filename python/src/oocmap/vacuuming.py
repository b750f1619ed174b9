"""What `OOCMap.vacuum()` did."""

from typing import NamedTuple


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
