"""Running one probe: what A finds of its own state on another server connection, and what others find of A's.

In: a probe, a context, a pool. Out: an `Observation`. Client A sets up on one server connection; an occupant keeps that
connection busy, so that A's next transaction lands on another; A looks; the occupant looks; when A is gone, a new
client looks on the old connection again. Whatever is left there is undone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from txsafe.catalog.probes import Call, Context, Means, Probe, Speaker, Step, Word
from txsafe.probe.drivers import AnyClient, AsyncpgClient, PsycopgClient
from txsafe.probe.pool import HOLD_OF_SHARING, Hold, Occupant, Pool, Sharing, is_alive, occupy
from txsafe.probe.wire import Answer, Client, Reply

ATTEMPTS = 12
"""Tries to see set-up and observation on the connections that they should be on, while others use the pool too."""
VOTES = 3
HUNTS = 4
"""Tries to get hold of a server connection that has to be cleaned."""
ALONE = frozenset({"open-transaction", "cursor-in-autocommit"})
"""Capabilities that are about a statement for itself."""
PATIENCE = 0.005
"""Seconds more to wait between steps in each further try."""
DELIVERY = 0.3
"""Seconds for a notification to arrive."""

NOT_OURS = frozenset({"42501", "42883", "58P01", "42704", "22023", "3D000", "2F003", "0A000"})
"""SQLSTATEs of a set-up that say: this user or this server cannot, with or without a pooler (privilege, missing
function, file or parameter).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one probe in one context came to."""

    probe: str
    requires: tuple[str, ...]
    context: Context
    words: tuple[Word, ...]
    sqlstate: str = ""
    text: str = ""
    switched: bool = False
    """Whether A really was on another server connection when it looked."""


_NOTHING = Answer(Reply.ROWS)


@dataclass(frozen=True, slots=True)
class _Seen:
    words: tuple[Word, ...]
    answer: Answer = _NOTHING
    switched: bool = False
    again: bool = False
    """Others were in the way: worth another try."""


def observe(conninfo: str, pool: Pool, probe: Probe, context: Context) -> Observation:
    """Run a probe and clean up.

    Where the pool is restless, several times, and what was seen most often counts. A start-up parameter too, and the
    worst counts: some poolers make it effective only the first time that they use a server connection.
    """
    at_start = bool(probe.start_up)
    tries = [_try(conninfo, pool, probe, context) for _ in range(VOTES if pool.restless or at_start else 1)]
    # What a rival left is gone with the next client that comes along; seen once, it is a fact.
    fleeting = probe.differs if probe.undisturbed and probe.rival and pool.restless else None
    while fleeting and len(tries) < ATTEMPTS and not any(fleeting in each.words for each in tries):
        tries.append(_try(conninfo, pool, probe, context))
    seen = min(tries, key=lambda each: (fleeting not in each.words, *_rank(each, tries, at_start=at_start)))
    return Observation(
        probe=probe.id,
        requires=probe.requires,
        context=context,
        words=seen.words,
        sqlstate=seen.answer.sqlstate,
        text=seen.answer.text,
        switched=seen.switched,
    )


def _rank(seen: _Seen, tries: list[_Seen], *, at_start: bool) -> tuple[bool, bool, int]:
    votes = sum(other.words == seen.words for other in tries)
    return (Word.UNSEEN in seen.words, at_start and Word.WORKS in seen.words, -votes)


def _try(conninfo: str, pool: Pool, probe: Probe, context: Context) -> _Seen:
    """Run a probe, again where other clients were in the way."""
    seen = _Seen((Word.UNSEEN,))
    broken = 0
    for attempt in range(ATTEMPTS):
        # A pooler that resets a connection first gives out another one meanwhile.
        patience = PATIENCE * (attempt + 1)
        seen = _Run(conninfo, pool, probe, context, patience=patience).see()
        spoke = seen.answer.reply in {Reply.ROWS, Reply.ERROR}
        broken += not spoke
        # Silence and lost connections have to be met twice: a busy machine or pooler has its moments.
        if not seen.again and (spoke or broken > 1):
            break
    return seen


def _unseen(text: str, *, again: bool = False) -> _Seen:
    return _Seen((Word.UNSEEN,), Answer(Reply.ROWS, text=text), again=again)


class _Run:
    """One try."""

    def __init__(self, conninfo: str, pool: Pool, probe: Probe, context: Context, *, patience: float) -> None:
        self._patience = patience
        self._conninfo = conninfo
        self._pool = pool
        self._hold = HOLD_OF_SHARING[pool.sharing]
        self._probe = probe
        self._context = context
        self._expect = probe.expect
        self._left_on: set[str] = set()
        self._doubtful = False
        """Whether somebody who was to look has got no answer."""

    def see(self) -> _Seen:
        for sql in self._probe.create:
            answer = self._aside(sql)
            if not answer.ok:
                return _unseen(f"{sql}: {answer.text}")
        try:
            if self._probe.control:
                self._expect = "\n".join(self._aside(self._probe.control).values)
            with self._connect() as client:
                if client.refusal is not None:
                    return _Seen((Word.REFUSED,), client.refusal)
                seen = self._see(client)
            return self._after(seen)
        except KeyboardInterrupt:
            self._after(_Seen(()))
            raise
        finally:
            for sql in self._probe.drop:
                self._aside(sql)

    def _connect(self) -> AnyClient:
        match self._probe.through:
            case Speaker.LIBPQ:
                return Client(_with_options(self._conninfo, self._probe.start_up.get("options", "")))
            case Speaker.PSYCOPG:
                return PsycopgClient(self._conninfo)
            case Speaker.ASYNCPG:
                return AsyncpgClient(self._conninfo, start_up=self._probe.start_up)
            case Speaker.ASYNCPG_WITHOUT_CACHE:
                return AsyncpgClient(self._conninfo, cache=0, start_up=self._probe.start_up)

    def _aside(self, sql: str) -> Answer:
        with Client(self._conninfo) as client:
            return client.query(sql)

    def _see(self, client: AnyClient) -> _Seen:
        if self._already_there():
            return _unseen("the state was there before the probe", again=True)
        match self._context:
            case Context.AUTOCOMMIT:
                return self._autocommit(client)
            case Context.COMMITTED:
                return self._committed(client)
            case Context.INSIDE:
                return self._inside(client)
            case Context.LATE:
                return self._late(client)

    def _already_there(self) -> bool:
        """Whether a new client finds what the probe is about to make; if so, end that server connection."""
        look = self._probe.look or self._probe.observe
        if look.means is not Means.QUERY or self._probe.control or self._probe.expect == "{backend}":
            return False
        with Client(self._conninfo) as client:
            if client.query(look.text).value != self._expect:
                return False
            client.query("SELECT pg_terminate_backend(pg_backend_pid())")
            return True

    def _is_anywhere_else(self) -> bool:
        """Whether what is to be set up was left elsewhere by an earlier try or probe: it would be taken for A's own.

        A parameter of the start-up is rightly on every connection that A has had.
        """
        return not self._probe.start_up and self._already_there()

    def _autocommit(self, client: AnyClient) -> _Seen:
        backend = self._set_up_in_the_open(client)
        if isinstance(backend, _Seen):
            return backend
        if self._probe.at_once and not self._is_there(self._do(client, self._probe.observe)):
            return _Seen((Word.IGNORED,))
        return self._elsewhere(client, backend)

    def _late(self, client: AnyClient) -> _Seen:
        backend = self._set_up_in_the_open(client)
        if isinstance(backend, _Seen):
            return backend
        occupant = None if self._hold is Hold.SESSION else self._sit_on(client, backend)
        if isinstance(occupant, _Seen):
            return occupant
        if occupant is not None and self._is_anywhere_else():
            occupant.leave()
            return _unseen("the state was there before the probe", again=True)
        answers = [self._do(client, step) for step in self._probe.closing]
        failure = next((answer for answer in answers if not answer.ok), Answer(Reply.ROWS))
        words: tuple[Word, ...] = () if failure.ok else (Word.ERROR,)
        if occupant is not None:
            if found := self._others(occupant):
                words = (Word.IGNORED, *words, *found)
            occupant.leave()
        return _Seen(words or (Word.WORKS,), failure, switched=occupant is not None)

    def _set_up_in_the_open(self, client: AnyClient) -> str | _Seen:
        """Do the set-up and return the server connection that all of it was on."""
        time.sleep(self._patience)
        if isinstance(client, Client) and self._is_shared and self._is_one_message:
            return self._set_up_at_once(client)
        backends = [client.backend]
        self._bind_backend(backends[0])
        for step in self._probe.set_up:
            time.sleep(self._patience)
            answer = self._do(client, step)
            if not answer.ok:
                return _set_up_failed(answer)
        if not self._probe.undisturbed:
            time.sleep(self._patience)
            backends.append(client.backend)
        self._left_on.update(backends)
        if len(set(backends)) > 1:
            return _unseen("other clients moved the set-up to another server connection", again=True)
        return backends[0]

    def _set_up_at_once(self, client: Client) -> str | _Seen:
        """Do the set-up in one message, which tells where it was; asked before and after, it could be elsewhere."""
        steps = (*(step.text for step in self._probe.set_up), "SELECT pg_backend_pid()")
        answer = client.query("; ".join(steps))
        if not answer.ok:
            return _set_up_failed(answer)
        self._left_on.add(answer.value)
        self._bind_backend(answer.value)
        return answer.value

    @property
    def _is_shared(self) -> bool:
        """Whether a client's next statement may be on another server connection."""
        return self._hold is not Hold.SESSION

    @property
    def _is_one_message(self) -> bool:
        """Whether the set-up means the same in one message, whose statements are one transaction."""
        return all(step.means is Means.QUERY for step in self._probe.set_up) and not ALONE & set(self._probe.requires)

    def _committed(self, client: AnyClient) -> _Seen:
        backend = self._set_up_in_a_block(client)
        if isinstance(backend, _Seen):
            return backend
        client.query("COMMIT")
        return self._elsewhere(client, backend)

    def _inside(self, client: AnyClient) -> _Seen:
        backend = self._set_up_in_a_block(client)
        if isinstance(backend, _Seen):
            return backend
        answer = self._do(client, self._probe.observe)
        words = self._own(answer)
        for step in self._probe.closing if answer.ok else ():
            closed = self._do(client, step)
            if not closed.ok:
                words, answer = (Word.ERROR,), closed
        client.query("COMMIT" if answer.ok else "ROLLBACK")
        return _Seen(words, answer)

    def _set_up_in_a_block(self, client: AnyClient) -> str | _Seen:
        """Begin, do the set-up and return the server connection that it was on; the block stays open."""
        begun = client.query("BEGIN")
        if not begun.ok:
            return _Seen((Word.ERROR,), begun)
        backend = client.backend
        self._left_on.add(backend)
        self._bind_backend(backend)
        for step in self._probe.set_up:
            if (answer := self._do(client, step)).reply is not Reply.ROWS:
                client.query("ROLLBACK")
                return _set_up_failed(answer)
        return backend

    def _bind_backend(self, backend: str) -> None:
        self._expect = self._expect.replace("{backend}", backend)

    def _elsewhere(self, client: AnyClient, backend: str) -> _Seen:
        """Make A look on another server connection, and the occupant of the old one after it."""
        if self._hold is Hold.SESSION:
            answer = self._do(client, self._probe.observe)
            return _Seen(self._own(answer), answer)
        occupant = self._sit_on(client, backend)
        if isinstance(occupant, _Seen):
            return occupant
        try:
            if self._is_anywhere_else():
                return _unseen("the state was there before the probe", again=True)
            self._let_rival_in()
            answer = self._do(client, self._probe.observe)
            own = self._own(answer)
            self._left_on.add(client.backend)
            return _Seen((*own, *(() if occupant is None else self._others(occupant))), answer, switched=True)
        finally:
            if occupant is not None:
                occupant.leave()

    def _sit_on(self, client: AnyClient, backend: str) -> Occupant | _Seen | None:
        """Return a client on that server connection; None where the pooler has closed it."""
        occupant = occupy(self._conninfo, backend, self._hold)
        if occupant is None and client.backend == backend:
            answer = self._do(client, self._probe.observe)
            return _Seen((*self._own(answer), Word.PINNED), answer)
        if occupant is None and is_alive(self._conninfo, backend):
            return _unseen("no client got the server connection that the set-up was on", again=True)
        return occupant

    def _let_rival_in(self) -> None:
        if not self._probe.rival:
            return
        with self._connect() as rival:
            if not self._probe.undisturbed:
                self._left_on.add(rival.backend)
            for step in self._probe.rival:
                self._do(rival, step)

    def _own(self, answer: Answer) -> tuple[Word, ...]:
        match answer.reply:
            case Reply.ROWS:
                return (Word.WORKS,) if self._is_there(answer) else (self._probe.differs,)
            case Reply.SILENT:
                return (Word.STUCK,)
            case Reply.ERROR | Reply.DROPPED:
                return (Word.ERROR,)

    def _is_there(self, answer: Answer) -> bool:
        return answer.ok and answer.value in (self._expect, *self._expect.splitlines())

    def _others(self, occupant: Occupant) -> tuple[Word, ...]:
        """Look at what another client finds on the connection that it sits on."""
        look = self._probe.look or self._probe.observe
        if not self._probe.leaves or look.means is not Means.QUERY:
            return ()
        answer = occupant.ask(look.text)
        self._doubtful |= answer.reply in {Reply.SILENT, Reply.DROPPED}
        return self._probe.leaves if self._is_there(answer) else ()

    def _after(self, seen: _Seen) -> _Seen:
        """Look again on every connection that A was on, now that A is gone, and undo what is left."""
        words, missed = seen.words, False
        for backend in sorted(filter(None, self._left_on)):
            if self._pool.sharing is Sharing.DIRECT or not is_alive(self._conninfo, backend):
                continue
            occupant = self._get_hold_of(backend)
            if occupant is None:
                missed = missed or is_alive(self._conninfo, backend)
                continue
            found = self._others(occupant)
            words = (*words, *found)
            if found:
                self._clean(occupant)
            occupant.leave()
        if Word.STUCK in words:
            # What is stuck is held still: not lost, though its owner cannot reach it.
            words = tuple(word for word in words if word is not Word.LOST)
        return _Seen(tuple(dict.fromkeys(words)), seen.answer, seen.switched, seen.again or missed or self._doubtful)

    def _get_hold_of(self, backend: str) -> Occupant | None:
        hunts = (occupy(self._conninfo, backend, self._hold) for _ in range(HUNTS))
        return next((occupant for occupant in hunts if occupant or not is_alive(self._conninfo, backend)), None)

    def _clean(self, occupant: Occupant) -> None:
        for sql in self._probe.clean_up or ("SELECT pg_terminate_backend(pg_backend_pid())",):
            occupant.ask(sql)

    def _do(self, client: AnyClient, step: Step) -> Answer:
        match step.means:
            case Means.QUERY:
                return client.query(step.text)
            case Means.NOTIFIED:
                return self._notify(client, step.text)
            case _:
                return _do_on_the_wire(client, step) if isinstance(client, Client) else _do_through(client, step)

    def _notify(self, client: AnyClient, channel: str) -> Answer:
        sent = self._aside(f"NOTIFY {channel}")
        return Answer(Reply.ROWS, client.notified(DELIVERY)) if sent.ok else sent


def _do_on_the_wire(client: Client, step: Step) -> Answer:
    match step.means:
        case Means.PARSE:
            return client.prepare(step.word, step.text)
        case Means.BIND_NAMED:
            return client.execute(step.word)
        case _:
            return Answer(Reply.ROWS, (client.claimed_backend,))


def _do_through(client: PsycopgClient | AsyncpgClient, step: Step) -> Answer:
    return client.call(Call(step.word), step.text) if step.means is Means.CALL else client.bound(step.text, step.word)


def _set_up_failed(answer: Answer) -> _Seen:
    if answer.sqlstate in NOT_OURS:
        return _unseen(f"{answer.sqlstate} {answer.text}")
    return _Seen((Word.STUCK if answer.reply is Reply.SILENT else Word.ERROR,), answer)


def _with_options(conninfo: str, options: str) -> str:
    if not options:
        return conninfo
    own = conninfo_to_dict(conninfo).get("options")
    return make_conninfo(conninfo, options=f"{own} {options}" if own else options)
