"""One run of the lab: its folder, its processes, its ports.

In: commands. Out: processes that listen on loopback, run as an unprivileged user, and are gone when the session is.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.lab import reaper
from tests.lab.errors import LabStartError
from tests.lab.places import make_run_folder, server_user

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

START_LIMIT = 180.0
"""Seconds for a server to listen."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started server."""

    name: str
    port: int
    log: Path
    charge: reaper.Charge
    process: subprocess.Popen[bytes]


class Session:
    """Starts servers; closing it stops them all and removes every file."""

    def __init__(self) -> None:
        self.user = server_user()
        root = os.getuid() == 0
        self._uid = self.user.uid if root else None
        self._gid = self.user.gid if root else None
        self._groups: list[int] | None = [] if root else None
        self.folder = make_run_folder(self.user)
        self._running: list[Running] = []
        self._ports: set[int] = set()
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__, str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything and wait until it is gone."""
        self._reaper.communicate()
        for running in self._running:
            running.process.wait()

    def free_port(self) -> int:
        """Return an unused port of four digits: pgagroal overflows a buffer on five, and clients get higher ones."""
        while True:
            port = random.randrange(5000, 10000)
            with socket.socket() as probe:
                if port not in self._ports and probe.connect_ex(("127.0.0.1", port)) != 0:
                    self._ports.add(port)
                    return port

    def make_folder(self, name: str) -> Path:
        """Create a folder of the servers' user."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        os.chown(folder, self.user.uid, self.user.gid)
        return folder

    def write(self, path: Path, text: str, mode: int = 0o600) -> Path:
        """Write a file of the servers' user."""
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        os.chown(path, self.user.uid, self.user.gid)
        return path

    def run(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Run a command to its end as the servers' user."""
        done = subprocess.run(
            command,
            env=self._environment(environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            user=self._uid,
            group=self._gid,
            extra_groups=self._groups,
        )
        if done.returncode != 0:
            raise LabStartError(f"{command[-1]}: {done.stdout[-500:]}{done.stderr[-2000:]}")

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        stop_signal: int = signal.SIGINT,
        ready: Callable[[], bool] | None = None,
    ) -> Running:
        """Start a server and wait until it listens on `port` and `ready` agrees."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
                user=self._uid,
                group=self._gid,
                extra_groups=self._groups,
            )
        charge = reaper.Charge(process.pid, reaper.process_start(process.pid) or "gone", stop_signal)
        running = Running(name, port, log, charge, process)
        self._running.append(running)
        assert self._reaper.stdin is not None
        self._reaper.stdin.write(f"{charge.pid} {charge.started} {int(stop_signal)}\n".encode())
        self._reaper.stdin.flush()
        self._wait(running, ready)
        return running

    def stop(self, running: Running, number: int | None = None) -> None:
        """Stop one server now, with its own signal or another."""
        charge = running.charge if number is None else reaper.Charge(running.charge.pid, running.charge.started, number)
        reaper.stop(charge)
        running.process.wait()

    def _wait(self, running: Running, ready: Callable[[], bool] | None) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if running.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", running.port)) == 0 and (ready is None or ready()):
                    return
            time.sleep(0.02)
        tail = running.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise LabStartError(f"{running.name} did not come up:\n{tail}")

    def _environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TZ": "UTC", "LC_ALL": "C", **(more or {})}
