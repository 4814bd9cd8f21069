"""All commands, as click has them.

A command's module is imported when it is called, so that `--help` and `--version` cost little more than click.
"""

from __future__ import annotations

import importlib
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from txsafe import __version__
from txsafe.cli import COMMANDS, DEFAULT_COMMAND
from txsafe.cli.ending import FAILED, conclude

if TYPE_CHECKING:
    from collections.abc import Sequence


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and takes anything else for the default command's arguments."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in front of arguments that name none, unless a shell wants them completed."""
        own = {name for param in self.get_params(ctx) for name in param.opts}
        names_none = not args or (args[0] not in COMMANDS and args[0] not in own)
        return super().parse_args(ctx, [DEFAULT_COMMAND, *args] if names_none and not ctx.resilient_parsing else args)

    def main(  # type: ignore[override]  # click's overloads tell what standalone mode returns; this never does
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002  # click's signature
        **extra: object,
    ) -> object:
        """Run the command line and exit: errors of the user are told without a traceback, the place first."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        arguments = sys.argv[1:] if args is None else list(args)
        run = partial(self._run, arguments, prog_name or "txsafe", complete_var, extra)
        sys.exit(conclude(run, debug="--debug" in arguments))

    def _run(self, args: list[str], prog_name: str, complete_var: str | None, extra: dict[str, object]) -> int:
        try:
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **{"obj": tuple(args), **extra})
        except click.ClickException as error:
            error.show()
            return FAILED
        except click.Abort as error:
            raise KeyboardInterrupt from error
        return status if isinstance(status, int) else 0


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`txsafe PATH…` is short for `txsafe check PATH…`.",
)
@click.version_option(__version__, prog_name="txsafe", message="%(prog)s %(version)s")
def main() -> None:
    """Tell what breaks when PostgreSQL moves behind a transaction-mode connection pooler."""
