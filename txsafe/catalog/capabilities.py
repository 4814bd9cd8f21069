"""The vocabulary between rules and poolers: what a rule's variant requires and a pooler provides or not.

A rule that requires a word which no pooler could ever answer would silently be `unknown` everywhere, so both sides are
checked against this list when they are loaded.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CAPABILITIES: Mapping[str, str] = MappingProxyType(
    {
        "session-role": "SET ROLE lasts for the session",
        "session-authorization": "SET SESSION AUTHORIZATION lasts for the session",
        "discard": "DISCARD and RESET ALL reach the session that is meant, and no other",
        "open-transaction": "a transaction is open when the statement runs",
        "sql-prepare": "a statement prepared with SQL PREPARE can be executed later",
        "named-prepare": "a statement prepared by name on protocol level can be executed later",
        "split-prepare": "the unnamed statement survives between Parse and Bind sent with a Sync in between",
        "deallocate-all": "DEALLOCATE ALL forgets the client's own statements, and no other client's",
        "listen": "LISTEN delivers notifications for as long as the session lasts",
        "session-lock": "a session-level advisory lock is held, and released, by the session that took it",
        "temporary-objects": "temporary tables, views and sequences last for the session",
        "hold-cursor": "a cursor WITH HOLD can be read after its transaction",
        "cursor-in-autocommit": "a cursor without hold can be read outside a transaction",
        "load": "a library loaded with LOAD stays loaded",
        "sequence-state": "currval() and lastval() know what an earlier transaction drew",
        "seed": "setseed() acts on random() of later transactions",
        "dblink-connection": "a named dblink connection stays open for later transactions",
        "backend-identity": "the server process stays the same one",
        "reported-pid": "the process id that the driver was told at connect is that of the server process",
        "startup-options": "the start-up parameter `options` is accepted and takes effect",
        "transaction-block": "BEGIN … COMMIT over several messages is one transaction",
        "pool-reset": "a clean-up sent between two uses of a client connection reaches the session that was used",
    }
)
"""Capability → what it means that a pooler has it."""

PARAMETRISED: Mapping[str, str] = MappingProxyType(
    {
        "parameter": "SET of the parameter lasts for the session and is seen by nobody else",
        "startup-parameter": "the parameter is accepted at connect and takes effect",
    }
)
"""Capabilities that take a name: `parameter:timezone`."""


def is_capability(text: str) -> bool:
    """Tell whether this is a capability, with a name where one is needed."""
    kind, colon, name = text.partition(":")
    return (kind in PARAMETRISED and bool(name)) if colon else text in CAPABILITIES


def known_capabilities() -> tuple[str, ...]:
    """Return all capabilities for messages, parametrised ones with `*`."""
    return (*CAPABILITIES, *(f"{kind}:*" for kind in PARAMETRISED))
