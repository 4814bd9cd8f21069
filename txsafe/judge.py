"""A `FeatureUse` and a `Profile` come in, a `Verdict` goes out. No I/O; all knowledge is in the catalogue.

A rule's variant requires capabilities; the pooler's file says what becomes of each. The verdict is the worst of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.catalog.capabilities import PARAMETRISED
from txsafe.catalog.conditions import Circumstances
from txsafe.catalog.templates import MISSING, fill_template
from txsafe.model import HOLE_CHARACTERS, Basis, Effect, Outcome, Severity, TransactionEnd, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.catalog import Catalog
    from txsafe.catalog.poolers import Pooler, Provision
    from txsafe.catalog.rules import Rule
    from txsafe.model import FeatureUse, Profile

_BADNESS = (Outcome.SAFE, Outcome.COSTLY, Outcome.UNKNOWN, Outcome.UNSAFE)
_UNDONE_BY_ROLLBACK = frozenset(
    {"parameter", "session-role", "session-authorization", "temporary-objects", "hold-cursor", "listen"}
)
"""Kinds of state that ROLLBACK takes back. Prepared statements, advisory locks of the session and setseed() stay:
https://www.postgresql.org/docs/current/sql-set.html, …/sql-listen.html, …/sql-declare.html, …/sql-prepare.html"""
_UNSEEN = frozenset({MISSING, *HOLE_CHARACTERS.values()})


def judge(use: FeatureUse, profile: Profile, catalog: Catalog) -> Verdict:
    """Say what happens to a use of session state behind a pooler."""
    rule = catalog.rules[use.rule]
    variant = rule.variants[use.variant]
    if not variant.requires:
        return _safe(variant.reason, rule.references[0])
    if use.paired:
        return _judge_pair(use, rule, profile, catalog)
    if use.transaction.end is TransactionEnd.ROLLBACK and _is_undone(use, variant.requires):
        return _safe("It is rolled back with the transaction.", "https://www.postgresql.org/docs/current/sql-set.html")
    verdict = _judge_requirements(use, variant.requires, profile, catalog)
    if verdict.outcome is Outcome.SAFE or profile.server_version is not None:
        return verdict
    return _mention_newer_server(verdict, use, variant.requires, profile, catalog)


def list_requirements(use: FeatureUse, catalog: Catalog) -> tuple[str, ...]:
    """Return the capabilities that a use requires, with the names that it gives."""
    variant = catalog.rules[use.rule].variants[use.variant]
    return tuple(_fill(template, use) for template in variant.requires)


def _safe(reason: str, reference: str) -> Verdict:
    return Verdict(outcome=Outcome.SAFE, reason=reason, basis=Basis.DOCUMENTATION, reference=reference)


def _judge_pair(use: FeatureUse, rule: Rule, profile: Profile, catalog: Catalog) -> Verdict:
    """Opened and closed in one transaction leaves nothing behind, unless the pooler's file knows better."""
    verdict = _judge_requirements(use, rule.variants[use.variant].requires, profile, catalog)
    return _safe(rule.paired_reason, rule.references[0]) if verdict.outcome is Outcome.SAFE else verdict


def _is_undone(use: FeatureUse, requires: Iterable[str]) -> bool:
    """Return whether ROLLBACK takes back all that a use leaves; what drivers listen with is no statement in it."""
    kinds = {capability.partition(":")[0] for capability in requires}
    return kinds <= _UNDONE_BY_ROLLBACK and (bool(use.sql) or "listen" not in kinds)


def _judge_requirements(use: FeatureUse, requires: tuple[str, ...], profile: Profile, catalog: Catalog) -> Verdict:
    verdicts = [judge_capability(_fill(template, use), use, profile, catalog) for template in requires]
    worst = max(verdicts, key=lambda verdict: _BADNESS.index(verdict.outcome))
    found = {effect for verdict in verdicts for effect in verdict.effects}
    effects = tuple(effect for effect in Effect if effect in found) if found else ()
    return worst if worst.effects == effects else replace(worst, effects=effects)


