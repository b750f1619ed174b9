"""OOCMap.configure_auto_vacuum(): a vacuum after so many removed entries."""

import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import oocmap
import pytest

Map = oocmap.OOCMap[Any, Any]


def commits(m: Map) -> int:
    """How many commits the file has seen: LMDB's two meta pages tell."""
    pages = pathlib.Path(m.path).read_bytes()[: 2 * 4096]
    return max(int.from_bytes(pages[at + 144 : at + 152], "little") for at in (0, 4096))


def vacuumed(m: Map, action: Callable[[], object]) -> bool:
    """Whether the action, one commit or none, brought on a vacuum, which is some."""
    before = commits(m)
    action()
    return commits(m) > before + 1


def allocated(path: str | pathlib.Path) -> int:
    return os.stat(path).st_blocks * 512


def fill(m: Map) -> None:
    m.update({i: i for i in range(30)})
    m["dict"] = {i: i for i in range(30)}
    m["big"] = {"below": {i: str(i) * 50 for i in range(1000)}}
    m["list"] = list(range(30))
    m["set"] = set(range(30))


@pytest.mark.parametrize(
    "remove",
    [
        lambda m, i: m.pop(i),
        lambda m, i: m.__delitem__(i),
        lambda m, i: m["dict"].pop(i),
        lambda m, i: m["dict"].popitem(),
        lambda m, i: m["big"]["below"].__delitem__(i),
        lambda m, i: m["list"].pop(),
        lambda m, i: m["list"].remove(i),
        lambda m, i: m["set"].discard(i),
        lambda m, i: m["set"].pop(),
        lambda m, i: m.connection.execute("DELETE FROM map WHERE key = ?", (i,)),
        lambda m, i: m.connection.execute("DELETE FROM below WHERE key = ?", (i,)),
    ],
)
def test_each_removal_counts(m: Map, remove: Callable[[Map, int], object]) -> None:
    fill(m)
    m.create_table("below", "$.big.below", {})
    m.configure_auto_vacuum(3)
    seen = [vacuumed(m, lambda i=i: remove(m, i)) for i in range(9)]
    assert seen == [False, False, True] * 3


@pytest.mark.parametrize(
    "remove",
    [
        lambda m: m["dict"].clear(),
        lambda m: m["big"]["below"].clear(),
        lambda m: m["list"].__delitem__(slice(0, 20)),
        lambda m: m["list"].clear(),
        lambda m: m["set"].clear(),
        lambda m: m.clear(),
        lambda m: m.connection.execute("DELETE FROM map WHERE key < 20"),
    ],
)
def test_removals_at_once_count_each(m: Map, remove: Callable[[Map], object]) -> None:
    fill(m)
    m.configure_auto_vacuum(20)
    assert not vacuumed(m, lambda: m.pop(29))
    assert vacuumed(m, lambda: remove(m))
    m["again"] = {1: 1}
    assert not vacuumed(m, lambda: m["again"].pop(1))


def test_what_removes_nothing_does_not_count(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(1)

    def fail() -> None:
        with pytest.raises(KeyError):
            del m["no"]
        with pytest.raises(KeyError):
            m["dict"].pop("no")
        assert m.pop("no", None) is None
        with pytest.raises(ValueError, match="not in list"):
            m["list"].remove(77)
        with pytest.raises(IndexError):
            del m["list"][77]
        m["set"].discard(77)
        m.connection.execute("DELETE FROM map WHERE key = 'no'")

    assert not vacuumed(m, fail)
    assert not vacuumed(m, lambda: m.__setitem__(3, "other"))
    assert vacuumed(m, lambda: m.pop(3))


def test_a_value_with_all_below_it_is_one_entry(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(2)
    assert not vacuumed(m, lambda: m.pop("big"))
    assert vacuumed(m, lambda: m.pop("dict"))


def test_it_runs_after_the_outermost_commit(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(2)
    before = commits(m)
    with m.transaction():
        with m.transaction():
            for i in range(10):
                del m[i]
        m.connection.execute("DELETE FROM map WHERE key = 20")
        assert commits(m) == before
    assert commits(m) > before + 1


def test_what_was_rolled_back_does_not_count(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(3)

    def clear_in_vain() -> None:
        with m.transaction():
            m.clear()
            raise ZeroDivisionError

    def roll_back() -> None:
        with pytest.raises(ZeroDivisionError):
            clear_in_vain()
        with m.transaction():
            with pytest.raises(ZeroDivisionError):
                clear_in_vain()
            del m[1]

    assert not vacuumed(m, roll_back)
    assert not vacuumed(m, lambda: m.pop(2))
    assert vacuumed(m, lambda: m.pop(3))


def test_none_disables_it(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(1)
    m.configure_auto_vacuum(None)
    assert not vacuumed(m, m.clear)
    fill(m)
    m.configure_auto_vacuum(10**30)
    assert not vacuumed(m, m.clear)


def test_the_count_starts_anew_with_the_setting(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(3)
    del m[0], m[1]
    m.configure_auto_vacuum(3)
    assert not vacuumed(m, lambda: m.pop(2))
    assert not vacuumed(m, lambda: m.pop(3))
    assert vacuumed(m, lambda: m.pop(4))


@pytest.mark.parametrize("wrong", [0, -1])
def test_a_threshold_below_one_is_a_value_error(m: Map, wrong: int) -> None:
    with pytest.raises(ValueError, match=f"must be 1 or more, or None, not {wrong}"):
        m.configure_auto_vacuum(wrong)


@pytest.mark.parametrize("wrong", [1.0, "1", [], True])
def test_a_threshold_of_another_type_is_a_type_error(m: Map, wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be an int or None, not "):
        m.configure_auto_vacuum(wrong)
    m.close()
    with pytest.raises(oocmap.ClosedError):
        m.configure_auto_vacuum(1)


def test_each_map_object_has_its_own(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(1)
    with oocmap.OOCMap(m.path, durability="off") as other:
        assert not vacuumed(m, lambda: other.pop(1))
    copy = pickle.loads(pickle.dumps(m))
    assert not vacuumed(m, lambda: copy.pop(2))
    copy.close()
    assert vacuumed(m, lambda: m.pop(3))


def test_a_forked_child_keeps_it(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(1)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if vacuumed(m, lambda: m.pop(1)) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


def test_space_is_given_back(m: Map) -> None:
    m.configure_auto_vacuum(32)
    for i in range(32):
        m[i] = chr(65 + i) * 4096
    full = allocated(m.path)
    for i in range(32):
        del m[i]
    assert allocated(m.path) < full / 2


HOLD_VACUUM = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], durability="off") as m:
    waiting = True
    def progress(*_):
        global waiting
        if waiting:
            waiting = False
            print(flush=True)
            sys.stdin.readline()
    m.vacuum(progress=progress)
"""


def test_one_put_off_is_done_when_the_map_is_closed(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(2)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_VACUUM, m.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdout.readline()
    with oocmap.OOCMap(m.path, durability="off", timeout=0.05) as second:
        second.configure_auto_vacuum(2)
        del second[1], second[2]  # another vacuum runs
        del second[3]
        holder.communicate(b"\n")
        assert holder.returncode == 0
        before = commits(m)
    assert commits(m) > before


def test_an_interrupt_while_it_waits_is_raised_after_the_removal(m: Map) -> None:
    fill(m)
    m.configure_auto_vacuum(1)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_VACUUM, m.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        del m[1]
    timer.join()
    assert 1 not in m
    holder.communicate(b"\n")
    assert vacuumed(m, lambda: m.pop(2))
