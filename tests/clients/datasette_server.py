"""Datasette's server, started by the line of docs/clients.md."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shlex
import urllib.request
from collections.abc import Iterator
from typing import Any

import client_tools
import page
import webdriver


@contextlib.contextmanager
def datasette(folder: pathlib.Path, *more_files: str) -> Iterator[str]:
    """Start the server on a free port, with further files; give its address."""
    words = shlex.split(page.server_line("Datasette"))
    assert words[-2] == "--port"
    port = webdriver.free_port()
    command: list[str | pathlib.Path] = [
        client_tools.VENV / "bin" / words[0],
        *words[1:-1],
        str(port),
        *more_files,
    ]
    address = f"http://127.0.0.1:{port}"
    with webdriver.server(command, folder, f"{address}/-/versions.json"):
        yield address


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)
