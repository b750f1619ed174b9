"""CPython's tests of list, on LazyList."""

import pytest
from stored import StoredList, without

test_list = pytest.importorskip("test.test_list", reason="Python lacks its test suite")
seq_tests = pytest.importorskip("test.seq_tests", reason="Python lacks its test suite")

REASONS = {
    "test_free_after_iterating": "needs a subclass with __del__; lazy types cannot be subclassed",
    "test_reversed_pickle": "takes what was unpickled for a copy; it is the stored list itself",
    "test_repr_deep": "asks for a RecursionError; repr of a lazy object does not recurse",
}


@without(REASONS)
class LazyListTest(test_list.ListTest):
    type2test = StoredList

    # Those of list add members of a class of their own, which cannot be stored.
    test_index = seq_tests.CommonTest.test_index
