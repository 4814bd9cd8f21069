"""`txsafe probe DSN`: a live pooler in, what really happens behind it on standard output, and as a profile file.

Says before it starts what it is going to create, and refuses a database that somebody else may be working in. A
password is taken from nowhere but the environment or libpq's files, and appears nowhere.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from txsafe.errors import ConfigError, ProbeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.model import Profile
    from txsafe.probe.observe import Observation
    from txsafe.probe.pool import Pool
    from txsafe.probe.target import Target

_FORMATS = ("text", "json")

_INTENT = """\
txsafe probe: {shown}
For some seconds, or minutes where nothing answers, it creates, and removes again: a sequence txsafe_…_sequence,
temporary tables, views and sequences, prepared statements, cursors, advisory locks, LISTEN on channels of its own.
It changes parameters and roles of its own sessions, holds up to 24 connections, and ends server connections that stay
changed.
"""


def run(
    *, dsn: str | None, dsn_env: str | None, yes: bool, output_format: str, output: str | None, base: str | None
) -> int:
    """Probe, print what was seen and return the exit status; raises `ProbeError` and `ConfigError`."""
    _require_extra()
    # As an interrupt it lets a probe undo what it has done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    target_file = _check_output(output)
    profile = _resolve_base(base)
    target = _open(dsn, dsn_env)
    try:
        _probe(target, profile, yes=yes, output_format=output_format, file=target_file)
    except ProbeError as error:
        raise ProbeError(target.mask(str(error))) from None
    return 0


def _require_extra() -> None:
    try:
        import asyncpg  # noqa: F401
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ProbeError(f"`txsafe probe` needs drivers ({error}): pip install 'txsafe[probe]'") from None


def _check_output(output: str | None) -> Path | None:
    if output is None:
        return None
    file = Path(output)
    if file.is_dir() or not file.parent.is_dir():
        raise ConfigError(f"{file}: cannot be written: {'it is a' if file.is_dir() else 'no such'} folder")
    if file.suffix not in {".yaml", ".yml"}:
        raise ConfigError(f"{file}: a profile file is called *.yaml, so that `--profile` knows it")
    return file


def _resolve_base(name: str | None) -> Profile | None:
    if name is None:
        return None
    from txsafe.catalog import load_catalog
    from txsafe.profiles import resolve_profile

    catalog = load_catalog()
    profile = resolve_profile(name, catalog, settings={}, server_version=None)
    if catalog.poolers[profile.pooler].based_on:
        raise ConfigError(f"--based-on: {name!r} is a preset; name the pooler that it runs")
    return profile


def _open(dsn: str | None, variable: str | None) -> Target:
    from txsafe.probe.target import holds_password, open_target

    if (dsn is None) == (variable is None):
        raise ConfigError("give either a connection string or --dsn-env NAME")
    if variable is not None:
        value = os.environ.get(variable)
        if not value:
            raise ConfigError(f"--dsn-env: the environment has no {variable}")
        return open_target(value)
    if holds_password(dsn or ""):
        raise ProbeError(
            "the command line shows in process lists, so no password may stand in it: "
            "use --dsn-env, PGPASSWORD or ~/.pgpass"
        )
    return open_target(dsn or "")


def _probe(target: Target, base: Profile | None, *, yes: bool, output_format: str, file: Path | None) -> None:
    import datetime as dt

    from txsafe.atomic import write_atomically
    from txsafe.cli.terminal import write_output
    from txsafe.probe.findings import render_json, render_text
    from txsafe.probe.pool import Pool, detect_pool
    from txsafe.probe.profile import Origin, profile_id, render_profile
    from txsafe.probe.verdicts import find_verdicts

    _note(_INTENT.format(shown=target.shown).rstrip())
    _refuse_danger(target, yes=yes)
    pool = detect_pool(target.conninfo)
    if not isinstance(pool, Pool):
        raise ProbeError(f"cannot tell how connections are shared: {pool.text}")
    _note(_describe_pool(pool))
    observations = _survey(target, pool)
    findings = find_verdicts(observations)
    origin = Origin(target=target.shown, pool=pool, date=dt.datetime.now(tz=dt.UTC).date(), base=base)
    if file is not None:
        text = target.mask(render_profile(profile_id(file.name), findings, origin))
        write_atomically(file, text.encode())
        _note(f"{file}: written; use it with `txsafe check --profile {file}`")
    render = {"text": render_text, "json": render_json}[output_format]
    write_output(target.mask(render(findings, observations, origin)))


def _refuse_danger(target: Target, *, yes: bool) -> None:
    from txsafe.probe.target import list_dangers

    dangers = tuple(list_dangers(target))
    if dangers and not yes:
        raise ProbeError(
            f"not without --yes: {'; '.join(dangers)}. For moments others may meet changed parameters and locks there: "
            "better probe an empty database behind the same pooler"
        )
    for danger in dangers:
        _note(f"warning: {danger}")


def _describe_pool(pool: Pool) -> str:
    from txsafe.probe.pool import Sharing

    restless = " The pool is in use, so everything is tried several times." if pool.restless else ""
    match pool.sharing:
        case Sharing.DIRECT:
            kind = "a direct connection, or a pooler that opens one for each client"
            return f"This is {kind}: the profile `direct` says the same."
        case Sharing.SESSION:
            return "This is a pooler in session mode: a client keeps its server connection until it disconnects."
        case _:
            mode = pool.sharing
            return f"This is a pooler in {mode} mode: each {mode} may run on another server connection.{restless}"


def _survey(target: Target, pool: Pool) -> Sequence[Observation]:
    from txsafe.catalog import load_catalog
    from txsafe.cli.terminal import Progress
    from txsafe.probe.survey import list_work, survey

    rules = tuple(load_catalog().rules.values())
    total = len(list_work(pool, rules))
    progress = Progress(noun="probes") if sys.stderr.isatty() else None
    found: list[Observation] = []
    try:
        for seen in survey(target.conninfo, pool, rules, aside=target.aside):
            found.append(seen)
            if progress is not None:
                progress(len(found), total)
    finally:
        if progress is not None:
            progress.clear()
    return found


def _note(text: str) -> None:
    click.echo(text, err=True)


probe_command = click.Command(
    "probe",
    callback=run,
    params=[
        click.Argument(["dsn"], metavar="[DSN]", required=False),
        click.Option(["--dsn-env"], metavar="NAME", help="Take the connection string from this environment variable."),
        click.Option(["--yes"], is_flag=True, help="Probe although the database holds tables or others work in it."),
        click.Option(["--format", "output_format"], type=click.Choice(_FORMATS), default="text", show_default=True),
        click.Option(["--output", "-o", "output"], metavar="FILE", help="Write a profile file for check --profile."),
        click.Option(["--based-on", "base"], metavar="NAME", help="Pooler that says what could not be observed."),
    ],
    help="Observe what a live pooler does with session state. DSN is a connection string without a password; that "
    "comes from --dsn-env, PGPASSWORD or ~/.pgpass. Needs no superuser.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
