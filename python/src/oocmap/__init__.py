"""OOCMap: a Python dictionary that lives on disk, and a table that SQL can query."""

from oocmap import pickling as pickling
from oocmap import printing as printing
from oocmap._map import OOCMap, json_default
from oocmap._native import (
    LazyDict,
    LazyFrozenSet,
    LazyList,
    LazySet,
    LazyTuple,
    __version__,
)
from oocmap.arrays import LazyArray
from oocmap.checking import CheckReport
from oocmap.connection import Connection
from oocmap.errors import (
    ArgumentError,
    BusyError,
    ClosedError,
    CorruptionError,
    Error,
    FilesystemError,
    FormatVersionError,
    IoError,
    JsonError,
    NotAllowedError,
    NotRegisteredError,
    PathError,
    ReadOnlyError,
    SecondImageError,
    StaleHandleError,
    StoreFullError,
    TransactionError,
    UnsupportedTypeError,
)
from oocmap.loading import load, loadable_path
from oocmap.registering import register
from oocmap.snapshots import Snapshot
from oocmap.statistics import Statistics
from oocmap.vacuuming import VacuumReport

__all__ = [
    "ArgumentError",
    "BusyError",
    "CheckReport",
    "ClosedError",
    "Connection",
    "CorruptionError",
    "Error",
    "FilesystemError",
    "FormatVersionError",
    "IoError",
    "JsonError",
    "LazyArray",
    "LazyDict",
    "LazyFrozenSet",
    "LazyList",
    "LazySet",
    "LazyTuple",
    "NotAllowedError",
    "NotRegisteredError",
    "OOCMap",
    "PathError",
    "ReadOnlyError",
    "SecondImageError",
    "Snapshot",
    "StaleHandleError",
    "Statistics",
    "StoreFullError",
    "TransactionError",
    "UnsupportedTypeError",
    "VacuumReport",
    "__version__",
    "json_default",
    "load",
    "loadable_path",
    "register",
]
