"""Snapshots: maps of one moment."""

from types import TracebackType
from typing import NoReturn, Self, TypeVar

from oocmap import _native
from oocmap.errors import ClosedError

K = TypeVar("K")
V = TypeVar("V")


class Snapshot(_native.Map[K, V]):
    """A read-only map of one moment: what `OOCMap.snapshot()` returns.

    It has dict's methods; those that write raise ReadOnlyError, after close() everything raises
    ClosedError. Lazy objects read from it belong to it, and show that moment: stored in a map, its
    own too, they are copied. Neither can be pickled. Threads may share it; in a forked child it is
    closed.
    """

    def __init__(self, map: _native.Map[K, V], /) -> None:
        """Take a snapshot of the moment `map` shows to other threads: its last commit."""
        self._open_snapshot(map)

    def close(self) -> None:
        """Let the moment go. May be repeated."""
        self._close()

    def __enter__(self) -> Self:
        """Return the snapshot itself. Raises: ClosedError."""
        if self.closed:
            raise ClosedError(f"the snapshot is closed: {self.path}")
        return self

    def __exit__(
        self,
        etype: type[BaseException] | None,
        evalue: BaseException | None,
        etraceback: TracebackType | None,
    ) -> None:
        """Close the snapshot."""
        self.close()

    def __reduce__(self) -> NoReturn:
        """Refuse: a moment cannot be sent. Raises: TypeError."""
        raise TypeError("a snapshot cannot be pickled; pickle the map, or eager() values")
