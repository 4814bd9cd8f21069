"""What PostgreSQL's own grammar (libpg_query) says of a statement, in the words of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pglast
from pglast import ast
from pglast.enums import TransactionStmtKind as Ends
from pglast.enums import VariableSetKind as Sets

from txsafe.model import StatementKind as Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    **dict.fromkeys(
        ["DropStmt", "DropRoleStmt", "DropdbStmt", "DropTableSpaceStmt", "DropSubscriptionStmt", "DropUserMappingStmt"],
        Kind.DROP,
    ),
    "DropOwnedStmt": Kind.DROP,
    "SelectStmt": Kind.QUERY,
    "InsertStmt": Kind.QUERY,
    "UpdateStmt": Kind.QUERY,
    "DeleteStmt": Kind.QUERY,
    "MergeStmt": Kind.QUERY,
    "VacuumStmt": Kind.OTHER,
    "CheckPointStmt": Kind.OTHER,
}


def kind_of(node: Any) -> Kind:
    """Return what txsafe has to call a statement."""
    name = type(node).__name__
    if name == "VariableSetStmt":
        return variable_kind(node)
    if name == "TransactionStmt":
        return TRANSACTIONS[node.kind]
    if is_temporary(relation(node)) or made_in(node) == "pg_temp":
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


def made_in(node: Any) -> str | None:
    """Return the schema that a function, domain or type is created in, where its name says so."""
    match node:
        case (
            ast.CreateFunctionStmt(funcname=(ast.String(sval=schema), _))
            | ast.CreateDomainStmt(domainname=(ast.String(sval=schema), _))
            | ast.CreateEnumStmt(typeName=(ast.String(sval=schema), _))
            | ast.CreateRangeStmt(typeName=(ast.String(sval=schema), _))
        ):
            return schema
        case ast.CompositeTypeStmt(typevar=ast.RangeVar(schemaname=schema)):
            return schema
    return None


def is_temporary(found: Any) -> bool:
    return found is not None and (found.relpersistence == "t" or found.schemaname == "pg_temp")


def parse(text: str) -> Any:
    (raw,) = pglast.parse_sql(text)
    return raw.stmt


def check_facts(facts: Mapping[str, str], statement: Any) -> None:
    """Fail unless what txsafe has read from a statement is what the grammar says."""
    match statement:
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
