"""Runs the examples of docs/sql.md: every `sql` block, in order, in one sqlite3 shell.

The `text` block that follows a `sql` block is what it prints, errors included (without their line
numbers, and without the lines by which the shell shows where in the statement they are).

OOCMAP_SO names another oocmap.so (the sanitizers' build), OOCMAP_SQLITE3_PRELOAD a library that
the shell must load first (their runtime).
"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sql.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "@@@ end of block"


def examples() -> list[tuple[str, str]]:
    """Return (SQL, expected output) of each example, in the page's order."""
    blocks = [(match[1], match[2]) for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    followed = zip(blocks, [*blocks[1:], ("", "")], strict=True)
    return [
        (text, after if language_after == "text" else "")
        for (language, text), (language_after, after) in followed
        if language == "sql"
    ]


def plain(output: str) -> str:
    """Drop what depends on where a statement stands: line numbers and the shell's pointers."""
    lines = re.sub(r"^(\w+) error near line \d+: ", r"\1 error: ", output, flags=re.MULTILINE)
    return re.sub(r"^  .*\n\s+\^--- .*\n", "", lines, flags=re.MULTILINE)


def run(blocks: list[str], folder: pathlib.Path) -> list[str]:
    """Run the blocks in one shell in `folder`; return what each printed."""
    shell = shutil.which("sqlite3", path="/usr/bin:" + os.environ["PATH"])
    assert shell is not None, "the sqlite3 shell is not installed"
    environment = dict(os.environ)
    if "OOCMAP_SQLITE3_PRELOAD" in environment:
        environment["LD_PRELOAD"] = environment["OOCMAP_SQLITE3_PRELOAD"]
    result = subprocess.run(
        [shell, "-batch", "-init", os.devnull],
        input="".join(f"{block}.print '{MARK}'\n" for block in blocks),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    outputs = result.stdout.split(MARK + "\n")
    assert outputs[-1] == ""
    return [plain(output) for output in outputs[:-1]]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("docs_sql")
    extension = pathlib.Path(os.environ.get("OOCMAP_SO", ROOT / "build" / "oocmap.so"))
    (folder / "oocmap.so").symlink_to(extension.resolve(strict=True))
    return run([sql for sql, _ in examples()], folder)


@pytest.mark.parametrize("number", range(len(examples())))
def test_example_prints_what_the_page_says(number: int, printed: list[str]) -> None:
    sql, expected = examples()[number]
    assert printed[number] == expected, sql


@pytest.mark.parametrize(
    ("line", "works_in"),
    [(".load ./oocmap", "build"), (".load build/oocmap", "."), (".load oocmap", "")],
)
def test_the_lines_that_load(line: str, works_in: str, tmp_path: pathlib.Path) -> None:
    assert f"`{line}`" in PAGE.read_text(encoding="utf-8") or f"{line}\n" in examples()[0][0]
    extension = pathlib.Path(os.environ.get("OOCMAP_SO", ROOT / "build" / "oocmap.so"))
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "oocmap.so").symlink_to(extension.resolve(strict=True))
    for folder in ("build", "."):
        (output,) = run([f"{line}\n"], tmp_path / folder)
        assert output == "" if folder == works_in else "cannot open shared object" in output


def test_page_names_every_function_and_module(tmp_path: pathlib.Path) -> None:
    extension = pathlib.Path(os.environ.get("OOCMAP_SO", ROOT / "build" / "oocmap.so"))
    (tmp_path / "oocmap.so").symlink_to(extension.resolve(strict=True))
    (output,) = run(
        [
            ".load ./oocmap\n"
            "SELECT DISTINCT name FROM pragma_function_list WHERE name LIKE 'oocmap%' UNION "
            "SELECT name FROM pragma_module_list WHERE name LIKE 'oocmap%' ORDER BY name;\n"
        ],
        tmp_path,
    )
    page = PAGE.read_text(encoding="utf-8")
    assert output.split()
    assert [name for name in output.split() if f"{name}(" not in page] == []
