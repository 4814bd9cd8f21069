"""What a pooler's file says and does not mean: a `Choice` and a report come in, diagnostics on the file go out."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.catalog.conditions import split_names
from txsafe.diagnose import file_diagnostic
from txsafe.fingerprints import with_fingerprints
from txsafe.judge import judge_capability
from txsafe.model import Effect, FeatureUse, FileReport, Place, Position, Report, Severity, Span
from txsafe.own_rules import POOLER_CONFIG
from txsafe.poolerconfig.entries import Budget, find_shown
from txsafe.source import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.catalog import Catalog
    from txsafe.model import Diagnostic, Profile, SourceFile
    from txsafe.poolerconfig.choice import Choice
    from txsafe.poolerconfig.entries import Entry

PREPARES = "named-prepare"
_DISABLED = {
    "max_prepared_statements": "0",
    "pool_reserve_prepared_statement": "no",
    "prepared_statements_cache_size": "0",
    "prepared_statements": "disabled",
    "track_prepared_statements": "no",
}
"""Setting → the value that leaves prepared statements to the server connection that they were made on."""
_RESETS = frozenset(
    {"server_reset_query", "pool_discard", "pool_discard_query", "cleanup_server_connections", "reset_query_list"}
)
"""Settings that say how a server connection is cleaned for the next client."""
_CLEARED = ("parameter:work_mem", "temporary-objects")
"""What DISCARD ALL clears, and RESET ALL in part."""
_NO_HARM = frozenset({"extra_float_digits"})
"""Drivers send it to read floats exactly, which servers since PostgreSQL 12 print anyway."""
_SECRET = re.compile(
    r"(?i)(password\w{0,20}[ \t]{0,20}[=\s][ \t]{0,20})('(?:[^'\n]|''){0,1000}'|\"[^\"\n]{0,1000}\"|[^\s;,}]+)"
)


@dataclass(frozen=True, slots=True)
class _Complaint:
    entry: Entry
    message: str
    severity: Severity = Severity.WARNING


def complain(choice: Choice, report: Report, catalog: Catalog) -> Report:
    """Return the report with what is wrong with the pooler's file."""
    files: dict[str, list[Diagnostic]] = defaultdict(list)
    for complaint in dict.fromkeys(_list_complaints(choice, report, catalog)):
        files[complaint.entry.path].append(_diagnose(complaint))
    found = tuple(
        FileReport(
            path=path, parsed=True, diagnostics=with_fingerprints(own, read_masked(path), root=choice.config.root)
        )
        for path, own in files.items()
    )
    return replace(report, files=tuple(sorted((*report.files, *found), key=lambda file: file.path)))


def read_masked(path: str) -> SourceFile:
    """Return a pooler's file as reports may quote it: without passwords."""
    text = _SECRET.sub(lambda found: found[1] + "*" * len(found[2]), Budget().read(find_shown(path)))
    # Its name must not make it Python, whose encoding it would have to declare.
    return replace(decode(text.encode(), f"{path}.sql"), path=path)


def _diagnose(complaint: _Complaint) -> Diagnostic:
    place = Position(complaint.entry.line, 1)
    bare = file_diagnostic(rule=POOLER_CONFIG, path=complaint.entry.path, position=place, message=complaint.message)
    return replace(bare, severity=complaint.severity)


def _list_complaints(choice: Choice, report: Report, catalog: Catalog) -> Iterator[_Complaint]:
    yield from _find_missing(choice, catalog)
    yield from _find_disabled(choice, report, catalog)
    yield from _find_unreported(choice, catalog)
    yield from _find_vanishing(choice, catalog)
    yield from _find_idle_reset(choice)
    yield from _find_missing_reset(choice, catalog)
    yield from _find_other_modes(choice)


def _find_missing(choice: Choice, catalog: Catalog) -> Iterator[_Complaint]:
    pooler = catalog.poolers[choice.profile.pooler]
    for entry in choice.missing:
        since = pooler.settings[entry.key.lower()].exists
        yield _Complaint(entry, f"{pooler.title} {choice.profile.version} has no `{entry.key}`: it exists in {since}")


