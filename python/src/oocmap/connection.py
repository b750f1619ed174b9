"""The connection a map lives on: apsw's, with transactions that take the write lock on entry."""

import errno
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, TypeVar

import apsw

from oocmap import _native
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

T = TypeVar("T")

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
    if isinstance(error, apsw.FullError | apsw.TooBigError):
        raise StoreFullError(errno.ENOSPC, str(error)) from error
    if isinstance(error, apsw.IOError):
        raise IoError(errno.EIO, str(error)) from error
    for theirs, ours in _ERRORS.items():
        if isinstance(error, theirs):
            raise ours(str(error)) from error
    raise error


def patiently(action: Callable[[], T], seconds: float | None = None) -> T:
    """Do it as soon as no other thread is in the midst of a call on the same connection.

    apsw refuses such a call, where SQLite itself would wait. `seconds` bounds the waiting.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    pause = 0.00005
    while True:
        try:
            return action()
        except apsw.ThreadingViolationError as error:
            if "inside an executing query" in str(error):
                raise  # this thread's own, so it would wait for itself
            if deadline is not None and time.monotonic() > deadline:
                raise BusyError(
                    f"another thread used the connection for all of {seconds} s"
                ) from error
        time.sleep(pause)
        pause = min(2 * pause, 0.001)


class Connection(apsw.Connection):
    """The apsw connection of a map, which is its table `temp.map`.

    The database itself is in memory; only the map is on disk. `with connection:` begins a
    transaction that takes the map's write lock on entry (not in mode "r"), commits at the end, and
    rolls back after an exception; nested ones are savepoints. A transaction belongs to the thread
    that began it: another thread that wants one waits for its end.

    SQL is apsw's: two threads that run SQL on one connection at the same time get its
    ThreadingViolationError, so give each thread a map of its own.
    """

    def __init__(
        self, turn: _native.Turn, *, read_only: bool = False, timeout: float = 5.0
    ) -> None:
        """Open an in-memory database with the extension loaded; OOCMap() makes its own."""
        super().__init__(":memory:")
        load(self)
        self._turn = turn
        self._process = os.getpid()
        self._locks = not read_only
        self._timeout = timeout

    def __enter__(self) -> "Connection":
        """Begin a transaction, or a savepoint in the one of this thread.

        Raises:
            BusyError: Another process, session or thread kept the lock for longer than the timeout.
            ClosedError: The map is closed.
        """
        depth = self._turn.take(self._timeout)
        if depth == 0:
            raise BusyError(
                "another thread is in a transaction of this map "
                f"and did not end it within {self._timeout} s"
            )
        try:
            patiently(super().__enter__, self._timeout)
        except apsw.Error as error:
            self._turn.end()
            _raise_ours(error)
        except BaseException:
            self._turn.end()
            raise
        if depth == 1 and self._locks:
            self._lock()
        return self

    def __exit__(
        self,
        etype: type[BaseException] | None,
        evalue: BaseException | None,
        etraceback: TracebackType | None,
    ) -> bool:
        """Commit, or after an exception roll back.

        In a forked child that leaves a block of its parent's: neither, that is the parent's to do.

        Raises:
            Error: The commit failed; everything since the beginning is rolled back.
        """
        if os.getpid() != self._process:
            return False
        try:
            return self._leave(etype, evalue, etraceback)
        except apsw.Error as error:
            _raise_ours(error)

    def _leave(self, *raised: Any) -> bool:
        """Do what apsw does at the end of a block; an interrupt is raised when that is done."""
        leave = super().__exit__
        return self._turn.end_after(leave, raised, apsw.ThreadingViolationError)

    def _lock(self) -> None:
        """Take the map's write lock; the transaction just begun ends where that fails."""
        try:
            patiently(
                lambda: self.execute("INSERT INTO temp.map(map) VALUES ('lock')"), self._timeout
            )
        except BaseException as error:
            self._leave(type(error), error, error.__traceback__)
            if isinstance(error, apsw.Error):
                _raise_ours(error)
            raise
