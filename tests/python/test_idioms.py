"""What Python's syntax and library do with a map and lazy objects, and with the plain values."""

import collections.abc
import copy
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import oocmap
import pytest

VALUES: dict[str, Any] = {
    "dict": {"a": 1, "b": [1, 2]},
    "list": [3, 1, 2],
    "tuple": (3, 1, 2),
    "set": {1, "a", (2,)},
    "frozenset": frozenset({1, "a", (2,)}),
    "array": np.arange(6.0).reshape(2, 3),
    "keywords": {"sep": "-", "end": "!"},
    "empty dict": {},
    "empty list": [],
    "empty tuple": (),
    "empty set": set(),
    "empty frozenset": frozenset(),
    "deep": {"list": [{"tuple": ({"x": None},)}]},
}
LAZY_TYPES = {
    "dict": oocmap.LazyDict,
    "list": oocmap.LazyList,
    "tuple": oocmap.LazyTuple,
    "set": oocmap.LazySet,
    "frozenset": oocmap.LazyFrozenSet,
    "array": oocmap.LazyArray,
}


@pytest.fixture
def filled(m: Any) -> Any:
    m.update(VALUES)
    return m


def plain(value: Any) -> Any:
    """Lazies as what they stand for, also inside what was made of them; arrays as lists."""
    if isinstance(value, tuple(LAZY_TYPES.values())):
        value = value.eager()
    if isinstance(value, np.ndarray):
        return ["an array", value.dtype, value.tolist()]
    if type(value) in (list, tuple):
        return type(value)(plain(member) for member in value)
    if type(value) is dict:
        return {key: plain(member) for key, member in value.items()}
    return value


def outcome(work: Callable[[Any], Any], subject: Any) -> Any:
    try:
        return plain(work(subject))
    except Exception as error:
        text = re.sub(r"(oocmap\.)?Lazy(Dict|List|Tuple|Set|FrozenSet)\b", r"\2", str(error))
        text = re.sub(r"(oocmap\.)?LazyArray|numpy\.ndarray", "ndarray", text)
        return type(error), text.replace("OOCMap", "dict").lower()


def given(*arguments: Any, **keywords: Any) -> Any:
    return arguments, keywords


# --- The map as a dict: each line with x = the map, and x = the dict.

OF_THE_MAP = r"""
sorted(x)
sorted(x, reverse=True)
sorted(x.items(), key=lambda item: item[0])
given(*x)
given(**x)
given(*x["list"])
given(*x["tuple"], *x["empty list"])
given(*sorted(x["set"], key=str))
given(*x["dict"])
given(**x["dict"])
given(**x["keywords"], more=1)
given(**x["empty dict"])
given(**x["list"])
given(*x["array"])
given(a=0, **x["dict"])
"{a} {b}".format(**x["dict"])
"{0[dict][b][1]}".format(x)
"%(list)s" % x
"%s %s %s" % tuple(x["list"])
dict(x)
dict(**x)
dict(x, more=1)
dict(x["dict"].items())
{**x}
{**x["dict"], "a": 2}
{**x["list"]}
[*x]
[*x["list"], *x["tuple"], *x["dict"]]
{*x["list"], *x["frozenset"]}
(*x["list"],)
[*x.values()]
len(x)
bool(x)
list(x)
"dict" in x
"nothing" in x
["list"] in x
3 in x["list"] in x.values()
"a" in x["dict"]
"a" in x["set"] and (2,) in x["frozenset"]
[2] in x["set"]
[1, 2] in x["dict"].values()
("a", 1) in x["dict"].items()
2.0 in x["array"]
"x" in x["deep"]["list"][0]["tuple"][0]
"x" in x["deep"]["list"][0]["tuple"][1]
any(x["list"]) and all(x["tuple"])
max(x["list"]), min(x["tuple"]), sum(x["list"])
list(zip(x["list"], x["tuple"], strict=True))
list(enumerate(x["deep"]["list"]))
[key for key, value in x["dict"].items() if value == 1]
{key: value for key, value in x["dict"].items()}
dict(zip(x["dict"], x["dict"].values()))
first, *rest = x["list"]; given(first, rest)
first, second = x["dict"]
a, b = x["list"]
(a, b, c), = [x["tuple"]]
x["list"][0], x["list"][1] = x["list"][1], x["list"][0]
del x["list"][0], x["dict"]["a"]
for number, member in enumerate(list(x["list"])): x["list"][number] = member * 2
str(x["list"]) + f"{x['tuple']}" + f"{x['dict']!r:>30}" + f"{x['tuple']!s}"
isinstance(x["dict"].keys() & x["keywords"].keys(), set)
iter(x["list"]).__next__()
next(reversed(x["list"]))
"""


