"""What the user tells an audit of where the code runs: flags in, parts of the audit out.

Instances and limits make the connection budget, logs and pg_stat_statements the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from txsafe.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from txsafe.audit.section import Section
    from txsafe.budget.arithmetic import Answers
    from txsafe.cli.inputs import Setting
    from txsafe.discovery import FileInput
    from txsafe.model import Report, SourceFile
    from txsafe.observed_sql.evidence import Evidence

_MOST = 10**9
_NUMBERS: Mapping[str, str] = {
    "--workers": "Processes that one instance of a service runs.",
    "--threads": "Threads of a process that may hold a connection at once.",
    "--pool-size": "Connections that one process may open, all its pools together.",
    "--max-connections": "The server's max_connections.",
    "--reserved-connections": "Connections that the server keeps for superusers and other roles; else its defaults.",
    "--users": "Database users that connect through the pooler, each of which has pools of its own.",
    "--databases": "Databases that the pooler's entry * stands for.",
}


def circumstance_parameters() -> list[click.Parameter]:
    """Return click's parameters for what no file says."""
    return [
        click.Option(
            ["--instances"],
            metavar="[SERVICE=]N",
            multiple=True,
            help="Instances of the application, or of one of its services. Can be repeated.",
        ),
        *(
            click.Option([flag], metavar="N", type=click.IntRange(0, _MOST), help=text)
            for flag, text in _NUMBERS.items()
        ),
        click.Option(
            ["--log", "logs"],
            metavar="FILE",
            multiple=True,
            help="A PostgreSQL log (stderr, csvlog or jsonlog, compressed or not, - is standard input): which session "
            "state really runs, and who issues it. Can be repeated.",
        ),
        click.Option(
            ["--log-line-prefix"],
            metavar="PREFIX",
            help="The log_line_prefix of logs on stderr, where it is not found.",
        ),
        click.Option(
            ["--statements"],
            metavar="FILE",
            multiple=True,
            help="pg_stat_statements as CSV or JSON, with a column query. Can be repeated.",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the flags say."""

    answers: Answers
    told: bool
    """Something was said about connections."""
    logs: tuple[str, ...]
    prefix: str | None
    statements: tuple[str, ...]

    @classmethod
    def take(cls, flags: dict[str, object]) -> Circumstances:
        """Take its own flags out of those of a command; raise `ConfigError` for one that makes no sense."""
        from txsafe.budget.arithmetic import Answers

        every, of_service = _read_instances(_texts(flags.pop("instances", ())))
        numbers = {flag.removeprefix("--").replace("-", "_"): None for flag in _NUMBERS}
        given: dict[str, int | None] = {name: _number(flags.pop(name, None)) for name in numbers}
        prefix = flags.pop("log_line_prefix", None)
        return cls(
            answers=Answers(instances=every, instances_of=of_service, **given),
            told=every is not None or bool(of_service) or any(number is not None for number in given.values()),
            logs=_texts(flags.pop("logs", ())),
            prefix=prefix if isinstance(prefix, str) else None,
            statements=_texts(flags.pop("statements", ())),
        )

    def tell_budget(self, paths: Sequence[str], files: Iterable[FileInput], setting: Setting) -> Section | None:
        """Return the connection budget; None where neither the code nor the user speaks of connections."""
        from txsafe.budget.arithmetic import compute
        from txsafe.budget.figures import Origin, Source, known
        from txsafe.budget.limits import read_limits
        from txsafe.budget.section import tell_budget
        from txsafe.budget.survey import survey

        found = survey(paths or ["."], files, setting.config, setting.catalog)
        if not (found.pools or self.told or setting.choice):
            return None
        limits = None
        if setting.choice is not None:
            answers = {"--users": self.answers.users, "--databases": self.answers.databases}
            users, databases = (
                None if number is None else known(number, Source(Origin.FLAG, f"{flag} {number}"))
                for flag, number in answers.items()
            )
            pooler = setting.catalog.poolers[setting.choice.profile.pooler]
            limits = read_limits(setting.choice.file, pooler, users=users, databases=databases)
        reserved = setting.catalog.server.reserved
        return tell_budget(compute(found.pools, found.services, self.answers, pooler=limits, reserved=reserved))

    def gather(self, found: Report, setting: Setting, sources: Callable[[str], SourceFile | None]) -> Evidence | None:
        """Return what logs and statistics show of the uses that were found in the code; None where there are none."""
        if not (self.logs or self.statements):
            return None
        from txsafe.observed_sql.evidence import gather
        from txsafe.observed_sql.matching import list_code

        code = list_code(found, sources)
        return gather(self.logs, self.statements, code=code, catalog=setting.catalog, prefix=self.prefix)


def tell_findings(evidence: Evidence, report: Report) -> dict[str, str]:
    """Return what was seen of each diagnostic, by its fingerprint."""
    from txsafe.observed_sql.evidence import tell_places

    places = tell_places(evidence)
    found = ((each.fingerprint, places.get((each.path, each.start.line, each.rule))) for each in report.diagnostics)
    return {fingerprint: text for fingerprint, text in found if text is not None}


def check_readable(paths: Iterable[str]) -> None:
    """Refuse before the work what would fail after it."""
    for path in paths:
        if path != "-" and not Path(path).is_file():
            raise ConfigError(f"{path}: no such file")


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _read_instances(texts: Iterable[str]) -> tuple[int | None, dict[str, int]]:
    every: int | None = None
    of_service: dict[str, int] = {}
    for text in texts:
        service, mark, number = text.rpartition("=")
        if not (number.isascii() and number.isdigit() and len(number) < 10) or (mark and not service):
            raise ConfigError(f"--instances: {text!r} is neither a number nor SERVICE=NUMBER")
        if mark:
            of_service[service] = int(number)
        else:
            every = int(number)
    return every, of_service
