"""OOCMap: a dict that lives in a file."""

import math
import os
from collections.abc import (
    Callable,
    ItemsView,
    KeysView,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
    Set,
    ValuesView,
)
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import apsw

from oocmap import _native, forking, tables
from oocmap._compressed import decompressed
from oocmap._paths import check_text
from oocmap.array_libraries import is_array, nested_lists
from oocmap.arrays import LazyArray
from oocmap.checking import CheckReport
from oocmap.connection import Connection, patiently
from oocmap.errors import ClosedError, UnsupportedTypeError
from oocmap.snapshots import Snapshot
from oocmap.statistics import Statistics
from oocmap.vacuuming import VacuumReport, checked_threshold

K = TypeVar("K")
V = TypeVar("V")

# The first bytes of a handle (docs/format.md): what stands in SQL for a lazy object.
_HANDLE = b"\xcfOM"


class OOCMap(_native.Map[K, V]):
    """A dict in a file: its values are read when they are asked for, and written at once.

        with OOCMap("data.ooc") as m:
            m["user"] = {"name": "Ada", "tags": ["x"]}
            m["user"]["tags"].append("y")      # on disk when it returns
            m["user"].eager()                  # {'name': 'Ada', 'tags': ['x', 'y']}

    It has dict's methods, with dict's results and exceptions, and keeps insertion order. A dict,
    list, tuple, set or frozenset comes back as a LazyDict, LazyList, LazyTuple, LazySet or
    LazyFrozenSet; `eager()` makes it plain. A lazy object stored elsewhere in the same map is
    shared, as in Python.

    Values are None, bool, int, float, complex, str, bytes, bytearray, range, datetime, date, time,
    timedelta, Decimal, Fraction, UUID, numpy's scalars, tuple, list, dict, set and frozenset,
    nested as they like, arrays of numpy, torch, jax and tensorflow, which come back as LazyArray,
    and objects of classes given to register(); keys are those of them that are hashable. Any other
    type raises UnsupportedTypeError, and nothing of the value is stored.

    Cost: a commit, which waits for the disk unless `durability` says otherwise, for each write
    outside a transaction; so put a loop of writes into one. A read takes one descent of a B-tree.

    Errors of any use: ClosedError after close(), StaleHandleError for a value that is gone,
    CorruptionError for a damaged file. Errors of any write: UnsupportedTypeError, TypeError
    (unhashable key), ArgumentError (NaN as a key), BusyError, ReadOnlyError, StoreFullError,
    IoError.

    Threads may share a map; a transaction belongs to the thread that began it.
    """

    connection: Connection
    """The apsw connection on which the map is the table `temp.map`."""

    def __init__(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        mode: Literal["r", "w", "c", "x"] = "c",
        durability: Literal["full", "normal", "off"] | None = None,
        max_size: int | None = None,
        timeout: float | None = 5.0,
        verify: Literal["auto", "quick", "full"] = "auto",
    ) -> None:
        """Open the map in the file `path`.

        Args:
            path: The file.
            mode: As in dbm: "r" only reads, "w" needs the file to exist, "c" makes it where it is
                missing or empty, "x" needs it not to exist.
            durability: "full": a commit that returned survives power loss. "normal": the last one
                may be lost, consistency never. "off": nothing is promised; for throw-away files.
                The file keeps what it was made with as its promise to all who write to it:
                more may be asked for than that, not less. None: what it promises; of a new file
                "full". See set_durability().
            max_size: Upper limit of the file's size in bytes; None for none. Reserves nothing.
            timeout: Seconds a write waits for the lock of another writer before BusyError; None or
                math.inf for ever.
            verify: "full": every page of the file is checked before it is used. "quick": only what
                opening reads. "auto": "full" where the file belongs to another user than this
                process.

        Raises:
            OSError: As open(): FileNotFoundError, FileExistsError, IsADirectoryError,
                PermissionError.
            CorruptionError: The file is not an OOCMap file, or is damaged.
            FormatVersionError: The file is of a newer format.
            FilesystemError: On its file system, or through its links, locks would not hold; or
                something else has the name of its lock file (docs/reliability.md, "Who may use a
                file at once").
            ArgumentError: A wrong argument; a path that is not UTF-8; less durability than the
                file promises; the process has the file open with another durability or max_size;
                or this object has opened a map before.
            StoreFullError: The disk has no room for an empty map.
        """
        check_text(path)
        self._open(path, mode, durability, max_size, timeout, verify)
        self._settings = (mode, durability, max_size, timeout)
        try:
            self._connect()
        except BaseException:
            self.close()
            raise
        forking.opened(self)

    def _connect(self) -> None:
        """Make the connection, with the map as its table."""
        mode, _, _, timeout = self._settings
        seconds = math.inf if timeout is None else float(timeout)
        connection = Connection(self._turn(), read_only=mode == "r", timeout=seconds)
        self.connection = connection
        self._join(connection.sqlite3_pointer())
        connection.set_busy_timeout(int(min(seconds * 1000, 2**31 - 1)))
        quoted = self.path.replace("'", "''")
        connection.execute(f"CREATE VIRTUAL TABLE temp.map USING oocmap('{quoted}')")

    def __getattr__(self, name: str) -> Any:
        """In a forked child, make the connection when it is first asked for."""
        if name != "connection" or "_settings" not in vars(self) or self.closed:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._connect()
        return self.connection

    def _check_open(self) -> None:
        if self.closed:
            raise ClosedError(f"the map is closed: {self.path}")

    def transaction(self) -> Connection:
        """Group operations: `with m.transaction(): ...` commits all of them or none.

        It is the connection's own transaction, so SQL is part of it. The write lock is taken on
        entry (not in mode "r"), so what is read inside cannot change before it is written: counters
        lose nothing. Nested ones are savepoints.

        Raises on entry: BusyError, ClosedError. On leaving: what a commit raises.
        Cost: one commit, however many operations.
        """
        self._check_open()
        return self.connection

    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> apsw.Cursor:
        """Run SQL; return apsw's cursor over the rows (tuples).

        The map is the table `map` with the columns `key`, `value`, `type`, and the hidden `map`: a
        handle, which comes back as the lazy object it stands for. Lazy objects may be parameters.

        Raises: apsw's errors; ClosedError.
        """
        self._check_open()
        cursor = self.connection.cursor()
        cursor.row_trace = self._row
        cursor.convert_binding = _binding
        return cursor.execute(query, parameters)

    def create_table(
        self,
        name: str,
        root: str = "$",
        columns: Mapping[str, str | tuple[str, str]] | None = None,
    ) -> str:
        """Make a part of the map an SQL table with columns; return the statement that did.

            m["people"] = {"ann": {"name": "Ann", "home": {"city": "Rome"}}}
            m.create_table("people", "$.people")
            m.sql("SELECT key, name, home_city FROM people")
            m.create_table("cities", "$.people", {"city": ("TEXT", "$.home.city")})

        The table is a view of the map, in both directions: it copies nothing, and an UPDATE of a
        column writes to its path. It is there on this map's connection, until `DROP TABLE` or
        close(); a forked child and an unpickled map have none.

        Args:
            name: The table's name. Beside its columns it has `key`, `value`, `type`, and hidden
                ones: `key_type`, `json` and its own name, the handle.
            root: A path to the dict, list or tuple whose members are the rows.
            columns: By name the path inside a row, or its declared type and the path; the type only
                tells other programs, and how SQL compares. None: those that the first and the last
                1,000 rows suggest, down to four levels of dicts; `home_city` is `$.home.city`.

        Raises:
            ClosedError.
            TypeError: An argument of another type.
            ArgumentError: An empty name; a NUL in a name or path; a type that is none.
            apsw.SQLError: There is such a table; a bad path; two columns of one name; where
                `columns` is None, a root that leads to nothing, or to no dict, list or tuple.
        Cost: with `columns` none of reading, else that of 2,000 rows.
        """
        self._check_open()
        return tables.create(self.connection, self.path, name, root, columns)

    def snapshot(self) -> Snapshot[K, V]:
        """Return a read-only map of this moment, whatever is written later.

            with m.snapshot() as s:
                total = sum(s.values())
                assert len(s) == len(list(s))

        It shows the last commit; not what an open transaction has written. As long as it is open
        the space of what is overwritten or removed meanwhile is not used again, so the file grows.

        Raises: ClosedError; IoError where the file has 2,048 readers. Cost: that of a read.
        """
        return Snapshot(self)

    def load_jsonl(
        self,
        path: str | os.PathLike[str],
        key: str | Callable[[Any], Any] | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> int:
        """Store every JSON document of a file that has one a line; return how many there were.

            m.load_jsonl("tweets.jsonl", key="id")

        The file is streamed: no more than about 64 MB of it are in memory. Outside a transaction it
        is committed in batches of 8,192 documents or 64 MB, which stay where a later line is bad:
        the error's text says how many. Blank lines are passed over.

        Args:
            path: The file: JSON Lines in UTF-8 (RFC 8259 each line, so no NaN). A name that ends in
                .gz, .bz2 or .xz is decompressed on the way.
            key: Under which key a document goes: the name of a field of it, a function of it (as
                json.loads() gives it), or None for its number in the file, from 0. A key that is
                there already is replaced.
            progress: Called as progress(bytes_read, bytes_of_the_file) after each batch, and at the
                end. What it raises ends the loading.

        Raises:
            OSError: As open(); for compressed files also what gzip, bz2 or lzma raise.
            JsonError: A line is not JSON; it says which and where.
            ArgumentError: A document has no such field, or an array or object there.
            And what any write raises.
        Cost: one pass of a parser that makes no Python objects; a function as key is given what
        json.loads() makes of the line besides.
        """
        self._check_open()
        name = os.fspath(path)
        with open(name, "rb") as file:
            total = os.fstat(file.fileno()).st_size
            report = None if progress is None else lambda: progress(file.tell(), total)
            with decompressed(file, name) as lines:
                return self._load_json_lines(lines, repr(name), key, report)

    def backup(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        overwrite: bool = False,
        progress: Callable[[int, int], object] | None = None,
    ) -> int:
        """Copy the map to a file of its own, while others read and write; return the copy's size.

            m.backup("data-backup.ooc")

        The copy is the last commit, whole and without free pages: a map like any other, which only
        its owner may read (one that replaces a file has that file's permissions). It has its name
        when it is complete, checked and on the disk; until then what stood there stands. Inside a
        transaction it is the commit before. Handles (the column `map`, pickles) of the one are not
        of the other.

        Args:
            path: Where the copy goes.
            overwrite: Replace a file that is there; not one that is open as a map.
            progress: Called as progress(bytes_written, about_how_many_there_will_be), a few times a
                MiB. What it raises ends the backup.

        Returns: the bytes the copy takes on the disk.
        Raises:
            OSError: As open(): FileExistsError where `path` exists and `overwrite` is false,
                FileNotFoundError for its folder, IsADirectoryError, PermissionError.
            TypeError: `path` is no path, or `progress` cannot be called.
            ArgumentError: `path` is this map, its lock file, or no regular file.
            BusyError: `path` is a map that somebody has open; the text says who.
            StoreFullError: The disk is full.
            ClosedError, CorruptionError, IoError.
        Cost: every page in use is read twice and written once. What is overwritten meanwhile is not
            used again until it ends, so the map's file may grow.
        """
        self._check_open()
        if progress is not None and not callable(progress):
            raise TypeError(f"progress must be callable or None, not {type(progress).__name__!r}")
        return self._backup(os.fspath(path), bool(overwrite), progress)

    def check(self, *, progress: Callable[[int, int], object] | None = None) -> CheckReport:
        """Look at every page and every record of the file; return what there is, and is wrong.

        It reads the last commit, beside readers and writers; what an open transaction has changed
        is not looked at. The file is not changed.

            report = m.check()
            if not report.ok:
                print(*report.problems, sep="\\n")

        Args:
            progress: Called as progress(done, total), first for pages, then for rows; `total` is
                about right. What it raises ends the check.

        Raises:
            ClosedError, IoError. Damage is no exception, but in the report.
        Cost: about 1 us for each page and each record, entry and chunk; while it runs, pages that
            are overwritten are not used again. A byte of memory a container, 16 a record.
        """
        self._check_open()
        if progress is not None and not callable(progress):
            raise TypeError(f"progress must be callable or None, not {type(progress).__name__!r}")
        return CheckReport(*self._check(progress))

    def stats(self) -> Statistics:
        """Return what the file takes, what it may take, and who reads it, as of the last commit.

            now = m.stats()
            if now.oldest_reader_commits > 100_000:
                print(f"process {now.oldest_reader_process} makes the file grow")

        Reader slots of dead processes are cleared first.

        Raises:
            ClosedError, IoError, CorruptionError.
        Cost: a row of the free list for each commit whose pages are free, and a pass over the
            readers: some 10 us, milliseconds after millions of deletions.
        """
        self._check_open()
        return Statistics(*self._stats())

    def vacuum(
        self,
        *,
        full: bool = False,
        timeout: float | None = None,
        progress: Callable[[str, int, int], object] | None = None,
    ) -> VacuumReport:
        """Free what nothing reaches any more, and give disk space back; return what was done.

        Without `full` it works beside readers and writers of any process, in steps that hold the
        write lock for milliseconds. Free pages become holes in the file: it takes less of the disk
        (`st_blocks`), its length (`st_size`) stays.

        With `full` the file is then exchanged for a compact copy, and is short. For that no other
        process may have it open, and this one no snapshot and no unfinished query of it. Lazy
        objects and connections go on as they are; path, owner and permissions stay. Whoever opens
        the map meanwhile waits.

        Args:
            full: Make the file short, too.
            timeout: Seconds to wait for other writers, and with `full` until others have closed the
                map. None: as long as the map's writes wait.
            progress: Called as progress(step, done, total), where `step` is "free", "trace",
                "sweep", "punch" or "copy", and `total` 0 where it is not known. What it raises ends
                the vacuum; the map stays sound.

        Raises:
            BusyError: The time is over; the text says which processes have the map open. Or another
                vacuum runs on it.
            ArgumentError: Inside a transaction; a negative timeout.
            ReadOnlyError: The map was opened with mode "r".
            StoreFullError: No room on the disk for the copy.
            IoError: Also where the file is another user's, so that its owner could not be kept.
            FilesystemError: The file has a second name (a hard link).
            ClosedError, CorruptionError.
        Cost: about 1 us for each container, and for each id given so far; with `full` every page in
            use is read three times and written once.
        """
        self._check_open()
        if progress is not None and not callable(progress):
            raise TypeError(f"progress must be callable or None, not {type(progress).__name__!r}")
        return VacuumReport(*self._vacuum(bool(full), timeout, progress))

    def configure_auto_vacuum(self, delete_threshold: int | None) -> None:
        """Let vacuum() run by itself, each time this map object has removed so many entries.

            m.configure_auto_vacuum(1000)

        Every entry of a dict, list or set that is removed counts, at any depth, by Python or SQL,
        once its transaction is committed: one for each, however much was below it. Then, after the
        commit of the outermost transaction and before that returns, vacuum() runs. Its errors are
        not raised, for the commit has succeeded; what cannot be done at once (another vacuum runs)
        is done after a later commit, or by close(). The setting is this object's: others, and
        pickled ones, have their own; a forked child keeps it.

        Args:
            delete_threshold: How many, 1 or more; None: never.

        Raises:
            TypeError: It is neither an int nor None.
            ArgumentError: It is less than 1. (It is a ValueError.)
            ClosedError.
        Cost: none, but what vacuum() costs now and then.
        """
        self._check_open()
        self._set_auto_vacuum(checked_threshold(delete_threshold))

    def _row(self, _: apsw.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(type(value) is bytes and value.startswith(_HANDLE) for value in row):
            return tuple(self._from_handle(value) for value in row)
        return row

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the path and how it was opened. Raises: ClosedError."""
        from oocmap import pickling  # which needs this class

        return pickling.reduce_map(self)

    def close(self) -> None:
        """Close the map and its connection; an open transaction is rolled back. May be repeated.

        Every later use of the map, and of lazy objects read from it, raises ClosedError.
        """
        connection = vars(self).get("connection")
        if not self.closed:
            self._finish_auto_vacuum()
        if connection is not None:
            patiently(lambda: connection.close(True))
        self._close()

    def __enter__(self) -> Self:
        """Return the map itself. Raises: ClosedError."""
        self._check_open()
        return self

    def __exit__(
        self,
        etype: type[BaseException] | None,
        evalue: BaseException | None,
        etraceback: TracebackType | None,
    ) -> None:
        """Close the map."""
        self.close()


def json_default(value: object) -> Any:
    """Let json write maps and lazy objects: `json.dumps(m, default=oocmap.json_default)`.

    Returns: the eager value; of an array the nested lists, of a set the list of its members; of
        both also where they are plain, as inside an eager value. Cost: all of it is held in memory.
    Raises: TypeError for any other object, as json itself does.
    """
    if isinstance(value, LazyArray):
        return value.tolist()
    if is_array(value):
        return nested_lists(value)
    if isinstance(value, _native.Map | _native.LazyDict | _native.LazyList | _native.LazyTuple):
        return value.eager()
    if isinstance(value, _native.LazySet | _native.LazyFrozenSet | set | frozenset):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _binding(_: apsw.Cursor, __: int, value: Any) -> bytes:
    """Stand-in for a parameter SQLite has no type for: the handle of a lazy object."""
    try:
        return _native.handle_bytes(value)
    except TypeError as error:
        raise UnsupportedTypeError(*error.args) from None


MutableMapping.register(_native.Map)
MutableMapping.register(_native.LazyDict)
MutableSequence.register(_native.LazyList)
Sequence.register(_native.LazyTuple)
MutableSet.register(_native.LazySet)
Set.register(_native.LazyFrozenSet)
KeysView.register(_native.LazyKeys)
ItemsView.register(_native.LazyItems)
ValuesView.register(_native.LazyValues)
