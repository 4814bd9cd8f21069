"""What a statement is, PostgreSQL's own grammar (libpg_query) knows; here it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pglast
import pytest
from pglast import ast
from pglast.enums import TransactionStmtKind as Ends
from pglast.enums import VariableSetKind as Sets

from txsafe.model import StatementKind as Kind
from txsafe.sql import read_statements
from txsafe.sql.splitting import split_statements

STATEMENTS = [
    line
    for line in Path(__file__).with_name("grammar.sql").read_text(encoding="utf-8").splitlines()
    if not line.startswith("--")
]

TRANSACTIONS = {
    Ends.TRANS_STMT_BEGIN: Kind.BEGIN,
    Ends.TRANS_STMT_START: Kind.BEGIN,
    Ends.TRANS_STMT_COMMIT: Kind.COMMIT,
    Ends.TRANS_STMT_ROLLBACK: Kind.ROLLBACK,
    Ends.TRANS_STMT_SAVEPOINT: Kind.SAVEPOINT,
    Ends.TRANS_STMT_RELEASE: Kind.SAVEPOINT,
    Ends.TRANS_STMT_ROLLBACK_TO: Kind.SAVEPOINT,
    Ends.TRANS_STMT_PREPARE: Kind.TWO_PHASE,
    Ends.TRANS_STMT_COMMIT_PREPARED: Kind.TWO_PHASE,
    Ends.TRANS_STMT_ROLLBACK_PREPARED: Kind.TWO_PHASE,
}
CLASSES = {
    "DiscardStmt": Kind.DISCARD,
    "PrepareStmt": Kind.PREPARE,
    "ExecuteStmt": Kind.EXECUTE,
    "DeallocateStmt": Kind.DEALLOCATE,
    "ListenStmt": Kind.LISTEN,
    "UnlistenStmt": Kind.UNLISTEN,
    "NotifyStmt": Kind.NOTIFY,
    "DeclareCursorStmt": Kind.DECLARE_CURSOR,
    "FetchStmt": Kind.FETCH,
    "ClosePortalStmt": Kind.CLOSE,
    "LoadStmt": Kind.LOAD,
    "LockStmt": Kind.LOCK,
    "CopyStmt": Kind.COPY,
    "CallStmt": Kind.CALL,
    "DoStmt": Kind.DO,
    "CreateFunctionStmt": Kind.CREATE_ROUTINE,
    "ExplainStmt": Kind.EXPLAIN,
    "ConstraintsSetStmt": Kind.SET_CONSTRAINTS,
    "VariableShowStmt": Kind.SHOW,
    "DropStmt": Kind.DROP,
    "SelectStmt": Kind.QUERY,
    "InsertStmt": Kind.QUERY,
    "UpdateStmt": Kind.QUERY,
    "DeleteStmt": Kind.QUERY,
    "MergeStmt": Kind.QUERY,
    "VacuumStmt": Kind.OTHER,
    "CheckPointStmt": Kind.OTHER,
}


def oracle(node: Any) -> Kind:
    name = type(node).__name__
    if name == "VariableSetStmt":
        return variable_kind(node)
    if name == "TransactionStmt":
        return TRANSACTIONS[node.kind]
    if is_temporary(relation(node)):
        return Kind.CREATE_TEMPORARY
    return CLASSES.get(name, Kind.DDL)


def variable_kind(node: Any) -> Kind:
    if node.name == "SESSION CHARACTERISTICS":
        return Kind.SET_CHARACTERISTICS
    if node.name in ("TRANSACTION", "TRANSACTION SNAPSHOT"):
        return Kind.SET_TRANSACTION
    if node.name == "role":
        return Kind.SET_ROLE
    if node.name == "session_authorization":
        return Kind.SET_SESSION_AUTHORIZATION
    return Kind.SET if node.kind in (Sets.VAR_SET_VALUE, Sets.VAR_SET_CURRENT) else Kind.RESET


def relation(node: Any) -> Any:
    match node:
        case ast.CreateStmt(relation=found) | ast.ViewStmt(view=found) | ast.CreateSeqStmt(sequence=found):
            return found
        case ast.CreateTableAsStmt():
            into: Any = node.into
            return into.rel
        case ast.SelectStmt():
            while node.larg is not None:
                node = node.larg
            return node.intoClause.rel if node.intoClause else None
    return None


def is_temporary(found: Any) -> bool:
    return found is not None and (found.relpersistence == "t" or found.schemaname == "pg_temp")


def parse(text: str) -> Any:
    (raw,) = pglast.parse_sql(text)
    return raw.stmt


@pytest.mark.parametrize("text", STATEMENTS)
def test_kind_is_what_the_grammar_says(text: str) -> None:
    statement = read_statements(text)[0]
    assert statement.kind is oracle(parse(text))
    assert text[statement.span.start : statement.span.end] == text


@pytest.mark.parametrize("text", STATEMENTS)
def test_names_are_what_the_grammar_says(text: str) -> None:
    facts = read_statements(text)[0].facts
    match parse(text):
        case ast.VariableSetStmt(name=name, is_local=local) as node if "name" in facts:
            assert facts["name"] == (name or "all").lower()
            assert (facts["scope"] == "local") == local
            assert ("value" in facts) == (node.kind in (Sets.VAR_SET_VALUE, Sets.VAR_SET_CURRENT))
        case ast.VariableSetStmt(kind=kind) if "action" in facts:
            resets = kind in (Sets.VAR_SET_DEFAULT, Sets.VAR_RESET) or facts["role"] == "none"
            assert facts["action"] == ("reset" if resets else "set")
        case ast.VariableShowStmt(name=name):
            assert facts["name"] == (name or "").lower()
        case ast.PrepareStmt(name=name) | ast.ExecuteStmt(name=name) | ast.FetchStmt(portalname=name):
            assert facts["name"] == name
        case ast.DeallocateStmt(name=name) | ast.ClosePortalStmt(portalname=name):
            assert facts["name"] == (name or "all")
        case ast.ListenStmt(conditionname=name) | ast.NotifyStmt(conditionname=name):
            assert facts["channel"] == name
        case ast.UnlistenStmt(conditionname=name):
            assert facts["channel"] == (name or "*")
        case ast.DeclareCursorStmt(portalname=name, options=options):
            assert facts["name"] == name
            assert (facts["hold"] == "yes") == bool(
                (options or 0) & 0x0020
            )  # CURSOR_OPT_HOLD of the server's parsenodes.h
        case ast.LoadStmt(filename=name):
            assert facts["library"] == name
        case node if is_temporary(relation(node)):
            assert facts["name"] == relation(node).relname


@pytest.mark.parametrize("separator", [";", " ;\n\n", "; -- a ; b\n", ";/* ; /* ' */ \" */"])
def test_a_script_splits_where_the_grammar_splits_it(separator: str) -> None:
    text = separator.join(STATEMENTS)
    expected = [part.strip() for part in pglast.split(text)]
    assert len(expected) == len(STATEMENTS)
    assert [text[start:end] for start, end in split_statements(text).ranges] == STATEMENTS


def test_the_kinds_of_the_sample_are_all_kinds_there_are() -> None:
    seen = {statement.kind for text in STATEMENTS for statement in read_statements(text)}
    assert seen == set(Kind)
