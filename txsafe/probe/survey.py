"""All probes against one pooler.

In: a connection string. Out: what it is (`Pool`) and one `Observation` per probe and context that makes sense there.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from txsafe.probe.observe import Observation, observe
from txsafe.probe.pool import Pool, Sharing
from txsafe.probe.probes import Context, Probe, make_probes

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHOUT_BLOCKS = (Context.AUTOCOMMIT, Context.LATE)
"""What can be asked where transaction blocks are refused."""


def survey(conninfo: str, pool: Pool) -> Iterator[Observation]:
    """Run every probe in every context; one that asks for a transaction block only where there are some."""
    for probe in make_probes(secrets.token_hex(4)):
        for context in list_contexts(probe, pool.sharing):
            yield observe(conninfo, pool, probe, context)


def list_contexts(probe: Probe, sharing: Sharing) -> tuple[Context, ...]:
    """Return the contexts to run a probe in."""
    if sharing is not Sharing.STATEMENT or "transaction-block" in probe.requires:
        return probe.contexts
    return tuple(context for context in probe.contexts if context in WITHOUT_BLOCKS)
