"""Has calls fail one after the other, with preload/fault.c preloaded: test_faults.py starts it.

It reads lines of JSON, {"kind", "error", "onwards", "most"}, and answers each with a line: what
came of n = 1, 2, ... until the n-th call no longer comes, for each step of the workload. A round is
a child of its own. It does the steps, the fault armed before one of them. The step must end: with
no error, or with one of ours. Then nothing fails any more, and the same map must show what was
there before the step or after it, do all steps again, and be sound; so finds another child.
"""

import contextlib
import copy
import ctypes
import errno
import gc
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import apsw
import oocmap

KINDS = ["open", "map", "write", "sync", "allocate", "rename", "lock", "stat", "memory"]
MARK = os.environ["OOCMAP_FAULT_MARK"]
SECONDS = 30  # for one round
fault = ctypes.CDLL(os.environ["LD_PRELOAD"])
Model = dict[Any, Any]


class RolledBackError(Exception):
    pass


class Subject:
    """The map under test, and the file it is backed up to."""

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/map.ooc"
        self.backup = f"{folder}/backup.ooc"
        self.map: Any = None

    def open(self, **options: Any) -> None:
        self.map = oocmap.OOCMap(self.path, timeout=5, **options)

    def close(self) -> None:
        if self.map is not None:
            self.map.close()
        self.map = None


# --- The workload. Each step does one thing to the map and to its model, and fails as a whole.


def assign(m: Any) -> None:
    m["nested"] = {"a": [1, 2, {"b": "text" * 100}], "big": list(range(2000)), 7: ("t", "x" * 700)}


def change_inside(m: Any) -> None:
    m["inside"] = {"a": [1, {"deep": 1}], "n": 1}


def entries(m: Any) -> None:
    m.update({f"key {i}": {"i": i, "pad": "p" * 300} for i in range(300)})


def remove(m: Any) -> None:
    for i in range(0, 300, 3):
        m.pop(f"key {i}", None)


def transaction(s: Subject | None, m: Any) -> None:
    if s is None:
        m["t"] = {"kept": [1, 2]}
        m["u"] = "after"
        return
    with m.transaction():
        m["t"] = {"kept": [1]}
        m["t"]["kept"].append(2)
        with contextlib.suppress(RolledBackError), m.transaction():
            m["t"]["kept"].clear()
            m["lost"] = list(range(1000))
            raise RolledBackError
        m["u"] = "after"


def by_sql(s: Subject | None, m: Any) -> None:
    if s is None:
        m["s1"] = [1, 2]
        m["s2"] = "two"
        m.pop("s3", None)
        return
    s.map.sql("INSERT OR REPLACE INTO map(key, json) VALUES ('s1', '[1,2]'), ('s3', '{}')")
    s.map.sql("INSERT OR REPLACE INTO map(key, value) VALUES ('s2', 'two')")
    s.map.sql("DELETE FROM map WHERE key = 's3'")


def sql_transaction(s: Subject | None, m: Any) -> None:
    if s is None:
        m["b1"] = 1
        m["b2"] = {"x": 3}
        return
    run = s.map.sql
    run("BEGIN")
    try:
        run("INSERT OR REPLACE INTO map(key, value) VALUES ('b1', 1)")
        run("SAVEPOINT one")
        run("DELETE FROM map WHERE key = 'b1'")
        run("ROLLBACK TO one")
        run("RELEASE one")
        s.map["b2"] = {"x": 3}  # joins
        run("COMMIT")
    except BaseException:
        if s.map.connection.in_transaction:
            run("ROLLBACK")
        raise


def sql_savepoint(s: Subject | None, m: Any) -> None:
    """Its RELEASE is the commit."""
    if s is None:
        m["r"] = [1]
        return
    s.map.sql("SAVEPOINT outer")
    try:
        s.map.sql("INSERT OR REPLACE INTO map(key, json) VALUES ('r', '[1]')")
        s.map.sql("RELEASE outer")
    except BaseException:
        if s.map.connection.in_transaction:
            s.map.sql("ROLLBACK")
        raise


def read(s: Subject | None, m: Any) -> None:
    if s is not None:
        s.map.eager()
        s.map.sql("SELECT count(*), sum(length(json)) FROM map").fetchall()
        with s.map.snapshot() as snapshot:
            snapshot.get("nested")


def back_up(s: Subject | None, m: Any) -> None:
    if s is not None:
        s.map.backup(s.backup, overwrite=True)


def vacuum(s: Subject | None, m: Any) -> None:
    if s is not None:
        s.map.vacuum()


def full_vacuum(s: Subject | None, m: Any) -> None:
    if s is not None:
        s.map.vacuum(full=True)


def check(s: Subject | None, m: Any) -> None:
    if s is not None:
        report = s.map.check()
        assert report.ok, report.problems


def reopen(s: Subject | None, m: Any) -> None:
    if s is not None:
        s.close()
        s.open()


def plain(step: Callable[[Any], None]) -> Callable[[Subject | None, Any], None]:
    """Of a step that is the same for a map and a dict."""

    def run(s: Subject | None, m: Any) -> None:
        step(m)

    run.__name__ = step.__name__
    return run


