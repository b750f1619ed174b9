"""Names of files, as SQL can say them."""

import os

from oocmap.errors import ArgumentError


def check_text(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None:
    """Refuse a path that is no text: a map is a table, too, and its file named in SQL.

    Raises: ArgumentError; TypeError where it is no path. Cost: a microsecond.
    """
    name = os.path.abspath(os.fsdecode(path))
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ArgumentError(
            f"the path {name!r} is not UTF-8 (its bytes: {os.fsencode(name)!r}), and SQL cannot "
            "name it: give the file or its folder another name"
        ) from None
