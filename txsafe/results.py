"""What a run comes to, file by file: the few types that a run without findings needs.

Apart from `txsafe.model`, which names them, too, because a class takes half a millisecond to define and most runs find
nothing. Standard library only.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

TYPE_CHECKING = False  # `typing` takes as long to load as all of this
if TYPE_CHECKING:
    from txsafe.model import Consulted, Diagnostic, FileUses, Location, Position, UnresolvedSink


class _NoFacts(Mapping[str, str]):
    """The empty mapping as a default: hashable, as dataclasses ask until Python 3.12, and picklable, for workers."""

    __slots__ = ()

    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "NO_FACTS"


NO_FACTS: Mapping[str, str] = _NoFacts()


class _OrderedWord(enum.StrEnum):
    """A word that reaches output and is compared by its place in the definition."""

    @property
    def rank(self) -> int:
        return list(type(self)).index(self)

    def __lt__(self, other: object) -> bool:
        return self.rank < type(self)(str(other)).rank

    def __le__(self, other: object) -> bool:
        return self.rank <= type(self)(str(other)).rank

    def __gt__(self, other: object) -> bool:
        return self.rank > type(self)(str(other)).rank

    def __ge__(self, other: object) -> bool:
        return self.rank >= type(self)(str(other)).rank


class Severity(_OrderedWord):
    """How bad it is if it is true."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Confidence(_OrderedWord):
    """How sure we are that it is true."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A pooler as the code will meet it."""

    name: str
    pooler: str
    version: str | None
    mode: str
    settings: Mapping[str, str] = NO_FACTS
    """Every setting of the pooler that decides, defaults filled in."""
    server_version: int | None = None
    """PostgreSQL major; None where unknown: judged for the oldest supported one."""
    title: str = ""
    """For messages: `PgBouncer 1.18, transaction mode`."""


class Keeps(enum.Enum):
    """What the report of a file carries beside its diagnostics."""

    NOTHING = enum.auto()
    USES = enum.auto()
    """What was judged, so that it can be judged again for another profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileError:
    """A file that could not be looked at, in whole or in part."""

    path: str
    line: int
    """0 where no line is to blame."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What one file came to: the unit that worker processes return."""

    path: str
    parsed: bool = False
    """False where the prefilter or a limit left it unparsed."""
    diagnostics: tuple[Diagnostic, ...] = ()
    unresolved: tuple[UnresolvedSink, ...] = ()
    errors: tuple[FileError, ...] = ()
    sinks: int = 0
    elsewhere: tuple[Diagnostic, ...] = ()
    """What this file runs and another one spells: `placing` hands it to that file's report."""
    presumed: frozenset[tuple[str, Position]] = frozenset()
    """Rule and start of the diagnostics of texts that nothing in this file runs."""
    reached: tuple[Location, ...] = ()
    """Texts of other files that this file is seen to run."""
    loose: tuple[str, ...] = ()
    """Names under which other files may get hold of session state that nothing in this file sends."""
    consulted: Consulted | None = None
    """What the report depends on beside the file; None where nobody kept track of it."""
    uses: FileUses | None = None
    """Kept where the same uses are to be judged for other profiles; None also where the file could not be read."""

    @classmethod
    def unread(cls, path: str, message: str) -> FileReport:
        """Return the report of a file that could not be looked at."""
        return cls(path=path, errors=(FileError(path=path, line=0, message=message),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run came to: what every renderer takes."""

    profile: Profile
    files: tuple[FileReport, ...] = field(default=())
    """In path order."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All diagnostics, in output order, suppressed and baselined ones included."""
        found = (diagnostic for report in self.files for diagnostic in report.diagnostics)
        return tuple(sorted(found, key=lambda diagnostic: diagnostic.sort_key))
