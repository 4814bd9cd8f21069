"""Rewrites: what to write instead, where a template in the rule cannot say it.

A rewrite takes a `FeatureUse` and its surroundings and returns a `Fix`, or None where it has nothing to offer. Each is
a module of its own. The first of `REWRITES` that has something counts.

`PATTERNS` return text for people, in place of the rule's own suggestion, where what has to change is no single edit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from txsafe.model import Applicability, Edit, FeatureUse, Fix, Place
from txsafe.rewrites.advisory_lock import lock_transaction
from txsafe.rewrites.bound_value import bind_value
from txsafe.rewrites.connection_settings import set_for_connection
from txsafe.rewrites.driver_settings import turn_preparing_off
from txsafe.rewrites.drop_at_commit import drop_at_commit
from txsafe.rewrites.hold_cursor import release_cursor
from txsafe.rewrites.inline_table import inline_table
from txsafe.rewrites.prepared_statement import send_itself
from txsafe.rewrites.reset import leave_reset_out
from txsafe.rewrites.role_settings import move_to_role
from txsafe.rewrites.sequence import return_number
from txsafe.rewrites.session_characteristics import set_transaction
from txsafe.rewrites.session_setter import set_before_autocommit
from txsafe.rewrites.set_local import make_local
from txsafe.rewrites.startup_settings import take_out_of_startup
from txsafe.rewrites.surroundings import Surroundings
from txsafe.rewrites.temp_table import replace_temporary_table

Rewrite = Callable[[FeatureUse, Surroundings], Fix | None]
Pattern = Callable[[FeatureUse, Sequence[FeatureUse], Surroundings | None], str | None]

REWRITES: tuple[Rewrite, ...] = (
    take_out_of_startup,
    move_to_role,
    bind_value,
    make_local,
    leave_reset_out,
    set_transaction,
    set_before_autocommit,
    lock_transaction,
    inline_table,
    drop_at_commit,
    release_cursor,
    turn_preparing_off,
    set_for_connection,
    send_itself,
    return_number,
)
PATTERNS: tuple[Pattern, ...] = (replace_temporary_table,)


def find_fix(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return what changes the program so that a use is gone."""
    fix = _first(use, surroundings)
    if fix is None or not _is_for_all(use, fix, surroundings):
        return None
    return _with_line_ends(_with_care(use, fix), surroundings)


def _first(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    found = (rewrite(use, surroundings) for rewrite in REWRITES)
    return next((fix for fix in found if fix is not None), None)


def _is_for_all(use: FeatureUse, fix: Fix, surroundings: Surroundings) -> bool:
    """Return whether everything that is sent of what the fix changes asks for the same change.

    A constant may be sent inside a transaction here, and outside of any there.
    """
    own = use.spelling.site.place if use.spelling is not None else use.place
    others = {
        site.place
        for edit in fix.edits
        for site in surroundings.sharing(edit.place)
        if site.place != own and not _is_its_own(site.place, edit.place)
    }
    return all(
        any(_first(each, surroundings) == fix for each in surroundings.uses_at(place, use.rule)) for place in others
    )


def _is_its_own(call: Place, edited: Place) -> bool:
    """Return whether what is edited belongs to one call, or is that call: nobody else sends it."""
    first, second = call.span, edited.span
    within = first.start <= second.start and second.end <= first.end
    around = second.start <= first.start and first.end <= second.end
    return call.path == edited.path and (within or around)


def _with_care(use: FeatureUse, fix: Fix) -> Fix:
    """Return the fix as unsafe at most where another file would change: who else reads it is not known here."""
    home = use.spelling.site.place.path if use.spelling is not None else use.place.path
    if fix.applicability is Applicability.SAFE and any(edit.place.path != home for edit in fix.edits):
        return replace(fix, applicability=Applicability.UNSAFE)
    return fix


def _with_line_ends(fix: Fix, surroundings: Surroundings) -> Fix:
    r"""Return the fix with the line ends of its files; rewrites write `\n`."""

    def adapted(edit: Edit) -> Edit:
        source = surroundings.sources(edit.place.path)
        if "\n" not in edit.replacement or source is None or "\r" not in source.text:
            return edit
        first = source.line_starts[1] if len(source.line_starts) > 1 else 0
        end = "\r\n" if source.text.endswith("\r\n", 0, first) else source.text[first - 1] if first else "\n"
        return replace(edit, replacement=edit.replacement.replace("\r\n", "\n").replace("\n", end))

    return replace(fix, edits=tuple(adapted(edit) for edit in fix.edits))
