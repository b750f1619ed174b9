"""CPython's tests of set and frozenset, on LazySet and LazyFrozenSet.

While one of them runs, `set(...)` and `frozenset(...)` in the suite's module make stored values.
"""

import unittest
from typing import Any, ClassVar
from unittest import mock

import oocmap
import pytest
from stored import store, without

test_set = pytest.importorskip("test.test_set", reason="Python lacks its test suite")

# Classes of members that the suite makes for one line, such as one whose __eq__ raises: no file can
# hold them, so what is written about them is tested on the builtin. A program's own class in their
# place is refused, which tests/python/test_set.py tests.
UNSTORABLE = ("A", "BadCmp", "C", "HashCountingInt", "ReprWrapper", "Tracer")


class StoredKind(type):
    """A call of such a class gives the lazy object; that and the builtin count as its instances."""

    builtin: Any
    lazy: Any

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, (cls.builtin, cls.lazy))

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        value = cls.builtin(*arguments, **keywords)
        try:
            store()["set suite"] = [value]
        except oocmap.UnsupportedTypeError as error:
            if any(f"type '{name}' " in str(error) for name in UNSTORABLE):
                return value
            raise
        [lazy] = store()["set suite"]
        assert type(lazy) is cls.lazy
        return lazy


class StoredSet(metaclass=StoredKind):
    builtin = set
    lazy = oocmap.LazySet


class StoredFrozenSet(metaclass=StoredKind):
    builtin = frozenset
    lazy = oocmap.LazyFrozenSet


class OnStoredSets(unittest.TestCase):
    names: ClassVar = {"set": StoredSet, "frozenset": StoredFrozenSet}

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        with mock.patch.multiple(test_set, create=True, **self.names):
            return super().run(result)


JOINT = {
    "test_deepcopy": "a member with a __deepcopy__ of its own cannot be stored",
    "test_do_not_rehash_dict_keys": "counts the hashes of a class of its own",
    "test_free_after_iterating": "needs a subclass with __del__; lazy types cannot be subclassed",
    "test_pickling": "gives attributes to what is no set; test_set.py tests pickles",
    "test_subclass_with_custom_hash": "lazy types cannot be subclassed",
}


@without(
    JOINT
    | {
        "test_iterator_pickling": "unpickles an iterator of the set that lives on in the map",
        "test_weakref": "lazy objects have no weak references",
    }
)
class LazySetTest(OnStoredSets, test_set.TestSet):
    thetype = StoredSet


@without(
    JOINT
    | {
        "test_constructor_identity": "each stored value is an object of its own",
        "test_copy": "copy() gives a plain frozenset, which the lazy object is not",
        "test_hash_effectiveness": "hashes a million frozensets; the hash is frozenset's own",
    }
)
class LazyFrozenSetTest(OnStoredSets, test_set.TestFrozenSet):
    thetype = StoredFrozenSet


class LazySetOfSetsTest(OnStoredSets, test_set.TestSetOfSets):
    names: ClassVar = {"set": StoredSet}  # what is taken out of one is a plain frozenset


# Not TestBasicOpsTriple: the third of its members is a function. Nor the classes about members
# whose __eq__ changes the set meanwhile.
for name in (
    "TestBasicOpsEmpty", "TestBasicOpsSingleton", "TestBasicOpsTuple",
    "TestBasicOpsString", "TestBasicOpsBytes", "TestBasicOpsMixedStringBytes",
    "TestExceptionPropagation", "TestBinaryOps", "TestUpdateOps", "TestMutate",
    "TestSubsetEqualEmpty", "TestSubsetEqualNonEmpty", "TestSubsetEmptyNonEmpty",
    "TestSubsetPartial", "TestSubsetNonOverlap", "TestOnlySetsNumeric", "TestOnlySetsDict",
    "TestOnlySetsOperator", "TestOnlySetsTuple", "TestOnlySetsString", "TestOnlySetsGenerator",
    "TestIdentities", "TestVariousIteratorArgs", "TestGraphs",
):  # fmt: skip
    globals()[f"Lazy{name}"] = type(f"Lazy{name}", (OnStoredSets, getattr(test_set, name)), {})

COPYING = {"test_copy": "what is read twice is two equal objects, not one"}
for name in (
    "TestCopyingEmpty", "TestCopyingSingleton", "TestCopyingTriple", "TestCopyingTuple",
    "TestCopyingNested",
):  # fmt: skip
    suite = type(f"Lazy{name}", (OnStoredSets, getattr(test_set, name)), {})
    globals()[f"Lazy{name}"] = without(COPYING)(suite)
