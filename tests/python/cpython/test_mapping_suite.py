"""CPython's tests of the mapping protocol, on LazyDict and on OOCMap."""

import pytest
from stored import StoredDict, StoredMap, without

mapping_tests = pytest.importorskip("test.mapping_tests", reason="Python lacks its test suite")

REASONS = {
    "test_copy": "asks for a copy of the same class; copy() of a stored dict is a plain dict",
    "test_eq": "its only dict that is not plain has a key of a class of its own, not storable",
    "test_fromkeys": "asks for instances of subclasses; fromkeys of a stored dict is a plain dict",
    "test_repr": "ends with a value of a class of its own; test_repr_and_compare.py has the rest",
    "test_repr_deep": "asks for a RecursionError; repr of a lazy object does not recurse",
}


class StorableTest(mapping_tests.TestHashMappingProtocol):
    """These add keys of classes of their own, which cannot be stored, to the tests of a mapping."""

    test_getitem = mapping_tests.TestMappingProtocol.test_getitem
    test_pop = mapping_tests.TestMappingProtocol.test_pop
    test_setdefault = mapping_tests.TestMappingProtocol.test_setdefault


@without(REASONS)
class LazyDictTest(StorableTest):
    type2test = StoredDict


@without(REASONS)
class OOCMapTest(StorableTest):
    type2test = StoredMap


del StorableTest  # it is no test
