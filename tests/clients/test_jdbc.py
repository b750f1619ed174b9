"""A Java program sees a map through JDBC as it sees an ordinary table."""

import pathlib

import client_tools


def test_a_map_is_what_an_ordinary_table_is(twins: pathlib.Path) -> None:
    client_tools.need("JDBC")
    program = client_tools.PROGRAMS / "Client.java"
    client_tools.run(["javac", "-d", "classes", program], twins)
    command: list[str | pathlib.Path] = ["java", "-cp", f"classes:{client_tools.JDBC_JAR}"]
    ours, ordinary = (
        client_tools.run([*command, "Client", file], twins).splitlines()
        for file in ("shop.db", "twin.db")
    )
    # The metadata lists the hidden handle column, too, and SQLite the tables by age.
    handles = ["column people.people BLOB", "column orders.orders BLOB"]
    assert set(handles) < set(ours)
    assert sorted(set(ours) - set(handles)) == sorted(set(ordinary))
    assert "refused 19 [SQLITE_CONSTRAINT_PRIMARYKEY] " + REFUSED in ours
    assert "left | count(*)=103 Integer | sum(age)=2150 Integer | max(name)=Jörg ☃ String" in ours


REFUSED = "A PRIMARY KEY constraint failed (UNIQUE constraint failed: people.key)"
