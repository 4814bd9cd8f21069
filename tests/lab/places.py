"""Where the lab lives on disk, and as whom its processes run.

In: the environment. Out: the folder of unpacked packages, a folder for one run, the user that servers run as
(PostgreSQL,
pgagroal and Pgpool-II refuse to run as root).
"""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.errors import LabUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class User:
    """Whom servers and poolers run as."""

    name: str
    uid: int
    gid: int


def server_user() -> User:
    """Return the user that servers run as: this one, or an unprivileged one where this is root."""
    if os.getuid() != 0:
        entry = pwd.getpwuid(os.getuid())
        return User(entry.pw_name, entry.pw_uid, entry.pw_gid)
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def cache_folder() -> Path:
    """Return the folder of unpacked packages, which a second run reuses.

    `$TXSAFE_LAB` or `$XDG_CACHE_HOME/txsafe-lab` where set, else `.lab` in the checkout; a folder that the servers'
    user
    could not enter (root's home) gives way to one in `/var/tmp`.
    """
    for folder in _candidates():
        if not _reachable(folder):
            continue
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise LabUnavailableError(f"{folder} belongs to somebody else")
        return folder
    raise LabUnavailableError("no folder for the lab that an unprivileged user can enter; set TXSAFE_LAB")


def _candidates() -> Iterator[Path]:
    if folder := os.environ.get("TXSAFE_LAB"):
        yield Path(folder).resolve()
        return
    if folder := os.environ.get("XDG_CACHE_HOME"):
        yield Path(folder).resolve() / "txsafe-lab"
    yield CHECKOUT / ".lab"
    yield Path("/var/tmp") / f"txsafe-lab-{os.getuid()}"


def _reachable(folder: Path) -> bool:
    if os.getuid() != 0:
        return os.access(next(parent for parent in (folder, *folder.parents) if parent.exists()), os.W_OK)
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents) if parent.exists())


def make_run_folder(user: User) -> Path:
    """Create the folder of one run: data, configuration, logs. Removed by the reaper."""
    folder = Path(tempfile.mkdtemp(prefix="txsafe-lab-run-", dir="/tmp"))
    os.chown(folder, user.uid, user.gid)
    return folder
