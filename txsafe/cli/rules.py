"""`txsafe rules`: all rules on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from txsafe.catalog.rules import Rule, Variant


def run(*, rule_paths: tuple[str, ...], output_format: str) -> int:
    """Print the rules and return the exit status."""
    from txsafe.catalog import load_catalog
    from txsafe.cli.flags import configure
    from txsafe.cli.terminal import write_output

    rules = load_catalog(configure((), {"rule_paths": rule_paths}).rule_paths).rules.values()
    write_output(_render_json(rules) if output_format == "json" else _render_text(rules))
    return 0


def _render_text(rules: Iterable[Rule]) -> str:
    rows = [(rule.id, rule.severity.value, rule.title) for rule in rules]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "".join(f"{name:{first}}  {severity:{second}}  {title}\n" for name, severity, title in rows)


def _render_json(rules: Iterable[Rule]) -> str:
    import json

    return json.dumps({"schema": 1, "rules": [_describe(rule) for rule in rules]}, indent=1, ensure_ascii=False) + "\n"


def _describe(rule: Rule) -> Mapping[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity.value,
        "variants": [_describe_variant(variant) for variant in rule.variants.values()],
        "explanation": rule.explanation,
        "references": list(rule.references),
    }


def _describe_variant(variant: Variant) -> Mapping[str, object]:
    return {"id": variant.id, "requires": list(variant.requires), "message": variant.message or variant.reason}


rules_command = click.Command(
    "rules",
    callback=run,
    params=[
        click.Option(["--rule-path", "rule_paths"], metavar="PATH", multiple=True, help="Folder or file of own rules."),
        click.Option(["--format", "output_format"], type=click.Choice(["text", "json"]), default="text"),
    ],
    help="List the rules.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
