"""A headless Chromium driven through chromedriver: the calls of W3C WebDriver that tests need."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import client_tools

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's name of a reference's one member
_WAIT = 30.0  # seconds for a server to answer and for an element to be there


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def server(
    command: list[str | pathlib.Path], folder: pathlib.Path, url: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server and wait until it answers at `url`; at the end none of its processes is left.

    It gets a process group of its own, which is ended as a whole.
    """
    log = folder / f"{pathlib.Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=client_tools.environment(folder),
            start_new_session=True,
        )
    try:
        _wait_for(url, process, log)
        yield process
    finally:
        _end_group(process)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    end = time.monotonic() + _WAIT
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > end:
                said = log.read_text(errors="replace")
                raise AssertionError(f"no answer from {url}: {error}\n{said}") from None
        time.sleep(0.05)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with contextlib.suppress(ProcessLookupError):  # whatever did not heed SIGTERM
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def _processes_that_name(text: str) -> dict[int, str]:
    """Return the running processes in whose command lines `text` stands."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in line:
                found[int(entry.parent.name)] = line
    return found


def _expect_no_process_that_names(text: str) -> None:
    """Wait for the last of them to end; kill and report what is left."""
    end = time.monotonic() + 10
    while (left := _processes_that_name(text)) and time.monotonic() < end:
        time.sleep(0.02)
    for process in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert not left, f"processes that outlived their test: {left}"


class Browser:
    """One tab. Elements are named by CSS selectors, or by the text of a link."""

    def __init__(self, driver: str, folder: pathlib.Path) -> None:
        arguments = [
            "--headless=new",
            "--window-size=1000,760",
            "--force-device-scale-factor=1",
            "--hide-scrollbars",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            # Nothing but this machine can be reached, whatever a page or the browser asks for.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={folder / 'chromium'}",
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium's sandbox refuses to run as root
        options = {"goog:chromeOptions": {"args": arguments, "binary": "/usr/bin/chromium"}}
        self._base = f"{driver}/session"
        session = self._call("POST", "", {"capabilities": {"alwaysMatch": options}})
        self._base += "/" + session["sessionId"]

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def url(self) -> str:
        return str(self._call("GET", "/url"))

    def click(self, selector: str) -> None:
        self._call("POST", f"/element/{self._find('css selector', selector)}/click", {})

    def follow(self, text: str) -> None:
        """Click the link with this text, and wait until the page has another address."""
        with self._to_another_page():
            self._call("POST", f"/element/{self._find('link text', text)}/click", {})

    def submit(self, selector: str, text: str) -> None:
        """Type into a field and press Enter, and wait until the page has another address."""
        element = self._find("css selector", selector)
        with self._to_another_page():
            self._call("POST", f"/element/{element}/value", {"text": text + "\n"})

    @contextlib.contextmanager
    def _to_another_page(self) -> Iterator[None]:
        before = self.url()
        yield
        end = time.monotonic() + _WAIT
        while self.url() == before:
            assert time.monotonic() < end, f"still on {before}"
            time.sleep(0.02)

    def run(self, script: str, *arguments: Any) -> Any:
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())"
        found: list[str] = self.run(script, selector)
        return found

    def screenshot(self, path: pathlib.Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def close(self) -> None:
        self._call("DELETE", "")

    def _find(self, how: str, what: str) -> str:
        end = time.monotonic() + _WAIT
        while True:
            found = self._call("POST", "/elements", {"using": how, "value": what})
            if found:
                return str(found[0][_ELEMENT])
            assert time.monotonic() < end, f"nothing with the {how} {what!r} on {self.url()}"
            time.sleep(0.05)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from None


@contextlib.contextmanager
def browser(folder: pathlib.Path) -> Iterator[Browser]:
    """Start Chromium with a profile in `folder`; at the end none of its processes is left."""
    port = free_port()
    driver = f"http://127.0.0.1:{port}"
    try:
        with server(["chromedriver", f"--port={port}"], folder, f"{driver}/status"):
            tab = Browser(driver, folder)
            try:
                yield tab
            finally:
                tab.close()
    finally:
        _expect_no_process_that_names(str(folder / "chromium"))
