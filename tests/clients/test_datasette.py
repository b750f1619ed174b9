"""Datasette: its server is started by the page's line, its JSON compared with that of ordinary
tables, and its pages used in a headless Chromium as a person would.

OOCMAP_SCREENSHOTS names a folder for the screenshots; those of docs/images/ were made so.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import client_tools
import oocmap
import pytest
import webdriver
from datasette_server import datasette, get


@pytest.fixture
def served(twins: pathlib.Path) -> Iterator[str]:
    client_tools.need("Datasette")
    with datasette(twins, "twin.db") as address:
        yield address


PATHS = [
    "people.json?_shape=array",
    "people.json?_shape=array&_sort=age",
    "people.json?_shape=array&_sort_desc=name&city=Rome",
    "people.json?_shape=array&age__gt=31",
    "people.json?_shape=array&name__contains=B",
    "people.json?_shape=array&age__isnull=1",
    "people.json?_shape=array&key__in=ann,cy",
    "people.json?_shape=array&_where=age%20between%2020%20and%2040",
    "people.json?_facet=city&_shape=objects",
    "people.json?_size=1&_next=ann&_shape=objects",
    "orders.json?_shape=array&_sort_desc=total",
    "people/ann.json?_shape=array",
    "romans.json?_shape=array",
    "romans.csv",
]


def rows_of(answer: Any) -> Any:
    """Return the rows without the handle column, the facets' counts and the next page."""
    if isinstance(answer, list):
        return [{key: row[key] for key in row if key not in ("people", "orders")} for row in answer]
    facets = {
        name: [(value["value"], value["count"]) for value in facet["results"]]
        for name, facet in answer["facet_results"].items()
    }
    return rows_of(answer["rows"]), facets, answer["next"], answer["filtered_table_rows_count"]


def test_answers_are_those_of_an_ordinary_table(served: str) -> None:
    for path in PATHS:
        if path.endswith(".csv"):
            answers = []
            for name in ("shop", "twin"):
                with urllib.request.urlopen(f"{served}/{name}/{path}", timeout=30) as answer:
                    answers.append(answer.read())
        else:
            answers = [rows_of(get(f"{served}/{name}/{path}")) for name in ("shop", "twin")]
        assert answers[0] == answers[1], path
        assert answers[0], path


def test_a_query_may_use_the_functions(served: str) -> None:
    query = urllib.parse.quote("SELECT key, oocmap_get(people, '$.tags') AS tags FROM people")
    rows = get(f"{served}/shop.json?_shape=array&sql={query}")
    assert rows[0] == {"key": "ann", "tags": '["x","y"]'}


def test_the_server_shows_what_others_commit(served: str, twins: pathlib.Path) -> None:
    """Another process writes the map, through Python and through SQL, while Datasette has it."""
    url = f"{served}/shop/people.json?_shape=array&_nocol=people&key__gt=d"
    assert get(url) == []
    with oocmap.OOCMap(twins / "shop.ooc") as m:
        m["people"]["dee"] = {"name": "Dee", "age": 9}
        dee = {"key": "dee", "name": "Dee", "age": 9, "city": None}
        assert get(url) == [dee]
        with m.transaction():
            m["people"]["eve"] = {"name": "Eve"}
            assert get(url) == [dee]
        assert [row["name"] for row in get(url)] == ["Dee", "Eve"]
    lines = ".load ./lib/oocmap\nDELETE FROM people WHERE key > 'd';\n"
    assert client_tools.run(["sqlite3", "-batch", "shop.db"], twins, lines) == ""
    assert get(url) == []


def test_each_answer_is_of_one_moment(served: str, twins: pathlib.Path) -> None:
    """Datasette reads on several threads while another process moves an amount to and fro."""
    query = "SELECT count(*) AS n, sum(age) AS total FROM people WHERE key IN ('ann', 'bob')"
    url = f"{served}/shop.json?_shape=array&sql={urllib.parse.quote(query)}"
    with oocmap.OOCMap(twins / "shop.ooc") as m:
        people = m["people"]
        ages: set[int] = set()
        with concurrent.futures.ThreadPoolExecutor(4) as readers:
            answers = [readers.submit(get, url) for _ in range(80)]
            while not all(answer.done() for answer in answers):
                with m.transaction():
                    people["ann"]["age"] += 1
                    people["bob"]["age"] -= 1
                ages.add(people["ann"]["age"])
        assert [answer.result() for answer in answers] == [[{"n": 2, "total": 76}]] * 80
    assert len(ages) > 3  # that they were changed meanwhile


@pytest.fixture
def screenshots(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = pathlib.Path(os.environ.get("OOCMAP_SCREENSHOTS", tmp_path / "screenshots")).absolute()
    folder.mkdir(exist_ok=True)
    return folder


def test_browse_facet_filter_and_follow_to_a_row(
    folder: pathlib.Path, screenshots: pathlib.Path
) -> None:
    client_tools.need("Datasette in Chromium")
    with datasette(folder) as address, webdriver.browser(folder) as tab:
        tab.open(address)
        tab.follow("shop")
        assert {"people", "orders", "romans"} <= set(tab.texts("h2, h3, li"))

        tab.follow("people")
        assert tab.texts("h1") == ["people"]
        assert tab.texts("h3")[0] == "3 rows"
        assert tab.texts("td.col-name") == ["Ann", "Bob", "Cy"]
        tab.screenshot(screenshots / "datasette-table.png")

        # The menu in the head of a column.
        tab.click("th.col-city .dropdown-menu-icon")
        tab.follow("Facet by this")
        assert tab.texts(".facet-info-name")[0].startswith("city")
        assert tab.texts(".facet-results li") == ["Rome 2", "Oslo 1"]
        tab.screenshot(screenshots / "datasette-facet.png")
        tab.follow("Rome")
        assert tab.texts("td.col-name") == ["Ann", "Cy"]

        tab.run("document.querySelector('select[name=_filter_column]').value = 'age'")
        tab.run("document.querySelector('select[name=_filter_op]').value = 'gt'")
        tab.submit("input[name=_filter_value]", "30")
        assert tab.texts("td.col-name") == ["Ann"]
        assert 'where age > 30 and city = "Rome"' in tab.texts("h3")[0]
        tab.screenshot(screenshots / "datasette-filter.png")

        tab.follow("ann")
        assert tab.url() == f"{address}/shop/people/ann"
        assert tab.texts("td.col-city") == ["Rome"]
        tab.screenshot(screenshots / "datasette-row.png")
    for name in ("table", "facet", "filter", "row"):
        assert (screenshots / f"datasette-{name}.png").stat().st_size > 5000
