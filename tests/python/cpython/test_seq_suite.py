"""CPython's tests of every sequence, on LazyTuple."""

import pytest
from stored import StoredTuple, without

seq_tests = pytest.importorskip("test.seq_tests", reason="Python lacks its test suite")

REASONS = {
    "test_free_after_iterating": "needs a subclass with __del__; lazy types cannot be subclassed",
}


@without(REASONS)
class LazyTupleTest(seq_tests.CommonTest):
    type2test = StoredTuple