STEPS: list[Callable[[Subject | None, Any], None]] = [
    reopen,  # at first: creates
    plain(assign),
    plain(change_inside),
    plain(entries),
    transaction,
    by_sql,
    plain(remove),
    sql_transaction,
    sql_savepoint,
    read,
    back_up,
    vacuum,
    check,
    full_vacuum,
    reopen,
]
# These make several commits, each of which may be the last.
SEVERAL = {"remove", "by_sql"}
OURS = (oocmap.Error, apsw.Error, OSError, MemoryError)


def states_between(step: Callable[[Subject | None, Any], None], before: Model) -> list[Model]:
    """What may be there when the step failed: all of its commits up to some one."""
    after = copy.deepcopy(before)
    step(None, after)
    states = [before, after]
    if step.__name__ == "by_sql":
        some = copy.deepcopy(before) | {"s1": [1, 2], "s3": {}}
        states += [some, some | {"s2": "two"}]
    if step.__name__ == "remove":
        part = copy.deepcopy(before)
        for i in range(0, 300, 3):
            part.pop(f"key {i}", None)
            states.append(copy.deepcopy(part))
    return states


# --- A round


def said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:160]


def round_of(folder: str, index: int, n: int, spec: dict[str, Any]) -> dict[str, Any]:
    """In a child. Raises where something is wrong."""
    subject = Subject(folder)
    model: Model = {}
    for step in STEPS[:index]:
        step(subject, subject.map)
        step(None, model)
    step = STEPS[index]
    outcome = {"fired": 0, "error": ""}
    gc.disable()
    fault.fault_arm(KINDS.index(spec["kind"]), n, spec["error"], int(spec["onwards"]))
    try:
        step(subject, subject.map)
    except OURS as error:
        outcome["fired"] = fault.fault_disarm()
        outcome["error"] = said(error)
        if not outcome["fired"]:
            raise
        if not str(error) and type(error) is not MemoryError:  # Python's own has none
            raise AssertionError(f"{type(error).__name__} without a word") from error
    finally:
        outcome["fired"] = outcome["fired"] or fault.fault_disarm()
    gc.enable()
    states = states_between(step, model)
    if not outcome["error"]:
        states = [states[1]]
    if subject.map is None:
        subject.open()
    found = subject.map.eager()
    assert found in states, f"after {outcome}: neither as before nor as after: {sorted(found)}"
    for again in STEPS[1:]:
        again(subject, subject.map)
        again(None, found)
    assert subject.map.eager() == found
    subject.close()
    look(folder, found)
    return outcome


def look(folder: str, expected: Model) -> None:
    """In a process that has not seen the file yet."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with oocmap.OOCMap(f"{folder}/map.ooc", verify="full", timeout=5) as m:
                report = m.check()
                assert report.ok, report.problems
                assert m.eager() == expected
                m["from another process"] = 1
            with oocmap.OOCMap(f"{folder}/backup.ooc", mode="r", verify="full") as m:
                assert len(m) > 0
            left = set(os.listdir(folder)) - {
                f"{name}.ooc{end}" for name in ("map", "backup") for end in ("", "-lock")
            }
            assert not left, f"left behind: {left}"
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "another process found it wrong"


def in_a_child(index: int, n: int, spec: dict[str, Any]) -> dict[str, Any]:
    folder = tempfile.mkdtemp(prefix=MARK, dir=os.environ["OOCMAP_FAULT_FOLDER"])
    answer, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(SECONDS)  # its default ends the process
            result = round_of(folder, index, n, spec)
        except BaseException as error:
            fault.fault_disarm()
            result = {"wrong": "".join(traceback.format_exception(error))[-1500:]}
        os.write(telling, json.dumps(result).encode())
        os._exit(0)
    os.close(telling)
    with os.fdopen(answer, "rb") as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    shutil.rmtree(folder)
    if status != 0 or not told:
        return {"wrong": "hangs" if status == -signal.SIGALRM else f"ended with {status}"}
    return json.loads(told)  # type: ignore[no-any-return]


def run(spec: dict[str, Any]) -> dict[str, Any]:
    rounds = silent = 0
    wrong: list[str] = []
    errors: Counter[str] = Counter()
    quiet: Counter[str] = Counter()
    samples: dict[str, str] = {}
    for index, step in enumerate(STEPS):
        n = 1
        while n <= spec["most"]:
            outcome = in_a_child(index, n, spec)
            if "wrong" in outcome:
                wrong.append(f"{spec} step {index} {step.__name__} n={n}: {outcome['wrong']}")
                rounds += 1
            elif not outcome["fired"]:
                break
            else:
                rounds += 1
                errors[outcome["error"].split(":")[0] or "none"] += 1
                samples.setdefault(outcome["error"].split(":")[0], outcome["error"])
                if not outcome["error"]:
                    silent += 1
                    quiet[step.__name__] += 1
            n += 1 if n < spec["dense"] else max(1, n // 4)
    return {"rounds": rounds, "errors": errors, "quiet": quiet, "wrong": wrong, "samples": samples}


def main() -> None:
    for part in ("/oocmap.so", "/_native.", "liblmdb", "libstdc++"):
        assert fault.fault_allocators(part.encode()), part
    oocmap.OOCMap  # noqa: B018  (what importing leaves for later is done now)
    assert in_a_child(0, 1 << 20, {"kind": "memory", "error": errno.ENOMEM, "onwards": False}) == {
        "fired": 0,
        "error": "",
    }
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
