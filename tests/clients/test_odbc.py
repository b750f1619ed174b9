"""ODBC: isql and pyodbc see a map through sqliteodbc as they see an ordinary table."""

import pathlib

import client_tools


def test_pyodbc_sees_what_an_ordinary_table_is(twins: pathlib.Path) -> None:
    client_tools.need("pyodbc")
    ours = client_tools.run_program("use_odbc.py", twins, "shop.db")
    assert ours == client_tools.run_program("use_odbc.py", twins, "twin.db")
    assert any("UNIQUE constraint failed: people.key" in line for line in ours)
    assert ours[-1] == "left: [(44, 1265, 'Ödön ☃')]"


ISQL_LINES = """\
SELECT * FROM people ORDER BY key
INSERT INTO people(key, name) VALUES ('is', 'I. Sql')
UPDATE people SET age = age + 1 WHERE age IS NOT NULL
DELETE FROM people WHERE key = 'cy'
INSERT INTO people(key, name) VALUES ('ann', 'x')
SELECT key, age FROM people WHERE key BETWEEN 'b' AND 'j'
SELECT p.name, o.total FROM orders o JOIN people p ON p.key = o.who WHERE o.total < 10
help people
"""


def test_isql_sees_what_an_ordinary_table_is(twins: pathlib.Path) -> None:
    client_tools.need("ODBC")
    outputs = []
    for file in ("shop.db", "twin.db"):
        source = f"[shop]\nDriver=SQLite3\nDatabase={file}\nLoadExt=./lib/oocmap\n"
        (twins / "odbc.ini").write_text(source)
        command: list[str | pathlib.Path] = ["env", f"ODBCINI={twins / 'odbc.ini'}"]
        outputs.append(client_tools.run([*command, "isql", "shop", "-v", "-b"], twins, ISQL_LINES))
    assert outputs[0] == outputs[1]
    assert "UNIQUE constraint failed: people.key" in outputs[0]
    assert "I. Sql" not in outputs[0]
    assert "| is " in outputs[0]
