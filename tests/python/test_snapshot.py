"""Snapshots: one moment, whatever is written meanwhile."""

import copy
import gc
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oocmap
import pytest

CONTENT: dict[Any, Any] = {
    "d": {"a": 1, "b": {"c": [1, 2]}},
    "l": [1, (2, "x"), {"k": 1.5}],
    "large": {i: f"value {i}" for i in range(5000)},
    "long": list(range(5000)),
    "text": "t" * 5000,
    1: None,
}


@pytest.fixture
def filled(m: Any) -> Any:
    m.update(CONTENT)
    return m


def change_everything(m: Any) -> None:
    m["d"]["b"]["c"].append(3)
    m["d"]["new"] = 1
    m["l"].clear()
    for i in range(0, 5000, 3):
        del m["large"][i]
    m["long"].reverse()
    m["text"] = "other"
    del m[1]
    m["added"] = {}
    m["d"] = "gone"
    for i in range(200):  # what was detached is freed by later writes
        m["filler"] = {"x": [i] * 1000}


def test_shows_its_moment(filled: Any) -> None:
    with filled.snapshot() as s:
        lazies = {key: s[key] for key in ("d", "l", "large", "long")}
        change_everything(filled)
        assert s.eager() == CONTENT
        assert s == CONTENT
        assert list(s) == list(CONTENT)
        assert len(s) == len(CONTENT)
        for key, lazy in lazies.items():
            assert lazy == CONTENT[key]
            assert lazy.eager() == CONTENT[key]
            assert len(lazy) == len(CONTENT[key])
        assert s["d"]["b"]["c"][1] == 2
        assert s["large"][3] == "value 3"
        assert s.get_many(["text", "added"]) == [CONTENT["text"], None]
        assert 1 in s
        assert "added" not in s
    assert "added" in filled


def test_newer_and_older(m: Any) -> None:
    snapshots = []
    for i in range(20):
        m["n"] = [i]
        snapshots.append(m.snapshot())
    assert [s["n"][0] for s in snapshots] == list(range(20))
    for s in snapshots[::2]:
        s.close()
    m["n"] = []
    assert [s["n"][0] for s in snapshots[1::2]] == list(range(1, 20, 2))


def test_in_a_transaction_it_shows_the_last_commit(m: Any) -> None:
    m["n"] = [1]
    with m.transaction():
        m["n"].append(2)
        with m.snapshot() as s:
            assert s["n"] == [1]
            m["n"].append(3)
            assert s["n"] == [1]
        assert m["n"] == [1, 2, 3]


def test_before_during_and_after_a_rollback(m: Any) -> None:
    m["n"] = [1]
    with pytest.raises(KeyError), m.transaction():  # noqa: PT012
        m["n"].append(2)
        s = m.snapshot()
        raise KeyError
    m["n"].append(3)
    assert s["n"] == [1]
    assert m["n"] == [1, 3]


WRITES: list[Callable[[Any], Any]] = [
    lambda s: s.update({1: 2}),
    lambda s: s.update([(1, 2)]),
    lambda s: s.__setitem__("x", 1),
    lambda s: s.__setitem__("d", {}),
    lambda s: s.__delitem__("d"),
    lambda s: s.clear(),
    lambda s: s.popitem(),
    lambda s: s.pop("d"),
    lambda s: s.setdefault("new", 1),
    lambda s: s["d"].__setitem__("a", 2),
    lambda s: s["d"]["b"]["c"].append(1),
    lambda s: s["l"].sort(),
    lambda s: s["long"].__delitem__(slice(None)),
    lambda s: s["large"].clear(),
]


@pytest.mark.parametrize("write", WRITES)
def test_cannot_be_written(filled: Any, write: Callable[[Any], Any]) -> None:
    with (
        filled.snapshot() as s,
        pytest.raises(oocmap.ReadOnlyError, match=r"a snapshot of '.*' cannot be written"),
    ):
        write(s)
    assert filled.eager() == CONTENT


def test_iterating_while_the_map_changes(filled: Any) -> None:
    with filled.snapshot() as s:
        seen = []
        for i, key in enumerate(s["large"]):
            seen.append(key)
            if i % 50 == 0:
                filled["large"][f"new {i}"] = i
                filled["large"].pop(i)
        assert seen == list(range(5000))
        entries = s["large"].range(10, 20)
        filled["large"].clear()
        assert [key for key, _ in entries] == list(range(10, 20))


