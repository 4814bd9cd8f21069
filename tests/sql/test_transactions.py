"""Which transaction each statement of a text runs in."""

from __future__ import annotations

import pytest

from txsafe.model import Transaction, TransactionContext, TransactionEnd
from txsafe.sql import MessageKind, read_statements

SINGLE = MessageKind.SINGLE_MESSAGE
SEPARATE = MessageKind.SEPARATE
LETTERS = {
    Transaction.EXPLICIT: "E",
    Transaction.IMPLICIT: "I",
    Transaction.AUTOCOMMIT: "A",
    Transaction.UNKNOWN: "U",
}
ENDS = {TransactionEnd.COMMIT: "c", TransactionEnd.ROLLBACK: "r", TransactionEnd.UNKNOWN: "?"}


def outline(text: str, incoming: TransactionContext, message: MessageKind) -> str:
    """One group per statement: kind, end, and a number per block (- for none)."""
    blocks: list[str] = []
    groups = []
    for statement in read_statements(text, transaction=incoming, message=message):
        context = statement.transaction
        if context.block is not None and context.block not in blocks:
            blocks.append(context.block)
        number = "-" if context.block is None else str(blocks.index(context.block))
        groups.append(LETTERS[context.kind] + ENDS[context.end] + number)
    return " ".join(groups)


def incoming(kind: Transaction, block: str | None = None) -> TransactionContext:
    return TransactionContext(kind=kind, block=block)


@pytest.mark.parametrize(
    ("text", "message", "expected"),
    [
        ("a", SINGLE, "A?-"),
        ("a; b", SINGLE, "Ec0 Ec0"),
        ("a; b", SEPARATE, "A?- A?-"),
        ("BEGIN; a; COMMIT", SINGLE, "Ec0 Ec0 Ec0"),
        ("BEGIN; a; COMMIT", SEPARATE, "Ec0 Ec0 Ec0"),
        ("a; BEGIN; b; ROLLBACK; c", SINGLE, "Er0 Er0 Er0 Er0 A?-"),
        ("a; BEGIN; b; ROLLBACK; c", SEPARATE, "A?- Er0 Er0 Er0 A?-"),
        ("a; COMMIT; b; c", SINGLE, "Ec0 Ec0 Ec1 Ec1"),
        ("a; COMMIT; b; c", SEPARATE, "A?- A?- A?- A?-"),
        ("BEGIN; a; COMMIT; b; BEGIN; c; END", SEPARATE, "Ec0 Ec0 Ec0 A?- Ec1 Ec1 Ec1"),
        ("BEGIN; a", SEPARATE, "E?0 E?0"),
        ("BEGIN", SINGLE, "E?0"),
        ("COMMIT", SINGLE, "A?-"),
        ("BEGIN; a; BEGIN; b; COMMIT", SEPARATE, "Ec0 Ec0 Ec0 Ec0 Ec0"),
        ("BEGIN; a; COMMIT AND CHAIN; b; COMMIT; c", SEPARATE, "Ec0 Ec0 Ec0 Ec1 Ec1 A?-"),
        ("BEGIN; a; SAVEPOINT s; b; ROLLBACK TO s; COMMIT", SEPARATE, "Ec0 Ec0 Ec0 Ec0 Ec0 Ec0"),
        ("", SINGLE, ""),
    ],
)
def test_in_autocommit(text: str, message: MessageKind, expected: str) -> None:
    assert outline(text, incoming(Transaction.AUTOCOMMIT), message) == expected


@pytest.mark.parametrize(
    ("text", "message", "expected"),
    [
        ("a", SINGLE, "U?-"),
        ("a; b", SINGLE, "U?0 U?0"),
        ("a; b", SEPARATE, "U?- U?-"),
        ("a; COMMIT; b", SEPARATE, "Uc- Uc- A?-"),
        ("a; BEGIN; b; COMMIT; c", SEPARATE, "U?- Ec0 Ec0 Ec0 A?-"),
        ("BEGIN; a; COMMIT", SINGLE, "Ec0 Ec0 Ec0"),
    ],
)
def test_where_nothing_is_known(text: str, message: MessageKind, expected: str) -> None:
    assert outline(text, incoming(Transaction.UNKNOWN), message) == expected


@pytest.mark.parametrize(
    ("text", "block", "expected"),
    [
        ("a", None, "I?-"),
        ("a; b", None, "I?0 I?0"),
        ("a; b", "x", "I?0 I?0"),
        ("a; COMMIT; b", None, "Ic0 Ic0 I?-"),
        ("a; COMMIT; b", "x", "Ic0 Ic0 A?-"),
        ("BEGIN; a; COMMIT; b", None, "Ec0 Ec0 Ec0 I?-"),
    ],
)
def test_in_a_transaction_that_the_driver_opened(text: str, block: str | None, expected: str) -> None:
    assert outline(text, incoming(Transaction.IMPLICIT, block), SINGLE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a; b", "E?0 E?0"), ("BEGIN; a; COMMIT; b", "Ec0 Ec0 Ec0 A?-"), ("a; ROLLBACK; BEGIN; b", "Er0 Er0 E?1 E?1")],
)
@pytest.mark.parametrize("message", [SINGLE, SEPARATE])
def test_in_a_block_of_the_program(text: str, message: MessageKind, expected: str) -> None:
    assert outline(text, incoming(Transaction.EXPLICIT, "x"), message) == expected


def test_blocks_carry_the_prefix_and_are_unique() -> None:
    text = "BEGIN; a; COMMIT; BEGIN; b; COMMIT"
    blocks = [one.transaction.block for one in read_statements(text, message=SEPARATE, block_prefix="p:")]
    assert len(set(blocks)) == 2
    assert all(block is not None and block.startswith("p:") for block in blocks)


def test_the_block_of_the_program_is_kept() -> None:
    context = incoming(Transaction.EXPLICIT, "x")
    assert {one.transaction for one in read_statements("a; b", transaction=context)} == {context}
