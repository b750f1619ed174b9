"""A map against plain Python objects, through every stored type and method, driven by hypothesis.

Each step does one thing to a stored value and to its plain twin: results and exceptions must agree,
and then everything that is stored, its sharing and cycles included. Between them the map is
reopened, forked, vacuumed, and transactions are begun, nested, committed and rolled back; handles
are kept across all of it, and stored again.

A new type is added in two places: VALUES, what may be stored, and METHODS, what is done to it.

OOCMAP_STATE_RUNS sets the number of runs (300; `./run check` sets 1,000), OOCMAP_STATE_STEPS
that of steps in each (50), OOCMAP_RANDOM=1 makes them others each time. A failure prints the steps
it was reduced to, and a line for @reproduce_failure.
"""

# These operators are what is tested.

import contextlib
import copy
import itertools
import math
import operator
import os
import re
import shutil
import tempfile
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import oocmap
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

RUNS = int(os.environ.get("OOCMAP_STATE_RUNS", "300"))
STEPS = int(os.environ.get("OOCMAP_STATE_STEPS", "50"))

# --- What is stored. NaN is left out: a stored one is another object each time, and equals nothing.

SCALARS = [
    None,
    True,
    False,
    *(0, 1, -1, 7, 200, -40_000, 2**31, -(2**63), 2**63, -(2**70), 10**40),
    *(0.0, -0.0, 1.0, 0.1, 1e300, float("inf")),
    *("", "a", "b", "name", "a longer text", "ключ", "\ud800", "x" * 33, "y" * 600),
    *(b"", b"a", b"bytes of some length", b"z" * 600),
    *(1j, complex(1), range(3), range(5, 0, -2), Decimal("0.1"), Decimal("1.50"), Decimal(7)),
    *(Fraction(1, 3), Fraction(7), uuid.UUID(int=5), date(2024, 2, 29), timedelta(-1, 5)),
    *(time(1, 2, 3), datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)),
]
KEYS = [
    *SCALARS,
    *((), (1, "t"), ("t", (2.0, None)), ("k" * 500,), "k" * 500),
    *(frozenset(), frozenset({1, "a", (2, b"b")}), (frozenset({frozenset({1})}), date(1, 1, 1))),
]
UNHASHABLE = [bytearray(b""), bytearray(b"bytes of a bytearray")]
INDICES = [*range(-4, 9), -1000, 1000, 10**30]


@dataclass(frozen=True)
class Kept:
    """Stands in a drawn value for a handle that was kept, or None where there is none."""

    number: int


@dataclass(frozen=True)
class Array:
    """Stands in a drawn value for a new numpy array."""

    dtype: str
    shape: tuple[int, ...]
    order: Any = "C"

    def __call__(self) -> Any:
        numbers = np.arange(math.prod(self.shape)) * 7 % 100
        dtype = np.dtype(self.dtype)
        made = np.zeros(numbers.size, dtype)
        for field_of_it in dtype.names or ():
            made[field_of_it] = numbers
        if dtype.names is None:
            made[...] = numbers.astype(dtype)
        if dtype.kind in "fc":
            made[1::5] = np.nan
            made[2::5] = -0.0
        return made.reshape(self.shape).copy(self.order)


# Large enough to spill, and to spill when some are added; arrays of one chunk, and of two.
LARGE: list[Callable[[], Any]] = [
    lambda: list(range(890)),
    lambda: [[i] for i in range(1200)],
    lambda: {i: i for i in range(126)},
    lambda: {f"key {i}": [i] for i in range(300)},
    lambda: tuple(range(1000)),
    lambda: set(range(126)),
    lambda: {f"member {i}" for i in range(300)},
    lambda: frozenset(range(200)),
    Array("f8", (50, 30)),
    Array("i2", (140_000,)),
]
DTYPES = ["f8", "i1", ">i4", "u8", "?", "f2", ">c8", "M8[s]", "m8[ms]", "S5", "U3", "i2,f4"]
SHAPES = [(3,), (), (0,), (2, 3), (3, 0), (1,), (9,), (2, 1, 3)]

