"""What a file promises to survive, and what processes may ask for."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import oocmap
import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "map.ooc"


def made(path: Path, durability: Any) -> Path:
    oocmap.OOCMap(path, durability=durability).close()
    return path


@pytest.mark.parametrize("durability", ["full", "normal", "off"])
def test_a_file_is_opened_as_it_was_made(path: Path, durability: Any) -> None:
    with oocmap.OOCMap(made(path, durability)) as m:
        assert m.durability == durability


def test_a_new_file_promises_everything(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        assert m.durability == "full"


@pytest.mark.parametrize(
    ("promise", "asked"), [("full", "normal"), ("full", "off"), ("normal", "off")]
)
def test_less_than_the_file_promises_is_refused(path: Path, promise: Any, asked: Any) -> None:
    made(path, promise)
    for _ in range(2):  # the first leaves nothing open
        with pytest.raises(
            oocmap.ArgumentError, match=f"promises durability '{promise}'.*'{asked}'"
        ):
            oocmap.OOCMap(path, durability=asked)
    with oocmap.OOCMap(path, mode="r", durability=asked) as m:
        assert len(m) == 0


def test_more_is_for_this_process(path: Path) -> None:
    with oocmap.OOCMap(made(path, "off"), durability="full") as m:
        assert m.durability == "full"
    with oocmap.OOCMap(path) as m:
        assert m.durability == "off"


def test_a_map_that_the_process_has_open_tells_its_durability(path: Path) -> None:
    with (
        oocmap.OOCMap(path, durability="off"),
        pytest.raises(
            oocmap.ArgumentError, match="already, with durability 'off' instead of 'full'"
        ),
    ):
        oocmap.OOCMap(path, durability="full")


def test_the_promise_can_be_changed(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        m["a"] = 1
        m.set_durability("full")
        assert m.durability == "full"
    with pytest.raises(oocmap.ArgumentError):
        oocmap.OOCMap(path, durability="off")
    with oocmap.OOCMap(path) as m:
        assert (m.durability, m["a"]) == ("full", 1)
        m.set_durability("normal")
        assert m.durability == "full"  # until it is opened again
    with oocmap.OOCMap(path) as m:
        assert m.durability == "normal"


def test_a_change_that_is_rolled_back_is_none(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        with contextlib.suppress(ZeroDivisionError), m.transaction():
            m.set_durability("full")
            raise ZeroDivisionError
        m["a"] = 1
    with oocmap.OOCMap(path) as m:
        assert m.durability == "off"


OPEN_OFF = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], durability="off", timeout=60) as m:
    m["mine"] = 1
    print(m.durability, flush=True)
    sys.stdin.readline()
    m["mine"] = 2
    print(m.durability, flush=True)
"""


def test_other_processes_take_up_a_promise_with_their_next_write(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=60) as m:
        command = [sys.executable, "-c", OPEN_OFF, str(path)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            assert other.stdout.readline() == "off\n"
            m.set_durability("normal")
            other.stdin.write("\n")
            other.stdin.flush()
            assert other.stdout.readline() == "normal\n"
            assert other.wait(60) == 0
        assert m["mine"] == 2


@pytest.mark.parametrize("word", ["some", "", "FULL", "full\0"])
def test_set_durability_refuses_other_words(path: Path, word: Any) -> None:
    with oocmap.OOCMap(path) as m, pytest.raises(oocmap.ArgumentError, match="must be 'full'"):
        m.set_durability(word)


def test_set_durability_refuses_other_types_readers_and_closed_maps(path: Path) -> None:
    m: Any = oocmap.OOCMap(path)
    for wrong in (None, 1, b"full"):
        with pytest.raises(TypeError, match="must be a str"):
            m.set_durability(wrong)
    m.close()
    with pytest.raises(oocmap.ClosedError):
        m.set_durability("full")
    with pytest.raises(oocmap.ClosedError):
        m.durability  # noqa: B018
    reader: Any
    with oocmap.OOCMap(path, mode="r") as reader, pytest.raises(oocmap.ReadOnlyError):
        reader.set_durability("full")


def test_a_forked_child_keeps_the_promise(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=60) as m:
        m.set_durability("full")
        child = os.fork()
        if child == 0:
            m["durability"] = m.durability
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert m["durability"] == "full"
