"""A `Comparison` comes in, the section that shows it goes out: poolers side by side, single changes, what remains."""

from __future__ import annotations

from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.audit.section import (
    Align,
    Block,
    Bullets,
    Cell,
    Column,
    Folded,
    Item,
    Paragraph,
    Section,
    Shape,
    Table,
    Tone,
)
from txsafe.audit.whatif import TRANSACTION
from txsafe.model import Effect, Outcome, Severity
from txsafe.report.wording import count

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from txsafe.audit.whatif import Comparison, Effectual, Key, Tally
    from txsafe.catalog import Catalog
    from txsafe.model import Profile
    from txsafe.report.json_text import JsonObject, JsonValue

ID = "what-if"
_MOST_NAMED = 4
"""Poolers of a row of the picture."""
_MOST_LISTED = 12
"""Findings of a list that is open from the start."""
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        Effect.LEAKED.value: "leaked",
        Effect.WRONG_RESULT.value: "wrong",
        Effect.STUCK.value: "stuck",
        Effect.LOST.value: "lost",
        Effect.ERROR.value: "failing",
        Effect.IGNORED.value: "ignored",
        Outcome.COSTLY.value: "pinned",
        Outcome.UNKNOWN.value: "unknown",
    }
)
"""What goes wrong, in one word; the worst first."""
_FAIR = frozenset({Outcome.COSTLY.value, Effect.IGNORED.value, Effect.ERROR.value, Effect.LOST.value})


def describe_comparison(comparison: Comparison, catalog: Catalog, anchors: Mapping[Key, str]) -> Section:
    """Return the section; `anchors` has the ids of the findings that it can link to."""
    blocks: list[Block] = [
        Paragraph(text=" ".join(summarize(comparison, catalog))),
        _heat_map(comparison, catalog),
        *_show_changes(comparison),
        *_show_remaining(comparison, anchors),
        Folded(title="Every pooler, version and mode", blocks=(_whole_table(comparison, catalog),)),
    ]
    return Section(id=ID, title="What if", blocks=tuple(blocks), data=_describe(comparison))


def list_blocks(comparison: Comparison, catalog: Catalog) -> tuple[Block, ...]:
    """Return the same for a terminal, where there is no room for a picture."""
    return (
        Paragraph(text=" ".join(summarize(comparison, catalog))),
        _whole_table(comparison, catalog),
        *_show_changes(comparison),
        *_show_remaining(comparison, {}),
    )


def summarize(comparison: Comparison, catalog: Catalog) -> Iterator[str]:
    """Give the sentences that matter: the pooler that needs the fewest changes, the change that helps most."""
    asked = comparison.asked
    ranked = sorted(_list_newest(comparison, catalog), key=lambda tally: tally.rank)
    yield f"For {asked.profile.title}: {count(len(asked.changes), 'change')}."
    if ranked:
        fewest = [tally for tally in ranked if len(tally.changes) == len(ranked[0].changes)]
        names = _join([_name(tally.profile, catalog) for tally in fewest])
        verb = "needs" if len(fewest) == 1 else "need"
        yield f"In transaction mode, {names} {verb} the fewest ({len(ranked[0].changes)})."
    if comparison.helpful:
        best = comparison.helpful[0]
        yield f"The single change around the code that helps most: {best.change.label} removes {len(best.removes)}."
    if asked.changes:
        stays = len(comparison.remaining)
        verb = "remains" if stays == 1 else "remain"
        yield f"Behind every pooler and with every setting, {count(stays, 'change') if stays else 'none'} {verb}."


def suggest_other(comparison: Comparison, catalog: Catalog) -> Iterator[str]:
    """Give the pooler that needs the fewest changes, if that is another one."""
    best = min(_list_newest(comparison, catalog), key=lambda tally: tally.rank, default=comparison.asked)
    if len(best.changes) < len(comparison.asked.changes):
        yield f"{_name(best.profile, catalog)} would need fewer: {count(len(best.changes), 'change')}."


