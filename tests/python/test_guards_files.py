"""Files, paths, mounts and permissions that a map must not be opened on, or only with care.

What needs root (mounts, other users) is skipped elsewhere; `./run check` runs as root.
"""

import contextlib
import os
import resource
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import oocmap
import pytest
from children import run_in_child

NOBODY = 65534
PRELUDE = "import os, sys, apsw, oocmap\nfolder = sys.argv[1]\npath = folder + '/map.ooc'\n"


def python(body: str, folder: Path, *before: str, **variables: str) -> str:
    """Run Python code in a process of its own, by way of the command `before`; what it printed."""
    result = subprocess.run(
        [*before, sys.executable, "-c", PRELUDE + textwrap.dedent(body), str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | variables,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def needs_mounts() -> None:
    """Skip where this process may not have mounts of its own."""
    command = ["unshare", "-m", "true"]
    if not shutil.which("unshare") or subprocess.run(command, check=False).returncode:
        pytest.skip("needs the right to mount")


def mounted(script: str) -> list[str]:
    """The command that runs another one with mounts that nobody else sees."""
    return ["unshare", "-m", "--propagation", "private", "sh", "-ec", script + ' exec "$@"', "sh"]


def as_nobody(body: Callable[[], None]) -> None:
    """Run it as a user who owns nothing here."""
    if os.geteuid() != 0:
        pytest.skip("needs the right to become another user")

    def dropped() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        body()

    run_in_child(dropped)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may look into, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="oocmap-guards-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def make(path: Path, **content: Any) -> None:
    with oocmap.OOCMap(path, durability="off") as m:
        m.update(content)


def both(path: Path, mode: str = "r") -> Iterator[Callable[[], object]]:
    """The two ways to open a file: as a map, and as a table."""
    yield lambda: oocmap.OOCMap(path, mode=mode)

    def by_sql() -> None:
        connection = apsw.Connection(":memory:")
        oocmap.load(connection)
        quoted = str(path).replace("'", "''")
        connection.execute(f"CREATE VIRTUAL TABLE temp.m USING oocmap('{quoted}')")
        connection.execute("SELECT count(*) FROM m").fetchall()

    yield by_sql


def test_names_that_are_links_are_one_file(path: Path, tmp_path: Path) -> None:
    """Two lock files would be two writers at once, and one of them would lose all."""
    make(path, first=1)
    link, folder = tmp_path / "link.ooc", tmp_path / "folder"
    link.symlink_to(path)
    folder.symlink_to(tmp_path)
    with oocmap.OOCMap(path, timeout=0.1) as m, m.transaction():
        m["inside"] = 2
        for name in (link, folder / "map.ooc", folder / "link.ooc"):
            body = f"""
                with oocmap.OOCMap({str(name)!r}, timeout=0.1) as m:
                    print(m.path)
                    try:
                        m["lost"] = 1
                    except oocmap.BusyError:
                        print("busy")
            """
            assert python(body, tmp_path).splitlines() == [str(path.resolve()), "busy"]
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "folder",
        "link.ooc",
        "map.ooc",
        "map.ooc-lock",
    ]
    with oocmap.OOCMap(link) as m:
        assert m.eager() == {"first": 1, "inside": 2}


def test_link_that_leads_nowhere(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    for mode in ("r", "w", "c", "x"):
        with pytest.raises(FileNotFoundError, match="link to a file that does not exist") as raised:
            oocmap.OOCMap(link, mode=mode)
        assert raised.value.filename == str(link)
    assert list(tmp_path.iterdir()) == [link]


def test_hard_links(path: Path, tmp_path: Path) -> None:
    make(path, k=1)
    other = tmp_path / "other"
    other.hardlink_to(path)
    for name in (path, other):
        for opening in both(name):
            with pytest.raises((oocmap.FilesystemError, apsw.Error), match="remove all names but"):
                opening()
    other.unlink()
    for opening in both(path):
        opening()


def test_lock_files_of_others(path: Path) -> None:
    make(path, k=1)
    lock = Path(f"{path}-lock")
    lock.write_text("do not lose this\n" * 100)
    for opening in both(path):
        with pytest.raises((oocmap.FilesystemError, apsw.Error), match="would be overwritten"):
            opening()
    assert lock.read_text() == "do not lose this\n" * 100
    lock.unlink()
    for opening in both(path):
        opening()


def test_lock_file_deleted_while_in_use(path: Path, tmp_path: Path) -> None:
    open_it = """
        try:
            with oocmap.OOCMap(path) as m:
                m["other"] = 1
        except oocmap.FilesystemError as error:
            print(error)
    """
    with oocmap.OOCMap(path) as m:
        m["k"] = 1
        Path(f"{path}-lock").unlink()
        for _ in range(2):  # the first one makes a new lock file, which the second finds
            refused = python(open_it, tmp_path)
            assert "its lock file was deleted while in use; close it everywhere" in refused
        m["k"] = 2
    assert python(open_it, tmp_path) == ""
    with oocmap.OOCMap(path) as m:
        assert m.eager() == {"k": 2, "other": 1}


def test_lock_file_that_may_not_be_used(shared: Path) -> None:
    path = shared / "map.ooc"
    make(path, k=1)
    path.chmod(0o644)

    def body() -> None:
        for opening in both(path):
            with pytest.raises((PermissionError, apsw.Error), match=r"belongs to user 0 .*chmod"):
                opening()
        with pytest.raises(PermissionError) as raised:
            oocmap.OOCMap(path, mode="r")
        assert raised.value.filename == f"{path}-lock"

    as_nobody(body)
    Path(f"{path}-lock").chmod(0o666)
    as_nobody(lambda: [opening() for opening in both(path)] and None)


def test_lock_file_that_cannot_be_made(shared: Path) -> None:
    path = shared / "map.ooc"
    make(path, k=1)
    path.chmod(0o644)
    Path(f"{path}-lock").unlink()

    def body() -> None:
        for opening in both(path):
            with pytest.raises((PermissionError, apsw.Error), match="make an empty file of this"):
                opening()

    as_nobody(body)
    assert not Path(f"{path}-lock").exists()


def test_files_and_folders_without_permission(shared: Path) -> None:
    path = shared / "map.ooc"
    make(path, k=1)

    def refused() -> None:
        for mode in ("r", "w", "c"):
            with pytest.raises(PermissionError) as raised:
                oocmap.OOCMap(path, mode=mode)
            assert raised.value.filename == str(path)
        with pytest.raises(PermissionError):
            oocmap.OOCMap(shared / "new")

    as_nobody(refused)
    assert not (shared / "new").exists()

    # Only to be read: a map reads it, and a table does, and says so of writes.
    path.chmod(0o444)
    Path(f"{path}-lock").chmod(0o666)

    def reads() -> None:
        with pytest.raises(PermissionError):
            oocmap.OOCMap(path, mode="w")
        for opening in both(path):
            opening()
        connection = apsw.Connection(":memory:")
        oocmap.load(connection)
        connection.execute(f"CREATE VIRTUAL TABLE temp.m USING oocmap('{path}')")
        with pytest.raises(apsw.ReadOnlyError, match="reading only"):
            connection.execute("INSERT INTO m(key) VALUES (1)")

    as_nobody(reads)


def test_new_files_are_private(path: Path) -> None:
    mask = os.umask(0)
    try:
        make(path, k=1)
    finally:
        os.umask(mask)
    for each in (path, Path(f"{path}-lock")):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_users_of_a_group_share_a_map_whatever_their_umask(shared: Path) -> None:
    path = shared / "map.ooc"
    make(path, k=1)
    Path(f"{path}-lock").unlink()
    path.chmod(0o666)
    shared.chmod(0o777)
    mask = os.umask(0o077)
    try:
        as_nobody(lambda: make(path, nobody=1))
        os.umask(0o077)
        make(path, owner=2)
    finally:
        os.umask(mask)
    as_nobody(lambda: make(path, again=3))
    with oocmap.OOCMap(path) as m:
        assert m.eager() == {"k": 1, "nobody": 1, "owner": 2, "again": 3}


@pytest.fixture
def pretended(tmp_path: Path) -> Callable[[int], str]:
    """pretended(type): a library that has fstatfs() say that a file system is of this type."""

    def build(kind: int) -> str:
        source, built = tmp_path / "statfs.c", tmp_path / f"statfs_{kind:x}.so"
        source.write_text(f"""
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <sys/vfs.h>
            int fstatfs(int fd, struct statfs* info) {{
              int (*next)(int, struct statfs*) = dlsym(RTLD_NEXT, "fstatfs");
              int code = next(fd, info);
              info->f_type = {kind}L;
              return code;
            }}
        """)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", built, source, "-ldl"], check=True)
        return str(built)

    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    return build


@pytest.mark.parametrize(("kind", "name"), [(0x6969, "NFS"), (0x65735546, "FUSE")])
def test_network_and_user_file_systems(
    tmp_path: Path, pretended: Callable[[int], str], kind: int, name: str
) -> None:
    """By a pretended fstatfs(), for NFS is nowhere to be had in a test."""
    library = pretended(kind)
    folder = tmp_path / "there"
    folder.mkdir()
    body = """
        def refused(what):
            try:
                what()
            except Exception as error:
                assert "OOCMAP_FORCE_FILESYSTEM" in str(error), error
                assert sys.argv[1] in str(error)
                print(type(error).__name__, str(error).split(" file system")[0].split()[-1])
            else:
                print("opened")
        for mode in "cxrw":
            refused(lambda: oocmap.OOCMap(path, mode=mode))
        connection = apsw.Connection(":memory:")
        oocmap.load(connection)
        sql = f"CREATE VIRTUAL TABLE temp.m USING oocmap('{path}', create=1)"
        refused(lambda: connection.execute(sql))
    """
    for_new = body.replace('"cxrw"', '"cx"')
    assert python(for_new, folder, LD_PRELOAD=library).splitlines() == [
        f"FilesystemError {name}",
        f"FilesystemError {name}",
        f"CantOpenError {name}",
    ]
    assert list(folder.iterdir()) == []
    make(folder / "map.ooc", k=1)
    Path(f"{folder}/map.ooc-lock").unlink()
    for_old = body.replace('"cxrw"', '"crw"')
    expected = [f"FilesystemError {name}"] * 3 + [f"CantOpenError {name}"]
    assert python(for_old, folder, LD_PRELOAD=library).splitlines() == expected
    assert [each.name for each in folder.iterdir()] == ["map.ooc"]
    forced = python(for_old, folder, LD_PRELOAD=library, OOCMAP_FORCE_FILESYSTEM="1")
    assert forced.splitlines() == ["opened"] * 4


def test_a_real_fuse_mount(tmp_path: Path) -> None:
    """bindfs shows a folder a second time, through FUSE: nothing is pretended here."""
    if not shutil.which("bindfs") or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs bindfs and /dev/fuse")
    folder, there = tmp_path / "folder", tmp_path / "there"
    folder.mkdir()
    there.mkdir()
    make(folder / "map.ooc", k=1)
    with oocmap.OOCMap(folder / "map.ooc") as beside:
        subprocess.run(["bindfs", folder, there], check=True, timeout=60)
        try:
            body = """
                for name, mode in map(str.split, ("map c", "map r", "map w", "new c", "new x")):
                    try:
                        oocmap.OOCMap(f"{folder}/{name}.ooc", mode=mode).close()
                    except oocmap.FilesystemError as error:
                        assert "is on a FUSE file system" in str(error), error
                    else:
                        print("opened", name, mode)
            """
            assert python(body, there) == ""
            assert sorted(each.name for each in there.iterdir()) == ["map.ooc", "map.ooc-lock"]
            beside["k"] = 2
        finally:
            subprocess.run(["fusermount", "-u", there], check=True, timeout=60)
        assert beside.eager() == {"k": 2}
        assert not beside.check().problems


def test_read_only_mount(path: Path, tmp_path: Path) -> None:
    needs_mounts()
    make(path, k=[1, 2])
    Path(f"{path}-lock").unlink()
    command = mounted(f"mount --bind {tmp_path} {tmp_path}; mount -o remount,bind,ro {tmp_path};")
    body = """
        with oocmap.OOCMap(path, mode="r") as m:
            print(m.eager(), list(m.sql("SELECT count(*) FROM map")), len(m.check().problems))
            with m.snapshot() as snapshot:
                print(snapshot["k"].eager())
        for mode in "wc":
            try:
                oocmap.OOCMap(path, mode=mode)
            except OSError as error:
                print(error.strerror)
        connection = apsw.Connection(":memory:")
        oocmap.load(connection)
        connection.execute(f"CREATE VIRTUAL TABLE temp.m USING oocmap('{path}')")
        print(connection.execute("SELECT key FROM m").fetchall())
        try:
            connection.execute("INSERT INTO m(key) VALUES (1)")
        except apsw.ReadOnlyError:
            print("read-only")
    """
    lines = python(body, tmp_path, *command).splitlines()
    assert lines[:2] == ["{'k': [1, 2]} [(1,)] 0", "[1, 2]"]
    assert all("Read-only file system" in line for line in lines[2:4])
    assert lines[4:] == ["[('k',)]", "read-only"]
    assert not Path(f"{path}-lock").exists()


def test_read_only_mount_of_a_file_in_use(path: Path, tmp_path: Path) -> None:
    """A container's volume: its reader would have no lock file, and be shown reused pages."""
    needs_mounts()
    there = tmp_path / "there"
    there.mkdir()
    command = mounted(f"mount --bind {tmp_path} {there}; mount -o remount,bind,ro {there};")
    body = """
        try:
            oocmap.OOCMap(path, mode="r")
        except oocmap.FilesystemError as error:
            print(error)
    """
    with oocmap.OOCMap(path) as m:
        m["k"] = 1
        assert "mount its folder writable here, too" in python(body, there, *command)
        m["k"] = 2
    assert python(body, there, *command) == ""


def test_folder_mounted_at_two_places(path: Path, tmp_path: Path) -> None:
    """Both see the lock file, so this is as two links to the folder."""
    needs_mounts()
    there = tmp_path / "there"
    there.mkdir()
    command = mounted(f"mount --bind {tmp_path} {there};")
    body = """
        with oocmap.OOCMap(path) as m:
            m["there"] = m["here"]
    """
    with oocmap.OOCMap(path) as m:
        m["here"] = 1
        python(body, there, *command)
        assert m.eager() == {"here": 1, "there": 1}


def test_without_proc(path: Path, tmp_path: Path) -> None:
    needs_mounts()
    body = """
        assert not os.path.exists("/proc/self")
        with oocmap.OOCMap(path, durability="off", timeout=0.05) as m:
            m["k"] = 1
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                m["child"] = 2
                with m.transaction():
                    m["more"] = 3
                    if os.fork() == 0:
                        try:
                            m["busy"] = 1
                        except oocmap.BusyError as error:
                            print(error)
                            sys.stdout.flush()
                        os._exit(0)
                    os.wait()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert m.check().problems == []
            m.vacuum(full=True)
            print(m.eager())
    """
    lines = python(body, tmp_path, *mounted("mount -t tmpfs none /proc;")).splitlines()
    assert "another process is writing, process " in lines[0]
    assert lines[1] == "{'k': 1, 'child': 2, 'more': 3}"


def test_little_address_space(path: Path, tmp_path: Path) -> None:
    """It works with less, or says so."""
    make(path, k=[1])
    body = """
        import resource
        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        outcomes = set()
        for more in range(0, 300, 10):
            limit = used + (more << 20)
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            try:
                with oocmap.OOCMap(path, durability="off") as m:
                    m["k"] = [more]
                    assert m["k"].eager() == [more]
                outcomes.add("works")
            except (oocmap.IoError, MemoryError) as error:
                assert "Cannot allocate memory" in str(error) or type(error) is MemoryError, error
                assert "works" not in outcomes, error
                outcomes.add("refused")
        print(sorted(outcomes))
    """
    assert python(body, tmp_path) == "['refused', 'works']"
    with oocmap.OOCMap(path) as m:
        assert m["k"].eager() == [290]


def test_too_few_descriptors(path: Path) -> None:
    """The map's connection needs some of its own: what fails on the way leaves none behind."""
    make(path, k=1)

    def body() -> None:
        before = len(os.listdir("/proc/self/fd"))
        refused = 0
        for tries in range(40):
            limit = before + tries
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 4096))
            try:
                with oocmap.OOCMap(path) as m:
                    m["k"] = limit
                break
            except OSError as error:
                refused += "Too many open files" in str(error)
            resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 4096))
            assert len(os.listdir("/proc/self/fd")) == before
        assert 2 <= refused == tries < 39

    run_in_child(body)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(path.parent):
        listening.bind(path.name)


