"""pprint and rich on lazy objects, compared with what they make of the plain values."""

import io
import pprint
import re
from typing import Any

import numpy as np
import oocmap
import pytest
import rich
from rich.console import Console
from rich.pretty import pretty_repr

WORDS = [f"word {i}" for i in range(30)]
LONG: dict[str, Any] = {
    "dict": {word: i for i, word in enumerate(reversed(WORDS))},
    "list": list(range(400)),
    "tuple": tuple(WORDS),
    "set": set(WORDS) | {1, None},
    "frozenset": frozenset(range(60)),
    "one": ("some words " * 20,),
    "nested": {"z": [("x" * 70,), {"b" * 70: {3, 1, 2}}, frozenset(WORDS)], "a": {"y": set(WORDS)}},
    "empty inside": [[], (), {}, set(), frozenset(), *WORDS],
    "long text": ["words and " * 30, b"bytes " * 40],
}
SHORT: dict[str, Any] = {
    "dict": {"a": [1], "b": (2, {"c": None})},
    "list": [1, [2], "x"],
    "tuple": (1,),
    "set": {1},
    "frozenset": frozenset({"x"}),
    "empty": [{}, [], (), set(), frozenset()],
}


def without_ids(text: str) -> str:
    return re.sub(r"id=\d+", "id=...", text)


# --- pprint


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize(
    "options",
    [{}, {"width": 40}, {"indent": 4}, {"compact": True}, {"depth": 2}, {"sort_dicts": False}],
    ids=str,
)
def test_pprint_of_a_long_value_is_that_of_the_plain_one(
    m: Any, name: str, options: dict[str, Any]
) -> None:
    m["x"] = LONG[name]
    expected = pprint.pformat(LONG[name], **options)
    assert "\n" in expected
    assert pprint.pformat(m["x"], **options) == expected
    if (
        "depth" not in options
    ):  # inside a plain list pprint judges by the repr, which has all levels
        assert pprint.pformat([m["x"]], **options) == pprint.pformat([LONG[name]], **options)


@pytest.mark.parametrize("name", SHORT)
def test_pprint_of_a_short_value(m: Any, name: str) -> None:
    m["x"] = SHORT[name]
    assert pprint.pformat(m["x"]) == pprint.pformat(SHORT[name])
    assert pprint.isreadable(m["x"])


def test_pprint_of_a_cycle_ends(m: Any) -> None:
    value: dict[str, Any] = {"long": WORDS, "list": []}
    value["list"].append(value)
    value["itself"] = value
    m["x"] = value
    expected = without_ids(pprint.pformat(value))
    assert expected.count("<Recursion on dict") == 2
    assert without_ids(pprint.pformat(m["x"])) == expected


def test_pprint_of_what_is_gone_raises(m: Any) -> None:
    m["x"] = LONG["list"]
    lazy = m["x"]
    m.close()
    with pytest.raises(oocmap.ClosedError):
        pprint.pformat(lazy)
    assert pprint.pformat(m) == "OOCMap({...})"


# --- rich

NAMES = {dict: "LazyDict", list: "LazyList", tuple: "LazyTuple"} | {
    set: "LazySet",
    frozenset: "LazyFrozenSet",
}


