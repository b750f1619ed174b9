"""Full disks, growth and its limits: an error in words, nothing lost, and room can be made."""

import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import oocmap
import pytest

Figure = Callable[[str], None]
Size = Callable[[int, int], int]


WORKER = pathlib.Path(__file__).with_name("space_worker.py")

# The mounts are seen by the worker alone, and end with it.
TMPFS = 'mount -t tmpfs -o size="$1"m none "$2" && shift 2 && exec "$@"'
EXT4 = (
    'truncate -s "$1"M "$2.image" && mkfs.ext4 -q -m 0 "$2.image" && '
    'mount -o loop "$2.image" "$2" && shift 2 && exec "$@"'
)


def mounted(script: str, mebibytes: int, folder: pathlib.Path, *command: str) -> list[str]:
    arguments = ["sh", "-c", script, "sh", str(mebibytes), str(folder), *command]
    return ["unshare", "--mount", "--propagation", "private", *arguments]


def work(command: list[str], mebibytes: int, rounds: int, **environment: str) -> str:
    """Run the worker, look at what it says, and put it in words."""
    env = {**os.environ, **environment}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=3600, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["full"] >= 2 * rounds
    assert all(count > 0 for count in result["removed"].values())
    assert result["allocated"] <= 1 << 20
    return (
        f"{mebibytes} MiB, {result['full']} times full, removed {result['removed']}, "
        f"{result['refused']} times only after a vacuum"
    )


@pytest.mark.parametrize("file_system", ["tmpfs", "ext4"])
def test_full_disk(
    file_system: str, tmp_path: pathlib.Path, seed: int, size: Size, figure: Figure
) -> None:
    """All ways to remove work on a full disk; a vacuum gives the space back."""
    script = {"tmpfs": TMPFS, "ext4": EXT4}[file_system]
    disk = tmp_path / "disk"
    disk.mkdir()
    probe = subprocess.run(
        mounted(script, 24, disk, "true"), capture_output=True, text=True, check=False
    )
    if probe.returncode != 0:
        pytest.skip(f"cannot mount {file_system} here: {probe.stderr.strip()}")
    rounds = size(4, 100)
    for mebibytes in (24, 64):
        program = [sys.executable, str(WORKER), str(disk / "m.ooc"), str(seed), str(rounds)]
        figure(work(mounted(script, mebibytes, disk, *program), mebibytes, rounds))


def test_quota(
    tmp_path: pathlib.Path,
    seed: int,
    size: Size,
    figure: Figure,
    preload: Callable[[str], pathlib.Path],
) -> None:
    """The same with a quota, which no call tells of."""
    rounds = size(4, 100)
    path = tmp_path / "m.ooc"
    figure(
        work(
            [sys.executable, str(WORKER), str(path), str(seed), str(rounds)],
            24,
            rounds,
            LD_PRELOAD=str(preload("quota")),
            OOCMAP_QUOTA=str(24 << 20),
            OOCMAP_QUOTA_FILE=str(path),
        )
    )


def fill(m: oocmap.OOCMap[int, bytes], count: int) -> None:
    for i in range(count):
        m[i] = b"%d" % i * 100


def overwrite(m: oocmap.OOCMap[str, bytes], times: int) -> None:
    for i in range(times):
        m["k"] = b"%d" % i * 20_000


def test_max_size_is_raised(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "m.ooc"
    with oocmap.OOCMap[int, bytes](path, durability="off", max_size=1 << 20) as m:
        with pytest.raises(oocmap.StoreFullError) as caught:
            fill(m, 10_000)
        assert "full at its max_size of 1048576 bytes" in str(caught.value)
        assert "open it with a larger max_size" in str(caught.value)
        assert path.stat().st_size <= 1 << 20
        count = len(m)
        assert count > 500
    with oocmap.OOCMap[int, bytes](path, durability="off", max_size=1 << 22) as m:
        assert m.stats().max_bytes == 1 << 22
        m[count] = b"%d" % count * 100
        assert {i: b"%d" % i * 100 for i in range(count + 1)} == dict(m.items())


def test_address_space(tmp_path: pathlib.Path, figure: Figure) -> None:
    """`ulimit -v`: the map is as large as there is room for it, and says so when it is full."""
    program = """
import resource, sys, oocmap
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
with oocmap.OOCMap(sys.argv[1], durability="off") as m:
    room = m.stats().max_bytes
    assert 1 << 26 <= room <= 1 << 29, room
    try:
        for i in range(1000):
            m[i] = b"%d" % i * (1 << 18)
    except oocmap.StoreFullError as error:
        assert "ulimit -v" in str(error), error
    else:
        raise AssertionError("it has no limit")
    m[0] = b"again"
    print(len(m), room)
"""
    path = tmp_path / "m.ooc"
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, room = map(int, done.stdout.split())
    with oocmap.OOCMap[int, bytes](path, durability="off") as m:
        assert m.stats().max_bytes > room
        m[count] = b"more"
        assert len(m) == count + 1
        assert m[count - 1] == b"%d" % (count - 1) * (1 << 18)
    figure(f"a map of {room >> 20} MiB in 512 MiB of address space, full with {count} values")


def anonymous_memory() -> int:
    status = pathlib.Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) << 10


