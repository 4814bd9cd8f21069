"""`txsafe audit`: paths in, one document out from which a team can decide whether and how to move behind a pooler.

Exit status: 0 for a document that was written, whatever it says; 2 for a usage, configuration or internal error.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from txsafe.cli.circumstances import Circumstances, check_readable, circumstance_parameters, tell_findings
from txsafe.cli.flags import Flags, configure
from txsafe.cli.inputs import Setting, discover, has_work, note_discovery, note_troubles, open_cache
from txsafe.cli.outputs import check_writable, record_baseline, written_baseline
from txsafe.cli.parameters import parameters
from txsafe.cli.quoting import quotable_sources
from txsafe.cli.terminal import shown_progress, terminal_width, write_output
from txsafe.errors import ConfigError
from txsafe.profiles import with_profile_files
from txsafe.selection import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from txsafe.audit.document import Audit
    from txsafe.audit.section import Section
    from txsafe.audit.whatif import Judging
    from txsafe.baseline import Entry
    from txsafe.cache.folder import Cache
    from txsafe.discovery import Discovery
    from txsafe.model import Report
    from txsafe.observed_sql.evidence import Evidence

_FORMATS = {
    "html": "txsafe.audit.html_page",
    "markdown": "txsafe.audit.markdown_page",
    "json": "txsafe.audit.json_page",
}
"""Name → the module that renders it."""
_SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".json": "json"}
_ONLY_CHECK = frozenset(
    {
        "format", "output_file", "output", "since", "show_config", "show_files", "stdin_filename", "exit_zero",
        "require_full_coverage", "color", "statistics",
    }
)  # fmt: skip
"""Flags of `check` that make no sense for a document."""


def run(  # one argument per option of its own, as click passes them
    paths: tuple[str, ...],
    *,
    audit_format: str | None,
    audit_file: str | None,
    date: str | None,
    compare: bool,
    executor: str | None,
    **flags: object,
) -> int:
    """Write the audit of some paths and return the exit status."""
    circumstances = Circumstances.take(flags)
    check_readable((*circumstances.logs, *circumstances.statements))
    config = with_profile_files(configure(paths, flags))
    file = None if audit_file is None else Path(audit_file)
    format_ = _choose_format(audit_format, file)
    day = _read_date(date)
    cache = open_cache(config)
    discovery = discover(paths, flags, config)
    note_discovery(discovery, config)
    if discovery.missing:
        return ExitStatus.FAILED
    if not has_work(discovery):
        return ExitStatus.CLEAN
    check_writable([file, written_baseline(flags)])
    work = _Audit(
        setting=Setting.of(config),
        flags=flags,
        paths=paths,
        discovery=discovery,
        circumstances=circumstances,
        date=day,
        cache=cache,
        executor=executor,
    )
    text = work.compare() if compare else _render(format_, work.document())
    if file is None:
        write_output(text)
    else:
        from txsafe.atomic import write_atomically

        write_atomically(file, text.encode("utf-8", "backslashreplace"))
    return ExitStatus.CLEAN


def _parameters() -> list[click.Parameter]:
    own = [
        click.Option(
            ["--format", "audit_format"],
            type=click.Choice(list(_FORMATS)),
            help="How the document is written; else what the file's name says, or html.",
        ),
        click.Option(["--output-file", "-o", "audit_file"], metavar="FILE", help="Write the document to a file."),
        click.Option(
            ["--compare"], is_flag=True, default=False, help="Print what every pooler, version and setting would do."
        ),
        click.Option(
            ["--executor"], metavar="ADDRESS", help="Analyse on a Dask cluster, dask://HOST:PORT, that sees the files."
        ),
        click.Option(
            ["--date"], metavar="YYYY-MM-DD", help="The date on the document; else SOURCE_DATE_EPOCH's, or today's."
        ),
    ]
    paths, *shared = [parameter for parameter in parameters() if parameter.name not in _ONLY_CHECK]
    return [paths, *own, *circumstance_parameters(), *shared]


audit_command = click.Command(
    "audit",
    callback=run,
    params=_parameters(),
    help="Write the one document that a team decides from: can this code move behind the pooler, what has to change "
    "first, what would another pooler or setting do, and what could not be seen.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


# ---------------------------------------------------------------- what is asked for


def _choose_format(given: str | None, file: Path | None) -> str:
    if given is not None:
        return given
    return _SUFFIXES.get(file.suffix.lower(), "html") if file is not None else "html"


def _read_date(given: str | None) -> str:
    """Return the day as ISO 8601; `SOURCE_DATE_EPOCH` is that of <https://reproducible-builds.org/specs/>."""
    if given is not None:
        try:
            return dt.date.fromisoformat(given).isoformat()
        except ValueError as error:
            raise ConfigError(f"--date: {given!r} is no day such as 2026-01-31") from error
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isascii() and epoch.isdigit() and len(epoch) < 12:
        return dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC).date().isoformat()
    return dt.datetime.now(tz=dt.UTC).date().isoformat()