keys = st.sampled_from(KEYS)
scalars = st.sampled_from([*SCALARS, *UNHASHABLE])
kept = st.builds(Kept, st.integers(0, 7))
arrays = st.builds(
    Array, st.sampled_from(DTYPES), st.sampled_from(SHAPES), st.sampled_from(["C", "F"])
)
# Some arrays only: with one in it, most containers cannot be compared.
leaves = st.sampled_from([*SCALARS, *UNHASHABLE, Array("f8", (3,)), Array(">i4", (2, 3), "F")])
VALUES = st.one_of(
    scalars,
    kept,
    arrays,
    st.recursive(
        st.one_of(leaves, kept),
        lambda members: st.one_of(
            st.lists(members, max_size=5),
            st.lists(members, max_size=4).map(tuple),
            st.dictionaries(keys, members, max_size=5),
            st.sets(keys, max_size=5),
            st.frozensets(keys, max_size=5),
        ),
        max_leaves=8,
    ),
    st.sampled_from(LARGE),
)
lists = st.lists(VALUES, max_size=4)
dicts = st.dictionaries(keys, VALUES, max_size=4)
pairs = st.lists(st.tuples(keys, VALUES), max_size=4)
indices = st.sampled_from(INDICES)
steps = st.sampled_from([None, None, None, 1, 2, -1, -3])
bounds = st.one_of(st.none(), indices)
slices = st.builds(slice, bounds, bounds, steps)
sets = st.one_of(st.sets(keys, max_size=4), st.frozensets(keys, max_size=4))
iterables = st.one_of(
    sets, st.lists(keys, max_size=4), st.dictionaries(keys, st.none(), max_size=4)
)
unhashable = st.sampled_from([[], {}, {1}])
# What an array is indexed with, and what is assigned to its parts.
one_index = st.one_of(indices, slices, st.sampled_from([None, ...]))
array_indices = st.one_of(
    slices,
    indices,
    st.lists(one_index, max_size=4).map(tuple),
    st.lists(st.integers(-3, 2), max_size=4),
    st.lists(st.booleans(), min_size=1, max_size=3),
    st.tuples(st.lists(st.integers(0, 1), min_size=1, max_size=3), one_index),
    st.sampled_from([..., True, "f0", 1.0]),
)
parts = st.one_of(
    st.integers(-130, 300), scalars, arrays, kept, st.lists(st.integers(0, 9), max_size=3)
)
operands = st.one_of(st.integers(-3, 300), arrays, kept, st.sampled_from([0.5, 1j, "a", None]))


def resolve(drawn: Any, handles: list[Any]) -> Any:
    """What was drawn as a new object: with handles for Kept."""
    if isinstance(drawn, Kept):
        return handles[drawn.number % len(handles)] if handles else None
    if callable(drawn):
        return drawn()
    if type(drawn) in (list, tuple):
        return type(drawn)(resolve(member, handles) for member in drawn)
    if type(drawn) is dict:
        return {key: resolve(member, handles) for key, member in drawn.items()}
    return set(drawn) if type(drawn) is set else drawn


# --- What is done: a name, what it is done with, and how

Method = tuple[str, Callable[..., Any], tuple[st.SearchStrategy[Any], ...]]


def concat(x: Any, values: list[Any]) -> Any:
    x += values
    return x


def repeat(x: Any, times: int) -> Any:
    if len(x) > 100:  # or it grows beyond all bounds
        return None
    x *= times
    return x


def merge(x: Any, other: Any) -> Any:
    x |= other
    return x


def swap(x: Any, i: int, k: int) -> None:
    x[i], x[k] = x[k], x[i]


def add_while_iterating(x: Any, key: Any) -> str | None:
    try:
        for _ in x:
            x[key] = 0
    except RuntimeError as error:
        return str(error)
    return None


def ordered(x: Any) -> Any:
    """Sets go in order, which else is their own; of an array copies, as those of a plain one share
    its memory.
    """
    if isinstance(x, (np.ndarray, oocmap.LazyArray)):
        kinds = "iu"  # no NaN, see above
        return [copy.deepcopy(part) for part in itertools.islice(x, 100) if x.dtype.kind in kinds]
    if isinstance(x, (set, frozenset, oocmap.LazySet, oocmap.LazyFrozenSet)):
        return sorted(x, key=lambda member: str(shown(member)))
    return x


def text(x: Any) -> str | None:
    """The repr, but for that of sets, whose order is their own, and of arrays, which is shorter."""
    return None if has_own_text(plain(x)) else repr(x)[:5000]


def has_own_text(value: Any) -> bool:
    seen: set[int] = set()
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, (set, frozenset, np.ndarray)):
            return True
        if type(value) in (dict, list, tuple) and id(value) not in seen:
            seen.add(id(value))
            todo += [*value, *value.values()] if type(value) is dict else value
    return False


def compare_sets(x: Any, other: Any) -> list[bool]:
    return [x == other, x != other, x < other, x <= other, x > other, x >= other, other <= x]


