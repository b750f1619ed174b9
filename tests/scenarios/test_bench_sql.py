"""bench/sql.py at a small size: each of its queries gives the same rows on the map and on ordinary
tables with JSON text and JSONB, or the program ends with an error."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_queries_give_the_same_on_all_three() -> None:
    size = ["--documents", "60", "--seconds", "0.001"]
    result = subprocess.run(
        [sys.executable, ROOT / "bench" / "sql.py", *size],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    figures = re.findall(
        r"^\| .* \| [\d.,]+ \| [\d.,]+ \| [\d.,]+ \| [\d.]+ \|$", result.stdout, re.M
    )
    assert len(figures) == 21
