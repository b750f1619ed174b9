#!/usr/bin/env python3
"""Run clang-tidy over the sources below some folders, several at once; skip what was clean before.

    run_clang_tidy.py [--jobs N] BUILD_TREE FOLDER...

BUILD_TREE holds compile_commands.json. A file is skipped if it was clean before under the same key:
a hash of the file, of every header of ours that it includes (transitively), of its compile command,
of .clang-tidy and of clang-tidy's version. The keys are empty files in BUILD_TREE/tidy-cache.
Exits with 1 if any file has findings.
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def included_files(source: pathlib.Path) -> list[pathlib.Path]:
    """Return `source` and the headers of this repository that it includes, in a fixed order.

    Includes are written from the root of the repository; generated headers (the version, the
    build id) are not among them, so a new build id alone makes nothing stale.
    """
    found = {source}
    pending = [source]
    while pending:
        for name in INCLUDE.findall(pending.pop().read_bytes()):
            header = ROOT / name.decode()
            if header.is_file() and header not in found:
                found.add(header)
                pending.append(header)
    return sorted(found)


def cache_key(source: pathlib.Path, command: str, tool: bytes) -> str:
    """Return the hash under which `source` is known to be clean (see the module's text)."""
    key = hashlib.sha256(tool + command.encode())
    for path in included_files(source):
        key.update(f"\0{path.relative_to(ROOT)}\0".encode())
        key.update(hashlib.sha256(path.read_bytes()).digest())
    return key.hexdigest()


def tidy(tree: pathlib.Path, source: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Run clang-tidy on one file; what g++ alone understands in its command is passed over."""
    arguments = ["--quiet", f"-p={tree}", "--extra-arg=-Wno-unknown-warning-option", str(source)]
    return subprocess.run(
        ["clang-tidy", *arguments], cwd=ROOT, text=True, capture_output=True, check=False
    )


def commands_below(tree: pathlib.Path, folders: list[str]) -> dict[pathlib.Path, str]:
    """Return source -> compile command for the files of the tree that lie below `folders`."""
    entries = json.loads((tree / "compile_commands.json").read_text())
    commands = {pathlib.Path(entry["file"]): entry["command"] for entry in entries}
    wanted = [ROOT / folder for folder in folders]
    return {
        source: command
        for source, command in commands.items()
        if any(source.is_relative_to(folder) for folder in wanted)
    }


def main() -> int:
    """Read the command line, check what is stale, print the findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("tree", type=pathlib.Path)
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()

    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    tool = version + (ROOT / ".clang-tidy").read_bytes()
    cache = options.tree / "tidy-cache"
    cache.mkdir(exist_ok=True)

    commands = commands_below(options.tree, options.folders)
    stale = {}
    for source, command in sorted(commands.items()):
        clean = cache / cache_key(source, command, tool)
        if not clean.exists():
            stale[source] = clean
    print(f"{len(commands)} files, {len(commands) - len(stale)} unchanged since they were clean")

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda source: (source, tidy(options.tree, source)), stale)
        for done, (source, result) in enumerate(results, start=1):
            print(f"[{done}/{len(stale)}] {source.relative_to(ROOT)}", flush=True)
            if result.returncode == 0:
                stale[source].touch()
            else:
                failed += 1
                print(result.stdout + result.stderr, flush=True)
    if failed:
        print(f"clang-tidy found something in {failed} files")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
