"""Opening, closing, and what OOCMap shows of itself."""

import errno
import gc
import inspect
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import oocmap
import pytest


def test_missing_file_is_made(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        assert len(m) == 0
        assert m.path == str(path.resolve())
    assert path.stat().st_mode & 0o777 == 0o600


def test_empty_file_becomes_a_map(path: Path) -> None:
    path.touch()
    with oocmap.OOCMap(path) as m:
        m["a"] = 1
    with oocmap.OOCMap(path, mode="r") as m:
        assert m["a"] == 1


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_path_of_any_kind(path: Path, kind: Any) -> None:
    with oocmap.OOCMap(kind(path)) as m:
        assert m.path == str(path)


def test_path_of_wrong_type() -> None:
    with pytest.raises(TypeError):
        oocmap.OOCMap(5)  # type: ignore[arg-type]


def test_path_with_quotes_and_spaces(tmp_path: Path) -> None:
    with oocmap.OOCMap(tmp_path / 'it\'s a "map" ü.ooc') as m:
        m["a"] = 1
        assert list(m.sql("SELECT key, value FROM map")) == [("a", 1)]


def test_content_stays(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        m["a"] = {"b": [1, (2.0, None)]}
    with oocmap.OOCMap(path) as m:
        assert m.eager() == {"a": {"b": [1, (2.0, None)]}}


def test_missing_file_in_mode_r_and_w(path: Path) -> None:
    for mode in ("r", "w"):
        with pytest.raises(FileNotFoundError) as caught:
            oocmap.OOCMap(path, mode=mode)  # type: ignore[arg-type]
        assert caught.value.filename == str(path)
        assert caught.value.errno == errno.ENOENT
    assert not path.exists()


def test_mode_x(path: Path) -> None:
    oocmap.OOCMap(path, mode="x").close()
    with pytest.raises(FileExistsError) as caught:
        oocmap.OOCMap(path, mode="x")
    assert caught.value.filename == str(path)


def test_mode_r_refuses_writes(path: Path) -> None:
    with oocmap.OOCMap(path) as m:
        m["a"] = [1]
    with oocmap.OOCMap(path, mode="r") as m:
        assert m["a"] == [1]
        for write in (
            lambda: m.__setitem__("b", 1),
            lambda: m["a"].append(2),
            lambda: m.__delitem__("a"),
            lambda: m.clear(),
            lambda: m["a"].pop(),
            lambda: m.update({"b": 1}),
        ):
            with pytest.raises(oocmap.ReadOnlyError):
                write()
        with m.transaction():
            assert m["a"] == [1]
        assert m.eager() == {"a": [1]}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"mode": "a"}, oocmap.ArgumentError),
        ({"mode": 5}, TypeError),
        ({"durability": "some"}, oocmap.ArgumentError),
        ({"max_size": 0}, oocmap.ArgumentError),
        ({"max_size": -1}, oocmap.ArgumentError),
        ({"max_size": 1 << 62}, oocmap.ArgumentError),
        ({"max_size": 1 << 70}, oocmap.ArgumentError),
        ({"max_size": "1"}, TypeError),
        ({"max_size": 1e6}, TypeError),
        ({"timeout": -1}, oocmap.ArgumentError),
        ({"timeout": -math.inf}, oocmap.ArgumentError),
        ({"timeout": math.nan}, oocmap.ArgumentError),
        ({"timeout": "long"}, TypeError),
        ({"unknown": 1}, TypeError),
    ],
)
def test_wrong_arguments(path: Path, arguments: dict[str, Any], error: type[Exception]) -> None:
    [name] = arguments
    with pytest.raises(error, match=f"{name}|argument 2 must be str"):
        oocmap.OOCMap(path, **arguments)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("max_size", [1, 4096, 8192, 20_000])
def test_max_size_too_small_for_an_empty_map(path: Path, max_size: int) -> None:
    with pytest.raises(oocmap.ArgumentError) as caught:
        oocmap.OOCMap(path, max_size=max_size)
    assert str(caught.value) == (
        f"a max_size of {max_size} bytes is too small for '{path}': the least is 131072"
    )
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("timeout", [None, math.inf, 1e300, 0, 2, 0.5])
def test_any_other_timeout_is_taken(path: Path, timeout: float | None) -> None:
    with oocmap.OOCMap(path, durability="off", timeout=timeout) as m:
        m["a"] = 1
        with m.transaction():
            m["b"] = 2
        assert m.eager() == {"a": 1, "b": 2}


