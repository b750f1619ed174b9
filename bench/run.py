"""`./run bench`: OOCMap beside its peers, as ratios measured in one run. See docs/benchmarks.md.

usage: ./run bench [--data FOLDER] [--only DATASET] [--rounds N]

DATASET is one of bench/datasets.py, or `sql`: the map as a table (bench/sql.py).

Every figure comes from a process of its own; the stores take turns, and of several rounds the
fastest counts. The original oocmap has this package's import name: it lives in a venv of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import venv
from pathlib import Path

import datasets
import stores

HERE = Path(__file__).parent
PEERS = HERE.parent / "build" / "bench-venv"
PEER_PACKAGES = ("oocmap==0.3", "lmdb==3.0.0", "orjson", "apsw==3.54.1.0")


def peer_python() -> Path:
    """An interpreter with the original oocmap, py-lmdb and orjson; made at first use."""
    python = PEERS / "bin" / "python"
    if not (PEERS / "ready").exists():
        print("==> installing the peers into", PEERS.relative_to(HERE.parent), flush=True)
        venv.create(PEERS, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEER_PACKAGES], check=True)
        (PEERS / "ready").touch()
    return python


def measure(store: str, dataset: str, data: Path | None, peers: Path) -> dict[str, float]:
    python = sys.executable if store in ("dict", "oocmap") else str(peers)
    command = [python, str(HERE / "measure.py"), store, dataset, *([str(data)] if data else [])]
    # The original writes to its standard error as it reads.
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{store} failed with {dataset}:\n{done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def rounds(dataset: str, data: Path | None, peers: Path, count: int) -> dict[str, dict[str, float]]:
    """The fastest of `count` rounds of each store."""
    results: dict[str, dict[str, float]] = {}
    for _ in range(count):
        for store in stores.STORES:
            result = measure(store, dataset, data, peers)
            known = results.setdefault(store, result)
            results[store] = {key: min(known[key], result[key]) for key in result}
    return results


def table(dataset: str, results: dict[str, dict[str, float]]) -> None:
    plain = results["dict"]
    print(f"\n## {dataset}\n")
    print(
        "| store | walk : dict | one field, us | write, us | eager : json.loads "
        "| update, us | file : JSON |"
    )
    print("|---|---|---|---|---|---|---|")
    for store, result in results.items():
        size = f"{result['file'] / result['json']:.2f}" if result["file"] else "-"
        print(
            f"| {store} | {plain['walk'] / result['walk']:.2f} | {result['field'] * 1e6:.2f} "
            f"| {result['write'] * 1e6:.1f} | {result['loads'] / result['eager']:.2f} "
            f"| {result['update'] * 1e6:.2f} | {size} |"
        )
    ours, original = results["oocmap"], results["original"]
    print(
        f"\nagainst the original: walk {original['walk'] / ours['walk']:.1f}x, "
        f"one field {original['field'] / ours['field']:.1f}x, "
        f"write {original['write'] / ours['write']:.1f}x",
        flush=True,
    )


def beside_tables(data: Path | None) -> None:
    """The map as an SQL table beside ordinary ones, in a process of its own."""
    command = [sys.executable, str(HERE / "sql.py"), *(["--data", str(data)] if data else [])]
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench")
    parser.add_argument("--data", type=Path, help="folder with twitter.json and canada.json")
    parser.add_argument(
        "--only", choices=(*datasets.NAMES, "sql"), action="append", help="only this data set"
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    chosen = options.only or [*datasets.NAMES, "sql"]
    if "sql" in chosen:
        chosen.remove("sql")
        beside_tables(options.data)
    peers = peer_python() if chosen else PEERS
    for dataset in chosen:
        if datasets.load(dataset, options.data) is None:
            print(f"\n{dataset}: not measured, its file is not there (see --data)")
            continue
        table(dataset, rounds(dataset, options.data, peers, options.rounds))


if __name__ == "__main__":
    main()