def both_ways(operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, other: [operator(x, other), operator(other, x), operator(x, x)]


def add_member_while_iterating(x: Any, key: Any) -> str | None:
    try:
        for _ in x:
            x.add(key)
    except RuntimeError as error:
        return str(error)
    return None


def by_type(members: Any) -> list[str]:
    """A sort key that orders everything."""
    return [builtin_names(type(members).__name__)]


def type_of(x: Any) -> type:
    return list if isinstance(x, (list, oocmap.LazyList)) else tuple


def assign(x: Any, index: Any, value: Any) -> None:
    x[index] = value


def not_array(x: Any) -> Any:
    """NaN is no key in a map, so the numbers of an array are not to become keys."""
    return None if isinstance(x, (np.ndarray, oocmap.LazyArray)) else x


def reflected_equal(d: Any, x: Any) -> Any:
    """`d == x`. Python asks the lazy one: its order tells whether an array is met."""
    return d == x if isinstance(x, (*LAZIES, oocmap.OOCMap)) else x == d


def as_numpy(work: Callable[..., Any]) -> Callable[..., Any]:
    """Calls a function of numpy's where the sizes let it be quick."""
    return lambda x, *others: work(x, *others) if math.prod(x.shape) < 10_000 else None


OF_SEQUENCES: list[Method] = [
    ("[i]", lambda x, i: x[i], (indices,)),
    ("[slice]", lambda x, i: x[i], (slices,)),
    ("in", lambda x, v: v in x, (VALUES,)),
    ("index", lambda x, v: x.index(v), (VALUES,)),
    ("its own", lambda x, i: [x[i] in x, x.count(x[i]), x.index(x[i])], (indices,)),
    ("== its own", lambda x: [x == (own := type_of(x)(x)), own == x, own < x], ()),
    ("index from", lambda x, v, i, k: x.index(v, i, k), (VALUES, indices, indices)),
    ("count", lambda x, v: x.count(v), (VALUES,)),
    ("len", len, ()),
    ("list", list, ()),
    ("reversed", lambda x: list(reversed(x)), ()),
    ("*", lambda x, n: x * n if len(x) < 100 else None, (st.integers(-1, 3),)),
    ("hash", lambda x: hash(x) and None, ()),
    ("repr", text, ()),
    ("min", lambda x: min(x), ()),
    ("bool", bool, ()),
]

OF_SETS: list[Method] = [
    ("in", lambda x, k: k in x, (keys,)),
    ("set in", lambda x, k: k in x, (sets,)),
    ("[] in", lambda x, k: k in x, (unhashable,)),
    ("len", len, ()),
    ("bool", bool, ()),
    ("iterate", set, ()),
    ("copy", lambda x: x.copy(), ()),
    ("compare", compare_sets, (sets,)),
    ("== list", lambda x, v: [x == v, x != v], (lists,)),
    ("< list", lambda x, v: x < v, (lists,)),
    ("|", both_ways(operator.or_), (sets,)),
    ("&", both_ways(operator.and_), (sets,)),
    ("-", both_ways(operator.sub), (sets,)),
    ("^", both_ways(operator.xor), (sets,)),
    ("| list", lambda x, v: x | v, (lists,)),
    ("| keys", lambda x, v: x | v.keys(), (dicts,)),
    ("union", lambda x, a, b: x.union(a, b), (iterables, iterables)),
    ("intersection", lambda x, a: x.intersection(a), (iterables,)),
    ("intersection of all", lambda x, a, b: x.intersection(a, b), (iterables, iterables)),
    ("difference", lambda x, a, b: x.difference(a, b), (iterables, iterables)),
    ("symmetric_difference", lambda x, a: x.symmetric_difference(a), (iterables,)),
    ("isdisjoint", lambda x, a: x.isdisjoint(a), (iterables,)),
    ("issubset", lambda x, a: x.issubset(a), (iterables,)),
    ("issuperset", lambda x, a: x.issuperset(a), (iterables,)),
    ("union []", lambda x, a: x.union([a]), (unhashable,)),
]

METHODS: dict[type, list[Method]] = {
    dict: [
        ("[k]", lambda x, k: x[k], (keys,)),
        ("[k] =", lambda x, k, v: x.__setitem__(k, v), (keys, VALUES)),
        ("[k] = again", lambda x, k, v: x.__setitem__(k, v), (keys, VALUES)),
        ("[[]] =", lambda x, k, v: x.__setitem__(k, v), (unhashable, VALUES)),
        ("del", lambda x, k: x.__delitem__(k), (keys,)),
        ("in", lambda x, k: k in x, (keys,)),
        ("get", lambda x, k, v: x.get(k, v), (keys, VALUES)),
        ("pop", lambda x, k: x.pop(k), (keys,)),
        ("pop default", lambda x, k, v: x.pop(k, v), (keys, VALUES)),
        ("popitem", lambda x: x.popitem(), ()),
        ("setdefault", lambda x, k, v: x.setdefault(k, v), (keys, VALUES)),
        ("update", lambda x, d: x.update(d), (dicts,)),
        ("update pairs", lambda x, p: x.update(iter(p)), (pairs,)),
        ("update keywords", lambda x, v: x.update([], name=v), (VALUES,)),
        ("update lazy", lambda x, v: x.update(ordered(not_array(v))), (kept,)),
        ("update itself", lambda x: x.update(x), ()),
        ("|=", merge, (dicts,)),
        ("|", lambda x, d: x | d, (dicts,)),
        ("ror", lambda x, d: d | x, (dicts,)),
        ("clear", lambda x: x.clear(), ()),
        ("copy", lambda x: x.copy(), ()),
        ("keys &", lambda x, d: x.keys() & d.keys(), (dicts,)),
        ("keys -", lambda x, d: x.keys() - d.keys(), (dicts,)),
        ("items", lambda x: list(x.items()), ()),
        ("reversed", lambda x: list(reversed(x.items())), ()),
        ("in values", lambda x, v: v in x.values(), (VALUES,)),
        ("its own", lambda x, k: [x[k] in x.values(), (k, x[k]) in x.items(), x == {**x}], (keys,)),
        ("in items", lambda x, k, v: (k, v) in x.items(), (keys, VALUES)),
        ("==", lambda x, d: [x == d, reflected_equal(d, x), x != d], (dicts,)),
        ("**", lambda x: {**x}, ()),
        ("swap", swap, (keys, keys)),
        ("iterate and add", add_while_iterating, (keys,)),
        ("len", len, ()),
        ("repr", text, ()),
    ],
    list: [
        *OF_SEQUENCES,
        ("[i] =", lambda x, i, v: x.__setitem__(i, v), (indices, VALUES)),
        ("del [i]", lambda x, i: x.__delitem__(i), (indices,)),
        ("[slice] =", lambda x, i, v: x.__setitem__(i, v), (slices, lists)),
        ("[slice] = itself", lambda x, i: x.__setitem__(i, x) if len(x) < 2000 else 0, (slices,)),
        ("del [slice]", lambda x, i: x.__delitem__(i), (slices,)),
        ("append", lambda x, v: x.append(v), (VALUES,)),
        ("append itself", lambda x: x.append(x), ()),
        ("extend", lambda x, v: x.extend(v), (lists,)),
        ("extend lazy", lambda x, v: x.extend(ordered(v)) if len(x) < 2000 else 0, (kept,)),
        ("extend itself", lambda x: x.extend(x) if len(x) < 2000 else 0, ()),
        ("insert", lambda x, i, v: x.insert(i, v), (indices, VALUES)),
        ("pop", lambda x: x.pop(), ()),
        ("pop(i)", lambda x, i: x.pop(i), (indices,)),
        ("remove", lambda x, v: x.remove(v), (VALUES,)),
        ("clear", lambda x: x.clear(), ()),
        ("reverse", lambda x: x.reverse(), ()),
        ("sort", lambda x: x.sort(), ()),
        ("sort by type", lambda x, r: x.sort(key=by_type, reverse=r), (st.booleans(),)),
        ("+", lambda x, v: x + v, (lists,)),
        ("radd", lambda x, v: v + x, (lists,)),
        ("+ tuple", lambda x, v: x + tuple(v), (lists,)),
        ("+=", concat, (lists,)),
        ("*=", repeat, (st.integers(-1, 3),)),
        ("<", lambda x, v: [x == v, x < v], (lists,)),
        ("swap", swap, (indices, indices)),
        ("copy", lambda x: x.copy(), ()),
    ],
    tuple: [
        *OF_SEQUENCES,
        ("+", lambda x, v: x + tuple(v), (lists,)),
        ("radd", lambda x, v: tuple(v) + x, (lists,)),
        ("<", lambda x, v: [x == tuple(v), x < tuple(v)], (lists,)),
        ("[i] =", lambda x, i, v: x.__setitem__(i, v), (indices, VALUES)),
    ],
    set: [
        *OF_SETS,
        ("add", lambda x, k: x.add(k), (keys,)),
        ("add another", lambda x, k: x.add(k), (keys,)),
        ("add []", lambda x, k: x.add(k), (unhashable,)),
        ("discard", lambda x, k: x.discard(k), (keys,)),
        ("remove", lambda x, k: x.remove(k), (keys,)),
        # Which one, and which of equal ones, is nobody's business: sets compare by ==.
        ("pop", lambda x: {x.pop()} if len(x) < 2 else None, ()),
        ("clear", lambda x: x.clear(), ()),
        ("update", lambda x, a, b: x.update(a, b), (iterables, iterables)),
        ("update []", lambda x, k, a: x.update([k, a]), (keys, unhashable)),
        ("update itself", lambda x: x.update(x), ()),
        ("|=", operator.ior, (sets,)),
        ("&=", operator.iand, (sets,)),
        ("-=", operator.isub, (sets,)),
        ("^=", operator.ixor, (sets,)),
        ("-= itself", lambda x: operator.isub(x, x), ()),
        ("^= itself", lambda x: operator.ixor(x, x), ()),
        ("&= list", operator.iand, (lists,)),
        ("intersection_update", lambda x, a: x.intersection_update(a), (iterables,)),
        ("difference_update", lambda x, a, b: x.difference_update(a, b), (iterables, iterables)),
        (
            "symmetric_difference_update",
            lambda x, a: x.symmetric_difference_update(a),
            (iterables,),
        ),
        ("iterate and add", add_member_while_iterating, (keys,)),
        ("hash", hash, ()),
    ],
    frozenset: [*OF_SETS, ("hash", hash, ())],
    np.ndarray: [
        ("[i]", lambda x, i: x[i], (array_indices,)),
        ("[i] =", assign, (array_indices, parts)),
        ("[slice] =", assign, (slices, parts)),
        ("[...] =", lambda x, v: assign(x, ..., v), (parts,)),
        ("[i] = another part", lambda x, i, k: assign(x, i, x[k]), (array_indices, array_indices)),
        ("what it is", lambda x: [x.shape, x.ndim, x.size, x.itemsize, x.nbytes, x.dtype.str], ()),
        ("asarray", np.asarray, ()),
        ("asarray as", as_numpy(lambda x, t: np.asarray(x, t)), (st.sampled_from(DTYPES),)),
        ("eager", lambda x: x.copy(), ()),
        ("copies", lambda x: [copy.copy(x), copy.deepcopy(x)], ()),
        ("tolist", as_numpy(lambda x: repr(x.tolist())), ()),
        ("iterate", as_numpy(list), ()),
        ("len", len, ()),
        ("bool", bool, ()),
        ("int", int, ()),
        ("float", float, ()),
        ("complex", complex, ()),
        ("index", operator.index, ()),
        ("hash", hash, ()),
        ("in", as_numpy(lambda x, v: v in x), (scalars,)),
        ("==", lambda x, v: [x == v, v == x, x != v], (operands,)),
        ("<", lambda x, v: [x < v, v >= x], (operands,)),
        ("+", lambda x, v: [x + v, v + x], (operands,)),
        ("-", lambda x, v: [x - v, v - x], (operands,)),
        ("*", lambda x, v: [x * v, v * x], (operands,)),
        ("&", lambda x, v: [x & v, v & x], (operands,)),
        ("-x", operator.neg, ()),
        ("~", operator.invert, ()),
        ("abs", abs, ()),
        ("+=", operator.iadd, (operands,)),
        ("-=", operator.isub, (operands,)),
        ("*=", operator.imul, (operands,)),
        ("|=", operator.ior, (operands,)),
        ("+= itself", lambda x: operator.iadd(x, x), ()),
        ("np.maximum", as_numpy(np.maximum), (operands,)),
        ("np.sum", as_numpy(np.sum), ()),
        ("np.concatenate", as_numpy(lambda x, v: np.concatenate([x, v])), (arrays,)),
        ("np.array_equal", as_numpy(np.array_equal), (operands,)),
    ],
}

# Of each type, so that hypothesis shrinks towards the first.
METHOD_STRATEGIES = {
    kind: st.sampled_from(methods).flatmap(
        lambda method: st.tuples(st.just(method[:2]), st.tuples(*method[2]))
    )
    for kind, methods in METHODS.items()
}

LAZIES = (
    *(oocmap.LazyDict, oocmap.LazyList, oocmap.LazyTuple),
    *(oocmap.LazySet, oocmap.LazyFrozenSet, oocmap.LazyArray),
)
CONTAINERS = tuple(METHODS)


# --- Comparison


def plain(value: Any, within: tuple[int, ...] = ()) -> Any:
    """A result with the builtins that its lazies stand for; what was popped may be in itself."""
    if isinstance(value, (*LAZIES, oocmap.OOCMap)):
        return value.eager()
    if id(value) in within:
        return value
    within = (*within, id(value))
    if type(value) in (list, tuple, set):
        return type(value)(plain(member, within) for member in value)
    if type(value) is dict:
        return {key: plain(member, within) for key, member in value.items()}
    return value


def builtin_names(text: str) -> str:
    # The repr of a plain value that holds handles shows where a cycle closes in each by itself.
    text = re.sub(r"^.* is not in list$", "is not in list", text, flags=re.DOTALL)
    text = re.sub(r"numpy\.ndarray|(oocmap\.)?LazyArray", "ndarray", text)
    return re.sub(
        r"(oocmap\.)?Lazy(Dict|List|Tuple|Set|FrozenSet)", lambda found: found[2].lower(), text
    )


def attempt(function: Callable[..., Any], subject: Any, arguments: Any) -> tuple[Any, ...]:
    try:
        return "gave", function(subject, *arguments)
    except RecursionError:
        return ("recursed",)
    except oocmap.UnsupportedTypeError:
        raise
    except Exception as error:
        return "raised", type(error), builtin_names(str(error))


def restored(value: Any, saved: Any) -> None:
    """An operation that raises leaves a stored container as it was; a builtin may keep a part."""
    if type(value) is list:
        value[:] = saved
    elif type(value) is np.ndarray:
        value[...] = saved
    elif type(value) in (dict, set):
        value.clear()
        value.update(saved)


def reaches(value: Any, container: Any) -> bool:
    """Whether the container lies in the value."""
    seen: set[int] = set()
    todo = [value]
    while todo:
        value = todo.pop()
        if value is container:
            return True
        if type(value) in CONTAINERS and type(value) is not np.ndarray and id(value) not in seen:
            seen.add(id(value))
            todo += value.values() if type(value) is dict else value
    return False


def shown(value: Any) -> Any:
    """The repr of a scalar or key; a frozenset's order is its own."""
    if isinstance(value, (set, frozenset)):
        return type(value).__name__, sorted(map(repr, map(shown, value)))
    if type(value) is tuple:
        return tuple(map(shown, value))
    return repr(value)


class Comparison:
    """Whether two values are equal to the bit, and share the same mutable parts."""

    def __init__(self, sharing: bool = True) -> None:
        self.sharing = sharing
        self.pairs: dict[int, int] = {}
        self.back: dict[int, int] = {}
        self.alive: list[Any] = []

    def same(self, a: Any, b: Any) -> bool:
        todo = [(a, b)]
        while todo:
            a, b = todo.pop()
            if type(a) is not type(b):
                return False
            if isinstance(a, np.generic):
                if a.dtype != b.dtype or a.tobytes() != b.tobytes():
                    return False
                continue
            if type(a) not in CONTAINERS:
                if a != b or repr(a) != repr(b):
                    return False
                continue
            if type(a) is not np.ndarray and len(a) != len(b):
                return False
            if id(a) in self.pairs or id(b) in self.back:
                known = self.pairs.get(id(a)) == id(b) and self.back.get(id(b)) == id(a)
                if known:
                    continue
                if self.sharing and type(a) not in (tuple, frozenset):
                    return False
            self.pairs[id(a)], self.back[id(b)] = id(b), id(a)
            self.alive += (a, b)
            if type(a) is np.ndarray:
                if not self.same_array(a, b):
                    return False
            elif type(a) in (set, frozenset):
                # Which of equal members is there is not said: 1 or True.
                if a != b:
                    return False
            elif type(a) is dict:
                if list(map(shown, a)) != list(map(shown, b)):
                    return False
                todo += zip(a.values(), b.values(), strict=True)
            else:
                todo += zip(a, b, strict=True)
        return True

    def same_array(self, a: Any, b: Any) -> bool:
        """NaN is itself here. The order in memory of a result is nobody's business."""
        if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
            return False
        return not self.sharing or a.flags.f_contiguous == b.flags.f_contiguous


# --- The machine


class Rollback(Exception):  # noqa: N818  (no error: how a block is left)
    pass


@dataclass
class Twins:
    """A handle and the plain object it stands for."""

    lazy: Any
    plain: Any


@dataclass
class Saved:
    """The plain side as it was when a transaction began."""

    transaction: Any
    plain: Any
    handles: list[Twins]
    copied: dict[int, Any]  # by the id of the live object
    alive: list[Any] = field(default_factory=list)  # or their ids would be given again


class MapMachine(RuleBasedStateMachine):
    @initialize(durability=st.sampled_from(["off", "normal"]))
    def open(self, durability: Any) -> None:
        self.folder = tempfile.mkdtemp(prefix="oocmap-states-")
        self.durability = durability
        self.plain: dict[Any, Any] = {}
        self.handles: list[Twins] = []
        self.saved: list[Saved] = []
        self.forks = 0
        self.open_map()
        for side in (self.map, self.plain):
            side["a dict"] = {"name": 1, 7: [0]}
            side["a list"] = [3, "a", [1, {}]]
            side["a tuple"] = (1, [2], (3,))
            side["a set"] = {1, "a", (1, "t")}
            side["a frozenset"] = frozenset({7, "b"})
            side["an array"] = np.arange(6.0).reshape(2, 3)

    def open_map(self) -> None:
        path = Path(self.folder) / "map.ooc"
        self.map: Any = oocmap.OOCMap(path, durability=self.durability)

    def teardown(self) -> None:
        if hasattr(self, "map"):
            while self.saved:
                self.commit()
            report = self.map.check()
            assert (report.problems, report.leaked) == ([], 0), report
            self.map.close()
            shutil.rmtree(self.folder)

    # --- Reading and writing

    def subject(self, data: Any) -> Twins:
        """A stored container: the root, a kept handle, or what lies in these."""
        twins = Twins(self.map, self.plain)
        if self.handles and data.draw(st.booleans(), label="from a handle"):
            twins = self.handles[data.draw(st.integers(0, len(self.handles) - 1))]
        for _ in range(data.draw(st.integers(0, 3), label="levels down")):
            inner = self.inner(twins.plain)
            if not inner:
                break
            key = data.draw(st.sampled_from(inner), label="into")
            twins = Twins(twins.lazy[key], twins.plain[key])
        return twins

    @staticmethod
    def inner(container: Any) -> list[Any]:
        """The keys of the containers in it; of the first ones of a large one."""
        if isinstance(container, (set, frozenset, np.ndarray)):
            return []
        items = list(container.items() if type(container) is dict else enumerate(container))
        return [key for key, value in items[:20] if type(value) in CONTAINERS]

    def do(self, data: Any, twins: Twins) -> None:
        method = data.draw(METHOD_STRATEGIES[type(twins.plain)], label="method")
        (name, function), arguments = method
        if name == "repr" and twins.lazy is self.map:
            return  # a map's is its own
        lazy_arguments = resolve(arguments, [handle.lazy for handle in self.handles])
        plain_arguments = resolve(arguments, [handle.plain for handle in self.handles])
        saved = copy.copy(twins.plain)
        expected = attempt(function, twins.plain, plain_arguments)
        if expected[0] != "gave":
            restored(twins.plain, saved)
        got = attempt(function, twins.lazy, lazy_arguments)
        if "recursed" in (got[0], expected[0]):
            # Equality of cycles: how deep it goes is not the same, what is stored must be.
            if got[0] == "gave" or expected[0] == "gave":
                restored(twins.plain, saved)
                self.write_back(twins)
            return
        assert got[0] == expected[0], (got, expected)
        if name.startswith("pop") and reaches(expected[1], twins.plain):
            return  # what is popped is a plain value of the moment before
        if got[0] == "raised" or type(got[1]) is set:
            assert got == expected
        else:
            assert Comparison(sharing=False).same(plain(got[1]), expected[1]), (got, expected)

    def write_back(self, twins: Twins) -> None:
        """Where only one side got to its end."""
        assert Comparison().same(twins.lazy.eager(), twins.plain)

    @rule(data=st.data())
    def change_the_root(self, data: Any) -> None:
        self.do(data, Twins(self.map, self.plain))

    @rule(data=st.data())
    def change_something(self, data: Any) -> None:
        self.do(data, self.subject(data))

    @rule(data=st.data(), kind=st.sampled_from(list(METHODS)))
    def change_one_of(self, data: Any, kind: type) -> None:
        """One of the containers of a type that lie up to three levels deep."""
        found = []
        level = [Twins(self.map, self.plain)]
        for _ in range(3):
            level = [
                Twins(twins.lazy[key], twins.plain[key])
                for twins in level
                for key in self.inner(twins.plain)
            ]
            found += [twins for twins in level if type(twins.plain) is kind]
        if found:
            self.do(data, found[data.draw(st.integers(0, min(len(found), 20) - 1), label="which")])

    @rule(data=st.data())
    def keep_a_handle(self, data: Any) -> None:
        twins = self.subject(data)
        if twins.lazy is not self.map:
            self.handles.append(twins)
            del self.handles[:-8]

    # --- Transactions

    @rule(store=st.booleans())
    @precondition(lambda self: len(self.saved) < 3)
    def begin(self, store: bool) -> None:
        transaction = self.map.transaction()
        transaction.__enter__()
        # Copied at one go, so that the copies share as the originals do.
        plains = [handle.plain for handle in self.handles]
        copied: dict[int, Any] = {}
        root, copies = copy.deepcopy((self.plain, plains), copied)
        lazies = [handle.lazy for handle in self.handles]
        twins = [Twins(lazy, plain) for lazy, plain in zip(lazies, copies, strict=True)]
        self.saved.append(Saved(transaction, root, twins, copied))

    @rule()
    @precondition(lambda self: self.saved)
    def commit(self) -> None:
        self.saved.pop().transaction.__exit__(None, None, None)

    @rule()
    @precondition(lambda self: self.saved)
    def roll_back(self) -> None:
        saved = self.saved.pop()
        saved.transaction.__exit__(Rollback, Rollback(), None)
        before = [id(handle.lazy) for handle in saved.handles]
        for handle in self.handles:
            if id(handle.lazy) not in before:
                self.check_undone(handle, saved.copied)
        for outer in self.saved:  # what stands for the same object is now the copy
            known = outer.copied
            known |= {id(new): known[old] for old, new in saved.copied.items() if old in known}
            outer.alive.append(saved.copied)
        self.plain = saved.plain
        self.handles = saved.handles

    @staticmethod
    def check_undone(handle: Twins, copied: dict[int, Any]) -> None:
        """A handle made in what was rolled back is stale, or shows what was there before it."""
        try:
            value = handle.lazy.eager()
        except oocmap.StaleHandleError:
            return
        # An immutable tuple is its own copy.
        if type(handle.plain) not in (tuple, frozenset):
            assert id(handle.plain) in copied, "a handle made in what was rolled back is not stale"
        assert Comparison().same(value, copied.get(id(handle.plain), handle.plain))

    # --- The file and other processes. vacuum() is to be a rule here, without anything else.

    @rule()
    @precondition(lambda self: not self.saved)
    def reopen(self) -> None:
        self.map.close()
        for handle in self.handles:
            try:
                len(handle.lazy)
            except oocmap.ClosedError:
                continue
            raise AssertionError("a handle of a closed map can be used")
        self.handles = []
        self.open_map()

    @rule(data=st.data(), when=st.sampled_from(["free", "trace", "sweep", "punch", ""]))
    def vacuum(self, data: Any, when: str) -> None:
        """Frees nothing that can be reached, also where something is written in the middle."""
        if self.saved:
            with contextlib.suppress(oocmap.ArgumentError):
                self.map.vacuum()
                raise AssertionError("vacuumed inside a transaction")
            return

        def progress(step: str, done: int, total: int) -> None:
            if step == when and done == 0:
                self.do(data, self.subject(data))

        assert self.map.vacuum(progress=progress).finished

    @rule(value=scalars)
    @precondition(lambda self: self.forks == 0)
    def fork(self, value: Any) -> None:
        """The child sees what is committed, and writes where its parent is in no transaction."""
        self.forks += 1
        committed = self.saved[0].plain if self.saved else self.plain
        child = os.fork()
        if child == 0:
            status = 1
            try:
                assert Comparison().same(self.map.eager(), committed)
                if not self.saved:
                    for handle in self.handles:
                        assert Comparison().same(handle.lazy.eager(), handle.plain)
                    self.map["from a child"] = value
                    with self.map.transaction():
                        assert self.map["from a child"] == value
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        if not self.saved:
            self.plain["from a child"] = value

    # --- After each step

    @invariant()
    def everything_is_the_same(self) -> None:
        if not hasattr(self, "map"):
            return
        together = Comparison()
        assert together.same(self.map.eager(), self.plain)
        for handle in self.handles:
            assert Comparison().same(handle.lazy.eager(), handle.plain)


def test_map_does_what_plain_objects_do() -> None:
    run_state_machine_as_test(
        MapMachine,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            # Not explain, which traces every line of Python: a failing run would take minutes.
            phases=[Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
