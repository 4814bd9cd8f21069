"""Findings and a `Comparison` come in, the steps of the migration go out, in the order in which they are best taken.

What a setting removes nobody has to rewrite, so the pooler comes first; then what is written once (settings of the role
and of drivers), then code: what a program can rewrite, what people must, and what is better kept on a direct
connection. Each finding that must go belongs to one step.
"""

from __future__ import annotations

import enum
import re
from collections import defaultdict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.audit.alternatives import ChangeKind
from txsafe.audit.section import Bar, Bars, Block, Bullets, Folded, Item, Listing, Paragraph, Section, Steps, Tone
from txsafe.audit.whatif import key_of
from txsafe.model import Applicability, Effect
from txsafe.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from txsafe.audit.document import Finding
    from txsafe.audit.whatif import Comparison, Effectual, Key
    from txsafe.model import Diagnostic, Profile
    from txsafe.report.json_text import JsonValue

ID = "plan"
_ROLE_SETTING = re.compile(r"ALTER ROLE \w+ SET (?P<name>\S+) = (?P<value>[^;\n]+);")
_ROUTES = "[tool.txsafe.routes]"
_MOST_LISTED = 12
_NOTHING: frozenset[Key] = frozenset()


class Work(enum.StrEnum):
    """What a finding asks for; in the order of the plan."""

    POOLER = "pooler settings"
    ROLE = "role settings"
    DRIVER = "driver settings"
    FIX = "code, safe fixes"
    HAND = "code by hand"
    ROUTE = "direct connections"


