"""What runs while the recorder looks: `python workloads.py NAME FOLDER COMMITS`.

A workload is a list of commits, each a function of the map and its own number. On a plain dict they
do the same, so the states that a crash may leave are computed without a recording. After commit n
has returned, "n" is written to the file `.ack` of the folder; 0 once the map is there.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

NAME = "map.ooc"
Commit = Callable[[Any, int], None]
PROMISED_AT = 5
Durability = Literal["full", "normal", "off"]


def transaction(m: Any) -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext() if isinstance(m, dict) else m.transaction()


@contextlib.contextmanager
def undone(m: Any) -> Iterator[Any]:
    """A savepoint that is rolled back; of a plain dict, a copy."""
    if isinstance(m, dict):
        yield {key: value for key, value in m.items() if not isinstance(value, (dict, list))}
        return
    with contextlib.suppress(ZeroDivisionError), m.transaction():
        yield m
        raise ZeroDivisionError


def count(m: Any, n: int) -> None:
    """Any process may do it: what is written follows from the number alone."""
    with transaction(m):
        m["n"] = n
        m[n] = [n, "x" * n]


def one_write(m: Any, n: int) -> None:
    """Commits of single operations on dicts, lists and arrays, large and small."""
    key = f"key {n % 23}"
    match n % 12:
        case 0:
            m[key] = {"n": n, "text": "t" * (n % 700), "list": list(range(n % 40))}
        case 1:
            m["list"] = [n, [n], {"n": n}]
        case 2:
            m["list"].append({"n": n, "long": f"{n} " * 200})
        case 3:
            m["list"][0] = n
        case 4:
            m[n] = b"b" * (n * 13 % 6000)
        case 5:
            m["dict"] = {str(i): i * n for i in range(150)}
        case 6:
            m["dict"]["more"] = (n, "shared text of more than thirty-two bytes", None)
        case 7:
            del m["dict"]["more"]
        case 8:
            m["numbers"] = array(n)
        case 9:
            m["numbers"][3:5] = n
        case 10:
            m.pop(n - 6, None)
        case _:
            m["list"].extend(range(n % 60))


def promise(m: Any, n: int) -> None:
    """Two processes that wait for nothing, until one raises what the file promises."""
    count(m, n)
    if n == PROMISED_AT and not isinstance(m, dict):
        m.set_durability("full")


def array(n: int) -> Any:
    import numpy

    return numpy.arange(n, n + 1000)


def transfer(m: Any, n: int) -> None:
    """Transactions of several writes, with overwrites, deletes and a savepoint undone."""
    with transaction(m):
        m["n"] = n
        accounts = m.setdefault("accounts", {})
        accounts[str(n % 7)] = accounts.get(str(n % 7), 0) + n
        accounts[str(n % 5)] = accounts.get(str(n % 5), 0) - n
        with undone(m) as inner:
            inner["undone"] = ["x" * 3000, n]
            inner["n"] = -n
        m[n] = {"of": n, "text": "y" * (n * 37 % 1500)}
        m.pop(n - 9, None)
        with transaction(m):
            m["last"] = [n] * 5


def big(m: Any, n: int) -> None:
    """Transactions of hundreds of pages, each of which frees those of one before."""
    with transaction(m):
        m["n"] = n
        m[n % 3] = {f"{n} {i}": "z" * (i % 200) for i in range(1200)}
        if n % 4 == 3:
            m.clear()
            m["n"] = n


def reclaim(m: Any, n: int) -> None:
    """Garbage, shared and cyclic, and what gives its space back."""
    if n % 5 != 4:
        with transaction(m):
            m["n"] = n
            m[n % 4] = ring = {"text": ["w" * 100 + str(i) for i in range(n % 50)]}
            if not isinstance(m, dict):
                m[n % 4]["me"] = m[n % 4]
                del m[n % 4]["me"]
            m["ring"] = len(ring["text"])
        return
    if isinstance(m, dict) or not hasattr(m, "vacuum"):
        return
    if n % 10 == 9:
        m.vacuum(full=True)
    else:
        m.vacuum()


# "create by link" is recorded on a file system without renameat2(RENAME_NOREPLACE).
# By name: its commit, the durability, how many processes share the commits.
WORKLOADS: dict[str, tuple[Commit, Durability, int]] = {
    "create": (count, "full", 2),
    "empty": (count, "full", 2),
    "create by link": (count, "full", 2),
    "writes": (one_write, "full", 1),
    "transactions": (transfer, "full", 1),
    "big": (big, "full", 1),
    "reclaim": (reclaim, "full", 1),
    "writes normal": (one_write, "normal", 1),
    "transactions normal": (transfer, "normal", 1),
    "big normal": (big, "normal", 1),
    "reclaim normal": (reclaim, "normal", 1),
    "off, then full": (promise, "off", 2),
}


def states(name: str, commits: int) -> Iterator[dict[Any, Any]]:
    """The map after 0, 1, ... commits: the same dict, which goes on changing."""
    model: dict[Any, Any] = {}
    yield model
    for n in range(1, commits + 1):
        WORKLOADS[name][0](model, n)
        yield model


def run(name: str, folder: Path, commits: int) -> None:
    """Do a workload's commits, or this process's share of them, and say so after each."""
    import oocmap

    commit, durability, processes = WORKLOADS[name]
    m: Any
    n = 0
    ack = os.open(folder / ".ack", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with oocmap.OOCMap(folder / NAME, durability=durability, timeout=60) as m:
        os.write(ack, b"0\n")
        if processes == 1:
            for n in range(1, commits + 1):
                commit(m, n)
                os.write(ack, b"%d\n" % n)
            return
        while commit is promise and (folder / ".ack").stat().st_size < 2 * processes:
            time.sleep(0.001)  # who comes after the promise was raised is refused
        while True:
            with m.transaction():
                n = m.get("n", 0) + 1
                if n <= commits:
                    commit(m, n)
            if n > commits:
                return
            os.write(ack, b"%d\n" % n)


def main() -> None:
    name, folder, commits = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    processes = WORKLOADS[name][2]
    if processes > 1 and "OOCMAP_CRASH_CHILD" not in os.environ:
        if name == "empty":
            (folder / NAME).touch()
        environment = os.environ | {"OOCMAP_CRASH_CHILD": "1"}
        children = [
            subprocess.Popen([sys.executable, *sys.argv], env=environment) for _ in range(processes)
        ]
        sys.exit(max(child.wait() for child in children))
    run(name, folder, commits)


if __name__ == "__main__":
    main()