def _join(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    shown = names if len(names) <= 5 else [*names[:4], f"{len(names) - 4} others"]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _name(profile: Profile, catalog: Catalog) -> str:
    pooler = catalog.poolers[profile.pooler]
    return pooler.title if profile.version is None or pooler.based_on else f"{pooler.title} {profile.version}"


# ---------------------------------------------------------------- features and poolers


def _list_newest(comparison: Comparison, catalog: Catalog) -> list[Tally]:
    """Return each pooler in transaction mode as it is if nobody says: its newest version, or what the service runs."""
    return [
        tally
        for tally in comparison.others
        if tally.profile.mode == TRANSACTION and tally.profile.version == catalog.poolers[tally.profile.pooler].version
    ]


def _heat_map(comparison: Comparison, catalog: Catalog) -> Table:
    """Return a row for each group of poolers that do the same, the ones that need the fewest changes first."""
    newest = _list_newest(comparison, catalog)
    tallies = [comparison.asked, *newest]
    rules = sorted({rule for tally in tallies for rule in tally.rules})
    groups = _group(sorted(newest, key=lambda tally: tally.rank), lambda tally: (tally.changes, str(tally.rules)))
    asked = (f"asked for: {comparison.asked.profile.title}", comparison.asked)
    named = [(_name_group(group, catalog), group[0]) for group in groups]
    return Table(
        caption="Features and poolers in transaction mode: findings that must go, and the worst that happens",
        columns=(
            Column(head="Pooler"),
            Column(head="Changes", align=Align.RIGHT),
            *(Column(head=rule) for rule in rules),
        ),
        rows=tuple(_heat_row(name, tally, rules) for name, tally in (asked, *named)),
        shape=Shape.MATRIX,
    )


def _name_group(group: Sequence[Tally], catalog: Catalog) -> str:
    """Return the poolers that do the same, services that run one of them last, and only so many."""
    ordered = sorted(group, key=lambda tally: catalog.poolers[tally.profile.pooler].based_on is not None)
    names = [_name(tally.profile, catalog) for tally in ordered]
    if len(names) > _MOST_NAMED:
        names[_MOST_NAMED - 1 :] = [f"{len(names) - _MOST_NAMED + 1} more (see below)"]
    return ", ".join(names)


def _group(tallies: Iterable[Tally], key: Callable[[Tally], object]) -> list[list[Tally]]:
    groups: dict[object, list[Tally]] = {}
    for tally in tallies:
        groups.setdefault(key(tally), []).append(tally)
    return list(groups.values())


def _heat_row(name: str, tally: Tally, rules: Sequence[str]) -> tuple[Cell, ...]:
    total = Cell(text=f"{len(tally.changes)}", tone=Tone.GOOD if not tally.changes else Tone.PLAIN)
    return (Cell(text=name), total, *(_heat_cell(tally.rules.get(rule)) for rule in rules))


def _heat_cell(words: Counter[str] | None) -> Cell:
    if not words:
        return Cell(text="0", tone=Tone.GOOD)
    worst = next(word for word in _WORDS if word in words)
    tone = Tone.UNKNOWN if worst == Outcome.UNKNOWN else Tone.FAIR if worst in _FAIR else Tone.BAD
    return Cell(text=f"{words.total()} {_WORDS[worst]}", tone=tone)


# ---------------------------------------------------------------- single changes


def _show_changes(comparison: Comparison) -> Iterator[Block]:
    if not comparison.asked.changes:
        return
    if not comparison.helpful:
        yield Paragraph(text="No single setting, and no newer version of this pooler or of PostgreSQL, removes any.")
        return
    yield Table(
        caption="Single changes around the code that remove findings",
        columns=(
            Column(head="Change"),
            Column(head="Removes", align=Align.RIGHT),
            Column(head="Adds", align=Align.RIGHT),
            Column(head="Changes left", align=Align.RIGHT),
            Column(head="What it costs"),
        ),
        rows=tuple(_change_row(each, comparison) for each in comparison.helpful),
    )


def _change_row(effectual: Effectual, comparison: Comparison) -> tuple[Cell, ...]:
    left = len(comparison.asked.changes) - len(effectual.removes) + len(effectual.adds)
    return (
        Cell(text=effectual.change.label),
        Cell(text=f"{len(effectual.removes)}", tone=Tone.GOOD),
        Cell(text=f"{len(effectual.adds)}", tone=Tone.BAD if effectual.adds else Tone.PLAIN),
        Cell(text=f"{left}"),
        Cell(text=effectual.change.price),
    )


def _show_remaining(comparison: Comparison, anchors: Mapping[Key, str]) -> Iterator[Block]:
    remaining = sorted(comparison.remaining)
    if not remaining:
        return
    items = Bullets(items=tuple(_link(key, anchors) for key in remaining))
    intro = Paragraph(text="These need another line of code, or a direct connection, whatever the pooler:")
    if len(remaining) <= _MOST_LISTED:
        yield intro
        yield items
    else:
        title = f"{count(len(remaining), 'finding')} that no pooler in transaction mode and no setting removes"
        yield Folded(title=title, blocks=(intro, items))


def _link(key: Key, anchors: Mapping[Key, str]) -> Item:
    rule, path, start = key
    return Item(text=f"{path}:{start.line} {rule}", target=anchors.get(key, ""))


# ---------------------------------------------------------------- everything


def _whole_table(comparison: Comparison, catalog: Catalog) -> Table:
    return Table(
        caption="What each pooler makes of the code",
        columns=(
            Column(head="Pooler"),
            Column(head="Mode"),
            *(Column(head=head, align=Align.RIGHT) for head in ("Changes", "Leaks", "Errors", "Warnings", "Notes")),
        ),
        rows=tuple(_list_rows(comparison, catalog)),
    )


def _list_rows(comparison: Comparison, catalog: Catalog) -> Iterator[tuple[Cell, ...]]:
    """Give a row for each mode and range of versions in which the numbers are the same."""
    ordered = sorted(comparison.others, key=lambda tally: (tally.profile.pooler, tally.profile.mode != TRANSACTION))
    for _, group in groupby(ordered, key=lambda tally: (tally.profile.pooler, tally.profile.mode, _numbers(tally))):
        same = list(group)
        profile = same[0].profile
        texts = (_span([each.profile for each in same], catalog), profile.mode, *_numbers(same[0]))
        yield tuple(Cell(text=text) for text in texts)


def _span(profiles: Sequence[Profile], catalog: Catalog) -> str:
    first, last = profiles[0], profiles[-1]
    name = _name(first, catalog)
    return name if first.version == last.version else f"{name} to {last.version}"


def _numbers(tally: Tally) -> tuple[str, ...]:
    severities = (tally.severities.get(severity, 0) for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE))
    return tuple(f"{number}" for number in (len(tally.changes), tally.leaks, *severities))


