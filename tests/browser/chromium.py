"""A headless Chromium that is driven over a pipe: pages are opened in it, looked at, and asked what they did.

In: Debian's package, unpacked apart from the system (`tests/lab/packages.py`). Out: a `Browser` that speaks the
DevTools protocol on two file descriptors, so that no port is open to anybody; its process ends with it.
https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, TypeAlias

from tests.lab.errors import LabUnavailableError
from tests.lab.packages import Bundle, Packages, find_codename, install_bundle
from tests.lab.places import server_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from tests.lab.places import User

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Message: TypeAlias = "dict[str, Json]"

PACKAGES = ("chromium-headless-shell", "chromium-common", "fonts-dejavu-core")
PROGRAM = "usr/lib/chromium/chromium-headless-shell"
SECONDS = 30.0
"""Longest wait for one answer."""
_OF_LIBC = (
    "ld-linux", "libc.", "libc_", "libm.", "libmvec", "libdl.", "libpthread", "librt.", "libresolv", "libnss_",
    "libutil", "libanl", "libnsl", "libthread_db", "libBrokenLocale", "libmemusage", "libpcprofile",
)  # fmt: skip
"""Of the system, always: the loader and its C library belong together."""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir><cachedir>{cache}</cachedir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
</fontconfig>
"""


def install_browser() -> Packages:
    """Return the unpacked browser of the system's own release, which runs with the system's C library."""
    return install_bundle(Bundle("browser", find_codename(), PACKAGES))


class BrowserError(Exception):
    """The browser has gone, has not answered, or has refused."""