def _render(format_: str, audit: Audit) -> str:
    import importlib

    render: Callable[[Audit], str] = importlib.import_module(_FORMATS[format_]).render
    return render(audit)


# ---------------------------------------------------------------- the work


@dataclass(frozen=True, slots=True, kw_only=True)
class _Audit:
    setting: Setting
    flags: Flags
    paths: tuple[str, ...]
    discovery: Discovery
    circumstances: Circumstances
    date: str
    cache: Cache | None
    executor: str | None
    """The cluster's address."""

    def compare(self) -> str:
        """Return the comparison as text."""
        from txsafe.audit.comparison import list_blocks
        from txsafe.audit.section_text import render_blocks
        from txsafe.audit.whatif import compare_all

        setting = self.setting
        comparison = compare_all(self._judging(self._known()), setting.profile, setting.catalog)
        return render_blocks(list_blocks(comparison, setting.catalog), width=terminal_width())

    def document(self) -> Audit:
        """Return the whole audit."""
        from txsafe.audit.build import Materials, build_audit
        from txsafe.audit.owners import read_owners
        from txsafe.audit.whatif import compare_all

        setting = self.setting
        known = self._known()
        judging = self._judging(known)
        report, gone = self._report(judging, known)
        sources = quotable_sources(self.discovery.files, report, setting.config)
        evidence = self.circumstances.gather(judging.analysis.found, setting, sources)
        return build_audit(
            Materials(
                report=report,
                comparison=compare_all(judging, setting.profile, setting.catalog),
                config=setting.config,
                catalog=setting.catalog,
                sources=sources,
                owners=read_owners(setting.config.root),
                project=setting.config.root.resolve().name or "this code",
                date=self.date,
                gone=gone,
                budget=self.circumstances.tell_budget(self.paths, self.discovery.files, setting),
                evidence=None if evidence is None else self._tell(evidence),
                observed={} if evidence is None else tell_findings(evidence, report),
            )
        )

    def _tell(self, evidence: Evidence) -> Section:
        from txsafe.observed_sql.section import tell_evidence

        return tell_evidence(evidence, profile=self.setting.profile, catalog=self.setting.catalog)

    def _judging(self, known: tuple[Entry, ...] | None) -> Judging:
        from txsafe.audit.whatif import Judging
        from txsafe.rejudging import analyze_once

        setting = self.setting
        with shown_progress(setting.config) as progress, self._executor() as executor:
            analysis = analyze_once(
                self.discovery.files,
                setting.config,
                catalog=setting.catalog,
                profile=setting.profile,
                on_progress=progress,
                cache=self.cache,
                executor=executor,
            )
        note_troubles(self.cache, setting.config)
        return Judging(analysis=analysis, config=setting.config, known=known or ())

    def _executor(self) -> AbstractContextManager[Executor | None]:
        if self.executor is None:
            return nullcontext()
        from txsafe.executors import open_executor

        return open_executor(self.executor, folder=str(self.setting.config.root))

    def _known(self) -> tuple[Entry, ...] | None:
        from txsafe.baseline import read_baseline

        file = self.setting.config.baseline
        return None if file is None else read_baseline(file)

    def _report(self, judging: Judging, known: tuple[Entry, ...] | None) -> tuple[Report, int | None]:
        """Return what `check` says, and how many of the baseline's findings are gone."""
        from txsafe.baseline import compare
        from txsafe.gathering import gather
        from txsafe.selection import add_errors, select

        setting = self.setting
        report = setting.with_complaints(judging.analysis.with_fixes(judging.analysis.report(setting.profile)))
        record_baseline(report, self.flags, setting.config)
        gone = None
        if known is not None:
            comparison = compare(report, known, root=setting.config.root)
            report, gone = comparison.report, len(comparison.stale)
        report = gather(select(report, setting.config))
        return add_errors(report, self.discovery.errors), gone