def _find_disabled(choice: Choice, report: Report, catalog: Catalog) -> Iterator[_Complaint]:
    """Tell that prepared statements are switched off where the code relies on them."""
    relying = [each for each in report.diagnostics if _prepares(each, catalog)]
    if not relying:
        return
    for key, off in _DISABLED.items():
        entry = choice.database.settings.get(key)
        if entry is not None and choice.profile.settings.get(key) == off:
            first = relying[0]
            places = f"{len(relying)} {'place relies' if len(relying) == 1 else 'places rely'}"
            where = f"{places} on prepared statements, the first is {first.path}:{first.start.line}"
            yield _Complaint(entry, f"`{key}` switches prepared statements off, but {where}", Severity.ERROR)


def _prepares(diagnostic: Diagnostic, catalog: Catalog) -> bool:
    rule = catalog.rules.get(diagnostic.rule)
    variant = rule.variants.get(diagnostic.variant) if rule is not None else None
    return variant is not None and PREPARES in variant.requires


def _find_unreported(choice: Choice, catalog: Catalog) -> Iterator[_Complaint]:
    entry = choice.database.settings.get("track_extra_parameters")
    if entry is None or entry in choice.missing:
        return
    version = choice.profile.server_version or catalog.server.oldest_supported
    for name in split_names(entry.value):
        if catalog.server.reports(name, version):
            continue
        since = catalog.server.reported.get(name)
        newer = f"only {since} and newer do" if since else "no version does"
        text = f"`{name}` cannot be tracked: PostgreSQL {version} does not report it to its clients; {newer}"
        yield _Complaint(entry, text)


def _find_vanishing(choice: Choice, catalog: Catalog) -> Iterator[_Complaint]:
    """Tell which start-up parameters are accepted without effect, as the catalogue has it."""
    entry = choice.database.settings.get("ignore_startup_parameters")
    if entry is None:
        return
    for name in split_names(entry.value):
        capability = "startup-options" if name == "options" else f"startup-parameter:{name}"
        use = FeatureUse(rule="", variant="", place=Place("", Span(0, 0)), sql="")
        verdict = judge_capability(capability, use, choice.profile, catalog)
        if Effect.IGNORED in verdict.effects and name not in _NO_HARM:
            text = f"what clients set with `{name}` at connect vanishes: the connection is accepted without it"
            yield _Complaint(entry, text)


def _find_idle_reset(choice: Choice) -> Iterator[_Complaint]:
    entry = choice.database.settings.get("server_reset_query")
    always = choice.profile.settings.get("server_reset_query_always")
    if entry is not None and entry.value and choice.profile.mode != "session" and always == "no":
        text = f"`server_reset_query` does nothing in {choice.profile.mode} mode without `server_reset_query_always`"
        yield _Complaint(entry, text, Severity.NOTE)


def _find_missing_reset(choice: Choice, catalog: Catalog) -> Iterator[_Complaint]:
    """Tell which setting, as it stands here and not by default, hands a client's state on to the next one."""
    pooler = catalog.poolers[choice.profile.pooler]
    for key in _RESETS & choice.database.settings.keys() & choice.profile.settings.keys():
        usual = {**choice.profile.settings, key: pooler.settings[key].default(choice.profile.version)}
        if _leaks(choice.profile, catalog) and not _leaks(replace(choice.profile, settings=usual), catalog):
            text = f"as `{key}` stands here, what a client leaves in a session is there for the next client"
            yield _Complaint(choice.database.settings[key], text)


def _leaks(profile: Profile, catalog: Catalog) -> bool:
    use = FeatureUse(rule="", variant="", place=Place("", Span(0, 0)), sql="")
    return any(Effect.LEAKED in judge_capability(each, use, profile, catalog).effects for each in _CLEARED)


def _find_other_modes(choice: Choice) -> Iterator[_Complaint]:
    """Tell whose connections are in another mode than the one that is judged for."""
    for user in choice.file.users:
        if user.value != choice.profile.mode:
            text = (
                f"user `{user.key}` is in {user.value} mode, whatever the database says; "
                f"this run judges for {choice.profile.mode} mode"
            )
            yield _Complaint(user, text, Severity.NOTE)