def test_live_and_snapshot_are_told_apart(filled: Any) -> None:
    with filled.snapshot() as s:
        assert s == filled
        assert s["d"] == filled["d"]
        assert filled["d"] == s["d"]
        filled["d"]["a"] = 2
        assert s["d"] != filled["d"]
        assert filled["d"] != s["d"]
        assert filled != s
        with filled.snapshot() as later:
            assert later["d"] == filled["d"]
            assert later["d"] != s["d"]
            assert s["d"]["b"] == later["d"]["b"]


def test_storing_copies(filled: Any) -> None:
    with filled.snapshot() as s:
        change_everything(filled)
        filled["back"] = s["d"]
        filled["nested"] = [s["l"], s["l"]]
        filled["whole"] = s
        filled["large"] = s["large"]
        s_value = s["d"]
        filled["d"] = s_value
        assert filled["d"] == s_value
    assert filled["back"] == CONTENT["d"]
    assert filled["nested"][0] == CONTENT["l"]
    assert filled["whole"] == CONTENT
    assert filled["large"] == CONTENT["large"]
    filled["back"]["a"] = 5
    assert filled["d"]["a"] == 1


def test_copies(filled: Any) -> None:
    with filled.snapshot() as s:
        assert type(copy.copy(s)) is dict
        assert copy.deepcopy(s) == CONTENT
        assert copy.deepcopy(s["d"]) == CONTENT["d"]


def test_closed(filled: Any) -> None:
    s = filled.snapshot()
    lazy = s["d"]
    iterator = iter(s)
    next(iterator)
    assert not s.closed
    s.close()
    s.close()
    assert s.closed
    uses: list[Callable[[], Any]] = [
        lambda: s["d"],
        lambda: len(s),
        lambda: lazy["a"],
        lambda: lazy.eager(),
        lambda: next(iterator),
        lambda: s.__enter__(),
        lambda: filled.__setitem__("x", lazy),
        lambda: s.__setitem__("x", 1),
    ]
    for use in uses:
        with pytest.raises(oocmap.ClosedError, match=r"snapshot is closed|map.*is closed"):
            use()
    assert repr(s) == "Snapshot({...})"
    assert filled["d"] == CONTENT["d"]


def test_outlives_the_map(filled: Any) -> None:
    s = filled.snapshot()
    filled.close()
    assert s.eager() == CONTENT
    s.close()
    with pytest.raises(oocmap.ClosedError):
        filled.snapshot()


def test_dropped_without_close(path: Path, filled: Any) -> None:
    for _ in range(300):  # more than there are readers
        filled.snapshot()
    gc.collect()
    with oocmap.OOCMap(path, mode="r") as other:
        assert other == CONTENT


def test_read_only_map(path: Path, filled: Any) -> None:
    filled.close()
    with oocmap.OOCMap(path, mode="r") as reader, reader.snapshot() as s:
        assert s == CONTENT


def test_arguments(filled: Any) -> None:
    with pytest.raises(TypeError):
        oocmap.Snapshot({})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        oocmap.Snapshot(filled["d"])
    with filled.snapshot() as s, pytest.raises(oocmap.ArgumentError):
        s._open_snapshot(filled)
    with filled.snapshot() as s, oocmap.Snapshot(s) as again:
        assert again == CONTENT


def test_is_not_pickled(filled: Any) -> None:
    with filled.snapshot() as s:
        for value in (s, s["d"], [s["l"]]):
            with pytest.raises(TypeError, match="a snapshot cannot be pickled"):
                pickle.dumps(value)


def test_threads(filled: Any) -> None:
    failures: list[BaseException] = []
    with filled.snapshot() as s:

        def read() -> None:
            try:
                for _ in range(20):
                    assert s.eager() == CONTENT
                    assert s["large"][4999] == "value 4999"
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        change_everything(filled)
        for thread in threads:
            thread.join()
    assert failures == []


def _read_inherited(s: Any, m: Any, results: Any) -> None:
    try:
        s["d"]
    except oocmap.ClosedError as error:
        results.put(str(error))
    with m.snapshot() as mine:
        results.put(mine["l"].eager())


def test_fork(filled: Any) -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    with filled.snapshot() as s:
        child = context.Process(target=_read_inherited, args=(s, filled, results))
        child.start()
        child.join()
        assert child.exitcode == 0
        assert "forked" in results.get()
        assert results.get() == CONTENT["l"]
        filled.clear()
        assert s == CONTENT


def test_pages_are_kept_for_it_and_then_used_again(path: Path, m: Any) -> None:
    def churn() -> int:
        for i in range(50):
            m["x"] = [f"{i} {j}" for j in range(2000)]
        return path.stat().st_size

    churn()
    before = churn()
    s = m.snapshot()
    grown = churn()
    assert grown > before * 2
    s.close()
    assert churn() <= grown
