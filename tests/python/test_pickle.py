"""Pickles of maps and lazies: where the data is, in this process and in others."""

import multiprocessing
import operator
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import oocmap
import pytest
from oocmap import pickling

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
VALUE: dict[str, Any] = {"d": {"n": 1}, "l": [1, [2]], "t": (1, [2]), "many": list(range(5000))}


class Named(oocmap.OOCMap[Any, Any]):
    """A subclass with arguments of its own."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(path, durability="off")
        self.name = name
        self.favourite: Any = None


def round_trip(value: Any, protocol: int = pickle.DEFAULT_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_map_comes_back_open_on_the_same_store(m: Any, protocol: int) -> None:
    m["a"] = [1]
    again = round_trip(m, protocol)
    assert type(again) is oocmap.OOCMap
    assert again is not m
    assert again.path == m.path
    again["a"].append(2)
    assert m["a"] == [1, 2]
    again.close()
    assert m["a"] == [1, 2]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("key", VALUE)
def test_lazy_comes_back_as_itself(m: Any, key: str, protocol: int) -> None:
    m.update(VALUE)
    again = round_trip(m[key], protocol)
    assert type(again) is type(m[key])
    assert again == m[key] == VALUE[key]
    m["other"] = again  # of the same file, so a reference
    if key != "t":
        m[key].clear()
        assert len(again) == len(m["other"]) == 0


def test_no_data_is_pickled(m: Any) -> None:
    m["many"] = ["some text"] * 10_000
    before = oocmap._native.counters()[1]
    for value in (m, m["many"]):
        data = pickle.dumps(value)
        assert len(data) < 400 + len(m.path)
        assert b"some text" not in data
    assert oocmap._native.counters()[1] - before <= 1


def test_members_of_one_pickle_share_a_map(m: Any) -> None:
    m.update(VALUE)
    again, first, second = round_trip((m, m["d"], m["l"]))
    again.close()
    for lazy in (first, second):
        with pytest.raises(oocmap.ClosedError):
            len(lazy)


def test_lazy_keeps_its_map_open(m: Any) -> None:
    m["a"] = {"b": [1]}
    again = round_trip(m["a"])
    m.close()
    again["b"].append(2)
    assert again["b"] == [1, 2]


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "r"},
        {"durability": "normal", "timeout": None},
        {"max_size": 1 << 24, "timeout": 0.25},
    ],
)
def test_settings_are_kept(path: Path, settings: dict[str, Any]) -> None:
    oocmap.OOCMap(path, durability=settings.get("durability")).close()
    with oocmap.OOCMap(path, **settings) as m, round_trip(m) as again:
        own = ("w", None, None, 5.0)
        names = ("mode", "durability", "max_size", "timeout")
        expected = [settings.get(name, usual) for name, usual in zip(names, own, strict=True)]
        function, arguments = again.__reduce__()[:2]
        assert function is pickling.open_map
        assert list(arguments) == [m.path, *expected]
        if settings.get("mode") == "r":
            with pytest.raises(oocmap.ReadOnlyError):
                again["a"] = 1


def test_durability_is_what_the_file_was_told_to_promise(path: Path) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        m.set_durability("full")
        data = pickle.dumps(m)
    with pickle.loads(data) as again:
        assert again.durability == "full"


@pytest.mark.parametrize("mode", ["c", "x"])
def test_no_file_is_made(path: Path, mode: Any) -> None:
    with oocmap.OOCMap(path, mode=mode) as m:
        m["a"] = [1]
        data = [pickle.dumps(m), pickle.dumps(m["a"])]
        assert [pickle.loads(each) for each in data] == [{"a": [1]}, [1]]
    path.unlink()
    for each in data:
        with pytest.raises(FileNotFoundError) as caught:
            pickle.loads(each)
        assert caught.value.filename == str(path)
    assert not path.exists()


def test_closed_map_is_not_pickled(m: Any) -> None:
    m["a"] = [1]
    lazy = m["a"]
    m.close()
    for value in (m, lazy):
        with pytest.raises(oocmap.ClosedError):
            pickle.dumps(value)


def test_value_that_is_gone_is_stale_when_it_is_used(m: Any) -> None:
    m["a"] = {"b": [1]}
    data = pickle.dumps(m["a"]["b"])
    del m["a"]
    m["other"] = [[2]] * 100
    again = pickle.loads(data)
    with pytest.raises(oocmap.StaleHandleError):
        again.append(1)
    with pytest.raises(oocmap.StaleHandleError):
        again.eager()


def test_another_map_in_its_place_is_noticed(tmp_path: Path, path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        m["a"] = [1]
        data = pickle.dumps(m["a"])
    with oocmap.OOCMap(tmp_path / "other.ooc") as other:
        other["a"] = [2]
    shutil.move(tmp_path / "other.ooc", path)
    with pytest.raises(oocmap.StaleHandleError, match="another map"):
        pickle.loads(data)


def test_inside_a_transaction(m: Any) -> None:
    m["a"] = [1]
    with m.transaction():
        m["b"] = [2]
        kept = m["b"]
        assert round_trip(m).eager() == {"a": [1]}
        for key in m:
            with pytest.raises(oocmap.TransactionError, match="commit"):
                pickle.dumps(m[key])
    assert round_trip(kept) == [2]


def test_rolled_back_value_is_not_pickled(m: Any) -> None:
    with pytest.raises(KeyError), m.transaction():  # noqa: PT012
        m["a"] = []
        lazy = m["a"]
        raise KeyError
    with pytest.raises(oocmap.StaleHandleError):
        pickle.dumps(lazy)


def test_subclass_comes_back_with_its_attributes(path: Path) -> None:
    with Named("beatles", path) as m:
        m["a"] = [1]
        m.favourite = m["a"]
        for again in (round_trip(m), oocmap._native.map_of(round_trip(m["a"]))):
            assert type(again) is Named
            assert again.name == "beatles"
            again.favourite.append(2)
            again.close()
            with pytest.raises(oocmap.ClosedError):
                len(again.favourite)
        assert m["a"] == [1, 2, 2]


@pytest.mark.parametrize("kind", [dict, print, "oocmap.OOCMap", oocmap.LazyDict])
def test_pickle_of_no_map_is_refused(path: Path, kind: Any) -> None:
    oocmap.OOCMap(path).close()
    with pytest.raises(pickle.UnpicklingError):
        pickling.open_map(str(path), "w", "full", None, 5.0, kind)


def test_pickle_of_no_lazy_is_refused(m: Any) -> None:
    m["a"] = 1
    for opened, handle in [({}, b""), (m, "text"), (None, None)]:
        with pytest.raises(pickle.UnpicklingError):
            pickling.find_lazy(opened, handle)
    scalar = m.connection.execute("SELECT map FROM map").get
    for handle in (b"", b"\xcfOM", scalar, b"\xcfOM\x01\x00" + bytes(17)):
        with pytest.raises((oocmap.StaleHandleError, oocmap.CorruptionError)):
            pickling.find_lazy(m, handle)


def test_views_and_the_connection_are_not_pickled(m: Any) -> None:
    m["a"] = [1]
    for value in (m.keys(), m.values(), m.connection):
        with pytest.raises(TypeError):
            pickle.dumps(value)


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_worker_processes(path: Path, method: str) -> None:
    with oocmap.OOCMap(path, durability="normal") as m:
        m.update(VALUE)
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            assert pool.submit(operator.getitem, m["d"], "n").result() == 1
            assert pool.submit(len, m).result() == len(VALUE)
            pool.submit(operator.setitem, m, "new", {"from": "worker"}).result()
            pool.submit(operator.methodcaller("append", 3), m["l"]).result()
            lazy = pool.submit(operator.getitem, m, "l").result()
            assert type(lazy) is oocmap.LazyList
            assert lazy == m["l"] == [1, [2], 3]
            lazy.append(4)
            assert pool.submit(len, m["l"]).result() == 4
            gone = pickle.dumps(m["d"])
            del m["d"]
            m["other"] = [[2]] * 100
            with pytest.raises(oocmap.StaleHandleError):  # it cannot be sent back
                pool.submit(pickle.loads, gone).result()
        assert m["new"] == {"from": "worker"}
