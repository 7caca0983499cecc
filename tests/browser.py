"""A headless Chromium for tests: a small client of its DevTools protocol, over two pipes and without a network.

The protocol: JSON messages that end in a zero byte, read by Chromium from file descriptor 3, written by it to 4
(https://chromedevtools.github.io/devtools-protocol, ``--remote-debugging-pipe``).
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # containers have none to give, and the pages are our own
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)
_PATIENCE_S = 60.0


def found() -> str | None:
    """The path of a Chromium of this machine; None where it has none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def started(program: str) -> Iterator["Tab"]:
    """A tab of a new browser, which ends with the block."""
    profile = tempfile.mkdtemp(prefix="seqbench-browser-")
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    # The child's ends move out of the way of the descriptors 3 and 4 that they become.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 64) for end in (to_read, from_write)]
    for end in (to_read, from_write):
        os.close(end)
    null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    actions = [*null, (os.POSIX_SPAWN_DUP2, ends[0], 3), (os.POSIX_SPAWN_DUP2, ends[1], 4)]
    arguments = [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = os.posix_spawn(
        program, arguments, os.environ | {"HOME": profile, "TZ": "UTC"}, file_actions=actions, setpgroup=0
    )
    for end in ends:
        os.close(end)
    try:
        yield Tab(to_write, from_read)
    finally:
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        for end in (to_write, from_read):
            os.close(end)
        shutil.rmtree(profile, ignore_errors=True)


class Tab:
    """One page and what it does.

    Attributes:
        complaints: of the console, of the security policy, and exceptions that nothing caught.
        requests: addresses that the page asked for, its own one among them.
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._to, self._from, self._rest, self._last = to_browser, from_browser, b"", 0
        self._session: str | None = None
        self._loaded = False
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        text = json.dumps(message | ({"sessionId": self._session} if self._session else {}))
        os.write(self._to, text.encode() + b"\0")
        while (answer := self._next()).get("id") != self._last:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            chunk = os.read(self._from, 1 << 20) if ready else b""
            if not chunk:
                raise RuntimeError("the browser ended, or said nothing for a minute")
            self._rest += chunk
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(told["args"]))

    def open(self, path: Path) -> None:
        """Load a file anew; what was noted of the one before is forgotten."""
        self.complaints, self.requests, self._loaded = [], [], False
        self("Page.navigate", url=path.resolve().as_uri())
        while not self._loaded:
            self._note(self._next())

    def run(self, code: str) -> Any:
        """The value of an expression of JavaScript, waiting for it where it is a promise."""
        answer = self("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{code}: {json.dumps(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def size(self, width: int, height: int = 900) -> None:
        """The inner size of the window in CSS pixels."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme: str) -> None:
        """What the system prefers: "light" or "dark"."""
        self("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def key(self, name: str, code: int = 0, text: str = "") -> None:
        """Press and release one key, e.g. ``key("Tab", 9)``."""
        names = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self("Input.dispatchKeyEvent", type="keyDown", **names, **({"text": text} if text else {}))
        self("Input.dispatchKeyEvent", type="keyUp", **names)

    def type(self, text: str) -> None:
        """Text into what has the focus."""
        self("Input.insertText", text=text)

    def point(self, x: float, y: float) -> None:
        """Move the mouse to a place of the window."""
        self("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str) -> None:
        """Bring an element into view and click its middle."""
        x, y = self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def middle(self, selector: str) -> tuple[float, float]:
        """The middle of an element in the window, after it was brought into view."""
        box = self.run(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center"}});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()""")
        return box[0], box[1]

    def screenshot(self, path: Path, selector: str | None = None) -> None:
        """A PNG of the window, or of the whole of an element."""
        clip = {}
        if selector:
            x, y, width, height = self.run(f"""(() => {{
                const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
                return [box.x + scrollX, box.y + scrollY, box.width, box.height];
            }})()""")
            clip = {"clip": {"x": x, "y": y, "width": width, "height": height, "scale": 1}}
        answer = self("Page.captureScreenshot", format="png", captureBeyondViewport=bool(selector), **clip)
        path.write_bytes(base64.b64decode(answer["data"]))
