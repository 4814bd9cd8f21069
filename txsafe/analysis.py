"""The pipeline for one file: text → sites → statements → feature uses → verdicts → diagnostics.

In: a file. Out: its `FileReport`. An `Analyzer` is built once per process and holds what does not change between files.
Expected failure is data in the report; a defect of ours is caught here, once, as `internal-error`.
"""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
import traceback
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.catalog import Catalog, load_catalog
from txsafe.diagnose import diagnose, file_diagnostic, surest
from txsafe.errors import SourceError
from txsafe.features import RuleIndex, find_api_uses, find_mentions, find_uses
from txsafe.fingerprints import with_fingerprints
from txsafe.globs import matching
from txsafe.judge import judge
from txsafe.model import (
    Diagnostic,
    FeatureUse,
    FileError,
    FileReport,
    Location,
    Outcome,
    Place,
    Position,
    Profile,
    SourceFile,
    Span,
    SqlSite,
    Statement,
    Unresolved,
    UnresolvedSink,
)
from txsafe.pairs import pair_uses
from txsafe.profiles import resolve_profile, resolve_routes
from txsafe.source import FileKind, decode, read_bytes
from txsafe.suppressions import UNUSED, SuppressionOptions, apply_suppressions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from txsafe.config import Config
    from txsafe.discovery import FileInput
    from txsafe.model import ApiUse
    from txsafe.project import Project
    from txsafe.sql.scripts import ScriptUnit

