"""A git revision in, the lines that the working tree changed since then out.

The base is where the current branch left REV (their merge base). Untracked files count as changed from first to last
line. Nothing of the repository's configuration that could run a program is used.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.errors import ConfigError
from txsafe.watching import spoil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Which lines of which files changed."""

    root: Path
    """The repository's top folder, resolved."""
    lines: Mapping[str, tuple[range, ...]]
    """Real path → changed lines, from 1."""
    untracked: frozenset[str]
    """Real paths of files that git does not know yet."""

    def touch(self, path: str, first: int, last: int) -> bool:
        """Say whether any line of a range changed; of a file outside of the repository all did."""
        real = os.path.realpath(path)
        if real in self.untracked or not Path(real).is_relative_to(self.root):
            return True
        return any(changed.start <= last and first < changed.stop for changed in self.lines.get(real, ()))

    def touch_file(self, path: str | os.PathLike[str]) -> bool:
        """Say whether anything in a file changed."""
        real = os.path.realpath(path)
        return real in self.lines or real in self.untracked or not Path(real).is_relative_to(self.root)


def changed_lines(revision: str, folder: Path) -> Changes:
    """Return what changed since a revision in the repository around a folder.

    Raises `ConfigError` where git is missing, there is no repository, or it does not know the revision.
    """
    root = Path(os.path.realpath(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n"))))
    base = _base(revision, root)
    diff = _git(
        root, "diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative",
        "--ignore-submodules", "--src-prefix=a/", "--dst-prefix=b/", base, "--",
    )  # fmt: skip
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return Changes(
        root=root,
        lines={os.path.realpath(root / os.fsdecode(name)): ranges for name, ranges in _read_diff(diff)},
        untracked=frozenset(os.path.realpath(root / os.fsdecode(name)) for name in listed.split(b"\0") if name),
    )


def _base(revision: str, root: Path) -> str:
    try:
        # --end-of-options: a revision that starts with a dash must not be taken for an option.
        commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except ConfigError as error:
        raise ConfigError(
            f"git does not know the revision {revision!r}; a shallow clone may have to fetch more history"
        ) from error
    try:
        return _git(root, "merge-base", commit.decode().strip(), "HEAD").decode().strip()
    except ConfigError:  # unrelated histories, or no commit yet
        return commit.decode().strip()


def _git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(folder), "-c", "core.quotePath=true", "-c", "core.fsmonitor=false", *arguments]
    spoil()
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, env=environment, check=False)  # noqa: S603  # no shell
    except OSError as error:
        raise ConfigError(f"--since needs git, which cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        message = done.stderr.decode("utf-8", "replace").strip() or f"exit status {done.returncode}"
        raise ConfigError(f"git {arguments[0]}: {message}")
    return done.stdout


def _read_diff(diff: bytes) -> Iterator[tuple[bytes, tuple[range, ...]]]:
    """Yield each file of a diff without context, and its lines that are new or changed."""
    name: bytes | None = None
    ranges: list[range] = []
    skip = 0
    for line in diff.split(b"\n"):
        if skip and line[:1] in {b"+", b"-"}:
            skip -= 1
        elif line.startswith(b"+++ "):
            if name is not None:
                yield name, tuple(ranges)
            name, ranges = _unquote(line[4:]), []
        elif hunk := _HUNK.match(line):
            removed, start, added = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
            skip = removed + added
            ranges.append(range(start, start + added))
    if name is not None:
        yield name, tuple(ranges)


def _unquote(name: bytes) -> bytes | None:
    r"""Return the path of a `+++` line: quoted as in C, or followed by a tab where it holds a space; None for none."""
    name = name.removesuffix(b"\t")
    if name == b"/dev/null":
        return None
    return (_ESCAPE.sub(_unescape, name[1:-1]) if name.startswith(b'"') else name).removeprefix(b"b/")


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if len(code) == 3 else _ESCAPED.get(code, code)
