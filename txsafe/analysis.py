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
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from txsafe.catalog import Catalog, load_catalog
from txsafe.diagnose import MOST_RELATED, Sources, diagnose, file_diagnostic, surest
from txsafe.discovery import read_input
from txsafe.errors import SourceError
from txsafe.features import RuleIndex, find_api_uses, find_mentions, find_uses
from txsafe.fingerprints import with_fingerprints
from txsafe.globs import matching
from txsafe.judge import judge
from txsafe.model import (
    Asked,
    Consulted,
    Diagnostic,
    FeatureUse,
    FileError,
    FileReport,
    FileUses,
    Keeps,
    Location,
    Outcome,
    Position,
    Profile,
    SourceFile,
    Span,
    SqlSite,
    Statement,
    Unresolved,
    UnresolvedSink,
    Verdict,
)
from txsafe.own_rules import INTERNAL_ERROR, SYNTAX_ERROR
from txsafe.pairs import pair_uses
from txsafe.profiles import resolve_profile, resolve_routes
from txsafe.rewrites import find_fix
from txsafe.rewrites.surroundings import Surroundings
from txsafe.routing import find_route
from txsafe.source import FileKind, decode
from txsafe.suggestions import find_pattern
from txsafe.suppressions import UNTIL, UNUSED, SuppressionOptions, apply_suppressions
from txsafe.unresolved import find_undecided, find_unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from txsafe.config import Config
    from txsafe.discovery import FileInput
    from txsafe.model import ApiUse, Fix
    from txsafe.project import Program, Project

