"""All probes against one pooler.

In: a connection string, what it is (`Pool`), and the rules, whose probes are run. Out: one `Observation` per probe and
context that makes sense there.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from txsafe.catalog.probes import Context, Probe, Speaker, Word
from txsafe.errors import ProbeError
from txsafe.probe.drivers import AsyncpgClient, PsycopgClient
from txsafe.probe.observe import Observation, observe
from txsafe.probe.pool import Pool, Sharing
from txsafe.probe.probes import make_probes
from txsafe.probe.wire import Answer, Client, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from txsafe.catalog.rules import Rule

WITHOUT_BLOCKS = (Context.AUTOCOMMIT, Context.LATE)
"""What can be asked where transaction blocks are refused."""
REVIVAL = 2.0
"""Seconds for a pooler to answer again: Pgpool-II replaces processes whose server connection was ended."""
RETURN = 5.0
"""Seconds for a server or pooler to come back, so that what was created can be removed."""
CALLS = 3
"""Tries to connect through a driver that gets no answer."""
_FAILED = frozenset({Word.ERROR, Word.REFUSED, Word.STUCK, Word.UNSEEN})


def survey(conninfo: str, pool: Pool, rules: Iterable[Rule], *, aside: str = "") -> Iterator[Observation]:
    """Run every probe in every context; one that asks for a transaction block only where there are some.

    `aside` is a way round the pooler, to remove what was created if it dies. Raises `ProbeError` where nothing answers
    any more.
    """
    speechless = find_speechless(conninfo)
    for probe, context in list_work(pool, rules):
        if reason := speechless.get(probe.through):
            words = (Word.UNSEEN,)
            yield Observation(probe=probe.id, requires=probe.requires, context=context, words=words, text=reason)
            continue
        try:
            seen = observe(conninfo, pool, probe, context)
            if _FAILED & set(seen.words) and _was_away((conninfo, aside), probe):
                seen = observe(conninfo, pool, probe, context)
        except KeyboardInterrupt:
            # What the probe itself could not remove any more: an interrupted query may still hold the pooler's place.
            _remove((conninfo, aside), probe)
            raise
        yield seen


def list_work(pool: Pool, rules: Iterable[Rule]) -> tuple[tuple[Probe, Context], ...]:
    """Return what there is to do, with names that no other run uses."""
    probes = make_probes(rules, secrets.token_hex(4))
    return tuple((probe, context) for probe in probes for context in list_contexts(probe, pool.sharing))


def list_contexts(probe: Probe, sharing: Sharing) -> tuple[Context, ...]:
    """Return the contexts to run a probe in."""
    if sharing is not Sharing.STATEMENT or "transaction-block" in probe.requires:
        return probe.contexts
    return tuple(context for context in probe.contexts if context in WITHOUT_BLOCKS)


def find_speechless(conninfo: str) -> Mapping[Speaker, str]:
    """Return the drivers that cannot connect at all, and why: what libpq does they may not, with certificates say."""
    found: dict[Speaker, str] = {}
    if refusal := _find_refusal(lambda: AsyncpgClient(conninfo, cache=0)):
        found |= dict.fromkeys((Speaker.ASYNCPG, Speaker.ASYNCPG_WITHOUT_CACHE), refusal.text)
    if refusal := _find_refusal(lambda: PsycopgClient(conninfo)):
        found[Speaker.PSYCOPG] = refusal.text
    return found


def _find_refusal(connect: Callable[[], AsyncpgClient | PsycopgClient]) -> Answer | None:
    """Return what refuses a driver; silence has to last."""
    for _ in range(CALLS):
        with connect() as client:
            refusal = client.refusal
        if refusal is None or refusal.reply is not Reply.SILENT:
            break
    return refusal


def _was_away(ways: Sequence[str], probe: Probe) -> bool:
    """Tell whether nothing answered for a moment.

    Raises `ProbeError` if nothing answers any more, having removed what the probe created.
    """
    deadline = time.monotonic() + REVIVAL
    answer = _ask(ways[0])
    if answer.ok:
        return False
    while time.monotonic() < deadline:
        time.sleep(0.1)
        answer = _ask(ways[0])
        if answer.ok:
            return True
    left = _remove(ways, probe)
    rest = f"; left behind, run it when the server is back: {left}" if left else "; nothing was left behind"
    raise ProbeError(f"the connection was lost in the middle of probe '{probe.id}': {answer.text}{rest}")


def _ask(way: str) -> Answer:
    with Client(way) as client:
        return client.query("SELECT 1")


def _remove(ways: Sequence[str], probe: Probe) -> str:
    """Remove what a probe created, by whatever way leads to the server; return the SQL that could not be run."""
    deadline = time.monotonic() + RETURN
    left = list(probe.drop)
    while left and time.monotonic() < deadline:
        for way in filter(None, ways):
            with Client(way) as client:
                left = [sql for sql in left if not client.query(sql).ok]
        time.sleep(0.1 if left else 0)
    return "; ".join(left)
