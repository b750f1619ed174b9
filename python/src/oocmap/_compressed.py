"""Files that may be compressed."""

import importlib
from typing import IO, cast

_OPENERS = {".gz": ("gzip", "open"), ".bz2": ("bz2", "open"), ".xz": ("lzma", "open")}


def decompressed(file: IO[bytes], name: str) -> IO[bytes]:
    """Return the content of a binary file, decompressed where the end of its name says so.

    Args:
        name: Ends in .gz, .bz2 or .xz, or the file is returned itself.

    Raises:
        ImportError: This Python was built without that compression.
    """
    for ending, (module, opener) in _OPENERS.items():
        if name.endswith(ending):
            return cast(IO[bytes], getattr(importlib.import_module(module), opener)(file))
    return file
