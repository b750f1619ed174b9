"""A forked child goes on with its parent's maps and handles, and its parent does too."""

import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oocmap
import pytest
from children import exit_code, run_in_child, start_child


class InChild(BaseException):
    """Leaves a block in the child: no handler of the tests catches it."""


@contextmanager
def held_by_a_thread(m: Any) -> Iterator[None]:
    """Another thread is inside a transaction."""
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with m.transaction():
            m["held"] = [1]
            inside.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(60)
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_child_reads_and_writes_through_map_and_handles(m: Any) -> None:
    m["dict"] = {"list": [1]}
    m["large"] = {i: [i] for i in range(1000)}
    kept, shaped, spilled = m["dict"]["list"], m["dict"], m["large"]
    assert [kept[0], shaped["list"][0], spilled[7][0]] == [1, 1, 7]  # and remembered

    def child() -> None:
        assert m.eager() == {"dict": {"list": [1]}, "large": {i: [i] for i in range(1000)}}
        assert [kept[0], shaped["list"][0], spilled[7][0]] == [1, 1, 7]
        kept.append(2)
        del spilled[7]
        with m.transaction():
            m["n"] = 1
            with m.transaction():
                shaped["n"] = m["n"]
        assert list(m.sql("SELECT count(*) FROM map")) == [(3,)]
        m.close()

    run_in_child(child)
    assert kept == [1, 2]
    assert m["dict"] == {"list": [1, 2], "n": 1}
    assert 7 not in spilled
    m["after"] = kept
    kept.append(3)
    assert m["after"] == [1, 2, 3]


def test_parent_writes_are_seen_in_the_child_and_back(m: Any, path: Path) -> None:
    m["list"] = kept = []
    kept = m["list"]
    to_child, to_parent = os.pipe(), os.pipe()

    def child() -> None:
        os.read(to_child[0], 1)
        assert kept == ["parent"]
        kept.append("child")
        os.write(to_parent[1], b".")

    started = start_child(child)
    kept.append("parent")
    os.write(to_child[1], b".")
    assert exit_code(started) == 0
    assert os.read(to_parent[0], 1) == b"."
    assert kept == ["parent", "child"]
    for end in (*to_child, *to_parent):
        os.close(end)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_child_that_leaves_an_inherited_block_ends_nothing(m: Any, path: Path, end: str) -> None:
    m["before"] = {"n": 0}
    before = m["before"]
    child = 1
    try:
        with m.transaction():
            before["n"] = 1
            m["inside"] = {"n": 1}
            inside = m["inside"]
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                status = 1
                try:
                    assert m.eager() == {"before": {"n": 0}}
                    assert before == {"n": 0}
                    with pytest.raises(oocmap.StaleHandleError):
                        inside.eager()
                    status = 0
                except BaseException:
                    traceback.print_exc()
                    os._exit(status)
            if child == 0 and end == "rollback":
                raise InChild
            if child != 0:
                # Not before the child has left the block, with a commit or a rollback.
                assert exit_code(child) == 0
                assert m.eager() == {"before": {"n": 1}, "inside": {"n": 1}}
    except InChild:
        pass
    if child == 0:
        os._exit(0 if m.eager() == {"before": {"n": 0}} else 1)
    assert m.eager() == {"before": {"n": 1}, "inside": {"n": 1}}
    assert inside == {"n": 1}
    m["after"] = 1


def test_handles_of_the_parents_open_transaction_never_show_another_value(m: Any) -> None:
    """Parent and child both give out the ids that the file says are free."""
    with m.transaction():
        m["parent"] = ["of the parent"]
        born = m["parent"]
    kept_outside = m["parent"]
    transaction = m.transaction()
    transaction.__enter__()
    m["undone"] = ["undone"]
    undone = m["undone"]

    def child() -> None:
        transaction.__exit__(None, None, None)
        assert born == kept_outside == ["of the parent"]  # committed before the fork
        for lazy in (undone,):
            with pytest.raises(oocmap.StaleHandleError):
                lazy.eager()
            with pytest.raises(oocmap.StaleHandleError):
                lazy.append(1)
        os.read(reading, 1)  # the parent has rolled back
        m.update({i: [i] for i in range(50)})
        with pytest.raises(oocmap.StaleHandleError):
            undone.eager()

    reading, writing = os.pipe()
    started = start_child(child)
    transaction.__exit__(InChild, InChild(), None)
    os.write(writing, b".")
    assert exit_code(started) == 0
    with pytest.raises(oocmap.StaleHandleError):
        undone.eager()
    assert m.eager() == {"parent": ["of the parent"]} | {i: [i] for i in range(50)}
    os.close(reading)
    os.close(writing)


