"""That nothing is read before it is asked for, and what eager() gives."""

from typing import Any

import oocmap
from oocmap import _native


class Reads:
    """Counts what is read while it is entered."""

    def __enter__(self) -> "Reads":
        self.start = _native.counters()
        return self

    def __exit__(self, *_: object) -> None:
        end = _native.counters()
        self.containers = end[0] - self.start[0]
        self.members = end[1] - self.start[1]


def test_getting_a_container_reads_none_of_its_members(m: Any) -> None:
    m["x"] = {"list": [[1, 2, 3]] * 3, "text": "t" * 1000, "tuple": tuple(range(500))}
    len(m)  # the root is located
    with Reads() as reads:
        x = m["x"]
    assert (reads.containers, reads.members) == (0, 1)
    with Reads() as reads:
        values = x["list"]
    assert (reads.containers, reads.members) == (1, 1)
    with Reads() as reads:
        assert len(values) == 3
    assert (reads.containers, reads.members) == (1, 0)
    with Reads() as reads:
        assert "absent" not in x
        assert "text" in x
    assert reads.members == 0


def test_iteration_reads_little_ahead_and_nothing_inside(m: Any) -> None:
    m["x"] = [[i] * 10 for i in range(1000)]
    x = m["x"]
    with Reads() as reads:
        next(iter(x))
    assert reads.containers == 1
    assert reads.members <= 8


def test_keys_read_no_values(m: Any) -> None:
    m["x"] = {f"k{i}": "text" * 1000 for i in range(50)}
    x = m["x"]
    with Reads() as reads:
        assert len(list(x)) == 50
    assert reads.members == 0


def test_comparison_stops_at_the_first_difference(m: Any) -> None:
    m["x"] = [[i] for i in range(1000)]
    x = m["x"]
    with Reads() as reads:
        assert x != [["other"], *([i] for i in range(1, 1000))]
    assert reads.members < 20
    with Reads() as reads:
        assert x != [1]
    assert reads.members == 0


def test_two_lazies_of_one_value_are_equal_without_reading(m: Any) -> None:
    m["x"] = [[i] for i in range(1000)]
    left, right = m["x"], m["x"]
    assert left is not right
    with Reads() as reads:
        assert left == right
    assert (reads.containers, reads.members) == (0, 0)


def test_eager_is_plain_all_the_way_down(m: Any) -> None:
    m["x"] = {"a": [1, {"b": ({"c": []},)}]}
    for lazy in (m["x"].eager(), m.eager()["x"]):
        assert type(lazy) is dict
        assert type(lazy["a"]) is list
        assert type(lazy["a"][1]) is dict
        assert type(lazy["a"][1]["b"]) is tuple
        assert type(lazy["a"][1]["b"][0]["c"]) is list


def test_eager_of_large_containers(m: Any) -> None:
    value = {
        "dict": {i: [i] for i in range(3000)},
        "list": [{"i": i} for i in range(3000)],
        "tuple": tuple((i,) for i in range(3000)),
    }
    m["x"] = value
    assert m["x"].eager() == value
    assert m.eager() == {"x": value}


def test_eager_values_are_of_their_own(m: Any) -> None:
    m["x"] = {"a": [1]}
    first, second = m["x"].eager(), m["x"].eager()
    first["a"].append(2)
    assert second == {"a": [1]} == m["x"]


def test_sharing_across_keys_is_kept(m: Any) -> None:
    m["a"] = {"n": [1]}
    m["b"] = [m["a"], m["a"]["n"]]
    back = m.eager()
    assert back["b"][0] is back["a"]
    assert back["b"][1] is back["a"]["n"]


def test_cycle_made_by_hand(m: Any) -> None:
    m["a"] = {}
    m["a"]["self"] = m["a"]
    back = m["a"].eager()
    assert back["self"] is back
    assert m["a"]["self"]["self"] == m["a"]
    assert type(m["a"]["self"]) is oocmap.LazyDict
