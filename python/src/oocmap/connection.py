"""The connection a map lives on: apsw's, with transactions that take the write lock on entry."""

import errno
import threading
import time
from types import TracebackType
from typing import NoReturn

import apsw

from oocmap.errors import (
    BusyError,
    ClosedError,
    CorruptionError,
    Error,
    IoError,
    NotAllowedError,
    ReadOnlyError,
    StoreFullError,
    TransactionError,
)
from oocmap.loading import load

# What a transaction raises where SQLite passes on the store's error.
_ERRORS: dict[type[apsw.Error], type[Error]] = {
    apsw.BusyError: BusyError,
    apsw.LockedError: BusyError,
    apsw.ReadOnlyError: ReadOnlyError,
    apsw.CorruptError: CorruptionError,
    apsw.AuthError: NotAllowedError,
    apsw.ConnectionClosedError: ClosedError,
    apsw.SQLError: TransactionError,
}


def _raise_ours(error: apsw.Error) -> NoReturn:
    """Raise the error of this package that SQLite's stands for; any other as it is."""
    if isinstance(error, apsw.FullError):
        raise StoreFullError(errno.ENOSPC, str(error)) from error
    if isinstance(error, apsw.IOError):
        raise IoError(errno.EIO, str(error)) from error
    for theirs, ours in _ERRORS.items():
        if isinstance(error, theirs):
            raise ours(str(error)) from error
    raise error


class Connection(apsw.Connection):
    """The apsw connection of a map, which is its table `temp.map`.

    The database itself is in memory; only the map is on disk. `with connection:` begins a
    transaction that takes the map's write lock on entry (not in mode "r"), commits at the end, and
    rolls back after an exception; nested ones are savepoints. A transaction belongs to the thread
    that began it: another thread that wants one waits for its end.
    """

    def __init__(self, *, read_only: bool = False, timeout: float = 5.0) -> None:
        """Open an in-memory database with the extension loaded; OOCMap() makes its own."""
        super().__init__(":memory:")
        load(self)
        self._locks = not read_only
        self._timeout = timeout
        self._turn = threading.Condition()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> "Connection":
        """Begin a transaction, or a savepoint in the one of this thread.

        Raises:
            BusyError: Another process, session or thread kept the lock for longer than the timeout.
            ClosedError: The map is closed.
        """
        outermost = self._take_turn()
        try:
            super().__enter__()
            if outermost and self._locks:
                self._lock()
        except apsw.Error as error:
            self._end_turn()
            _raise_ours(error)
        except BaseException:
            self._end_turn()
            raise
        return self

    def __exit__(
        self,
        etype: type[BaseException] | None,
        evalue: BaseException | None,
        etraceback: TracebackType | None,
    ) -> bool:
        """Commit, or after an exception roll back.

        Raises:
            Error: The commit failed; everything since the beginning is rolled back.
        """
        try:
            return super().__exit__(etype, evalue, etraceback)
        except apsw.Error as error:
            _raise_ours(error)
        finally:
            self._end_turn()

    def _lock(self) -> None:
        """Take the map's write lock; the transaction just begun ends where that fails."""
        try:
            self.execute("INSERT INTO temp.map(map) VALUES ('lock')")
        except BaseException as error:
            super().__exit__(type(error), error, error.__traceback__)
            raise

    def _take_turn(self) -> bool:
        """Wait until no other thread is in a transaction. Return whether this one was in none."""
        me = threading.get_ident()
        deadline = time.monotonic() + self._timeout
        with self._turn:
            while self._depth and self._owner != me:
                if not self._turn.wait(deadline - time.monotonic()):
                    raise BusyError(
                        "another thread is in a transaction of this map "
                        f"and did not end it within {self._timeout} s"
                    )
            self._owner = me
            self._depth += 1
            return self._depth == 1

    def _end_turn(self) -> None:
        with self._turn:
            self._depth -= 1
            self._turn.notify()
