"""CPython's tests of the order of a dict's entries, on LazyDict and on OOCMap.

They are OrderedDict's. Those that a plain dict passes are to be passed, and no others: a stored
dict has no move_to_end, and its equality does not ask for one order.
"""

import unittest

import pytest
from stored import StoredDict, StoredMap, without

test_ordered_dict = pytest.importorskip(
    "test.test_ordered_dict", reason="Python lacks its test suite"
)

OF_A_DICT = [
    "test_468",
    "test_abc",
    "test_clear",
    "test_delitem",
    "test_delitem_hash_collision",
    "test_detect_deletion_during_iteration",
    "test_dict_clear",
    "test_dict_setdefault",
    "test_dict_setitem",
    "test_dict_update",
    "test_free_after_iterating",
    "test_highly_nested",
    "test_highly_nested_subclass",
    "test_init",
    "test_init_calls",
    "test_issue24348",
    "test_iterators",
    "test_iterators_empty",
    "test_merge_operator",
    "test_ordered_dict_items_result_gc",
    "test_override_update",
    "test_pickle_recursive",
    "test_popitem",
    "test_reference_loop",
    "test_reinsert",
    "test_repr_recursive_values",
    "test_setitem",
    "test_sorted_iterators",
    "test_update",
    "test_views",
]

REASONS = {
    "test_delitem_hash_collision": "its keys are of a class of its own, not storable",
    "test_dict_clear": "calls dict.clear on it; a stored dict is no subclass of dict",
    "test_dict_setdefault": "calls dict.setdefault on it; a stored dict is no subclass of dict",
    "test_dict_setitem": "calls dict.__setitem__ on it; a stored dict is no subclass of dict",
    "test_dict_update": "calls dict.update on it; a stored dict is no subclass of dict",
    "test_highly_nested_subclass": "sets attributes of nested dicts of a subclass",
    "test_issue24348": "its keys are of a class of its own, not storable",
    "test_merge_operator": "asks for | to give the same class; of a stored dict it is a plain dict",
    "test_pickle_recursive": "asks for dup[1] is dup; each access makes a lazy object of its own",
    "test_reference_loop": "its key is a class, not storable",
    "test_repr_recursive_values": "stores a view as a value",
}


class OfADict(unittest.TestCase):
    module = __builtins__


for name in OF_A_DICT:
    if hasattr(test_ordered_dict.OrderedDictTests, name):  # 3.11's; later versions may drop some
        setattr(OfADict, name, getattr(test_ordered_dict.OrderedDictTests, name))


@without(
    REASONS
    | {
        "test_abc": "asks the class that makes the lazy objects, which is not theirs",
        "test_free_after_iterating": "needs a subclass; LazyDict cannot be subclassed",
    }
)
class LazyDictOrderTest(OfADict):
    OrderedDict = StoredDict


@without(REASONS | {"test_init": "calls __init__ a second time, which opens a map"})
class OOCMapOrderTest(OfADict):
    OrderedDict = StoredMap


del OfADict  # it has no type to test
