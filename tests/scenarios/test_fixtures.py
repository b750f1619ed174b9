"""The files in tests/fixtures/ hold what the scripts beside them say, to the type of each value."""

import importlib.util
import pathlib
import shutil
from typing import Any

import oocmap
import pytest

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"


def script(name: str) -> Any:
    specification = importlib.util.spec_from_file_location(name, FIXTURES / f"make_{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.ooc")))
def test_fixture_holds_what_its_script_says(name: str, tmp_path: pathlib.Path) -> None:
    path = shutil.copy(FIXTURES / f"{name}.ooc", tmp_path)
    expected = script(name).content()
    with oocmap.OOCMap(path, mode="w") as m:
        alias = m.pop("alias")
        assert alias == expected["nested"]["a"]
        assert repr(m.eager()) == repr(expected)  # 1, 1.0 and True are equal
        for key, value in expected.items():
            assert m[key] == value
        assert m["nested"]["a"] == alias
        assert m["keys"][script(name).LONG] == 7


def test_script_makes_the_same_content_still(tmp_path: pathlib.Path) -> None:
    made = script("format_1").make(tmp_path / "again.ooc")
    assert made == (FIXTURES / "format_1.json").read_text(encoding="utf-8")