def _describe(comparison: Comparison) -> JsonObject:
    return {
        "asked": _describe_tally(comparison.asked),
        "profiles": [_describe_tally(tally) for tally in comparison.others],
        "changes": [
            {
                "kind": each.change.kind.value,
                "label": each.change.label.replace("`", ""),
                "profile": _describe_profile(each.change.profile),
                "removes": len(each.removes),
                "adds": len(each.adds),
                "price": each.change.price,
            }
            for each in comparison.helpful
        ],
        "remaining": [
            {"rule": rule, "path": path, "line": start.line, "column": start.column}
            for rule, path, start in sorted(comparison.remaining)
        ],
    }


def _describe_tally(tally: Tally) -> JsonValue:
    return {
        **_describe_profile(tally.profile),
        "changes": len(tally.changes),
        "leaks": tally.leaks,
        "by_severity": {severity.value: tally.severities.get(severity, 0) for severity in sorted(Severity)},
        "by_rule": {rule: words.total() for rule, words in sorted(tally.rules.items())},
    }


def _describe_profile(profile: Profile) -> JsonObject:
    return {
        "profile": profile.name,
        "pooler": profile.pooler,
        "version": profile.version,
        "mode": profile.mode,
        "settings": dict(sorted(profile.settings.items())),
        "server_version": profile.server_version,
    }