def test_growth(tmp_path: pathlib.Path, size: Size, figure: Figure) -> None:
    """Past 1 GiB; none of it is this process's memory, and it becomes small again."""
    path = tmp_path / "m.ooc"
    piece = 4 << 20
    count = size(1100, 3 << 10) * (1 << 20) // piece
    body = os.urandom(piece - 8)
    with oocmap.OOCMap[int, bytes](path, durability="off") as m:
        before = anonymous_memory()
        for i in range(count):
            m[i] = i.to_bytes(8) + body
        grown = anonymous_memory() - before
        assert path.stat().st_size > count * piece
        for i in range(0, count, 10):
            assert m[i] == i.to_bytes(8) + body
        assert grown < 64 << 20
        m.clear()
        m.vacuum()
        assert path.stat().st_blocks * 512 <= 16 << 20  # the list of free pages
    figure(f"{count * piece >> 20} MiB, of which {grown >> 20} MiB more in anonymous memory")


BEYOND_MEMORY = """
import random, sys, oocmap
path, mebibytes = sys.argv[1], int(sys.argv[2])
def value(i):
    return {"n": i, "text": str(i) * 100, "list": [i, [i], {"deep": "x" * 3000 + str(i)}]}
with oocmap.OOCMap(path, durability="off") as m:
    count = 0
    while m.stats().file_bytes < mebibytes << 20:
        with m.transaction():
            for _ in range(1000):
                m[count] = value(count)
                count += 1
    rng = random.Random(1)
    for i in [rng.randrange(count) for _ in range(20_000)]:
        assert m[i]["list"][2]["deep"] == "x" * 3000 + str(i)
        if i % 10 == 0:
            m[i]["list"].append(i)
    assert m.check().ok
    assert sum(1 for key in m if m[key]["n"] == key) == count
    with m.transaction():
        for i in range(0, count, 2):
            del m[i]
    assert m.vacuum().finished
    assert all(m[i]["n"] == i for i in range(1, count, 1001) if i % 2)
print(count)
"""


@pytest.fixture
def small_memory() -> Iterator[pathlib.Path]:
    """The file whose members may have 128 MiB of memory, the system's buffers for them included."""
    version1 = pathlib.Path("/sys/fs/cgroup/memory")
    root = version1 if version1.is_dir() else pathlib.Path("/sys/fs/cgroup")
    limit = "memory.limit_in_bytes" if version1.is_dir() else "memory.max"
    group = root / f"oocmap-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        if not (group / limit).exists():
            pytest.skip(f"no memory controller at {root}")
        (group / limit).write_text(str(128 << 20))
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def test_a_map_larger_than_memory(
    tmp_path: pathlib.Path, small_memory: pathlib.Path, size: Size, figure: Figure
) -> None:
    """Written, read at random, checked and vacuumed; the system kills who needs too much."""
    mebibytes = size(400, 4 << 10)
    enter = 'echo $$ > "$1" && shift && exec "$@"'
    program = [sys.executable, "-c", BEYOND_MEMORY, str(tmp_path / "m.ooc"), str(mebibytes)]
    command = ["sh", "-c", enter, "sh", str(small_memory), *program]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    took = time.monotonic() - start
    figure(f"{mebibytes} MiB, {int(done.stdout):,} values, in 128 MiB of memory: {took:.0f} s")


HELD = """
import sys, oocmap
with oocmap.OOCMap(sys.argv[1], mode="r", timeout=5) as m, m.snapshot():
    print("reads", flush=True)
    sys.stdin.read()
"""


def test_a_reader_that_stays(tmp_path: pathlib.Path) -> None:
    """It makes the file grow up to max_size, stats() names it, and its death is found out."""
    path = tmp_path / "m.ooc"
    with oocmap.OOCMap[str, bytes](path, durability="off", max_size=1 << 23) as m:
        m["k"] = b"0" * 100_000
        command = [sys.executable, "-c", HELD, str(path)]
        reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert reader.stdout is not None
        assert reader.stdin is not None
        try:
            assert reader.stdout.readline() == b"reads\n"
            with pytest.raises(oocmap.StoreFullError):
                overwrite(m, 1000)
            now = m.stats()
            assert now.readers == 1
            assert now.oldest_reader_process == reader.pid
            assert now.oldest_reader_commits > 20
            assert now.file_bytes > (1 << 23) * 9 // 10
        finally:
            reader.kill()
            reader.wait()
            reader.stdin.close()
            reader.stdout.close()
        # The failure of the first write clears its slot, where none of the looks before did.
        try:
            m["k"] = b"last" * 20_000
        except oocmap.StoreFullError:
            m["k"] = b"last" * 20_000
        overwrite(m, 200)
        now = m.stats()
        assert (now.readers, now.oldest_reader_process) == (0, 0)
        assert now.file_bytes <= 1 << 23
