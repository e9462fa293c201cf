"""A headless Chromium for pages, spoken to over its debugging pipe; what needs it is skipped where there is none."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ANSWER_S = 30.0


class Browser:
    """One Chromium; see https://chromedevtools.github.io/devtools-protocol."""

    def __init__(self, program: str, profile: Path) -> None:
        (theirs_in, self._out), (self._in, theirs_out) = os.pipe(), os.pipe()
        kept = [os.dup(theirs_in), os.dup(theirs_out)]  # above 4, so that neither is overwritten below

        def pipes() -> None:
            os.dup2(kept[0], 3)
            os.dup2(kept[1], 4)

        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
        self._process = subprocess.Popen(
            [program, *flags, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4, *kept),
            preexec_fn=pipes,
        )
        for fd in (theirs_in, theirs_out, *kept):
            os.close(fd)
        self._number, self._unread = 0, b""
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Return what the browser answers; events that come before are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, (method, found)
                return found["result"]
            self.events.append(found)

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + ANSWER_S
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            assert ready, "Chromium does not answer"
            read = os.read(self._in, 1 << 20)
            assert read, "Chromium has ended"
            self._unread += read
        text, _, self._unread = self._unread.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def open(self, file: Path, *, dark: bool = False, width: int = 1280, height: int = 800) -> Page:
        """Return a file as a page that is loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        page.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        page.call("Page.navigate", url=file.as_uri())
        until = time.monotonic() + ANSWER_S
        while page.js("document.readyState + location.protocol") != "completefile:":
            assert time.monotonic() < until, "the page does not load"
        return page

    def close(self) -> None:
        self.call("Browser.close")
        self._process.wait(ANSWER_S)
        os.close(self._in)
        os.close(self._out)


@dataclass
class Page:
    """One tab."""

    browser: Browser
    session: str

    def call(self, method: str, **params: Any) -> Any:
        return self.browser.call(method, self.session, **params)

    def js(self, expression: str) -> Any:
        """Return the value of an expression; it runs beside the page's own script, whatever its policy says."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, (expression, found["exceptionDetails"])
        return found["result"].get("value")

    def middle(self, selector: str) -> tuple[float, float]:
        """Return the middle of the first element that a selector finds, in pixels of the window."""
        box = f"(b => [b.x + b.width / 2, b.y + b.height / 2])(document.querySelector({json.dumps(selector)})"
        x, y = self.js(f"{box}.getBoundingClientRect())")
        return x, y

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector: str) -> None:
        x, y = self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", buttons=1, clickCount=1)

    def key(self, key: str) -> None:
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def seen(self, *methods: str) -> list[dict[str, Any]]:
        """Return the events of this page that have one of these names, so far."""
        self.js("0")
        mine = [event for event in self.browser.events if event.get("sessionId") == self.session]
        return [event["params"] for event in mine if event["method"] in methods]

    def complaints(self) -> list[dict[str, Any]]:
        """Return what went wrong in the page: errors in its script, breaches of its policy, dialogs."""
        logged = [item for item in self.seen("Log.entryAdded") if item["entry"]["level"] in ("error", "warning")]
        called = [item for item in self.seen("Runtime.consoleAPICalled") if item["type"] in ("error", "warning")]
        return logged + called + self.seen("Runtime.exceptionThrown", "Page.javascriptDialogOpening")

    def fetched(self) -> list[str]:
        """Return the addresses that the page asked for."""
        return [item["request"]["url"] for item in self.seen("Network.requestWillBeSent")]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a running Chromium."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install -y chromium")
    found = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield found
    found.close()
