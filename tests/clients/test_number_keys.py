"""Clients that bind a key as text, or look at its declared type, with keys that are numbers.

`key INTEGER` among the arguments of `orders` (docs/clients.md) declares it, as a table does.
"""

from __future__ import annotations

import pathlib

import client_tools
import webdriver
from datasette_server import datasette, get


def test_declared_and_bound_as_text(twins: pathlib.Path) -> None:
    client_tools.need("pyodbc")
    client_tools.need("SQLAlchemy and pandas")
    ours = client_tools.run_program("show_numbers.py", twins, "shop.db")
    assert ours == client_tools.run_program("show_numbers.py", twins, "twin.db")
    assert "('key', 'INTEGER')" in ours[0]
    assert "2 [(2, 'integer', 'bob')]" in ours
    assert ours[-1] == "[(1, 'ann'), (2, 'bob'), (3, 'ann')]"


def test_datasette_follows_to_a_row_by_its_number(twins: pathlib.Path) -> None:
    client_tools.need("Datasette in Chromium")
    with datasette(twins, "twin.db") as address:
        for path in ("orders/2.json?_shape=array", "orders.json?_shape=array&key__gt=1"):
            ours, ordinary = (get(f"{address}/{name}/{path}") for name in ("shop", "twin"))
            for row in ours:
                row.pop("orders", None)  # the handle
            assert ours == ordinary
            assert ours[0]["who"] == "bob"
        with webdriver.browser(twins) as tab:
            tab.open(f"{address}/shop/orders")
            tab.follow("2")
            assert tab.url() == f"{address}/shop/orders/2"
            assert tab.texts("td.col-who") == ["bob"]


def test_without_the_declaration_text_finds_no_number(folder: pathlib.Path) -> None:
    """So keys are compared in Python and in SQL; a client that binds text finds nothing."""
    lines = (
        ".load ./lib/oocmap\n"
        "CREATE VIRTUAL TABLE plain USING oocmap('shop.ooc', root='$.orders');\n"
        "SELECT count(*) FROM plain WHERE key = '2';\n"
        "SELECT count(*) FROM plain WHERE key = 2;\n"
        "SELECT count(*) FROM orders WHERE key = '2';\n"
    )
    assert client_tools.run(["sqlite3", "-batch", "shop.db"], folder, lines) == "0\n1\n1\n"
