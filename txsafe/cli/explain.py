"""`txsafe explain RULE`: a rule's page on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.catalog import Catalog
    from txsafe.catalog.rules import Rule, Variant


def run(*, rule: str, rule_paths: tuple[str, ...]) -> int:
    """Print the page and return the exit status; raises `ConfigError` for an unknown rule."""
    from txsafe.catalog import load_catalog
    from txsafe.cli.flags import configure
    from txsafe.cli.terminal import write_output

    catalog = load_catalog(configure((), {"rule_paths": rule_paths}).rule_paths)
    write_output("\n".join(_list_sections(catalog.find_rule(rule), catalog)))
    return 0


def _list_sections(rule: Rule, catalog: Catalog) -> Iterator[str]:
    yield f"# {rule.id}: {rule.title}\n\nSeverity: {rule.severity}\n"
    yield rule.explanation.rstrip() + "\n"
    yield "## Variants\n"
    yield "\n".join(_describe_variant(variant) for variant in rule.variants.values())
    if rule.paired_reason:
        yield f"Opened and closed in one transaction it is safe. {rule.paired_reason}\n"
        yield "".join(_list_exceptions(rule, catalog))
    yield "## What becomes of it\n"
    yield _tabulate_verdicts(rule, catalog)
    yield "## References\n"
    yield "".join(f"- {reference}\n" for reference in rule.references)


def _describe_variant(variant: Variant) -> str:
    if not variant.requires:
        return f"- `{variant.id}`: safe. {variant.reason}\n"
    suggestions = "".join(_indent(suggestion.text) for suggestion in variant.suggestions[:1])
    return f"- `{variant.id}`: {variant.message}.\n{suggestions}"


def _indent(text: str) -> str:
    lines = "".join(f"      {line}\n" for line in text.strip().splitlines())
    return f"\n{lines}"


def _list_exceptions(rule: Rule, catalog: Catalog) -> Iterator[str]:
    """Tell where not even that helps."""
    from txsafe.judge import judge
    from txsafe.model import FeatureUse, Outcome, Place, Span
    from txsafe.profiles import resolve_profile

    place = Place("", Span(0, 0))
    uses = [
        FeatureUse(rule=rule.id, variant=variant.id, place=place, sql="", paired=True)
        for variant in rule.variants.values()
        if variant.role is not None and variant.requires
    ]
    for profile in (resolve_profile(name, catalog, settings={}, server_version=None) for name in catalog.poolers):
        verdicts = (judge(use, profile, catalog) for use in uses)
        worse = next((each for each in verdicts if each.outcome is not Outcome.SAFE), None)
        if worse is not None:
            yield f"Not so behind {profile.title}: {worse.reason}\n"


def _tabulate_verdicts(rule: Rule, catalog: Catalog) -> str:
    """Tell per pooler, in its default version and mode, the outcomes that the variants have there."""
    from txsafe.catalog.observed import load_coverage
    from txsafe.matrix import list_notes, matrix_cells, number_sources
    from txsafe.profiles import resolve_profile

    profiles = [resolve_profile(name, catalog, settings={}, server_version=None) for name in catalog.poolers]
    cells = matrix_cells(catalog, profiles, rules=(rule.id,), coverage=load_coverage(catalog))
    sources = number_sources(cells)
    lines = []
    for profile in profiles:
        found = dict.fromkeys(cell.mark(sources) for cell in cells if cell.profile is profile)
        lines.append(f"- {profile.title}: {'; '.join(found)}\n")
    notes = "".join(f"{note}\n" for note in list_notes(cells, sources))
    return "".join(lines) + f"\n{notes}\nIn detail: `txsafe matrix --rule {rule.id}`.\n"


explain_command = click.Command(
    "explain",
    callback=run,
    params=[
        click.Argument(["rule"], metavar="RULE"),
        click.Option(["--rule-path", "rule_paths"], metavar="PATH", multiple=True, help="Folder or file of own rules."),
    ],
    help="Explain a rule: what happens, what to write instead.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
