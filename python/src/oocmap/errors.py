"""What OOCMap raises. Every class is an `Error`, and where Python has a class for the case, that
too.

Opening a file that is missing, exists already, is a folder or may not be read raises Python's own
FileNotFoundError, FileExistsError, IsADirectoryError or PermissionError with `filename` set.
"""

__all__ = [
    "ArgumentError",
    "BusyError",
    "ClosedError",
    "CorruptionError",
    "Error",
    "FilesystemError",
    "FormatVersionError",
    "IoError",
    "JsonError",
    "NotAllowedError",
    "NotRegisteredError",
    "PathError",
    "ReadOnlyError",
    "SecondImageError",
    "StaleHandleError",
    "StoreFullError",
    "TransactionError",
    "UnsupportedTypeError",
]


class Error(Exception):
    """Base of all errors of this package."""


class PathError(Error, ValueError):
    """A JSON path that does not parse; the message gives the position in characters from 0."""


class JsonError(Error, ValueError):
    """JSON text that does not parse; the message gives the position in bytes from 0."""


class ArgumentError(Error, ValueError):
    """An argument of the right type and a wrong value: NaN as a key, an unknown mode."""


class UnsupportedTypeError(Error, TypeError):
    """A value or key of a type that cannot be stored; the message says where in the value it is."""


class CorruptionError(Error):
    """Bytes that do not decode, or a file that is not an OOCMap file."""


class FormatVersionError(Error):
    """A file of a newer format than this version reads."""


class StoreFullError(Error, OSError):
    """No room: `max_size`, the disk, or one transaction's limit. `errno` says which, if any did."""


class TransactionError(Error):
    """The transaction failed earlier and can only be rolled back, or must be committed first."""


class ReadOnlyError(Error):
    """A write through a map opened with mode "r"."""


class BusyError(Error):
    """The write lock was not to be had within the timeout."""


class StaleHandleError(Error, ReferenceError):
    """The value behind a lazy object is gone: removed, or its transaction was rolled back."""


class NotAllowedError(Error):
    """A table in a database file names a file outside that file's folder."""


class NotRegisteredError(Error):
    """A stored object of a class that is not registered in this process: see register().

    Attributes:
        name: the name under which the class was registered, str.
    """

    name: str = ""


class ClosedError(Error, ValueError):
    """Use of a map, or of anything read from it, after close()."""


class SecondImageError(Error, ImportError):
    """A second copy of oocmap.so in this process; the message names both."""


class FilesystemError(Error):
    """A file system, or a link, on which locks do not hold."""


class IoError(Error, OSError):
    """A system call failed; `errno` and `filename` as in OSError."""
