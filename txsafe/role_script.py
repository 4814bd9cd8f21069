"""Settings that fixes take out of a program → one SQL script that gives them to a role or a database, and its undo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.errors import ConfigError
from txsafe.sql.quoting import quote_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from txsafe.model import Diagnostic, Fix


@dataclass(slots=True)
class RoleScript:
    """Collects the settings of a run; of two values for one parameter the first counts."""

    target: str
    """`ROLE app`, `DATABASE shop` or `ROLE app IN DATABASE shop`."""
    _values: dict[str, str] = field(default_factory=dict)
    conflicts: set[str] = field(default_factory=set)
    """Parameters that the program gives several values."""

    @classmethod
    def of(cls, role: str | None, database: str | None) -> RoleScript:
        """Return an empty script for a role, a database, or a role in a database."""
        return cls(" IN ".join(_named(kind, name) for kind, name in (("ROLE", role), ("DATABASE", database)) if name))

    def accepts(self, fix: Fix) -> bool:
        """Return whether a fix gives every parameter the value that it has here, and note what is new."""
        if not fix.settings:
            return False
        clashing = {name for name, value in fix.settings if self._values.get(name, value) != value}
        self.conflicts |= clashing
        if not clashing:
            self._values |= dict(fix.settings)
        return not clashing

    def write(self, fixed: Iterable[Diagnostic]) -> str:
        """Return the script for the fixes that were applied; empty where none gives a setting."""
        given: dict[tuple[str, str], list[str]] = {}
        for diagnostic in fixed:
            for setting in () if diagnostic.fix is None else diagnostic.fix.settings:
                given.setdefault(setting, []).append(f"{diagnostic.path}:{diagnostic.start.line}")
        if not given:
            return ""
        sets = [
            f"ALTER {self.target} SET {quote_name(name)} = {value};  -- {', '.join(dict.fromkeys(places))}"
            for (name, value), places in sorted(given.items())
        ]
        resets = [f"-- ALTER {self.target} RESET {quote_name(name)};" for name, _ in sorted(given)]
        return "\n".join((*_HEAD, "BEGIN;", *sets, "COMMIT;", "", *_UNDO, "-- BEGIN;", *resets, "-- COMMIT;", ""))


_HEAD = (
    "-- Settings that the program gave to each of its connections; written by `txsafe fix --ddl`.",
    "-- Read it, and run it once before the changed program. New server connections have the settings; those that the",
    "-- pooler holds open keep what they had until they are closed (PgBouncer: RECONNECT).",
)
_UNDO = ("-- To undo it:",)


def _named(kind: str, name: str) -> str:
    """Spell a role or a database, whose name has no parts."""
    spelled = quote_name(name) if "." not in name else f'"{name.replace(chr(34), chr(34) * 2)}"'
    if spelled is None or not name.isprintable():
        raise ConfigError(f"--{kind.lower()}: {name!r} is no name")
    return f"{kind} {spelled}"