MOST_USES = 20_000
"""Of session state in one file, harmless ones included: a bound for generated files of many megabytes."""
MOST_DIAGNOSTICS = 2_000
"""Of one file: more than anyone reads."""
MOST_FOLDERS = 10_000
"""Of a program that is searched for references; the largest monorepos in public have fewer."""
DIRECT = "direct"
"""The profile of files that bypass the pooler."""
SETTINGS = "settings"
"""The sink of SQL that stands in a settings file."""
PRESUMED = frozenset({"literal", "script"})
"""The sinks of texts that nothing is seen to send; who is seen to send them knows better in what transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What a front end saw in one file, whatever its language."""

    path: str
    sites: tuple[tuple[SqlSite, tuple[Statement, ...]], ...] = ()
    uses: tuple[ApiUse, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    sinks: int = 0
    loose: tuple[str, ...] = ()
    errors: tuple[FileError, ...] = ()


Fixing: TypeAlias = "Callable[[FeatureUse, Surroundings], Fix | None]"
Judging: TypeAlias = "Callable[[FeatureUse, Profile, Catalog], Verdict]"
Judged: TypeAlias = tuple[Profile, Verdict]
"""What a use came to, and whose profile said so."""


@dataclass(frozen=True)
class Analyzer:
    """What the files of one run share."""

    config: Config
    catalog: Catalog
    profile: Profile
    routes: Mapping[str, Profile]
    """Patterns of names of connections → the profile that they are judged under."""
    program: Program | None = None
    """Where imports are followed: its folders."""
    keeps: Keeps = Keeps.NOTHING

    @classmethod
    def of(
        cls,
        config: Config,
        *,
        program: Program | None = None,
        keeps: Keeps = Keeps.NOTHING,
        catalog: Catalog | None = None,
    ) -> Analyzer:
        """Load the catalogue, unless it is given, and resolve the profiles; raises `ConfigError` and `CatalogError`."""
        catalog = catalog or load_catalog((*config.rule_paths, *config.profile_files))
        profile = resolve_profile(
            config.profile, catalog, settings=config.settings, server_version=config.server_version
        )
        routes = resolve_routes(config.routes, catalog, server_version=config.server_version)
        return cls(config, catalog, profile, routes, program, keeps)

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
        return Project(
            self.config.root,
            program=self.program,
            reserved=reserved,
            files=self._files,
            versions=self.config.versions,
        )

    def _files(self, program: Program) -> tuple[FileInput, ...]:
        """Return the files of the program that may refer to a name."""
        from txsafe.discovery import FileInput, find_files

        if program.files or not program.tree:
            found = tuple(FileInput(Path(path), path) for path in program.files)
        else:
            found = find_files([program.tree], self.config, most_folders=MOST_FOLDERS).files
        if not program.contents:
            return found
        return tuple(replace(file, data=program.contents.get(str(file.path.absolute()))) for file in found)

    @cached_property
    def suppression_options(self) -> SuppressionOptions:
        """What decides whether a suppression counts."""
        today = dt.datetime.now(tz=dt.UTC).date()
        return SuppressionOptions(
            rules=frozenset(self.catalog.rules), today=today, require_reason=self.config.require_reason
        )

    def analyze(self, file: FileInput) -> FileReport:
        """Analyse one file; never raises but for `KeyboardInterrupt`."""
        kind = FileKind.SETTINGS
        try:
            kind = file.kind
            if kind is FileKind.PYTHON:
                self.project.begin()
            data = read_input(file, limit=self.config.max_file_size)
            if kind is FileKind.PYTHON:
                self.project.hold(file.path, data)
            return self.analyze_source(decode(data, file.display), kind)
        except SourceError as error:
            failed = _failed(file.display, SYNTAX_ERROR, error.line, str(error))
            return replace(failed, consulted=self._consulted(kind))
        except RecursionError:
            failed = _failed(file.display, SYNTAX_ERROR, 0, "nested too deeply to be analysed")
            return replace(failed, consulted=self._consulted(kind))
        except Exception as error:  # noqa: BLE001  # here a defect of ours is kept from the other files
            what = traceback.format_exc() if self.config.debug else f"{type(error).__name__}: {error}"
            return _failed(file.display, INTERNAL_ERROR, 0, f"txsafe failed on this file: {what}")

    def analyze_source(self, source: SourceFile, kind: FileKind) -> FileReport:
        """Analyse one decoded file. Raises `SourceError` where it cannot be parsed."""
        if kind is FileKind.PYTHON:
            self.project.begin()
        sources = self._sources(source, kind)
        found = self._gather(source, kind, sources)
        report = self.conclude(found, self.judge_uses(found, source.path), source, sources=sources)
        report = replace(report, consulted=self._consulted(kind, source.text))
        return replace(report, uses=_portable(found, sources)) if self.keeps is Keeps.USES else report

    def _consulted(self, kind: FileKind, text: str = "") -> Consulted:
        """Return what the report of a file depends on beside what it holds: its text, if it has been read, too."""
        answers = self.project.consulted().answers if kind is FileKind.PYTHON else ()
        if UNTIL in text:
            answers = (*answers, (Asked.DAY.value, "", "", self.suppression_options.today.isoformat()))
        return Consulted(answers=answers)

    def _gather(self, source: SourceFile, kind: FileKind, sources: Sources) -> FileUses:
        """Return what a file uses, whatever the pooler."""
        match kind:
            case FileKind.PYTHON:
                reading = self._read_python(source)
            case FileKind.SQL:
                reading = self._read_sql(source)
            case FileKind.SETTINGS:
                reading = self._read_settings(source)
        found = self._find_uses(reading, sources)
        uses = tuple(pair_uses(found[:MOST_USES], self.catalog.rules.values()))
        unresolved, more = self._unresolved(reading)
        return FileUses(
            uses=(*uses, *found[MOST_USES:]),
            neighbours=(*uses, *self._mentions(reading, uses)),
            unresolved=tuple(_resolve_place(each, source) for each in unresolved),
            errors=reading.errors,
            sinks=reading.sinks + more,
            literals=tuple(sorted(site.place.span for site, _ in reading.sites if site.sink in PRESUMED)),
            reached=tuple(_reached(reading, sources)),
            loose=reading.loose,
            sites=reading.sites,
        )

    def judge_uses(self, found: FileUses, path: str, *, judging: Judging = judge) -> tuple[Judged, ...]:
        """Return the verdict on each use, and the profile of the connection that it is judged for."""
        return tuple(
            (profile, judging(use, profile, self.catalog))
            for use in found.uses[:MOST_USES]
            for profile in (self._profile_of(path, use),)
        )

    def conclude(
        self,
        found: FileUses,
        judged: Sequence[Judged],
        source: SourceFile,
        *,
        sources: Sources,
        fixing: Fixing = find_fix,
    ) -> FileReport:
        """Return the report of a file whose uses are judged; `sources` has the texts that they are spelled in."""
        surroundings = Surroundings(
            uses=found.neighbours,
            sites=found.sites,
            sources=sources,
            stable_functions=self.catalog.server.stable_functions,
        )
        every = self._diagnose(found, judged, surroundings, fixing)
        given = tuple(itertools.islice(every, MOST_DIAGNOSTICS + 1))
        distinct = _distinct(given[:MOST_DIAGNOSTICS], source.path)
        here = tuple(diagnostic for diagnostic in distinct if diagnostic.path == source.path)
        errors = (*found.errors, *_leftovers(found.uses, given, source))
        diagnostics = self.settle(source, here)
        if errors:  # what was not read may be what a comment silences
            diagnostics = tuple(each for each in diagnostics if each.variant != UNUSED)
        return FileReport(
            path=source.path,
            parsed=True,
            diagnostics=diagnostics,
            unresolved=found.unresolved,
            errors=errors,
            sinks=found.sinks,
            elsewhere=tuple(diagnostic for diagnostic in distinct if diagnostic.path != source.path),
            presumed=_presumed(found.literals, here, source),
            reached=found.reached,
            loose=found.loose,
        )

    def settle(self, source: SourceFile, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return all diagnostics of a file, whoever found them, with its suppressions and their fingerprints."""
        marked = apply_suppressions(source, diagnostics, self.suppression_options)
        return with_fingerprints(marked, source, root=self.config.root)

    def _sources(self, source: SourceFile, kind: FileKind) -> Sources:
        follows = kind is FileKind.PYTHON and self.config.follow_imports
        return self.project.source if follows else {source.path: source}.get

    # ------------------------------------------------------------ reading

    def _read_python(self, source: SourceFile) -> _Reading:
        from txsafe.python import PythonOptions, find_sites

        options = PythonOptions(
            sinks=self.config.sinks,
            parsed=self.project.open(Path(source.path), source) if self.config.follow_imports else None,
            versions=self.project.versions(Path(source.path).absolute().parent),
        )
        sighting = find_sites(source, self.catalog.drivers, options=options)
        return _Reading(
            path=source.path,
            sites=tuple((site, self._read_site(site)) for site in sighting.sites),
            uses=sighting.uses,
            unresolved=sighting.unresolved,
            sinks=sighting.sinks,
            loose=sighting.loose,
        )

    def _read_settings(self, source: SourceFile) -> _Reading:
        from txsafe.settings import read_settings
        from txsafe.settings.sighting import find_in_settings

        sighting = find_in_settings(source, read_settings(source), self.catalog.drivers)
        return _Reading(
            path=source.path,
            sites=tuple((site, self._read_site(site)) for site in sighting.sites),
            uses=sighting.uses,
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
        from txsafe.sql.reading import Detail
        from txsafe.sql.scripts import ScriptRunner, read_script

        in_transaction = matching(self.config.assume_in_transaction, source.path, root=self.config.root)
        runner = ScriptRunner.IN_TRANSACTION if in_transaction else ScriptRunner.UNKNOWN
        read = partial(read_script, source, assume_in_transaction=runner, functions=self.index.functions)
        # A user's own rule may ask for any statement.
        script = read(detail=Detail.ALL if self.config.rule_paths else Detail.TELLING)
        if any(self._looks_around(statement) for statement in script.statements):
            script = read()  # who else names what it opens, and what comes before it, is asked later
        sites = tuple((section.site, section.statements) for section in script.sections)
        return _Reading(path=source.path, sites=sites, unresolved=script.unresolved, errors=script.errors)

    def _looks_around(self, statement: Statement) -> bool:
        """Return whether a rewrite may ask what other statements do, whatever they are."""
        return "body" in statement.facts or any(call.name in self.index.asking for call in statement.calls)

    def _unresolved(self, reading: _Reading) -> tuple[tuple[Unresolved, ...], int]:
        """Return what could not be seen or decided, and how many sinks of it stand in texts that nothing sends."""
        found = dict.fromkeys(reading.unresolved)
        more = 0
        for site, statements in reading.sites:
            unseen = tuple(find_unseen(site, statements))
            if site.sink in PRESUMED or site.sink == SETTINGS:
                more += len(unseen)
            elif site.place.path == reading.path:
                found |= dict.fromkeys(find_undecided(site, statements, self.index))
            found |= dict.fromkeys(each for each in unseen if each.place.path == reading.path)
        return tuple(found), more

    # ------------------------------------------------------------ judging

    def _find_uses(self, reading: _Reading, sources: Sources) -> tuple[FeatureUse, ...]:
        """Return what a file uses, in the order of the text; one more than `MOST_USES` tells that there are more."""
        found: list[FeatureUse] = []
        for site, statements in reading.sites:
            limit = MOST_USES + 1 - len(found)
            uses = find_uses(site, statements, self.index, limit=limit)
            if uses and self._is_foreign(site):
                continue
            if uses:
                uses = find_uses(_respelled(site, sources), statements, self.index, limit=limit)
            found += uses
        found += find_api_uses(reading.uses, self.index)
        found.sort(key=lambda use: use.place)
        return tuple(found)

    def _is_foreign(self, site: SqlSite) -> bool:
        """Tell whether SQL is evidently another database's, where the driver may speak to one."""
        from txsafe.sql.dialects import foreign_dialect

        drivers = self.catalog.drivers
        own = site.driver is not None and site.driver not in drivers.any_database
        return not own and foreign_dialect(site.template.text) is not None

    def _diagnose(
        self, found: FileUses, judged: Sequence[Judged], surroundings: Surroundings, fixing: Fixing
    ) -> Iterator[Diagnostic]:
        told = tuple(
            (use, profile, verdict)
            for use, (profile, verdict) in zip(found.uses, judged, strict=False)
            if verdict.outcome is not Outcome.SAFE
        )
        places = {(use.rule, use.place) for use, _, _ in told}
        for use, profile, verdict in told:
            variant = self.catalog.rules[use.rule].variants[use.variant]
            if (use.rule, use.part_of) not in places and places.isdisjoint(
                (each, use.place) for each in variant.unless_told
            ):
                yield diagnose(
                    use,
                    verdict,
                    rule=self.catalog.rules[use.rule],
                    profile=profile,
                    surroundings=surroundings,
                    neighbours=found.neighbours,
                    placeholders=self.catalog.drivers.placeholders,
                    fix=fixing(use, surroundings),
                )

    def _mentions(self, reading: _Reading, uses: Sequence[FeatureUse]) -> Iterator[FeatureUse]:
        """Yield the statements that a rewrite of a temporary table must look at."""
        openers = [use for use in uses if "name" in use.captures and "body" in use.captures]
        if openers:
            for site, statements in reading.sites:
                yield from find_mentions(site, statements, openers)

    def _profile_of(self, path: str, use: FeatureUse) -> Profile:
        """Return the profile of the connection that a file uses: a route's, a direct file's, or the run's."""
        route = find_route(use.route, self.routes)
        if route is not None:
            return route
        if self.config.direct and matching(self.config.direct, path, root=self.config.root):
            return self.direct
        return self.profile


def _presumed(
    spans: Sequence[Span], found: Iterable[Diagnostic], source: SourceFile
) -> frozenset[tuple[str, Position]]:
    """Return which diagnostics are about texts of which only the text is known."""
    starts = [span.start for span in spans]
    presumed: set[tuple[str, Position]] = set()
    for diagnostic in found:
        offset = source.offset(diagnostic.start)
        before = bisect.bisect_right(starts, offset)
        if before and offset < spans[before - 1].end:
            presumed.add((diagnostic.rule, diagnostic.start))
    return frozenset(presumed)


def _reached(reading: _Reading, sources: Sources) -> Iterator[Location]:
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


def _portable(found: FileUses, sources: Sources) -> FileUses:
    """Return the same for another process: mapping proxies do not travel, nor does what only rewrites look at."""
    surroundings = Surroundings(uses=found.neighbours, sites=found.sites, sources=sources)
    copies = {
        id(use): replace(
            use,
            captures=dict(use.captures),
            pattern=find_pattern(use, found.neighbours, surroundings),
            spelling=None,
        )
        for use in (*found.uses, *found.neighbours)
    }
    return replace(
        found,
        sites=(),
        uses=tuple(copies[id(use)] for use in found.uses),
        neighbours=tuple(copies[id(use)] for use in found.neighbours),
    )


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


def _respelled(site: SqlSite, sources: Sources) -> SqlSite:
    """Return the site with exact places; only what is reported is worth the look at how it is spelled."""
    if site.sink == SETTINGS or all(fragment.exact for fragment in site.template.fragments):
        return site
    from txsafe.python.spelling import respell

    return replace(site, template=respell(site.template, sources))


def _distinct(diagnostics: Iterable[Diagnostic], path: str) -> tuple[Diagnostic, ...]:
    """Return one diagnostic for what several senders, or the alternatives of one, say of a place: the surest.

    What is spelled in another file is told apart by sender: where that file is not of the run, it is reported there.
    """
    groups: dict[tuple[object, ...], list[Diagnostic]] = {}
    places: dict[tuple[object, ...], list[tuple[object, ...]]] = {}
    for diagnostic in diagnostics:
        sender = () if diagnostic.path == path else diagnostic.related
        place = (diagnostic.rule, diagnostic.path, diagnostic.start, sender)
        key = (*place, diagnostic.message)
        if key not in groups:
            places.setdefault(place, []).append(key)
        groups.setdefault(key, []).append(diagnostic)
    distinct = ([surest(groups[key]) for key in keys] for keys in places.values())
    return tuple(each for group in distinct for each in _without_alternatives(group))


def _without_alternatives(group: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
    """Return one diagnostic for a statement that may be one of several, with the others beside it."""
    texts = {diagnostic.sql for diagnostic in group}
    if len(texts) < len(group) or "" in texts or len(group) == 1:
        return group
    chosen = max(group, key=lambda each: (each.severity.rank, each.confidence.rank))
    others = tuple(
        Location(path=each.path, start=each.start, end=each.end, message=f"or, at times: {each.sql}")
        for each in group
        if each is not chosen
    )
    return (replace(chosen, related=(*chosen.related, *others)[:MOST_RELATED]),)


def _resolve_place(unresolved: Unresolved, source: SourceFile) -> UnresolvedSink:
    start = source.position(unresolved.place.span.start)
    return UnresolvedSink(path=source.path, start=start, sink=unresolved.sink, reason=unresolved.reason)


def _failed(path: str, rule: str, line: int, message: str) -> FileReport:
    diagnostic = file_diagnostic(rule=rule, path=path, position=Position(max(line, 1), 1), message=message)
    return FileReport(path=path, diagnostics=(diagnostic,), errors=(FileError(path=path, line=line, message=message),))