MOST_USES = 20_000
"""Of session state in one file, harmless ones included: a bound for generated files of many megabytes."""
MOST_DIAGNOSTICS = 2_000
"""Of one file: more than anyone reads."""
DIRECT = "direct"
"""The profile of files that bypass the pooler."""
LITERAL = "literal"
"""The sink of a text that nothing is seen to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What a front end saw in one file, whatever its language."""

    path: str
    sites: tuple[tuple[SqlSite, tuple[Statement, ...]], ...] = ()
    uses: tuple[ApiUse, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    sinks: int = 0
    errors: tuple[FileError, ...] = ()


@dataclass(frozen=True)
class Analyzer:
    """What the files of one run share."""

    config: Config
    catalog: Catalog
    profile: Profile
    routes: Mapping[str, Profile]
    """Patterns of names of connections → the profile that they are judged under."""
    roots: tuple[str, ...] = ()
    """Folders that the packages of the run stand in, for imports across them."""

    @classmethod
    def of(cls, config: Config, *, roots: tuple[str, ...] = ()) -> Analyzer:
        """Load the catalogue and resolve the profiles; raises `ConfigError` and `CatalogError`."""
        catalog = load_catalog((*config.rule_paths, *config.profile_files))
        profile = resolve_profile(
            config.profile, catalog, settings=config.settings, server_version=config.server_version
        )
        routes = resolve_routes(config.routes, catalog, server_version=config.server_version)
        return cls(config, catalog, profile, routes, roots)

    @cached_property
    def direct(self) -> Profile:
        """The profile of files whose connections bypass the pooler."""
        return resolve_profile(DIRECT, self.catalog, settings={}, server_version=self.config.server_version)

    @cached_property
    def index(self) -> RuleIndex:
        """The rules by what they look at."""
        return RuleIndex(self.catalog.rules.values())

    @cached_property
    def project(self) -> Project:
        """The other files of the program."""
        from txsafe.project import Project

        drivers = self.catalog.drivers
        reserved = frozenset(name.partition(".")[0] for name in (*drivers.imports, *drivers.foreign))
        return Project(self.config.root, roots=self.roots, reserved=reserved)

    @cached_property
    def suppression_options(self) -> SuppressionOptions:
        """What decides whether a suppression counts."""
        today = dt.datetime.now(tz=dt.UTC).date()
        return SuppressionOptions(
            rules=frozenset(self.catalog.rules), today=today, require_reason=self.config.require_reason
        )

    def analyze(self, file: FileInput) -> FileReport:
        """Analyse one file; never raises but for `KeyboardInterrupt`."""
        try:
            data = file.data if file.data is not None else read_bytes(file.path, limit=self.config.max_file_size)
            return self.analyze_source(decode(data, file.display), file.kind)
        except SourceError as error:
            return _failed(file.display, "syntax-error", error.line, str(error))
        except RecursionError:
            return _failed(file.display, "syntax-error", 0, "nested too deeply to be analysed")
        except Exception as error:  # noqa: BLE001  # here a defect of ours is kept from the other files
            what = traceback.format_exc() if self.config.debug else f"{type(error).__name__}: {error}"
            return _failed(file.display, "internal-error", 0, f"txsafe failed on this file: {what}")

    def analyze_source(self, source: SourceFile, kind: FileKind) -> FileReport:
        """Analyse one decoded file. Raises `SourceError` where it cannot be parsed."""
        reading = self._read_sql(source) if kind is FileKind.SQL else self._read_python(source)
        sources = self._sources(source, kind)
        uses = self._find_uses(reading, sources)
        every = self._diagnose(uses[:MOST_USES], reading, sources)
        given = tuple(itertools.islice(every, MOST_DIAGNOSTICS + 1))
        found = _distinct(given[:MOST_DIAGNOSTICS], source.path)
        here = tuple(diagnostic for diagnostic in found if diagnostic.path == source.path)
        errors = (*reading.errors, *_leftovers(uses, given, source))
        diagnostics = self.settle(source, here)
        if errors:  # what was not read may be what a comment silences
            diagnostics = tuple(each for each in diagnostics if each.variant != UNUSED)
        return FileReport(
            path=source.path,
            parsed=True,
            diagnostics=diagnostics,
            unresolved=tuple(_resolve_place(each, source) for each in reading.unresolved),
            errors=errors,
            sinks=reading.sinks,
            elsewhere=tuple(diagnostic for diagnostic in found if diagnostic.path != source.path),
            presumed=_presumed(reading, here, source),
            reached=tuple(_reached(reading, sources)),
        )

    def settle(self, source: SourceFile, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return all diagnostics of a file, whoever found them, with its suppressions and their fingerprints."""
        marked = apply_suppressions(source, diagnostics, self.suppression_options)
        return with_fingerprints(marked, source, root=self.config.root)

    def _sources(self, source: SourceFile, kind: FileKind) -> Callable[[str], SourceFile | None]:
        follows = kind is FileKind.PYTHON and self.config.follow_imports
        return self.project.source if follows else {source.path: source}.get

    # ------------------------------------------------------------ reading

    def _read_python(self, source: SourceFile) -> _Reading:
        from txsafe.python import PythonOptions, find_sites

        options = PythonOptions(
            sinks=self.config.sinks,
            versions=self.config.versions,
            parsed=self.project.open(Path(source.path), source) if self.config.follow_imports else None,
        )
        sighting = find_sites(source, self.catalog.drivers, options=options)
        return _Reading(
            path=source.path,
            sites=tuple((site, self._read_site(site)) for site in sighting.sites),
            uses=sighting.uses,
            unresolved=sighting.unresolved,
            sinks=sighting.sinks,
        )

    def _read_site(self, site: SqlSite) -> tuple[Statement, ...]:
        """Read what a driver sends as one message."""
        from txsafe.sql import read_statements

        return read_statements(
            site.template.text,
            transaction=site.transaction,
            block_prefix=f"{site.place.path}:{site.place.span.start}:",
            functions=self.index.functions,
        )

    def _read_sql(self, source: SourceFile) -> _Reading:
        from txsafe.sql.scripts import ScriptRunner, read_script

        in_transaction = matching(self.config.assume_in_transaction, source.path, root=self.config.root)
        runner = ScriptRunner.IN_TRANSACTION if in_transaction else ScriptRunner.UNKNOWN
        script = read_script(source, assume_in_transaction=runner, functions=self.index.functions)
        return _Reading(path=source.path, sites=tuple(_by_section(script.units, source)), errors=script.errors)

    # ------------------------------------------------------------ judging

    def _find_uses(self, reading: _Reading, sources: Callable[[str], SourceFile | None]) -> tuple[FeatureUse, ...]:
        """Return what a file uses, in the order of the text; one more than `MOST_USES` tells that there are more."""
        found: list[FeatureUse] = []
        for site, statements in reading.sites:
            limit = MOST_USES + 1 - len(found)
            uses = find_uses(site, statements, self.index, limit=limit)
            if uses:
                uses = find_uses(_respelled(site, sources), statements, self.index, limit=limit)
            found += uses
        found += find_api_uses(reading.uses, self.index)
        found.sort(key=lambda use: use.place)
        return tuple(found)

    def _diagnose(
        self, found: Sequence[FeatureUse], reading: _Reading, sources: Callable[[str], SourceFile | None]
    ) -> Iterator[Diagnostic]:
        uses = pair_uses(found, self.catalog.rules.values())
        neighbours = (*uses, *self._mentions(reading, uses))
        for use in uses:
            yield from self._judge(use, reading.path, sources=sources, neighbours=neighbours)

    def _mentions(self, reading: _Reading, uses: Sequence[FeatureUse]) -> Iterator[FeatureUse]:
        """Yield the statements that a rewrite of a temporary table must look at."""
        openers = [use for use in uses if "name" in use.captures and "body" in use.captures]
        if openers:
            for site, statements in reading.sites:
                yield from find_mentions(site, statements, openers)

    def _judge(
        self,
        use: FeatureUse,
        path: str,
        *,
        sources: Callable[[str], SourceFile | None],
        neighbours: Sequence[FeatureUse],
    ) -> Iterator[Diagnostic]:
        profile = self._profile_of(path, use)
        verdict = judge(use, profile, self.catalog)
        if verdict.outcome is not Outcome.SAFE:
            rule = self.catalog.rules[use.rule]
            yield diagnose(use, verdict, rule=rule, profile=profile, sources=sources, neighbours=neighbours)

    def _profile_of(self, path: str, use: FeatureUse) -> Profile:
        """Return the profile of the connection that a file uses: a route's, a direct file's, or the run's."""
        if use.route is not None:
            for pattern, profile in self.routes.items():
                if fnmatchcase(use.route, pattern):
                    return profile
        if self.config.direct and matching(self.config.direct, path, root=self.config.root):
            return self.direct
        return self.profile


def _by_section(units: Iterable[ScriptUnit], source: SourceFile) -> Iterator[tuple[SqlSite, tuple[Statement, ...]]]:
    """Join what shares a template: a long script's text is put together once, not once per statement."""
    whole = Place(source.path, Span(0, len(source.text)))
    for _, section in itertools.groupby(units, key=lambda unit: id(unit.site.template)):
        joined = tuple(section)
        statements = itertools.chain.from_iterable(unit.statements for unit in joined)
        yield replace(joined[0].site, place=whole), tuple(statements)


def _presumed(reading: _Reading, found: Iterable[Diagnostic], source: SourceFile) -> frozenset[tuple[str, Position]]:
    """Return which diagnostics are about texts of which only the text is known."""
    spans = sorted(site.place.span for site, _ in reading.sites if site.sink == LITERAL)
    starts = [span.start for span in spans]
    presumed: set[tuple[str, Position]] = set()
    for diagnostic in found:
        offset = source.offset(diagnostic.start)
        before = bisect.bisect_right(starts, offset)
        if before and offset < spans[before - 1].end:
            presumed.add((diagnostic.rule, diagnostic.start))
    return frozenset(presumed)


def _reached(reading: _Reading, sources: Callable[[str], SourceFile | None]) -> Iterator[Location]:
    """Yield the texts of other files that a file sends."""
    places = {
        fragment.place
        for site, _ in reading.sites
        for fragment in site.template.fragments
        if fragment.place.path != reading.path and fragment.hole is None
    }
    for place in sorted(places):
        source = sources(place.path)
        if source is not None:
            start, end = source.position(place.span.start), source.position(place.span.end)
            yield Location(path=place.path, start=start, end=end, message="")


def _leftovers(
    uses: Sequence[FeatureUse], diagnostics: Sequence[Diagnostic], source: SourceFile
) -> Iterator[FileError]:
    """Say from which line on nothing is reported any more."""
    if len(diagnostics) > MOST_DIAGNOSTICS:
        last = diagnostics[MOST_DIAGNOSTICS]
        line = last.start.line if last.path == source.path else 0
    elif len(uses) > MOST_USES:
        place = uses[MOST_USES].place
        line = source.position(place.span.start).line if place.path == source.path else 0
    else:
        return
    yield FileError(path=source.path, line=line, message="too much session state in one file; the rest is not reported")


def _respelled(site: SqlSite, sources: Callable[[str], SourceFile | None]) -> SqlSite:
    """Return the site with exact places; only what is reported is worth the look at how it is spelled."""
    if all(fragment.exact for fragment in site.template.fragments):
        return site
    from txsafe.python.spelling import respell

    return replace(site, template=respell(site.template, sources))


def _distinct(diagnostics: Iterable[Diagnostic], path: str) -> tuple[Diagnostic, ...]:
    """Return one diagnostic for what several senders, or the alternatives of one, say of a place: the surest.

    What is spelled in another file is told apart by sender: where that file is not of the run, it is reported there.
    """
    groups: dict[tuple[object, ...], list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        sender = () if diagnostic.path == path else diagnostic.related
        key = (diagnostic.rule, diagnostic.path, diagnostic.start, diagnostic.message, sender)
        groups.setdefault(key, []).append(diagnostic)
    return tuple(surest(group) for group in groups.values())


def _resolve_place(unresolved: Unresolved, source: SourceFile) -> UnresolvedSink:
    start = source.position(unresolved.place.span.start)
    return UnresolvedSink(path=source.path, start=start, sink=unresolved.sink, reason=unresolved.reason)


def _failed(path: str, rule: str, line: int, message: str) -> FileReport:
    diagnostic = file_diagnostic(rule=rule, path=path, position=Position(max(line, 1), 1), message=message)
    return FileReport(path=path, diagnostics=(diagnostic,), errors=(FileError(path=path, line=line, message=message),))