class Expected:
    """What rich is to show: the plain value in a call of the lazy type."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __rich_repr__(self) -> Any:
        return self.arguments


def call(name: str, *arguments: Any) -> Any:
    return type(name, (Expected,), {})(*arguments)


def as_plain(value: Any) -> Any:
    return call(NAMES[type(value)], ("", value))


def printed(value: Any) -> str:
    """What rich.print() writes."""
    file = io.StringIO()
    Console(file=file, width=60).print(value)
    return file.getvalue()


WITH_SETS = ["set", "frozenset", "nested"]
RICH_OPTIONS: list[dict[str, Any]] = [{}, {"max_width": 30}, {"max_depth": 2}, {"max_string": 5}]


@pytest.mark.parametrize("name", [name for name in LONG if name not in WITH_SETS])
@pytest.mark.parametrize("options", [*RICH_OPTIONS, {"max_length": 3}], ids=str)
def test_rich_shows_the_tree(m: Any, name: str, options: dict[str, Any]) -> None:
    m["x"] = LONG[name]
    expected = as_plain(LONG[name])
    assert pretty_repr(m["x"], **options) == pretty_repr(expected, **options)
    assert pretty_repr([m["x"]], **options) == pretty_repr([expected], **options)
    assert printed(m["x"]) == printed(expected)


@pytest.mark.parametrize("name", WITH_SETS)
@pytest.mark.parametrize("options", RICH_OPTIONS, ids=str)
def test_rich_shows_sets_in_an_order_of_their_own(
    m: Any, name: str, options: dict[str, Any]
) -> None:
    m["x"] = LONG[name]
    options = {**options, "expand_all": True}
    lines = pretty_repr(m["x"], **options).replace(",", "").splitlines()
    expected = pretty_repr(as_plain(LONG[name]), **options).replace(",", "").splitlines()
    assert lines[0] == expected[0]
    assert sorted(lines) == sorted(expected)


@pytest.mark.parametrize("name", SHORT)
def test_rich_of_a_short_value_is_one_line(m: Any, name: str) -> None:
    m["x"] = SHORT[name]
    assert pretty_repr(m["x"]) == f"{NAMES[type(SHORT[name])]}({SHORT[name]!r})"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (list(range(100_000)), "LazyList([0, 1, ... +998], length=100000)"),
        (tuple(range(100_000)), "LazyTuple((0, 1, ... +998), length=100000)"),
        (set(range(100_000)), "LazySet({0, 1, ... +998}, length=100000)"),
        (dict.fromkeys(range(5000)), "LazyDict({0: None, 1: None, ... +998}, length=5000)"),
    ],
    ids=["list", "tuple", "set", "dict"],
)
def test_rich_reads_the_beginning_of_a_large_value(m: Any, value: Any, expected: str) -> None:
    m["x"] = value
    lines = printed(m["x"]).splitlines()
    assert len(lines) == 1005
    assert lines[-2:] == [f"    length={len(value)}", ")"]
    assert pretty_repr(m["x"], max_length=2) == expected


def test_rich_shares_what_it_reads_among_nested_values(m: Any) -> None:
    m["x"] = {"first": list(range(990)), "second": list(range(50)), "third": [1], "empty": []}
    expected = call(
        "LazyDict",
        (
            "",
            {
                "first": list(range(990)),
                "second": call("LazyList", ("", list(range(8))), ("length", 50)),
            },
        ),
        ("length", 4),
    )
    assert pretty_repr(m["x"]) == pretty_repr(expected)
    m["x"] = [[i] for i in range(600)]
    expected = call("LazyList", ("", [[i] for i in range(500)]), ("length", 600))
    assert pretty_repr(m["x"]) == pretty_repr(expected)


def test_rich_does_not_multiply_what_is_shared(m: Any) -> None:
    value: list[Any] = [1] * 10
    for _ in range(30):
        value = [value, value]
    m["x"] = value  # 10 * 2**30 members when written out
    assert len(pretty_repr(m["x"]).splitlines()) < 3000


def test_rich_of_a_cycle_ends(m: Any) -> None:
    value: dict[str, Any] = {"list": [], "tuple": ([],)}
    value["list"].append(value)
    value["tuple"][0].append(value["tuple"])
    m["x"] = value
    assert pretty_repr(m["x"]) == (
        "LazyDict({'list': [...], 'tuple': ([(...)],)})"  # a tuple is made after its members
    )


def test_rich_of_a_deep_value(m: Any) -> None:
    value: Any = ["the end"]
    for _ in range(5000):
        value = [value]
    m["x"] = value
    shown = "".join(pretty_repr(m["x"], max_width=1000).split())
    assert shown == "LazyList(" + "[" * 50 + "LazyList(length=1)" + "]" * 50 + ")"


def test_rich_shortens_long_text(m: Any) -> None:
    m["x"] = ["x" * 1_000_000, b"y" * 1_000_000]
    assert pretty_repr(m["x"], max_width=100_000) == (
        f"LazyList(['{'x' * 10_000}'..., b'{'y' * 10_000}'...])"
    )


def test_rich_of_arrays(m: Any) -> None:
    m["x"] = {"weights": np.zeros((2, 3)), "n": 1}
    assert pretty_repr(m["x"]["weights"]) == repr(m["x"]["weights"])
    assert "LazyArray([[0., 0., 0.]," in pretty_repr(m["x"])


def test_rich_in_snapshots_and_transactions(m: Any) -> None:
    m["x"] = {"a": [1]}
    with m.snapshot() as s:
        m["x"]["a"].append(2)
        assert pretty_repr(s["x"]) == "LazyDict({'a': [1]})"
    with m.transaction():
        m["x"]["b"] = []
        assert pretty_repr(m["x"]) == "LazyDict({'a': [1, 2], 'b': []})"


def test_rich_of_the_map_and_of_what_is_gone(m: Any) -> None:
    m["x"] = [1]
    lazy = m["x"]
    assert pretty_repr(m) == "OOCMap({...})"
    m.close()
    assert pretty_repr(m) == "OOCMap({...})"
    assert pretty_repr(lazy).startswith("<repr-error 'the map is closed")
    with pytest.raises(oocmap.ClosedError):
        lazy.__rich_repr__()


@pytest.mark.parametrize("name", [*SHORT, "array", "map"])
def test_rich_inspect(m: Any, name: str) -> None:
    m["x"] = SHORT.get(name, np.arange(3))
    subject = m if name == "map" else m["x"]
    for options in ({}, {"methods": True, "help": True}, {"all": True}):
        file = io.StringIO()
        rich.inspect(subject, console=Console(file=file, width=200), **options)
        kind = type(subject)
        assert f"<class '{kind.__module__}.{kind.__qualname__}'>" in file.getvalue()
        assert pretty_repr(subject).split("\n")[0] in file.getvalue()