@dataclass(slots=True)
class Browser:
    """A running Chromium; a context manager."""

    packages: Packages
    folder: Path = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)
    _to: int = field(init=False)
    _from: int = field(init=False)
    _number: int = 0
    _received: bytearray = field(default_factory=bytearray)
    events: list[Message] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="txsafe-browser-", dir="/tmp"))
        their_in, self._to = os.pipe()
        self._from, their_out = os.pipe()
        try:
            self._process = self._start(their_in, their_out)
        finally:
            os.close(their_in)
            os.close(their_out)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._to)
        self._process.kill()
        self._process.wait()
        os.close(self._from)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, their_in: int, their_out: int) -> subprocess.Popen[bytes]:
        user = server_user()
        os.chown(self.folder, user.uid, user.gid)
        (self.folder / "fonts.conf").write_text(
            _FONTS.format(fonts=self.packages.root / "usr/share/fonts", cache=self.folder / "fonts"), encoding="utf-8"
        )

        log = (self.folder / "log").open("wb")

        def prepare() -> None:
            # Chromium reads commands from descriptor 3 and answers on 4. Both are moved away first, lest one be the
            # other's target.
            high_in, high_out = os.dup(their_in), os.dup(their_out)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        with log:
            return self._run(prepare, log, user)

    def _run(self, prepare: Callable[[], None], log: BinaryIO, user: User) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                str(self.packages.root / PROGRAM),
                "--remote-debugging-pipe",
                f"--user-data-dir={self.folder / 'profile'}",
                "--no-sandbox",  # containers allow it no namespaces; the pages are our own
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
            ],
            env={
                "HOME": str(self.folder),
                "PATH": os.environ.get("PATH", ""),
                "LD_LIBRARY_PATH": str(_library_folder(self.packages)),
                "FONTCONFIG_FILE": str(self.folder / "fonts.conf"),
                "LC_ALL": "C.UTF-8",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            close_fds=False,
            preexec_fn=prepare,  # noqa: PLW1509  # two system calls, before any thread of ours
            user=user.uid if os.getuid() == 0 else None,
            group=user.gid if os.getuid() == 0 else None,
            extra_groups=[] if os.getuid() == 0 else None,
        )

    # ------------------------------------------------------------ the protocol

    def call(self, method: str, session: str | None = None, **parameters: Json) -> Message:
        """Send a command and return its result; events that come meanwhile are kept."""
        self._number += 1
        number = self._number
        command: Message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            command["sessionId"] = session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        while True:
            message = self._receive(time.monotonic() + SECONDS)
            if message.get("id") == number:
                break
            self.events.append(message)
        if "error" in message:
            raise BrowserError(f"{method}: {message['error']}")
        result = message["result"]
        assert isinstance(result, dict)
        return result

    def _receive(self, deadline: float) -> Message:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._from, 1 << 20) if ready else b""
            if not data:
                log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
                raise BrowserError(f"no answer; exit status {self._process.poll()}: {log[-2000:]}")
            self._received += data
        raw, _, rest = bytes(self._received).partition(b"\0")
        self._received = bytearray(rest)
        message: Message = json.loads(raw)
        return message

    def open(self, url: str, *, width: int = 1200, dark: bool = False) -> Page:
        """Open a page of its own and wait until it has loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        assert isinstance(session, str)
        page = Page(self, session, str(target))
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.resize(width)
        scheme: Json = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        page.call("Emulation.setEmulatedMedia", features=scheme)
        page.call("Page.navigate", url=url)
        page.wait_until("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page


@dataclass(slots=True)
class Page:
    """One tab."""

    browser: Browser
    session: str
    target: str

    def call(self, method: str, **parameters: Json) -> Message:
        """Send a command for this page."""
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, expression: str) -> Json:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression[:200]}: {json.dumps(answer['exceptionDetails'])[:2000]}")
        result = answer["result"]
        assert isinstance(result, dict)
        return result.get("value")

    def wait_until(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + SECONDS
        while self.evaluate(expression) is not True:
            if time.monotonic() > deadline:
                raise BrowserError(f"never true: {expression}")
            time.sleep(0.02)

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window another size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self, *, top: int = 0, height: int | None = None) -> bytes:
        """Return the page as PNG: all of it, or a part."""
        size = self.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert isinstance(size, list)
        wide, high = (int(str(each)) for each in size)
        clip: Json = {"x": 0, "y": top, "width": wide, "height": min(high - top, height or high), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        return base64.b64decode(str(data))

    def press(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=_KEYS[key])

    def faults(self) -> list[str]:
        """Return what the page complained of: console errors and warnings, exceptions, violated policies."""
        return [json.dumps(event["params"]) for event in self._own_events() if _is_fault(event)]

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for, its own among them."""
        found = (event for event in self._own_events() if event.get("method") == "Network.requestWillBeSent")
        return [_address(event) for event in found]

    def _own_events(self) -> Iterator[Message]:
        self.evaluate("new Promise((done) => setTimeout(done, 30))")  # what is under way arrives
        yield from (event for event in self.browser.events if event.get("sessionId") == self.session)

    def close(self) -> None:
        """Close the tab and forget what it did."""
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.events = [each for each in self.browser.events if each.get("sessionId") != self.session]


_KEYS: Mapping[str, int] = {"Tab": 9, "Enter": 13}


def _is_fault(event: Message) -> bool:
    match event:
        case {"method": "Runtime.exceptionThrown"}:
            return True
        case {"method": "Runtime.consoleAPICalled", "params": {"type": "error" | "warning" | "assert"}}:
            return True
        case {"method": "Log.entryAdded", "params": {"entry": {"level": "error" | "warning"}}}:
            return True
        case _:
            return False


def _address(event: Message) -> str:
    match event:
        case {"params": {"request": {"url": str(url)}}}:
            return url
        case _:
            raise BrowserError(f"a request without an address: {event}")


def _library_folder(packages: Packages) -> Path:
    """Return a folder of links to the unpacked libraries, but for those of libc."""
    folder = packages.root / "libraries"
    if not folder.is_dir():
        made = Path(tempfile.mkdtemp(dir=packages.root))
        for place in _list_places(packages.root):
            for file in sorted(place.rglob("*.so*")):
                if not file.name.startswith(_OF_LIBC) and not (made / file.name).is_symlink():
                    (made / file.name).symlink_to(file)
        made.chmod(0o755)
        try:
            made.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(made)
    return folder


def _list_places(root: Path) -> Sequence[Path]:
    places = [place for start in ("usr/lib", "lib") for place in (root / start).glob("*-linux-gnu*")]
    if not places:
        raise LabUnavailableError(f"{root}: no libraries were unpacked")
    return places
