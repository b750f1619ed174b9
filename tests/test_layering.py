"""Greps the includes: each folder may look down only, and each foreign library has its one room.

The table of core's layers is the one of core/CMakeLists.txt. Also the first line of defence of
"core knows no SQLite, no Python"; `./run check` builds core without both as well.
"""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

CORE_LAYERS = {
    "base": ["base"],
    "lmdb": ["base", "lmdb"],
    "format": ["base", "format"],
    "store": ["base", "lmdb", "format", "store"],
    "json": ["base", "lmdb", "format", "store", "json"],
}
# Folder -> the folders whose headers it may include.
MAY_INCLUDE = {
    **{f"core/{name}": [f"core/{n}" for n in below] for name, below in CORE_LAYERS.items()},
    "sqlite_ext": ["sqlite_ext", "core"],
    "python/native": ["python/native", "core"],
}
# Header of a library -> the folders that may include it.
LIBRARY_ROOMS = {
    "lmdb.h": ["core/lmdb"],
    "sqlite3ext.h": ["sqlite_ext"],
    "sqlite3.h": [],
    "Python.h": ["python/native"],
    "nanobind": ["python/native"],
}
GENERATED = ["core/base/version.h", "core/base/build_id.h"]


def library(name: str) -> str:
    """Return the key of LIBRARY_ROOMS for an include: nanobind has many headers, in one folder."""
    return "nanobind" if name.startswith("nanobind/") else name


def below(path: str, folders: list[str]) -> bool:
    return any(path.startswith(folder + "/") for folder in folders)


def sources(folder: str) -> list[pathlib.Path]:
    return [path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in {".cc", ".h"}]


def includes(path: pathlib.Path) -> list[tuple[bool, str]]:
    """Return (is quoted, name) of each include of a file."""
    return [(quote == '"', name) for quote, name in INCLUDE.findall(path.read_text())]


@pytest.mark.parametrize("folder", MAY_INCLUDE)
def test_folder_includes_only_what_lies_below_it(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sources(folder)
        for quoted, name in includes(path)
        if quoted and not below(name, MAY_INCLUDE[folder])
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", MAY_INCLUDE)
def test_library_is_included_only_in_its_room(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} includes <{name}>"
        for path in sources(folder)
        for quoted, name in includes(path)
        if not quoted and folder not in LIBRARY_ROOMS.get(library(name), [folder])
    ]
    assert wrong == []


def test_tests_of_core_need_neither_sqlite_nor_python() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sources("tests/core")
        for _, name in includes(path)
        if name.startswith(("sqlite", "Python.h", "nanobind/", "python/"))
    ]
    assert wrong == []


def test_our_headers_are_named_from_the_root() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for folder in ("core", "sqlite_ext", "python/native", "tests", "bench")
        for path in sources(folder)
        for quoted, name in includes(path)
        if quoted and name not in GENERATED and not (ROOT / name).is_file()
    ]
    assert wrong == []


def test_every_folder_of_core_is_a_layer() -> None:
    folders = {path.name for path in (ROOT / "core").iterdir() if path.is_dir()}
    assert folders <= set(CORE_LAYERS)