_TONES: Mapping[Work, Tone] = MappingProxyType(
    {
        Work.POOLER: Tone.GOOD,
        Work.ROLE: Tone.GOOD,
        Work.DRIVER: Tone.FAIR,
        Work.FIX: Tone.GOOD,
        Work.HAND: Tone.BAD,
        Work.ROUTE: Tone.FAIR,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps, and which findings each of them does away with."""

    settings: tuple[Effectual, ...]
    """Changes around the code to make, each removing what those before it leave."""
    removed: Mapping[str, int]
    """Label of such a change → what it removes that none before it does."""
    work: Mapping[Work, tuple[Finding, ...]]
    """Every kind of work, with the findings that must go."""
    script: tuple[str, ...]
    """Lines of SQL for the role: values that are set the same everywhere."""
    conflicting: tuple[str, ...]
    """Parameters that the code sets to several values: no setting of a role replaces them."""


def make_plan(findings: Sequence[Finding], comparison: Comparison) -> Plan:
    """Give each finding that must go to the step that does away with it."""
    blocking = [finding for finding in findings if finding.blocks]
    settings, removed = _choose_settings(comparison)
    gone = {key: each for each in reversed(settings) for key in each.removes}
    work: dict[Work, list[Finding]] = {kind: [] for kind in Work}
    for finding in blocking:
        change = gone.get(key_of(finding.diagnostic))
        work[_classify(finding.diagnostic) if change is None else _work_of(change)].append(finding)
    script, conflicting = _write_script([*work[Work.ROLE], *work[Work.HAND], *work[Work.FIX]])
    return Plan(
        settings=settings,
        removed=removed,
        work={kind: tuple(found) for kind, found in work.items()},
        script=script,
        conflicting=conflicting,
    )


def _choose_settings(comparison: Comparison) -> tuple[tuple[Effectual, ...], Mapping[str, int]]:
    """Return the changes to make, the most effective first: settings, and a newer pooler where that removes more.

    What has a price, brings new findings or needs another PostgreSQL is for people to decide, and stays a what-if.
    """
    offered = [each for each in comparison.helpful if not (each.change.price or each.adds)]
    same_server = [
        each for each in offered if each.change.profile.server_version == comparison.asked.profile.server_version
    ]
    chosen: list[Effectual] = []
    removed: dict[str, int] = {}
    for kind in (ChangeKind.SETTING, ChangeKind.UPGRADE, ChangeKind.ROUTE):
        candidates = [each for each in same_server if each.change.kind is kind]
        gone = _NOTHING.union(*(each.removes for each in chosen))
        for each in sorted(candidates, key=lambda each: -len(each.removes)):
            more = each.removes - gone
            if more:
                chosen.append(each)
                removed[each.change.label] = len(more)
                gone |= each.removes
    return tuple(chosen), removed


def _work_of(effectual: Effectual) -> Work:
    return Work.ROUTE if effectual.change.kind is ChangeKind.ROUTE else Work.POOLER


def _classify(diagnostic: Diagnostic) -> Work:
    suggestion = diagnostic.suggestion
    if _ROUTES in suggestion:
        return Work.ROUTE
    if _ROLE_SETTING.match(suggestion):
        return Work.ROLE
    if diagnostic.fix is not None and diagnostic.fix.applicability is Applicability.SAFE:
        return Work.FIX
    return Work.HAND if diagnostic.sql else Work.DRIVER


def _write_script(findings: Sequence[Finding]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the role's settings, and the parameters with more values than one."""
    values: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        for match in _ROLE_SETTING.finditer(finding.diagnostic.suggestion):
            values[match["name"]].add(match["value"].strip())
    single = sorted((name, *found) for name, found in values.items() if len(found) == 1)
    several = tuple(sorted(name for name, found in values.items() if len(found) > 1))
    return tuple(f"ALTER ROLE app SET {name} = {value};" for name, value in single), several


# ---------------------------------------------------------------- as a picture and as a section


def draw_plan(plan: Plan) -> Bars:
    """Return how much of each kind of work there is."""
    bars = (Bar(label=kind.value, value=len(found), tone=_TONES[kind]) for kind, found in plan.work.items() if found)
    return Bars(caption="Changes by kind of work", bars=tuple(bars))


def describe_plan(plan: Plan, profile: Profile) -> Section:
    """Return the steps as a section."""
    steps = tuple(_list_steps(plan, profile))
    intro = Paragraph(text="Each finding that must go belongs to one step; what a step removes needs no later one.")
    return Section(id=ID, title="Plan", blocks=(intro, Steps(items=steps)), data=_describe(plan))


def _list_steps(plan: Plan, profile: Profile) -> Iterator[Item]:
    for kind in Work:
        yield from _STEPS[kind](plan)
    yield Item(
        text="Hold the line: let CI refuse what is new.",
        details=(
            Listing(
                text=f"txsafe check --profile {profile.name} --write-baseline txsafe-baseline.json\n"
                f"txsafe check --profile {profile.name} --baseline txsafe-baseline.json   # in CI",
                language="console",
            ),
        ),
    )
    yield Item(
        text="Try it: run the test suite through the pooler, and `txsafe probe` against it, before production does."
    )


def _step_pooler(plan: Plan) -> Iterator[Item]:
    yield from (_announce(each, plan) for each in plan.settings if _work_of(each) is Work.POOLER)


def _announce(effectual: Effectual, plan: Plan) -> Item:
    label = effectual.change.label
    return Item(text=f"{label[:1].upper()}{label[1:]} ({_removes(plan.removed[label])}).")


def _step_role(plan: Plan) -> Iterator[Item]:
    findings = plan.work[Work.ROLE]
    if not (findings or plan.script):
        return
    details: list[Block] = []
    if plan.script:
        details.append(Listing(text="\n".join(plan.script), language="sql"))
    if plan.conflicting:
        names = ", ".join(f"`{name}`" for name in plan.conflicting)
        details.append(Paragraph(text=f"Set to several values in the code, so not here: {names}."))
    head = "Role settings, run once for the role that the application connects as, for values that never change"
    gain = _removes(len(findings)) if findings else "spares some of the rewrites below"
    yield Item(text=f"{head} ({gain}).", details=(*details, *_list_findings(findings)))


def _step_route(plan: Plan) -> Iterator[Item]:
    changes = [each for each in plan.settings if _work_of(each) is Work.ROUTE]
    yield from (_announce(each, plan) for each in changes)
    gone = _NOTHING.union(*(each.removes for each in changes))
    others = [finding for finding in plan.work[Work.ROUTE] if key_of(finding.diagnostic) not in gone]
    if others:
        head = "Keep on a direct connection, and name the route in `[tool.txsafe.routes]`"
        yield Item(text=f"{head} ({_removes(len(others))}).", details=tuple(_list_findings(others)))


def _step(kind: Work, head: str) -> Callable[[Plan], Iterator[Item]]:
    def step(plan: Plan) -> Iterator[Item]:
        findings = plan.work[kind]
        if findings:
            yield Item(text=f"{head} ({_removes(len(findings))}).", details=tuple(_list_findings(findings)))

    return step


_STEPS: Mapping[Work, Callable[[Plan], Iterator[Item]]] = {
    Work.POOLER: _step_pooler,
    Work.ROLE: _step_role,
    Work.DRIVER: _step(Work.DRIVER, "Settings of drivers and libraries, and calls to them"),
    Work.FIX: _step(Work.FIX, "Safe fixes: `txsafe fix` writes them"),
    Work.HAND: _step(Work.HAND, "Code to rewrite by hand"),
    Work.ROUTE: _step_route,
}


def _removes(number: int) -> str:
    return f"removes {count(number, 'finding')}"


def _list_findings(findings: Sequence[Finding]) -> Iterator[Block]:
    if not findings:
        return
    ordered = sorted(
        findings, key=lambda each: (Effect.LEAKED not in each.diagnostic.effects, each.diagnostic.sort_key)
    )
    bullets = Bullets(items=tuple(_item(finding) for finding in ordered))
    if len(findings) <= _MOST_LISTED:
        yield bullets
    else:
        yield Folded(title=count(len(findings), "place"), blocks=(bullets,))


def _item(finding: Finding) -> Item:
    diagnostic = finding.diagnostic
    leak = ", leaks" if Effect.LEAKED in diagnostic.effects else ""
    return Item(text=f"{diagnostic.path}:{diagnostic.start.line} {diagnostic.rule}{leak}", target=finding.anchor)


def _describe(plan: Plan) -> Mapping[str, JsonValue]:
    return {
        "settings": [
            {"change": each.change.label.replace("`", ""), "removes": plan.removed[each.change.label]}
            for each in plan.settings
        ],
        "role_settings": list(plan.script),
        "several_values": list(plan.conflicting),
        "work": {
            kind.value: [finding.diagnostic.fingerprint for finding in found] for kind, found in plan.work.items()
        },
    }
