"""What is read again and again is remembered, and given only while it is what the file holds."""

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import oocmap
import pytest

WRITE = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], durability="off") as m:
    m["x"]["field"] = "new"
"""


class StopError(Exception):
    pass


def often(read: Any) -> Any:
    """Read so often that the result is surely remembered."""
    for _ in range(4):
        result = read()
    return result


def test_a_write_is_seen_at_once(m: Any) -> None:
    m["x"] = {"field": 1, "list": [1, [2]]}
    x, items = m["x"], m["x"]["list"]
    assert often(lambda: (x["field"], items[0], items[-1].eager())) == (1, 1, [2])
    x["field"] = 2
    items[0] = "new"
    items.append(3)
    assert (x["field"], items[0], items[-1]) == (2, "new", 3)
    del m["x"]
    with pytest.raises(KeyError):
        m["x"]


def test_a_write_inside_a_transaction_is_seen_by_its_thread_only(m: Any) -> None:
    m["x"] = {"field": 1}
    x = m["x"]
    assert often(lambda: x["field"]) == 1
    seen: list[int] = []
    with contextlib.suppress(StopError), m.transaction():
        x["field"] = 2
        assert often(lambda: x["field"]) == 2
        reader = threading.Thread(target=lambda: seen.append(often(lambda: m["x"]["field"])))
        reader.start()
        reader.join()
        raise StopError
    assert seen == [1]
    assert x["field"] == 1


def test_a_value_that_was_rolled_back_stays_away(m: Any) -> None:
    m["x"] = 0
    with contextlib.suppress(StopError), m.transaction():
        m["x"] = {"field": 1}
        x = m["x"]
        assert often(lambda: (m["x"]["field"], x["field"])) == (1, 1)
        raise StopError
    assert m["x"] == 0
    m["x"] = {"field": 2}
    assert often(lambda: m["x"]["field"]) == 2
    with pytest.raises(oocmap.StaleHandleError):
        x["field"]


def test_a_value_that_was_deleted_is_gone(m: Any) -> None:
    m["x"] = [[1]]
    inner = m["x"][0]
    assert often(lambda: inner[0]) == 1
    m["x"] = []
    with pytest.raises(IndexError):
        m["x"][0]
    assert inner[0] == 1  # held: still there
    with pytest.raises(IndexError):
        inner[1]


def test_keys_that_are_equal_keep_their_own_answers(m: Any) -> None:
    m["x"] = {1: "one", "1": "text"}
    x = m["x"]
    m["l"] = ["zero", "one"]
    items = m["l"]
    for _ in range(4):
        assert (x[1], x[True], x[1.0], x["1"]) == ("one", "one", "one", "text")
        assert (m["x"][1], items[1], items[True], items[-1]) == ("one", "one", "one", "one")
        with pytest.raises(TypeError):
            items[1.0]
        with pytest.raises(KeyError):
            x["one"]
        assert "1" in x
        assert "one" not in x


def test_another_process_s_commit_is_seen(m: Any, path: Path) -> None:
    m["x"] = {"field": "old"}
    assert often(lambda: m["x"]["field"]) == "old"
    subprocess.run([sys.executable, "-c", WRITE, os.fspath(path)], check=True)
    assert m["x"]["field"] == "new"


def test_a_closed_map_answers_nothing(path: Path) -> None:
    m: Any = oocmap.OOCMap(path, durability="off")
    m["x"] = [1]
    x = m["x"]
    assert often(lambda: (m["x"][0], x[0])) == (1, 1)
    m.connection.close()
    with pytest.raises(oocmap.ClosedError):
        m["x"]
    with pytest.raises(oocmap.ClosedError):
        x[0]
    m.close()
    with pytest.raises(oocmap.ClosedError):
        x[0]


def test_a_forked_child_reads_what_is_stored_now(m: Any) -> None:
    m["x"] = [1]
    x = m["x"]
    assert often(lambda: (m["x"][0], x[0])) == (1, 1)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reading, 1)
        os._exit(0 if (m["x"][0], x[0], m["y"]) == (2, 2, 3) else 1)
    x[0] = 2
    m["y"] = 3
    os.write(writing, b".")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(reading)
    os.close(writing)


def test_more_than_is_remembered(m: Any) -> None:
    m["x"] = {str(i): [i, str(i) * 200] for i in range(10_000)}
    x = m["x"]
    for _ in range(3):
        for i in range(10_000):
            assert x[str(i)][0] == i
    assert x["77"][1] == "77" * 200


def test_what_is_remembered_is_let_go_with_the_map(path: Path) -> None:
    m: Any = oocmap.OOCMap(path, durability="off")
    text = "".join(["a key that nobody else ", "has"])
    m[text] = "value"
    before = sys.getrefcount(text)
    often(lambda: m[text])
    assert sys.getrefcount(text) == before + 1
    m.close()
    assert sys.getrefcount(text) == before
