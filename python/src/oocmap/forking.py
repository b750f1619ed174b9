"""A forked child goes on with its parent's maps: each is opened anew in it.

LMDB and SQLite must not be used across a fork. So the child leaves all that its parent had open as
it is, never closing it, and every map opens its file again; lazy objects go on as handles. A child
inside a transaction of its parent's sees the last commit, and when it leaves the inherited `with`,
it neither commits nor rolls back.
"""

import os
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oocmap._map import OOCMap

# By id: maps have no hash.
_maps: weakref.WeakValueDictionary[int, "OOCMap[Any, Any]"] = weakref.WeakValueDictionary()
# Connections that are a parent's. Letting one go would close it.
_inherited: list[object] = []


def opened(opened_map: "OOCMap[Any, Any]") -> None:
    """Have the map opened anew in forked children."""
    _maps[id(opened_map)] = opened_map


def _reopen_all() -> None:
    for each in list(_maps.values()):
        if each.closed:
            continue
        mode, durability, max_size, timeout = each._settings
        _inherited.append(vars(each).get("connection"))
        try:
            each._reopen(each.path, "r" if mode == "r" else "w", durability, max_size, timeout)
        except Exception:
            # The file is gone, say. A fork has no caller to tell: uses of the map will say it.
            continue
        # Made anew where it is asked for: SQLite may be in the midst of something here, on a thread
        # that this process has not.
        vars(each).pop("connection", None)


os.register_at_fork(after_in_child=_reopen_all)
