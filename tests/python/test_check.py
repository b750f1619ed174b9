"""check(), verify=, and their SQL forms: sound files, damaged pages, records that disagree."""

import pathlib
import struct

import apsw
import oocmap
import pytest

PAGE = 4096


def make(path: pathlib.Path) -> None:
    with oocmap.OOCMap(path) as m:
        for i in range(300):
            m[f"key {i}"] = {"list": [i, "text" * i], "inner": {"a": (1, 2.5)}}
        for i in range(0, 300, 3):
            del m[f"key {i}"]


def meta_of(content: bytes) -> int:
    first, second = (struct.unpack_from("<Q", content, at + 144)[0] for at in (0, PAGE))
    return PAGE if second > first else 0


def leaf_of_records(content: bytes) -> int:
    """Where a leaf page of the database `records` begins."""
    (main,) = struct.unpack_from("<Q", content, meta_of(content) + 128)
    at = content.index(b"records", main * PAGE) + len(b"records")
    (page,) = struct.unpack_from("<Q", content, at + 40)
    while struct.unpack_from("<H", content, page * PAGE + 10)[0] == 1:
        (node,) = struct.unpack_from("<H", content, page * PAGE + 18)
        page = struct.unpack_from("<Q", content, page * PAGE + node)[0] & 0xFFFFFFFFFFFF
    return page * PAGE


def damage_a_page(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, leaf_of_records(content) + 18, 0xFFF0)
    path.write_bytes(content)


def damage_a_record(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    leaf = leaf_of_records(content)
    (node,) = struct.unpack_from("<H", content, leaf + 18)
    content[leaf + node + 16] |= 0x80  # a flag of the record that no version knows
    path.write_bytes(content)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "m.ooc"
    make(path)
    return path


def test_a_sound_map(path: pathlib.Path) -> None:
    with oocmap.OOCMap(path) as m:
        report = m.check()
        assert report.ok
        assert report.problems == []
        assert report.problem_count == 0
        assert report.entries == len(m) == 200
        assert report.pages > report.free_pages > 0
        assert report.containers > 600
        calls = []
        m.check(progress=lambda done, total: calls.append((done, total)))
        assert all(0 < done <= total for done, total in calls)
        m.connection.execute("INSERT INTO map(map) VALUES ('check')")


def test_arguments(path: pathlib.Path) -> None:
    with pytest.raises(oocmap.ArgumentError, match="verify must be 'auto', 'quick' or 'full'"):
        oocmap.OOCMap(path, verify="fast")  # type: ignore[arg-type]
    m = oocmap.OOCMap(path, verify="full")
    with pytest.raises(TypeError, match="progress must be callable or None, not 'int'"):
        m.check(progress=5)  # type: ignore[arg-type]
    m.close()
    with pytest.raises(oocmap.ClosedError):
        m.check()


def test_a_damaged_page(path: pathlib.Path) -> None:
    damage_a_page(path)
    with pytest.raises(oocmap.CorruptionError, match=r"is damaged: page \d+, in the tree of"):
        oocmap.OOCMap(path, verify="full")
    with oocmap.OOCMap(path, verify="quick") as m:
        report = m.check()
        assert not report.ok
        assert report.problem_count == 1
        assert "has node" in report.problems[0]
        assert str(path) in report.problems[0]
    connection = apsw.Connection("")
    oocmap.load(connection)
    with pytest.raises(apsw.CorruptError, match="is damaged: page"):
        connection.execute(
            f"CREATE VIRTUAL TABLE temp.m USING oocmap('{path}', create=1, verify=full)"
        )
    with pytest.raises(apsw.Error, match="expected verify=full"):
        connection.execute(f"CREATE VIRTUAL TABLE temp.m USING oocmap('{path}', verify=1)")


def test_a_damaged_record(path: pathlib.Path) -> None:
    damage_a_record(path)
    with oocmap.OOCMap(path, verify="full") as m:
        report = m.check()
        assert report.problem_count == 1
        assert report.problems[0].endswith("it has unknown flags")
        with pytest.raises(apsw.CorruptError, match=r"is damaged: record .* unknown flags"):
            m.connection.execute("INSERT INTO map(map) VALUES ('check')")


def test_pragma_integrity_check(path: pathlib.Path) -> None:
    if apsw.SQLITE_VERSION_NUMBER < 3044000:
        pytest.skip("this SQLite asks virtual tables only from 3.44 on")
    with oocmap.OOCMap(path) as m:
        assert m.connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    damage_a_record(path)
    with oocmap.OOCMap(path) as m:
        ((text,),) = m.connection.execute("PRAGMA integrity_check").fetchall()
        assert text.startswith("oocmap: in the file of temp.map: record ")
        assert m.connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    damage_a_page(path)
    with oocmap.OOCMap(path) as m:
        ((text,),) = m.connection.execute("PRAGMA quick_check").fetchall()
        assert "is damaged: page" in text