def _mention_newer_server(
    verdict: Verdict, use: FeatureUse, requires: tuple[str, ...], profile: Profile, catalog: Catalog
) -> Verdict:
    """Say so where a newer server would make it safe: the profile does not tell which one it is."""
    pooler = catalog.poolers[profile.pooler]
    if not any(_depends_on_server(_fill(template, use), pooler) for template in requires):
        return verdict
    for version in range(catalog.server.oldest_supported + 1, catalog.server.newest_known + 1):
        newer = _judge_requirements(use, requires, replace(profile, server_version=version), catalog)
        if newer.outcome is Outcome.SAFE:
            return replace(verdict, reason=f"{verdict.reason} With PostgreSQL {version} or newer it is safe.")
    return verdict


def _depends_on_server(capability: str, pooler: Pooler) -> bool:
    """Tell whether the server's version may decide on a capability; the name that is not known could be any."""
    kind, _, name = capability.partition(":")
    provisions = (
        (each for _, each in pooler.provisions_of_any_name(kind)) if name == MISSING else pooler.provisions(capability)
    )
    return any(each.condition.depends_on_server for each in provisions)


def _fill(template: str, use: FeatureUse) -> str:
    """Fill a capability's holes; a name that is not known, or only in part, becomes `…`."""
    kind, colon, name = template.partition(":")
    if not colon:
        return template
    filled = fill_template(name, use.captures).strip().strip('"').lower()
    unseen = not filled or any(character in filled for character in _UNSEEN)
    return f"{kind}:{MISSING if unseen else filled}"


# ---------------------------------------------------------------- one capability


def judge_capability(capability: str, use: FeatureUse, profile: Profile, catalog: Catalog) -> Verdict:
    """Say what happens to one capability; `kind:…` stands for one whose name is not known."""
    pooler = catalog.poolers[profile.pooler]
    kind, colon, name = capability.partition(":")
    server_version = profile.server_version or catalog.server.oldest_supported
    circumstances = Circumstances(
        mode=profile.mode,
        version=profile.version,
        server_version=server_version,
        settings=profile.settings,
        transaction=use.transaction.kind,
        paired=use.paired,
        name=name if colon else None,
        reported=catalog.server.reports(name, server_version),
    )
    unseen = kind in PARAMETRISED and name == MISSING
    provision = _find_worst(pooler, kind, circumstances) if unseen else _find_first(pooler, capability, circumstances)
    values = {**use.captures, "pooler": pooler.title, "mode": profile.mode, "version": profile.version or ""}
    values["name"] = "this parameter" if unseen else name
    if provision is None and use.paired:
        return Verdict(outcome=Outcome.SAFE, reason="It is closed before the transaction ends.", basis=Basis.SOURCE)
    if provision is None:
        return Verdict(outcome=Outcome.UNKNOWN, reason=f"Nobody has established what {pooler.title} does here.")
    reason = fill_template(provision.reason, values)
    return Verdict(
        outcome=provision.outcome,
        effects=provision.effects,
        reason=f"{reason} Its name is only known at run time." if unseen else reason,
        basis=provision.basis,
        reference=provision.reference,
        severity=provision.severity,
    )


def _find_first(pooler: Pooler, capability: str, circumstances: Circumstances) -> Provision | None:
    fitting = (each for each in pooler.provisions(capability) if each.condition.holds(circumstances))
    return next(fitting, None)


def _find_worst(pooler: Pooler, kind: str, circumstances: Circumstances) -> Provision | None:
    """Return the worst of all that some name could meet."""
    possible = _list_possible(pooler, kind, circumstances)
    return max(possible, key=_badness, default=None)


def _badness(provision: Provision) -> tuple[int, Severity]:
    return _BADNESS.index(provision.outcome), provision.severity or Severity.ERROR


def _list_possible(pooler: Pooler, kind: str, circumstances: Circumstances) -> Iterator[Provision]:
    for fits_any_name, provision in pooler.provisions_of_any_name(kind):
        if not provision.condition.may_hold(circumstances):
            continue
        yield provision
        if fits_any_name and not provision.condition.depends_on_name:
            return
