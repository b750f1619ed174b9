"""Parts of a map as SQL tables: what `OOCMap.create_table()` does."""

import re
from collections.abc import Mapping

import apsw

from oocmap.errors import ArgumentError

# A column's type, so that it can be nothing else: "DECIMAL(10, 2)", or nothing.
_TYPE = re.compile(r"[\w ]*(\([\w ,+-]*\))?")


def create(
    connection: apsw.Connection,
    path: str,
    name: str,
    root: str,
    columns: Mapping[str, str | tuple[str, str]] | None,
) -> str:
    """Make the table in the temp schema of the connection; return the statement."""
    _check_text("name", name)
    _check_text("root", root)
    if not name:
        raise ArgumentError("name is empty")
    if columns is None:
        arguments = [f"temp.{name}", path, root]
        statement = str(connection.execute("SELECT oocmap_schema(?, ?, ?)", arguments).get)
    else:
        arguments = [_quoted(path), f"root={_quoted(root)}", *_columns(columns)]
        statement = f"CREATE VIRTUAL TABLE temp.{_name(name)} USING oocmap({', '.join(arguments)})"
    connection.execute(statement)
    return statement


def _columns(columns: Mapping[str, str | tuple[str, str]]) -> list[str]:
    """Give each column as an argument of the module."""
    if not isinstance(columns, Mapping):
        raise TypeError(f"columns must be a mapping or None, not {type(columns).__name__}")
    arguments = []
    for name, column in columns.items():
        _check_text("a column's name", name)
        if name.lower() == "key":
            raise ArgumentError("a column cannot be named 'key': that is the entry's key")
        parts = ("", column) if isinstance(column, str) else column
        if not (isinstance(parts, tuple) and len(parts) == 2):
            raise TypeError(
                f"the column {name!r} must be a path or a tuple (type, path), not {column!r}"
            )
        declared, path = parts
        _check_text(f"the type of the column {name!r}", declared)
        _check_text(f"the path of the column {name!r}", path)
        if not _TYPE.fullmatch(declared):
            raise ArgumentError(f"the type of the column {name!r} is none: {declared!r}")
        arguments.append(f"{_name(name)} {declared} PATH {_quoted(path)}")
    return arguments


def _check_text(what: str, value: object) -> None:
    """Refuse what is no str, and what could not stand in a statement."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    if "\0" in value:
        raise ArgumentError(f"{what} has a NUL in it: {value!r}")


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
