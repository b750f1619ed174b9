"""sqlite-utils sees a map as it sees an ordinary table, and says what it cannot do with one."""

import pathlib
import subprocess

import client_tools
import pytest


def test_a_map_is_what_an_ordinary_table_is(twins: pathlib.Path) -> None:
    client_tools.need("sqlite-utils")
    ours = client_tools.run_program("use_sqlite_utils.py", twins, "shop.db")
    assert ours == client_tools.run_program("use_sqlite_utils.py", twins, "twin.db")
    assert "refused: UNIQUE constraint failed: people.key" in ours
    assert ours[-1].startswith("left: (153, [{'key': 'ann', 'name': 'Ann', 'age': 31")


def use(folder: pathlib.Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [client_tools.VENV / "bin" / "sqlite-utils", *words, "--load-extension=./lib/oocmap"],
        input=stdin,
        capture_output=True,
        cwd=folder,
        env=client_tools.environment(folder),
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["upsert", "shop.db", "people", "-", "--pk", "key"], "UPSERT not implemented for virtual"),
        (["create-index", "shop.db", "people", "age"], "virtual tables may not be indexed"),
        (["add-column", "shop.db", "people", "more"], "virtual tables may not be altered"),
    ],
)
def test_what_virtual_tables_do_not_have_is_said_and_changes_nothing(
    words: list[str], says: str, folder: pathlib.Path
) -> None:
    client_tools.need("sqlite-utils")
    before = use(folder, "rows", "shop.db", "people").stdout
    refused = use(folder, *words, stdin='[{"key": "ann", "name": "x"}]')
    assert refused.returncode == 1
    assert says in refused.stderr
    assert use(folder, "rows", "shop.db", "people").stdout == before != ""
