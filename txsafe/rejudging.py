"""Files and a configuration come in; reports for as many profiles as are asked for go out, from one analysis.

What costs time is to read files and to find what they use. `analyze_once` does that and keeps the uses;
`Analysis.report` judges them for a profile. What it returns is what `engine.analyze` says of the same files for that
profile: the same gate, verdicts, suppressions, fingerprints and places.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from txsafe.analysis import Analyzer, Judged, Judging
from txsafe.catalog.templates import template_names
from txsafe.discovery import FileInput, read_input
from txsafe.engine import Progress, Settling, analyze, find_program, find_users, may_be_read
from txsafe.errors import SourceError
from txsafe.judge import judge, list_requirements
from txsafe.model import FileReport, Keeps, Profile, Report, SourceFile, Verdict
from txsafe.placing import place
from txsafe.profiles import resolve_routes
from txsafe.source import decode
from txsafe.workers import Setting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from txsafe.cache.folder import Cache
    from txsafe.catalog import Catalog
    from txsafe.config import Config
    from txsafe.model import Diagnostic, FeatureUse, FileUses
    from txsafe.rewrites.surroundings import Surroundings

STRICTEST = "statement"
"""The mode in which transactions count, too, so that more files are read."""

_Key: TypeAlias = tuple[str, tuple[tuple[str, Verdict], ...]]
_Kind: TypeAlias = tuple[object, ...]
_Circumstances: TypeAlias = tuple[object, ...]


def analyze_once(
    files: Sequence[FileInput],
    config: Config,
    *,
    catalog: Catalog,
    profile: Profile,
    on_progress: Progress | None = None,
    cache: Cache | None = None,
    executor: Executor | None = None,
) -> Analysis:
    """Find what files use; `profile` is any of those that will be asked for."""
    strictest = replace(profile, mode=STRICTEST)
    found = analyze(
        files, config, profile=strictest, keeps=Keeps.USES, on_progress=on_progress, cache=cache, executor=executor
    )
    return Analysis(tuple(files), config, catalog, found)


@dataclass(frozen=True)
class Analysis:
    """What files use, ready to be judged."""

    files: tuple[FileInput, ...]
    config: Config
    catalog: Catalog
    found: Report
    """What was found in each file that some profile wants to be read."""
    _known: dict[_Key, FileReport] = field(default_factory=dict)
    """What the verdicts on a file's uses made of it: profiles that agree on all of them share a report."""
    _texts: dict[str, SourceFile | None] = field(default_factory=dict)
    _kinds: dict[int, _Kind] = field(default_factory=dict)
    """By identity: `found` keeps the uses."""
    _verdicts: dict[_Circumstances, dict[tuple[str, _Kind], Verdict]] = field(default_factory=dict)

    def report(self, profile: Profile, *, direct: tuple[str, ...] = ()) -> Report:
        """Judge all files for a profile; connections with a route of their own keep that route's profile.

        `direct` has globs of further files whose connections bypass the pooler.
        """
        analyzer = self._analyzer(profile, direct)
        reports = [self._judge(report, analyzer) for report in self.found.files]
        placed = place(reports, Settling(self.files, self._setting))
        return Report(profile=profile, files=tuple(sorted(placed, key=lambda report: report.path)))

    def with_fixes(self, report: Report) -> Report:
        """Return a report with the fixes that the analysis has found: they need more of a file than what it uses."""
        fixes = {_name(each): each.fix for file in self.found.files for each in file.diagnostics}
        return replace(
            report,
            files=tuple(
                replace(file, diagnostics=tuple(replace(each, fix=fixes.get(_name(each))) for each in file.diagnostics))
                for file in report.files
            ),
        )

    def _analyzer(self, profile: Profile, direct: tuple[str, ...]) -> Analyzer:
        """Return what judges for a profile; routes lead to the same server.

        The profile has no name, so that reports which profiles share do not claim to be one profile's.
        """
        config = replace(self.config, server_version=profile.server_version, direct=(*self.config.direct, *direct))
        routes = resolve_routes(config.routes, self.catalog, server_version=config.server_version)
        return Analyzer(config, self.catalog, replace(profile, name=""), routes)

    @cached_property
    def _setting(self) -> Setting:
        return Setting(self.config, find_program(self.files, self.config))

    def _judge(self, report: FileReport, analyzer: Analyzer) -> FileReport:
        if analyzer.profile.mode != STRICTEST and report.path in self._read_for_strictest:
            return FileReport(path=report.path)
        if report.uses is None:
            return report
        return self._conclude(report.path, report.uses, analyzer)

    def _conclude(self, path: str, uses: FileUses, analyzer: Analyzer) -> FileReport:
        judged = analyzer.judge_uses(uses, path, judging=self._recall(analyzer.profile)) if uses.uses else ()
        key = (path, _identify(judged))
        if key not in self._known:
            source = self._source(path)
            if source is None:  # it is gone since
                return FileReport(path=path)
            self._known[key] = analyzer.conclude(uses, judged, source, sources=self._source, fixing=_leave)
        return self._known[key]

    def _recall(self, own: Profile) -> Judging:
        """Return what judges and remembers: a program does the same thing in many places."""
        known = self._verdicts.setdefault(_describe(own), {})

        def judging(use: FeatureUse, profile: Profile, catalog: Catalog) -> Verdict:
            key = (profile.name, self._kind(use))
            if key not in known:
                known[key] = judge(use, profile, catalog)
            return known[key]

        return judging

    def _kind(self, use: FeatureUse) -> _Kind:
        """Return all that a verdict can depend on but for the profile."""
        if id(use) not in self._kinds:
            captures = tuple((name, use.captures.get(name)) for name in self._told)
            self._kinds[id(use)] = (
                use.rule, use.variant, use.driver, use.paired, use.transaction.kind, use.transaction.end,
                list_requirements(use, self.catalog), captures,
            )  # fmt: skip
        return self._kinds[id(use)]

    @cached_property
    def _told(self) -> tuple[str, ...]:
        """Return the captures that some pooler's reasons repeat."""
        reasons = {
            provision.reason
            for pooler in self.catalog.poolers.values()
            for _, provisions in pooler.capabilities
            for provision in provisions
        }
        return tuple(sorted(frozenset[str]().union(*map(template_names, reasons))))

    @cached_property
    def _read_for_strictest(self) -> frozenset[str]:
        """Return the files that the gate lets in for the words of transactions only."""
        read = {report.path for report in self.found.files if report.parsed or report.errors}
        profile = replace(self.found.profile, mode="")
        files = [
            (number, file)
            for number, file in enumerate(self.files)
            if file.display in read and not may_be_read(file, self.config, profile=profile)
        ]
        users = find_users(files, self.found.files) if self.config.follow_imports else []
        return frozenset(file.display for _, file in files).difference(file.display for _, file in users)

    def _source(self, path: str) -> SourceFile | None:
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path: str) -> SourceFile | None:
        file = self._inputs.get(path) or FileInput(Path(path), path)
        try:
            return decode(read_input(file, limit=self.config.max_file_size), path)
        except SourceError:
            return None

    @cached_property
    def _inputs(self) -> dict[str, FileInput]:
        return {file.display: file for file in self.files}


def _identify(judged: Sequence[Judged]) -> tuple[tuple[str, Verdict], ...]:
    """Return what tells the verdicts on a file's uses from others: only routes' profiles have names."""
    return tuple((profile.name, verdict) for profile, verdict in judged)


def _describe(profile: Profile) -> _Circumstances:
    settings = tuple(sorted(profile.settings.items()))
    return (profile.pooler, profile.version, profile.mode, settings, profile.server_version)


def _name(diagnostic: Diagnostic) -> tuple[object, ...]:
    return (diagnostic.rule, diagnostic.path, diagnostic.start, diagnostic.end, diagnostic.sql)


def _leave(_use: FeatureUse, _surroundings: Surroundings) -> None:
    """Find no fix: what changes a program does not depend on the profile; see `Analysis.with_fixes`."""
