"""The bugs of tests/planted/bugs.toml still fit the code: `./run planted` takes hours to say so."""

import pathlib
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUGS = tomllib.loads((ROOT / "tests/planted/bugs.toml").read_text("utf-8"))["bug"]


@pytest.mark.parametrize("bug", BUGS, ids=[bug["name"] for bug in BUGS])
def test_the_place_is_there_once(bug: dict[str, str]) -> None:
    assert (ROOT / bug["file"]).read_text("utf-8").count(bug["find"]) == 1
    assert bug["find"] != bug["replace"]


def test_their_names_differ() -> None:
    assert len({bug["name"] for bug in BUGS}) == len(BUGS)