def sqlite_file(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t(a)")
    connection.close()


def lock_file(path: Path) -> None:
    other = path.with_name("of another")
    make(other, k=1)
    Path(f"{other}-lock").rename(path)
    other.unlink()


@pytest.mark.parametrize(
    ("put", "error", "words"),
    [
        (Path.mkdir, IsADirectoryError, "Is a directory"),
        (fifo, oocmap.CorruptionError, "not a regular file"),
        (unix_socket, oocmap.CorruptionError, "not a regular file"),
        (sqlite_file, oocmap.CorruptionError, "a SQLite database"),
        (lock_file, oocmap.CorruptionError, "the lock file of one"),
        (lambda path: path.write_text("text"), oocmap.CorruptionError, "begins with the bytes"),
        (lambda path: path.write_bytes(bytes(9000)), oocmap.CorruptionError, "not an OOCMap file"),
    ],
)
def test_what_is_no_map(
    path: Path, put: Callable[[Path], None], error: type[Exception], words: str
) -> None:
    """Named by the error, and left as it is, without a lock file."""
    put(path)
    before = path.lstat()
    for mode in ("r", "w", "c"):
        with pytest.raises(error, match=words) as raised:
            oocmap.OOCMap(path, mode=mode)
        assert str(path) in str(raised.value)
    for opening in both(path):
        with pytest.raises((error, apsw.Error)):
            opening()
    with pytest.raises(FileExistsError):
        oocmap.OOCMap(path, mode="x")
    after = path.lstat()
    assert (after.st_mtime_ns, after.st_size, after.st_ino) == (
        before.st_mtime_ns,
        before.st_size,
        before.st_ino,
    )
    assert list(path.parent.iterdir()) == [path]


def test_a_newer_format(path: Path) -> None:
    make(path, k=1)
    Path(f"{path}-lock").unlink()
    content = path.read_bytes()
    assert content.count(b"format_version\x01\0\0\0") > 0
    path.write_bytes(content.replace(b"format_version\x01\0\0\0", b"format_version\x63\0\0\0"))
    before = path.read_bytes()
    for mode in ("r", "w", "c"):
        with pytest.raises(oocmap.FormatVersionError, match=r"version 99.*a newer OOCMap"):
            oocmap.OOCMap(path, mode=mode)
    for opening in both(path):
        with pytest.raises((oocmap.FormatVersionError, apsw.Error), match="a newer OOCMap"):
            opening()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_lengths_of_paths(tmp_path: Path) -> None:
    """Up to the system's limits, with the longer names of the lock file and of a file in making."""
    for length in (100, 230, 237, 238, 250, 251, 255, 256):
        path = tmp_path / ("n" * length)
        if length <= 237:
            make(path, k=length)
            Path(f"{path}-lock").unlink()
            path.unlink()
            continue
        with pytest.raises(OSError, match="File name too long"):
            oocmap.OOCMap(path)
        assert list(tmp_path.iterdir()) == []
    folder = tmp_path
    while len(str(folder)) < 3900:
        folder /= "d" * min(200, 3899 - len(str(folder)))
    folder.mkdir(parents=True)
    for length in (3950, 4077, 4078, 4090, 4095, 4096, 5000):
        name = "n" * (length - len(str(folder)) - 1)
        if length <= 4077:
            make(folder / name, k=length)
            (folder / name).unlink()
            (folder / f"{name}-lock").unlink()
        else:
            with pytest.raises(OSError, match="File name too long"):
                oocmap.OOCMap(folder / name)
        assert list(folder.iterdir()) == []


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.ooc"
    for name in (path, os.fsdecode(path)):
        with pytest.raises(oocmap.ArgumentError, match="UTF-8"):
            oocmap.OOCMap(name)
    assert os.listdir(tmp_path) == []
    make(tmp_path / "café.ooc", k=1)
    with pytest.raises(ValueError, match="null byte"):
        oocmap.OOCMap("a\0b")
    with pytest.raises(FileNotFoundError):
        oocmap.OOCMap("")
    with pytest.raises(TypeError, match=r"os\.PathLike"):
        oocmap.OOCMap(5)  # type: ignore[arg-type]
