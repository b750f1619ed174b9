"""The log of preload/record.c: what processes did to the files of a folder, in order."""

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct("<IIQQQQIIII")
_MAGIC = 0x4345524F


class Kind(enum.IntEnum):
    """Numbers of preload/record.c."""

    WRITE = 1
    SYNC = 2
    TRUNCATE = 3
    PUNCH = 4
    ALLOCATE = 5
    CREATE = 6
    RENAME = 7
    LINK = 8
    UNLINK = 9
    FOLDER_SYNC = 10
    MESSAGE = 11


@dataclass(frozen=True, slots=True)
class Operation:
    """One that succeeded. Names are relative to the folder."""

    kind: Kind
    inode: int
    offset: int
    size: int
    data: bytes
    first: str
    second: str
    synced: bool  # a write that is durable when it returns (O_DSYNC)
    process: int


def read(log: Path, folder: Path) -> Iterator[Operation]:
    """The operations of a log.

    Raises:
        ValueError: The log is cut off, or none: a recorded process was killed inside of a write.
    """
    content = log.read_bytes()
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        piece = content[at : at + size]
        if len(piece) != size:
            raise ValueError(f"{log} ends within a record")
        at += size
        return piece

    while at < len(content):
        head = _HEAD.unpack(take(_HEAD.size))
        magic, kind, inode, offset, size, data_size, first, second, flags, process = head
        if magic != _MAGIC:
            raise ValueError(f"{log}: no record at byte {at - _HEAD.size}")
        one, two = (take(length).decode().removeprefix(f"{folder}/") for length in (first, second))
        data = take(data_size)
        yield Operation(Kind(kind), inode, offset, size, data, one, two, bool(flags), process)