@pytest.mark.parametrize("line", OF_THE_MAP.split("\n")[1:-1])
def test_of_the_map(filled: Any, line: str) -> None:
    def work(x: Any) -> Any:
        names = {"x": x, "given": given}
        try:
            return eval(line, names)
        except SyntaxError:
            exec(line, names)
        return [names.get(name) for name in ("first", "rest", "second", "a", "b", "c")]

    twin = copy.deepcopy(VALUES)
    assert outcome(work, filled) == outcome(work, twin)
    assert plain(filled.eager()) == plain(twin)


# --- One value of each type

OF_EACH: dict[str, Callable[[Any], Any]] = {
    "bool": lambda x: bool(len(x)) if hasattr(x, "shape") else bool(x),
    "bool as it is": bool,
    "not": lambda x: not x,
    "len": len,
    "format with a spec": lambda x: format(x, ">30"),
    "f-string with a spec": lambda x: f"{x:d}",
    "iterate": lambda x: sorted(map(repr, x)),
    "star": lambda x: sorted(map(repr, given(*x)[0])),
    "keywords": lambda x: given(**x),
    "in": lambda x: 1 in x,
    "not in": lambda x: "q" not in x,
    "unhashable in": lambda x: [] in x,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "deepcopy inside": lambda x: copy.deepcopy([x, {"x": x}]),
    "hash": lambda x: hash(x) and None,
    "sorted": lambda x: sorted(x, key=str),
    "call": lambda x: x(),
    "next": next,
    "int": int,
    "dict": lambda x: dict(sorted(x, key=repr)[:1]),
    "list": lambda x: sorted(map(repr, list(x))),
    "subscript": lambda x: x[0],
    "attribute": lambda x: x.no_such_attribute,
    "new attribute": lambda x: setattr(x, "no_such_attribute", 1),
    "enter": lambda x: x.__enter__(),
    "await": lambda x: x.__await__(),
    "type of a copy": lambda x: type(copy.copy(x)).__name__,
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("work", OF_EACH.values(), ids=OF_EACH)
def test_of_each_type(filled: Any, name: str, work: Callable[[Any], Any]) -> None:
    expected = outcome(work, copy.deepcopy(VALUES[name]))
    got = outcome(work, filled[name])
    assert got == expected


@pytest.mark.parametrize("name", [name for name in VALUES if "set" not in name and name != "array"])
def test_text_is_the_builtins(filled: Any, name: str) -> None:
    for text in (str, repr, format, ascii, "{}".format, "{0!s:>40}".format, lambda x: f"{x}"):
        assert text(filled[name]) == text(VALUES[name])


@pytest.mark.parametrize("spec", ["", ">10", "d"])
def test_format_of_the_map(filled: Any, spec: str) -> None:
    if not spec:
        assert format(filled, spec) == f"{filled}" == str(filled) == "OOCMap({...})"
        return
    with pytest.raises(TypeError) as expected:
        format({}, spec)
    with pytest.raises(TypeError) as caught:
        format(filled, spec)
    assert str(caught.value) == str(expected.value).replace("dict", "OOCMap")


@pytest.mark.parametrize("spec", ["", ".2f", ">9", "e", "d", "q"])
def test_format_of_an_array_without_axes(m: Any, spec: str) -> None:
    m["x"] = array = np.array(3.14159)
    expected = outcome(lambda x: format(x, spec), array)
    if spec:
        assert outcome(lambda x: format(x, spec), m["x"]) == expected
    else:
        assert format(m["x"], spec) == repr(m["x"])


@pytest.mark.parametrize("name", LAZY_TYPES)
@pytest.mark.parametrize("abstract", collections.abc.__all__)
def test_abstract_base_classes(filled: Any, name: str, abstract: str) -> None:
    base = getattr(collections.abc, abstract)
    assert type(filled[name]) is LAZY_TYPES[name]
    assert isinstance(filled[name], base) == isinstance(VALUES[name], base)
    assert issubclass(type(filled[name]), base) == issubclass(type(VALUES[name]), base)
    assert isinstance(filled, base) == isinstance({}, base)


def without_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_order(member) for key, member in value.items()}
    return sorted(map(without_order, value), key=str) if isinstance(value, list) else value


