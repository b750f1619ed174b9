"""The classes, and that each is raised for what it says."""

# What raises here is the end of a block.
# ruff: noqa: PT012

import contextlib
import errno
import inspect
from typing import Any

import apsw
import oocmap
import pytest
from oocmap import errors

BASES = {
    "PathError": ValueError,
    "JsonError": ValueError,
    "ArgumentError": ValueError,
    "UnsupportedTypeError": TypeError,
    "StaleHandleError": ReferenceError,
    "ClosedError": ValueError,
    "SecondImageError": ImportError,
    "StoreFullError": OSError,
    "IoError": OSError,
}


def test_all_are_errors_of_this_package() -> None:
    for name in errors.__all__:
        kind = getattr(oocmap, name)
        assert issubclass(kind, oocmap.Error)
        assert issubclass(kind, BASES.get(name, Exception))
        assert inspect.getdoc(kind)


def test_full_map_says_so_and_stays_usable(path: Any) -> None:
    with oocmap.OOCMap(path, durability="off", max_size=1 << 20) as m:
        m["a"] = {"kept": [1]}
        with pytest.raises(oocmap.StoreFullError) as caught:
            for i in range(10_000):
                m[i] = f"{i}" * 2000
        assert caught.value.errno == errno.ENOSPC
        stored = len(m)
        assert stored > 10
        assert m["a"] == {"kept": [1]}
        with pytest.raises(oocmap.StoreFullError):
            m["large"] = [str(i) * 100 for i in range(20_000)]
        assert "large" not in m
        assert len(m) == stored
        for i in range(stored // 2):
            del m[i]
        m["b"] = "fits again"
        assert m["b"] == "fits again"


def test_full_map_inside_a_transaction_can_only_be_rolled_back(path: Any) -> None:
    with oocmap.OOCMap(path, durability="off", max_size=1 << 20) as m:
        m["a"] = 1
        with pytest.raises(oocmap.StoreFullError), m.transaction():
            m["b"] = 2
            with pytest.raises(oocmap.StoreFullError):
                m["large"] = [str(i) * 100 for i in range(20_000)]
            with pytest.raises(oocmap.TransactionError):
                m["c"] = 3
            with pytest.raises(oocmap.TransactionError):
                m.get("a")
            raise oocmap.StoreFullError(errno.ENOSPC, "passed on")
        assert m.eager() == {"a": 1}


def test_full_map_by_sql_inside_a_transaction_keeps_nothing(path: Any) -> None:
    with oocmap.OOCMap(path, durability="off", max_size=1 << 20) as m:
        m["a"] = 1
        with pytest.raises(oocmap.TransactionError, match="rolled back"), m.transaction():
            m["b"] = 2
            with pytest.raises(apsw.SQLError, match="full at its max_size of 1048576"):
                for i in range(1000):
                    m.sql("INSERT INTO map(key, value) VALUES (?, ?)", (i, f"{i}" * 2000))
            # SQLite has not ended the transaction: nothing is committed behind its back.
            assert m.connection.in_transaction
            with pytest.raises(oocmap.TransactionError):
                m["c"] = 3
            with pytest.raises(apsw.SQLError, match="rolled back"):
                m.sql("INSERT INTO map(key, value) VALUES ('d', 4), ('e', 5)")
        assert m.eager() == {"a": 1}
        m["f"] = 6
        assert m.eager() == {"a": 1, "f": 6}


def test_full_map_inside_an_inner_transaction_undoes_that(path: Any) -> None:
    with oocmap.OOCMap(path, durability="off", max_size=1 << 20) as m:
        with m.transaction():
            m["a"] = 1
            with pytest.raises(oocmap.StoreFullError), m.transaction():
                m["large"] = [str(i) * 100 for i in range(20_000)]
            m["b"] = 2
        assert m.eager() == {"a": 1, "b": 2}
        with pytest.raises(oocmap.TransactionError, match="rolled back"), m.transaction():
            m["c"] = 3
            with m.transaction(), contextlib.suppress(oocmap.StoreFullError):
                m["large"] = [str(i) * 100 for i in range(20_000)]
            with pytest.raises(oocmap.TransactionError, match="rolled back"):
                m["d"] = 4
        assert m.eager() == {"a": 1, "b": 2}


def test_too_many_inner_transactions_lose_nothing(path: Any) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        with m.transaction(), contextlib.ExitStack() as stack:
            m["a"] = 1
            for _ in range(65):
                stack.enter_context(m.transaction())
            with pytest.raises(oocmap.StoreFullError, match="more than 64 savepoints"):
                m["b"] = 2
            with pytest.raises(apsw.TooBigError, match="more than 64 savepoints"):
                m.sql("INSERT INTO map(key, value) VALUES ('b', 2)")
        assert m.eager() == {"a": 1}


def test_poisoned_transaction_does_not_commit(path: Any) -> None:
    with oocmap.OOCMap(path, durability="off", max_size=1 << 20) as m:
        m["a"] = 1
        with pytest.raises(oocmap.TransactionError), m.transaction():
            m["b"] = 2
            with pytest.raises(oocmap.StoreFullError):
                m["large"] = [str(i) * 100 for i in range(20_000)]
        assert m.eager() == {"a": 1}
        m["c"] = 3
        assert m.eager() == {"a": 1, "c": 3}
