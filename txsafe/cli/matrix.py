"""`txsafe matrix`: a selection of poolers and rules in, the mode matrix on standard output."""

from __future__ import annotations

from pathlib import Path

import click

_FORMATS = ("text", "json", "markdown")


def run(  # one argument per option, as click passes them
    *,
    profile: tuple[str, ...],
    pooler: tuple[str, ...],
    rule: tuple[str, ...],
    settings: tuple[str, ...],
    rule_paths: tuple[str, ...],
    server_version: int | None,
    output_format: str,
) -> int:
    """Print the matrix and return the exit status."""
    from txsafe import matrix
    from txsafe.catalog import load_catalog
    from txsafe.catalog.observed import load_coverage
    from txsafe.cli.flags import configure
    from txsafe.cli.terminal import write_output
    from txsafe.profiles import is_profile_file, read_profile_id, resolve_profile

    given = configure((), {"isolated": True, "settings": settings}).settings
    files = {name: Path(name).absolute() for name in profile if is_profile_file(name)}
    own = configure((), {"rule_paths": rule_paths}).rule_paths
    catalog = load_catalog((*own, *files.values()))
    rules = tuple(catalog.find_rule(name).id for name in rule)
    names = [read_profile_id(files[name]) if name in files else name for name in profile]
    named = tuple(resolve_profile(name, catalog, settings=given, server_version=server_version) for name in names)
    if pooler or not named:
        named += matrix.list_profiles(catalog, poolers=pooler, settings=given, server_version=server_version)
    cells = matrix.matrix_cells(catalog, named, rules=rules, coverage=load_coverage(catalog))
    render = {"text": matrix.render_text, "json": matrix.render_json, "markdown": matrix.render_markdown}
    write_output(render[output_format](cells))
    return 0


matrix_command = click.Command(
    "matrix",
    callback=run,
    params=[
        click.Option(["--profile"], metavar="NAME", multiple=True, help="Show this profile (may be repeated)."),
        click.Option(["--pooler"], metavar="ID", multiple=True, help="Show all versions and modes of this pooler."),
        click.Option(["--rule"], metavar="RULE", multiple=True, help="Show this rule only (may be repeated)."),
        click.Option(["--set", "settings"], metavar="KEY=VALUE", multiple=True, help="Set a setting of the pooler."),
        click.Option(["--server-version"], metavar="MAJOR", type=click.INT, help="Major version of PostgreSQL."),
        click.Option(["--rule-path", "rule_paths"], metavar="PATH", multiple=True, help="Folder or file of own rules."),
        click.Option(["--format", "output_format"], type=click.Choice(_FORMATS), default="text", show_default=True),
    ],
    help="Show what each pooler does with each use of session state: all of them, or the named profiles and poolers.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
