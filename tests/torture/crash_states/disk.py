"""What a disk may hold when the power fails: the model from which crash states are drawn.

- What was written to a file before its last fsync or fdatasync is there, with the file's size.
- Each 4 KiB page written since holds any of the contents that it had since then, whatever the other
  pages hold; or, torn, each of its 512-byte sectors does.
- The file's size is that of the last sync, or a later one; pages beyond it are lost, and pages
  within it that were never written are zeros.
- A write through O_DSYNC makes its own pages durable, and no others.
- Names (create, rename, link, unlink) are durable with the next fsync of the folder; of those after
  it a prefix has happened. An fsync of the file does not make its name durable.
"""

import random

from .recording import Kind, Operation

PAGE = 4096
SECTOR = 512


class File:
    """The contents that a file has had since its last sync."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.current = bytearray()
        self.versions: dict[int, list[bytes]] = {}  # of pages written since, oldest first
        self.sizes = [0]  # since the last sync

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        if end > len(self.current):
            self.current.extend(bytes(end - len(self.current)))
        pages = range(offset // PAGE, (end + PAGE - 1) // PAGE)
        for page in pages:
            if page not in self.versions:
                self.versions[page] = [self._page(self.durable, page)]
        self.current[offset:end] = data
        for page in pages:
            self.versions[page].append(self._page(self.current, page))
        self.sizes.append(len(self.current))

    def resize(self, size: int) -> None:
        if size < len(self.current):
            self.write(size, bytes(len(self.current) - size))
            del self.current[size:]
        else:
            self.current.extend(bytes(size - len(self.current)))
        self.sizes.append(size)

    def sync(self) -> None:
        self.durable = bytearray(self.current)
        self.versions.clear()
        self.sizes = [len(self.current)]

    def sync_range(self, offset: int, size: int) -> None:
        end = min(offset + size, len(self.current))
        if end > len(self.durable):
            self.durable.extend(bytes(end - len(self.durable)))
            self.sizes[0] = len(self.durable)
        for page in range(offset // PAGE, (end + PAGE - 1) // PAGE):
            content = self._page(self.current, page)[: len(self.durable) - page * PAGE]
            self.durable[page * PAGE : page * PAGE + len(content)] = content
            self.versions.pop(page, None)

    def draw(self, rng: random.Random) -> bytes:
        """One of the contents that the disk may have now."""
        image = bytearray(self.durable)
        size = rng.choice((self.sizes[0], self.sizes[-1], rng.choice(self.sizes)))
        if size > len(image):
            image.extend(bytes(size - len(image)))
        newest = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        torn = rng.choice((0.0, 0.0, 0.1, 0.5))
        for page, versions in self.versions.items():
            if page * PAGE >= size:
                continue
            content = versions[-1] if rng.random() < newest else rng.choice(versions)
            if torn and rng.random() < torn:
                content = b"".join(
                    rng.choice(versions)[at : at + SECTOR] for at in range(0, PAGE, SECTOR)
                )
            image[page * PAGE : (page + 1) * PAGE] = content
        return bytes(image[:size])

    @staticmethod
    def _page(content: bytearray, page: int) -> bytes:
        return bytes(content[page * PAGE : (page + 1) * PAGE]).ljust(PAGE, b"\0")


class Disk:
    """A folder. Each operation is begun and ended: the power may fail in between."""

    def __init__(self) -> None:
        self.files: dict[int, File] = {}
        self.durable_names: dict[str, File] = {}
        self.names: dict[str, File] = {}
        self.unsynced_names: list[dict[str, File]] = []

    def begin(self, operation: Operation) -> None:
        kind = operation.kind
        if kind == Kind.CREATE:
            self.files[operation.inode] = File()
        if kind in (Kind.CREATE, Kind.RENAME, Kind.LINK, Kind.UNLINK):
            names = dict(self.names)
            if kind == Kind.CREATE:
                names[operation.first] = self.files[operation.inode]
            elif kind == Kind.LINK:
                names[operation.second] = names[operation.first]
            elif kind == Kind.RENAME:
                names[operation.second] = names.pop(operation.first)
            else:
                del names[operation.first]
            self.names = names
            self.unsynced_names.append(names)
        elif kind in (Kind.WRITE, Kind.TRUNCATE, Kind.PUNCH, Kind.ALLOCATE):
            file = self.files[operation.inode]
            if kind == Kind.WRITE:
                file.write(operation.offset, operation.data)
            elif kind == Kind.TRUNCATE:
                file.resize(operation.offset)
            elif kind == Kind.ALLOCATE:
                file.resize(max(operation.offset, len(file.current)))
            else:
                left = max(0, len(file.current) - operation.offset)
                file.write(operation.offset, bytes(min(operation.size, left)))

    def end(self, operation: Operation) -> None:
        if operation.kind == Kind.SYNC:
            self.files[operation.inode].sync()
        elif operation.kind == Kind.FOLDER_SYNC:
            self.durable_names = self.names
            self.unsynced_names = []
        elif operation.kind == Kind.WRITE and operation.synced:
            file = self.files[operation.inode]
            file.sync_range(operation.offset, len(operation.data))

    def draw(self, rng: random.Random) -> dict[str, bytes]:
        """The files of one crash state; two names of one file have the same (`is`) contents."""
        names = self.durable_names
        if self.unsynced_names:
            last = self.unsynced_names[-1]
            names = rng.choice((names, last, last, rng.choice(self.unsynced_names)))
        contents = {id(file): file.draw(rng) for file in names.values()}
        return {name: contents[id(file)] for name, file in names.items()}

    def settled(self) -> dict[str, bytes]:
        """What a reader of the running machine sees: nothing is lost."""
        return {name: bytes(file.current) for name, file in self.names.items()}
