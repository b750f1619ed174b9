"""docs/clients.md as something to run: its sections, and their blocks in order.

Blocks, by the words behind the three backquotes:

    sh            lines for bash
    python        a program for the clients' Python
    ini NAME, java NAME
                  a file of that name
    sh server     a server: started by test_datasette.py, not here
    text          what the block before it prints, errors among it
"""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass

import client_tools

PAGE = client_tools.ROOT / "docs" / "clients.md"
DATA = "The data"
_SECTION = re.compile(r"^## (.*)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    name: str
    text: str
    prints: str


def sections() -> dict[str, str]:
    """Return the text of each section of the page by its heading."""
    parts = _SECTION.split(PAGE.read_text("utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(section: str) -> list[Block]:
    found = [(match[1], match[2] or "", match[3]) for match in _BLOCK.finditer(sections()[section])]
    followed = zip(found, [*found[1:], ("", "", "")], strict=True)
    return [
        Block(language, name, text, after[2] if after[0] == "text" else "")
        for (language, name, text), after in followed
        if language != "text"
    ]


def server_line(section: str) -> str:
    """Return the line by which the page starts a server."""
    (block,) = [block for block in blocks(section) if block.name == "server"]
    return block.text.strip()


def run_section(section: str, folder: pathlib.Path) -> int:
    """Run the blocks of a section in `folder`; return how many printed what the page says."""
    ran = 0
    for block in blocks(section):
        if block.name == "server":
            continue
        if block.language in ("ini", "java"):
            (folder / block.name).write_text(block.text, "utf-8")
            continue
        command = {
            "sh": ["bash", "-e", "-o", "pipefail"],
            "python": [client_tools.VENV / "bin" / "python", "-W", "error", "-"],
        }[block.language]
        assert client_tools.run(command, folder, block.text) == block.prints, block.text
        ran += 1
    return ran