def test_handle_of_a_detached_value_is_not_freed_in_the_child(m: Any) -> None:
    m["a"] = {"n": [1]}
    kept = m.get("a")
    del m["a"]

    def child() -> None:
        for i in range(200):
            m[i] = [[i]]
        m["back"] = kept
        assert m["back"] == {"n": [1]}

    run_in_child(child)
    assert m["back"] == kept == {"n": [1]}


def test_iterator_of_the_parent_says_that_it_is(m: Any) -> None:
    m["list"] = list(range(5000))
    m["dict"] = {i: i for i in range(5000)}
    iterators = [iter(m["list"]), iter(m["dict"]), reversed(m["dict"]), m["dict"].range(), iter(m)]
    for iterator in iterators[:4]:
        next(iterator)

    def child() -> None:
        for iterator in iterators:
            with pytest.raises(oocmap.ClosedError, match="forked"):
                list(iterator)

    run_in_child(child)
    assert [len(list(iterator)) for iterator in iterators] == [4999] * 4 + [2]


def test_fork_while_another_thread_is_in_a_transaction(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=0.2) as m:
        m["a"] = 1

        def child() -> None:
            assert m.eager() == {"a": 1}
            for write in (
                lambda: m.update(a=2),
                lambda: m.transaction().__enter__(),
                lambda: m.__delitem__("a"),
            ):
                with pytest.raises(oocmap.BusyError):  # of another process now
                    write()

        with held_by_a_thread(m):
            run_in_child(child)
        assert m.eager() == {"a": 1, "held": [1]}
        run_in_child(lambda: m.update(b=2))
        assert m["b"] == 2


def test_fork_while_other_threads_read_and_write(m: Any) -> None:
    m["n"] = 0
    stop = threading.Event()

    def write(name: str) -> None:
        while not stop.is_set():
            m[name] = [m["n"]]
            with m.transaction():
                m["n"] += 1
            list(m.items())

    threads = [threading.Thread(target=write, args=(f"t{i}",)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        for i in range(20):

            def child(i: int = i) -> None:
                m[f"child {i}"] = dict(m)["n"]
                with m.transaction():
                    m["n"] += 1

            run_in_child(child)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert sum(str(key).startswith("child") for key in m) == 20


def test_child_of_a_child(m: Any) -> None:
    m["list"] = kept = m.setdefault("list", [])

    def child() -> None:
        kept.append("child")
        run_in_child(lambda: kept.append("grandchild"))
        assert kept == ["child", "grandchild"]

    run_in_child(child)
    assert kept == ["child", "grandchild"]


def test_map_that_cannot_be_opened_again_says_so(path: Path) -> None:
    m: Any = oocmap.OOCMap(path, durability="off")
    m["a"] = [1]
    kept = m["a"]
    path.rename(path.with_name("elsewhere"))
    # With its lock file: another map at `path` would be refused while that is in use.
    path.with_name(path.name + "-lock").rename(path.with_name("elsewhere-lock"))

    def child() -> None:
        for use in (
            m.eager,
            kept.eager,
            lambda: m.transaction().__enter__(),
            lambda: m.update(a=1),
        ):
            with pytest.raises(oocmap.ClosedError, match="forked"):
                use()

    def child_of_another() -> None:
        with pytest.raises(oocmap.Error):
            kept.eager()

    run_in_child(child)
    with oocmap.OOCMap(path, durability="off") as other:
        other["a"] = ["another map"]
        run_in_child(child_of_another)
    assert kept == [1]
    m.close()


def test_mode_and_closed_maps(path: Path) -> None:
    oocmap.OOCMap(path, durability="off").close()
    reader = oocmap.OOCMap(path, mode="r", durability="off")
    closed = oocmap.OOCMap(path.with_name("closed"), durability="off")
    closed.close()
    exclusive: Any = oocmap.OOCMap(path.with_name("x"), mode="x", durability="off")

    def child() -> None:
        with pytest.raises(oocmap.ReadOnlyError):
            reader["a"] = 1
        with pytest.raises(oocmap.ClosedError):
            len(closed)
        exclusive["a"] = 1

    run_in_child(child)
    assert exclusive["a"] == 1
    reader.close()
    exclusive.close()
