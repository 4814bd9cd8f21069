"""SQL text → `Statement`s, by PostgreSQL's own lexical and grammatical rules.

`read_statements` reads what a driver sends, `scripts.read_script` a `.sql` file, `dialects.foreign_dialect` tells
another database's SQL.
In order: `lexer` (tokens), `literals` (what constants mean), `splitting` (where statements begin and end), `cursor`,
`parameters` and `statements` (what each one is), `calls` (functions), `bodies` and `dynamic` (PL/pgSQL),
`transactions`, `reading` (all of it together).
"""

from __future__ import annotations

from txsafe.model import Statement, TransactionContext
from txsafe.sql.calls import SESSION_FUNCTIONS
from txsafe.sql.gate import may_hold_session_state
from txsafe.sql.reading import read_with_faults
from txsafe.sql.transactions import MessageKind

__all__ = ["SESSION_FUNCTIONS", "MessageKind", "may_hold_session_state", "read_statements"]

_UNKNOWN_TRANSACTION = TransactionContext()


def read_statements(
    text: str,
    *,
    transaction: TransactionContext = _UNKNOWN_TRANSACTION,
    message: MessageKind = MessageKind.SINGLE_MESSAGE,
    block_prefix: str = "",
    functions: frozenset[str] = SESSION_FUNCTIONS,
) -> tuple[Statement, ...]:
    """Return all statements of a text in text order, each followed by those nested in it.

    Spans are offsets in `text`. `transaction` is the one around the text; `message` says how several statements reach
    the server; the blocks that the text itself opens are named by `block_prefix` and an offset. `calls` of a
    statement holds the calls of `functions` alone.
    """
    statements, _ = read_with_faults(
        text, transaction=transaction, message=message, block_prefix=block_prefix, functions=functions
    )
    return statements
