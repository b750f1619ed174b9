"""SQLAlchemy (reflection, core, ORM) and pandas see a map as they see an ordinary table."""

import pathlib

import client_tools


def test_a_map_is_what_an_ordinary_table_is(twins: pathlib.Path) -> None:
    client_tools.need("SQLAlchemy and pandas")
    program = "use_sqlalchemy.py"
    ours = client_tools.run_program(program, twins, "shop.db")
    assert ours == client_tools.run_program(program, twins, "twin.db")
    assert "refused: UNIQUE constraint failed: people.key" in ours
    assert "got: Object" in ours
    # Both programs wrote: neither was a reader that found nothing to do.
    assert "deleted: 3" in ours
