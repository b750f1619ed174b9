"""The SQLite extension, which is one file with the store behind this package."""

import os
import sqlite3
from collections.abc import Iterable
from typing import Any, TypeAlias

import apsw

from oocmap import _native
from oocmap.errors import ArgumentError, Error

# sqlite3_db_config's switch for extensions; -1 asks how it stands.
_CONFIG = apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION

StrPath: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def loadable_path() -> str:
    """Return the path of the SQLite extension, oocmap.so.

    It is the file this package itself runs on. Load this one and no copy of it: a second copy in
    one process is refused.
    """
    return os.fspath(_native.image_path())


def load(
    connection: apsw.Connection | sqlite3.Connection,
    *,
    allow: StrPath | Iterable[StrPath] = (),
) -> None:
    """Load the extension into a connection of apsw or of the standard library's sqlite3.

    Afterwards `CREATE VIRTUAL TABLE temp.m USING oocmap('file')` and the oocmap_ functions work on
    it. Loading extensions is allowed for this one only, and then switched off again (apsw: set back
    to what it was).

    Args:
        connection: The connection; may have the extension already.
        allow: Files and folders, one or several, that tables stored in a database file may open
            besides the files in that database's folder or below: the files themselves, or all in
            such a folder or below. They add to what was allowed before, until the connection
            closes. Needed for neither tables in `temp` nor databases in memory.

    Raises:
        Error: This Python's sqlite3 module was built without extensions.
        TypeError: The object is neither kind of connection, or a path is no path.
        ArgumentError: A path is empty, or has a NUL in it.
    """
    allowed = _paths(allow)
    if isinstance(connection, apsw.Connection):
        _load_apsw(connection)
    elif isinstance(connection, sqlite3.Connection):
        _load_stdlib(connection)
    else:
        raise TypeError(
            "connection must be an apsw.Connection or a sqlite3.Connection, "
            f"not {type(connection).__name__}"
        )
    for path in allowed:  # as bytes: a path need not be text
        connection.execute("SELECT oocmap_allow(?)", (path,)).fetchall()


def _paths(allow: StrPath | Iterable[StrPath]) -> list[bytes]:
    if isinstance(allow, str | bytes | os.PathLike):
        allow = (allow,)
    paths = [os.fsencode(path) for path in allow]
    for path in paths:
        if not path or b"\0" in path:
            raise ArgumentError(f"allow must name files or folders, not {os.fsdecode(path)!r}")
    return paths


def _load_apsw(connection: apsw.Connection) -> None:
    allowed = connection.config(_CONFIG, -1)
    connection.enable_load_extension(True)
    try:
        connection.load_extension(loadable_path())
    finally:
        connection.enable_load_extension(bool(allowed))


def _load_stdlib(connection: Any) -> None:
    if not hasattr(connection, "enable_load_extension"):
        raise Error(
            "this Python's sqlite3 module was built without support for extensions "
            "(--enable-loadable-sqlite-extensions); use an apsw.Connection instead"
        )
    connection.enable_load_extension(True)
    try:
        connection.load_extension(loadable_path())
    finally:
        connection.enable_load_extension(False)
