"""json.dumps(..., default=oocmap.json_default) against the same plain value."""

import json
import math
from typing import Any

import oocmap
import pytest

VALUES: list[Any] = [
    {},
    {"a": [1, {"b": (2, None)}], "ü": "\ud800", "f": [1.5, True, 1 << 90]},
    {1: "int", 2.5: "float", None: 0, False: []},
    {"many": list(range(5000)), "dict": {f"key {i}": [i] for i in range(1000)}},
    [math.inf, -0.0],
    (1, [2]),
    {"bytes": [b"x"]},
    {(1, "t"): "tuple key"},
    {b"x": "bytes key"},
]


def outcome(value: Any, **options: Any) -> Any:
    try:
        return json.dumps(value, **options)
    except (TypeError, ValueError) as error:
        return type(error), error.args


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize(
    "options", [{}, {"indent": 1, "ensure_ascii": False}, {"skipkeys": True}, {"allow_nan": False}]
)
def test_text_and_errors_are_those_of_the_plain_value(
    m: Any, value: Any, options: dict[str, Any]
) -> None:
    m["x"] = value
    own = dict(options, default=oocmap.json_default)
    assert outcome(m["x"], **own) == outcome(value, **options)
    assert outcome(m, **own) == outcome({"x": value}, **options)
    assert outcome([m["x"]], **own) == outcome([value], **options)


def test_cycle_is_jsons_own_error(m: Any) -> None:
    m["x"] = []
    m["x"].append(m["x"])
    with pytest.raises(ValueError, match="Circular reference detected"):
        json.dumps(m, default=oocmap.json_default)


@pytest.mark.parametrize("other", [b"x", object(), 1j, dict, oocmap.OOCMap])
def test_any_other_object_raises_what_json_raises(other: Any) -> None:
    with pytest.raises(TypeError) as expected:
        json.dumps(other)
    with pytest.raises(TypeError) as caught:
        oocmap.json_default(other)
    assert caught.value.args == expected.value.args
    assert type(caught.value) is TypeError


def test_errors_of_reading_are_passed_on(m: Any) -> None:
    m["x"] = [1]
    lazy = m["x"]
    m.close()
    for value in (m, lazy):
        with pytest.raises(oocmap.ClosedError):
            json.dumps(value, default=oocmap.json_default)
