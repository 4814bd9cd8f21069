"""The command line: arguments in, exit status out. Only this package prints or exits; each command is a module.

click is loaded where it has something to read: see `plain`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from txsafe.cli.group import main as main

COMMANDS = {
    "check": ("txsafe.cli.parameters:check_command", "Say what breaks behind a pooler (the default command)."),
    "audit": ("txsafe.cli.audit:audit_command", "Write the document that a team decides from."),
    "fix": ("txsafe.cli.fix:fix_command", "Write what is suggested: apply the fixes that are safe."),
    "matrix": ("txsafe.cli.matrix:matrix_command", "Show what each pooler does with each use of session state."),
    "rules": ("txsafe.cli.rules:rules_command", "List the rules."),
    "explain": ("txsafe.cli.explain:explain_command", "Explain a rule: what happens, what to write instead."),
    "clean": ("txsafe.cli.clean:clean_command", "Delete what `check` and `audit` keep between runs."),
    "probe": ("txsafe.cli.probe:probe_command", "Observe what a live pooler does with session state."),
}
"""Name → import path, and the line in `--help`, which must not import it."""

DEFAULT_COMMAND = "check"


def __getattr__(name: str) -> object:
    """Load the whole command line for who asks for it."""
    if name != "main":
        raise AttributeError(name)
    from txsafe.cli.group import main

    return main
