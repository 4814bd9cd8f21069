"""What the tests of the rewrites share: a text in, the text with its fixes out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from txsafe.catalog import load_catalog
from txsafe.config import Config
from txsafe.discovery import FileInput
from txsafe.engine import analyze
from txsafe.fixing import Fixing, fix_files
from txsafe.model import Applicability, Diagnostic, FileReport, Profile, Report
from txsafe.profiles import resolve_profile

APPLIED = frozenset({Applicability.SAFE, Applicability.UNSAFE})
PROFILE = "pgbouncer-1.18/transaction"


@cache
def profile_of(name: str) -> Profile:
    return resolve_profile(name, load_catalog(), settings={}, server_version=None)


def config_of(name: str, asyncpg: str = "0.31") -> Config:
    return Config(root=Path("/nowhere"), profile=name, jobs=1, versions={"asyncpg": asyncpg})


@dataclass(frozen=True)
class Rewritten:
    """A text before and after."""

    before: str
    after: str
    fixing: Fixing

    @property
    def lines(self) -> list[str]:
        """The lines that are new, without indentation."""
        old = Counter(self.before.splitlines())
        return [line.strip() for line in self.after.splitlines() if line not in old]


def check(text: str | bytes, *, name: str = "app.py", profile: str = PROFILE, asyncpg: str = "0.31") -> FileReport:
    data = text if isinstance(text, bytes) else text.encode()
    files = [FileInput(Path("/nowhere") / name, name, data)]
    (report,) = analyze(files, config_of(profile, asyncpg), profile=profile_of(profile)).files
    return report


def fix_of(text: str, *, name: str = "app.py", profile: str = PROFILE, rule: str | None = None) -> Diagnostic:
    """Return the only diagnostic of a text (and rule)."""
    (found,) = (each for each in check(text, name=name, profile=profile).diagnostics if rule in {None, each.rule})
    return found


def rewrite(
    text: str | bytes,
    *,
    name: str = "app.py",
    profile: str = PROFILE,
    applied: frozenset[Applicability] = APPLIED,
    asyncpg: str = "0.31",
) -> Rewritten:
    """Apply all fixes to a text."""
    data = text if isinstance(text, bytes) else text.encode()
    file = FileInput(Path("/nowhere") / name, name, data)
    fixing = fix_files(
        [file],
        analyze=lambda files, _: analyze(files, config_of(profile, asyncpg), profile=profile_of(profile)),
        wanted=lambda report: wanted(report, applied),
    )
    after = fixing.files[0].data.decode() if fixing.files else data.decode()
    return Rewritten(before=data.decode(), after=after, fixing=fixing)


def wanted(report: Report, applied: frozenset[Applicability]) -> list[Diagnostic]:
    return [
        each
        for each in report.diagnostics
        if each.fix is not None and each.fix.applicability in applied and not each.suppressed
    ]
