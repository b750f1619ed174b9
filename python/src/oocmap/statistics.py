"""What OOCMap.stats() returns."""

from typing import NamedTuple


class Statistics(NamedTuple):
    """A map's file as of its last commit."""

    entries: int
    """Of the map itself; not those below it."""
    file_bytes: int
    """The file's length, `st_size`. It never falls but by `vacuum(full=True)`."""
    allocated_bytes: int
    """What the file takes on the disk, `st_blocks` * 512."""
    max_bytes: int
    """What the file may grow to: `max_size`, or what address space there was."""
    page_bytes: int
    pages: int
    """Pages of the file that are or were in use."""
    free_pages: int
    """Those of them that later writes take, once no reader needs them."""
    transaction: int
    """The number of the last commit."""
    readers: int
    """Snapshots, queries and other reads under way now, in all processes."""
    oldest_reader_commits: int
    """How many commits ago the oldest of them began: no page freed since is used again before it
    ends, so the file grows. 0: nobody reads anything but the last commit."""
    oldest_reader_process: int
    """The pid of that reader, which may be this process; 0 where the one above is 0."""
    oldest_reader_seconds: float
    """How long ago the first of those commits was, at least: a process knows the times of commits
    that it made, or saw when it called this."""