@pytest.mark.parametrize("name", [*VALUES, "the map"])
@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"sort_keys": True}], ids=str)
def test_json_default(filled: Any, name: str, options: dict[str, Any]) -> None:
    def listed(value: Any) -> Any:
        """What json has no form for, as json_default is to give it."""
        return value.tolist() if isinstance(value, np.ndarray) else list(value)

    stored = filled if name == "the map" else filled[name]
    value = VALUES if name == "the map" else VALUES[name]
    for wrap in (lambda x: x, lambda x: [x], lambda x: {"in a dict": x}):
        text = json.dumps(wrap(stored), default=oocmap.json_default, **options)
        expected = json.dumps(wrap(value), default=listed, **options)
        if name == "the map" or "set" in name:
            assert without_order(json.loads(text)) == without_order(json.loads(expected))
        else:
            assert text == expected


# --- match


def matched(value: Any) -> Any:
    match value:
        case {"a": int(a), "b": [first, *rest]}:
            return "a mapping", a, first, rest
        case {"list": [{"tuple": [{"x": None}]}]}:
            return "deep"
        case {"sep": str(sep), **rest}:
            return "the rest", sep, rest
        case {"list": [_, _, _], "set": _, "nothing": _}:
            return "missing key"
        case {"dict": {"b": [_, 2 as last]}, "tuple": [3, *_]}:
            return "the map", last
        case []:
            return "an empty sequence"
        case [3, middle, 1 | 2 as last]:
            return "a sequence", middle, last
        case [*_]:
            return "another sequence"
        case {}:
            return "another mapping"
        case _:
            return "neither"


@pytest.mark.parametrize("name", VALUES)
def test_match_takes_the_same_case(filled: Any, name: str) -> None:
    assert plain(matched(filled[name])) == plain(matched(VALUES[name]))
    assert plain(matched([3, filled[name], 2])) == plain(matched([3, VALUES[name], 2]))


def test_match_of_the_map(filled: Any) -> None:
    assert matched(filled) == matched(VALUES) == ("the map", 2)


def kind_of(value: Any) -> str:
    match value:
        case oocmap.OOCMap():
            return "map"
        case oocmap.LazyDict():
            return "dict"
        case oocmap.LazyList():
            return "list"
        case oocmap.LazyTuple():
            return "tuple"
        case oocmap.LazySet():
            return "set"
        case oocmap.LazyFrozenSet():
            return "frozenset"
        case oocmap.LazyArray(shape=(2, columns)):
            return "array" if columns == 3 else "another array"
        case dict() | list() | tuple() | set() | frozenset():
            return "builtin"
    return "none"


def test_match_by_class(filled: Any) -> None:
    for name in LAZY_TYPES:
        assert kind_of(filled[name]) == name
        assert kind_of(filled[name].eager()) == ("builtin" if name != "array" else "none")
    assert kind_of(filled) == "map"
    with filled.snapshot() as s:
        assert kind_of(s["dict"]) == "dict"


def test_match_reads_what_the_pattern_names(filled: Any) -> None:
    """What is captured stays lazy, and live."""
    match filled:
        case {"deep": {"list": [inner]}}:
            inner["new"] = 1
        case _:
            pytest.fail("no match")
    assert filled["deep"]["list"][0]["new"] == 1
    match filled["list"]:
        case [*members]:
            assert type(members) is list
            assert members == [3, 1, 2]
        case _:
            pytest.fail("no match")