def test_every_use_after_close_raises(path: Path) -> None:
    m: Any = oocmap.OOCMap(path)
    m["d"], m["l"], m["t"] = {"a": 1}, [1], (1,)
    d, lst, t, keys = m["d"], m["l"], m["t"], m.keys()
    assert not m.closed
    m.close()
    m.close()
    assert m.closed
    uses: list[Any] = [
        lambda: m["d"],
        lambda: m.get("d"),
        lambda: m.__setitem__("a", 1),
        lambda: m.__delitem__("d"),
        lambda: len(m),
        lambda: "d" in m,
        lambda: list(m),
        lambda: m.keys(),
        lambda: list(keys),
        lambda: m.eager(),
        lambda: m.update({}),
        lambda: m.clear(),
        lambda: m == {},
        lambda: m.transaction(),
        lambda: m.__enter__(),
        lambda: m.sql("SELECT 1"),
        lambda: d["a"],
        lambda: d.__setitem__("a", 1),
        lambda: len(d),
        lambda: repr(d),
        lambda: d == d,
        lambda: lst[0],
        lambda: lst.append(1),
        lambda: list(lst),
        lambda: lst.sort(),
        lambda: t[0],
        lambda: hash(t),
        lambda: t.eager(),
    ]
    for use in uses:
        with pytest.raises(oocmap.ClosedError):
            use()
    with pytest.raises(ValueError, match="closed"):
        m["d"]


def test_init_opens_no_second_file(path: Path, tmp_path: Path) -> None:
    m = oocmap.OOCMap(path)
    m["x"] = list(range(5000))
    iterator = iter(m["x"])
    next(iterator)
    with pytest.raises(oocmap.ArgumentError, match="make another OOCMap"):
        m.__init__(tmp_path / "other.ooc")  # type: ignore[misc]
    assert next(iterator) == 1
    assert not (tmp_path / "other.ooc").exists()
    m.close()
    with pytest.raises(oocmap.ArgumentError, match="make another OOCMap"):
        m.__init__(path)  # type: ignore[misc]
    assert m.closed


def test_init_that_failed_may_be_called_again(path: Path) -> None:
    m = oocmap.OOCMap.__new__(oocmap.OOCMap)
    with pytest.raises(FileNotFoundError):
        m.__init__(path, mode="r")  # type: ignore[misc]
    m.__init__(path)  # type: ignore[misc]
    m["x"] = 1
    assert m.eager() == {"x": 1}
    m.close()


def test_lazies_of_a_closed_map_die_quietly(path: Path) -> None:
    m: Any = oocmap.OOCMap(path)
    m["a"] = [[1]]
    kept = [m["a"], m["a"][0]]
    m.close()
    m = oocmap.OOCMap(path)
    del kept
    gc.collect()
    assert m["a"] == [[1]]
    m.close()


def test_lazies_keep_their_map(path: Path) -> None:
    m: Any = oocmap.OOCMap(path)
    m["a"] = [1]
    lazy = m["a"]
    del m
    gc.collect()
    lazy.append(2)
    assert lazy == [1, 2]


def test_cycle_through_an_attribute_is_collected(path: Path) -> None:
    m: Any = oocmap.OOCMap(path)
    m["a"] = {"b": 1}
    m.kept = m["a"]
    m.iterator = iter(m["a"].items())
    m.view = m["a"].keys()
    del m
    gc.collect()
    # The file can be opened with other settings, so nothing has it open.
    oocmap.OOCMap(path, max_size=1 << 26).close()


def test_two_maps_of_one_file_see_each_other(path: Path) -> None:
    with oocmap.OOCMap(path) as one, oocmap.OOCMap(path) as other:
        one["a"] = {"b": 1}
        lazy = other["a"]
        one["a"]["b"] = 2
        assert lazy["b"] == 2


def test_other_settings_for_an_open_file_are_refused(path: Path) -> None:
    with oocmap.OOCMap(path), pytest.raises(oocmap.ArgumentError, match="durability"):
        oocmap.OOCMap(path, durability="off")


def test_every_public_name_has_a_docstring() -> None:
    for name in oocmap.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(oocmap, name)), name
    kinds = [oocmap.OOCMap, oocmap.LazyDict, oocmap.LazyList, oocmap.LazyTuple, oocmap.Connection]
    for kind in kinds:
        for name in dir(kind):
            if not name.startswith("_"):
                assert inspect.getdoc(getattr(kind, name)), f"{kind.__name__}.{name}"


def test_signatures_are_known() -> None:
    for kind, name in [(oocmap.LazyDict, "get"), (oocmap.LazyList, "sort"), (oocmap.OOCMap, "sql")]:
        assert inspect.signature(getattr(kind, name))


def test_interpreter_ends_with_maps_open(path: Path) -> None:
    code = (
        "import oocmap, sys\n"
        "m = oocmap.OOCMap(sys.argv[1])\n"
        "m['a'] = [1]\n"
        "kept = m['a'], iter(m), m.items()\n"
        "m.connection.__enter__()\n"
        "m['b'] = 1\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(path)], check=True)
    with oocmap.OOCMap(path) as m:
        assert m.eager() == {"a": [1]}
