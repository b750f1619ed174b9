"""A million entries in one transaction, in savepoints too, or an error before anything is spoiled.

LMDB holds 131,071 changed pages. An outermost transaction writes some of them out and goes on; one
nested in it may not write out its parents', and where it fails for that, LMDB gives up the parents.
"""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest

Map = oocmap.OOCMap[Any, Any]
MEMORY = 600 << 20  # bytes; 131,071 pages are 512 MiB of it


def anonymous() -> int:
    """Bytes of this process's memory that are no file's."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    raise AssertionError


class Watch:
    """The most memory in use at any look, beyond what there was at the start."""

    def __init__(self) -> None:
        ctypes.CDLL(None).malloc_trim(0)  # what the tests before have freed
        self.before = anonymous()
        self.most = 0

    def look(self) -> None:
        self.most = max(self.most, anonymous() - self.before)


def fill(m: Map, first: int, last: int, watch: Watch, width: int = 1) -> None:
    """Entries of some 100 bytes, or of `width`, in an order that goes all over the file."""
    for i in range(first, last):
        m[f"key{i * 7919 % 10_000_019}"] = {"n": i, "text": f"{i:0{width}d}"}
        if i % 10_000 == 0:
            watch.look()


@pytest.fixture
def m(tmp_path: Path) -> Any:
    path = tmp_path / "map.ooc"
    with oocmap.OOCMap(path, durability="off") as opened:
        opened["before"] = 1
        yield opened
    path.unlink()  # some are large


def whole(m: Map, entries: int) -> None:
    assert len(m) == entries + 1
    for i in (0, entries // 2, entries - 1):
        assert m[f"key{i * 7919 % 10_000_019}"]["n"] == i


Size = Callable[[int, int], int]
Figure = Callable[[str], None]


def test_flat(m: Map, size: Size, figure: Figure) -> None:
    entries, watch = size(200_000, 1_000_000), Watch()
    with m.transaction():
        fill(m, 0, entries, watch)
    whole(m, entries)
    figure(f"{entries} entries, {watch.most >> 20} MiB")
    assert watch.most < MEMORY


def test_savepoint_after_savepoint(m: Map, size: Size, figure: Figure) -> None:
    entries, watch = size(200_000, 1_000_000), Watch()
    each = entries // 10
    with m.transaction():
        for first in range(0, entries, each):
            with m.transaction():
                fill(m, first, first + each, watch)
    whole(m, entries)
    figure(f"{entries} entries in 10 savepoints, {watch.most >> 20} MiB")
    assert watch.most < MEMORY


def test_savepoint_in_savepoint(m: Map, size: Size, figure: Figure) -> None:
    entries, watch = size(100_000, 1_000_000), Watch()
    each = entries // 10

    def level(first: int) -> None:
        if first >= entries:
            return
        with m.transaction():
            fill(m, first, first + each, watch)
            level(first + each)

    with m.transaction():
        level(0)
    whole(m, entries)
    figure(f"{entries} entries, 10 savepoints deep, {watch.most >> 20} MiB")
    assert watch.most < MEMORY


def test_insert_select_in_a_transaction(m: Map, size: Size, figure: Figure) -> None:
    """A statement in BEGIN has a savepoint of its own, which is undone where it fails."""
    entries, watch = size(150_000, 1_000_000), Watch()
    numbers = "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < ? - 1) "
    insert = numbers + "INSERT INTO map(key, value) SELECT ? || i, i FROM c"
    m.sql("BEGIN")
    m.sql(insert, (entries, "key"))
    watch.look()
    with pytest.raises(apsw.ConstraintError):
        m.sql(insert + " UNION ALL SELECT 'before', 2", (entries // 2, "other"))
    watch.look()
    m.sql("COMMIT")
    assert len(m) == entries + 1
    assert m["before"] == 1
    assert m[f"key{entries - 1}"] == entries - 1
    assert "other0" not in m
    figure(f"{entries} rows, {watch.most >> 20} MiB")
    assert watch.most < MEMORY


# --- More changed pages than LMDB holds


def test_flat_with_more_pages_than_lmdb_holds(m: Map, size: Size, figure: Figure) -> None:
    entries, watch = size(150_000, 1_000_000), Watch()
    with m.transaction():
        fill(m, 0, entries, watch, width=3000)
    whole(m, entries)
    figure(f"{entries} entries of 3 kB, {watch.most >> 20} MiB")
    assert watch.most < MEMORY


def test_savepoint_that_has_no_room_is_refused_and_all_else_stays(m: Map, figure: Figure) -> None:
    each, done, watch = 10_000, 0, Watch()
    with m.transaction():
        refusal = ""
        while not refusal and done < 400_000:
            try:
                with m.transaction():
                    fill(m, done, done + each, watch, width=3000)
                done += each
            except oocmap.StoreFullError as error:
                refusal = str(error)
        assert "savepoint" in refusal
        assert "commit it first" in refusal
        assert len(m) == done + 1
        m["after"] = 1  # the transaction goes on without savepoints
        fill(m, done, done + 30_000, watch, width=3000)
        with pytest.raises(oocmap.StoreFullError), m.transaction():
            m["refused"] = 1
        done += 30_000
    assert m.pop("after") == 1
    whole(m, done)
    with m.transaction(), m.transaction():  # the next has room again
        m["again"] = 1
    assert m.pop("again") == 1
    figure(f"refused after {done - 30_000} entries of 3 kB, {watch.most >> 20} MiB")
    assert watch.most < MEMORY


def test_statements_past_the_limit(m: Map, figure: Figure) -> None:
    """Then a statement of many rows is refused as a whole, and what was before can be committed."""
    watch = Watch()
    text = "SELECT hex(randomblob(8)), printf('%03000d', i) FROM c"
    numbers = "WITH RECURSIVE c(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM c WHERE i < ?) "
    insert = numbers + "INSERT INTO map(key, value) " + text
    done = 0
    m.sql("BEGIN")
    refusal = ""
    while not refusal and done < 400_000:
        try:
            m.sql(insert, (done, done + 10_000 - 1))
            done += 10_000
        except apsw.TooBigError as error:
            refusal = str(error)
        watch.look()
    assert "commit it first" in refusal
    m.sql("COMMIT")
    assert len(m) == done + 1
    m.sql(insert, (0, 9))
    assert len(m) == done + 11
    figure(f"refused after {done} rows of 3 kB, {watch.most >> 20} MiB")
    assert watch.most < MEMORY
