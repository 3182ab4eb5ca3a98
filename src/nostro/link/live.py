"""One account, followed: connected, read, probed, and connected again, for as long as somebody wants to know. It
decides what is told in which order, when something is missing and when it is known again (``docs/live.md`` 10 to 16,
19).

One connection is ``line.py``'s, the present ``live_state.py``'s; what is stored, how histories are read and who hears
the events is decided by the `Keeper`. Time passes through the clock alone.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from nostro import errors, limits
from nostro.domain.fact import Fact
from nostro.domain.records import Order, stamped
from nostro.domain.subjects import SUBJECTS
from nostro.domain.values import SECOND_NS
from nostro.link import segment
from nostro.link.agreement import Agreement, Disagreement
from nostro.link.declare import Claim, Page
from nostro.link.events import (
    AnyEvent,
    Ended,
    GapClosed,
    GapOpened,
    Resumed,
    Stale,
    Stored,
    Unreadable,
    Update,
    Via,
)  # fmt: skip
from nostro.link.feed import Heard
from nostro.link.frames import Feed, News, Unread
from nostro.link.line import Line
from nostro.link.live_state import ORDERS, LiveState
from nostro.link.together import every
from nostro.link.transport import Clock, Connection
from nostro.link.wire import WireSource

ResultT = TypeVar("ResultT")

SHOWN_BYTES: Final = 200  # of a frame that cannot be read, in the event that tells of it
LATE_S: Final = 2  # what happened so shortly after the subscription may have been told before it
PROBES_FAILED_MAX: Final = 2  # unanswered one after the other, before the account is called stale
# What may be otherwise the next time. A refused key may not, nor what was typed wrongly.
PASSING: Final = (errors.ExchangeError, errors.LinkError, errors.WireError)


class Open(Protocol):
    """Opens a connection to a feed: its URL, more headers of the upgrade, and so often it pings. Raises `NotSent`."""

    async def __call__(self, url: str, headers: Mapping[str, str], *, ping_every_s: int | None) -> Connection: ...


class Keeper(Protocol):
    """Whoever a followed account is kept by, or at least listened to."""

    @property
    def keeps(self) -> bool:
        """Whether answers are stored before they are handed on: what they tell is not provisional then."""
        ...

    def tell(self, event: AnyEvent) -> None:
        """Never blocks."""
        ...

    async def keep(self, page: Page) -> int | None:
        """Stores a segment with its claims: its number, None where nobody keeps it. What it waits for slows the
        reading of frames. It is not canceled midway."""
        ...

    async def fill(self, since_ns: int, until_ns: int) -> int:
        """Reads the histories until they are proven through ``until_ns``, our clock; how many rows were new. Rows that
        whoever listens may not know are handed to `LiveFeed.learn`. Raises `errors.NostroError`."""
        ...

    async def probe(self) -> Mapping[str, Sequence[Fact]]:
        """Asks for the states, and keeps the answers: by the name of the state (balances, positions, ...,
        ``open_orders``) all that there is of it. The newest rows of a history may be among them, by its name. A state
        that this account cannot be asked for is left out. Raises `errors.NostroError`."""
        ...


class LiveFeed:
    """Follows one account. ``heard_ns``: the last frame of an earlier process, None where the account is new. After
    `run` has ended, `state` says why."""

    def __init__(
        self, source: WireSource, *, url: str, open_connection: Open, clock: Clock, randomness: random.Random,
        keeper: Keeper, heard_ns: int | None,
    ) -> None:  # fmt: skip
        feed = source.exchange.feed
        self.state = LiveState(source.account, _fed(feed))
        self._source = source
        self._feed = feed
        self._url = url
        self._open_connection = open_connection
        self._clock = clock
        self._randomness = randomness
        self._keeper = keeper
        self._heard_ns = heard_ns
        self._settle_ns = max((each.settle_s for each in source.exchange.streams), default=0) * SECOND_NS
        self._since_ns = 0  # what happened before was told by an earlier process, or asked by nobody
        self._number = 0
        self._refused = 0
        self._gap_ns: int | None = None  # from when on nobody told
        self._known_before = heard_ns is not None  # whether anything was known before the gap
        self._silent_ns: int | None = None  # from when on the feed was silent, where an answer says that it was
        self._proven_ns = 0  # through which the histories were read
        self._numbered_ns: dict[str, int] = {}  # by state: the last numbered frame of an earlier connection
        self._agreement = Agreement(
            self.state, probe=keeper.probe, tell=partial(self._update, via="rest"), clock=clock,
            is_told=lambda fact: feed is not None and bool(feed.stream(fact)),
        )  # fmt: skip

    async def run(self) -> None:
        """Follows the account until it is canceled, or `Ended` was told. Raises what the keeper raises beyond errors of
        the exchange and the link: a book that refuses."""
        why = "nothing was heard before" if self._heard_ns is None else "nobody listened"
        self._since_ns = self._clock.now_ns() if self._heard_ns is None else self._heard_ns
        self._proven_ns = self._since_ns
        self._lose(why, self._since_ns)
        live = self._poll if self._feed is None else partial(self._live, self._feed)
        pauses = _Pauses(self._randomness)
        while True:
            began_ns, quiet_s = self._clock.now_ns(), 0.0
            try:
                await live()
            except (errors.Unauthorized, errors.UsageError) as error:
                self._refused += 1
                self._source.refuse_token()
                if isinstance(error, errors.UsageError) or self._refused >= limits.AUTH_FAILURES_MAX:
                    self._end(error.message)
                    return
                why = error.message
            except PASSING as error:
                why = error.message
                if isinstance(error, errors.RateLimited):
                    quiet_s = min(error.retry_after_s or 0, limits.RETRY_AFTER_MAX_S)
            lived_ns = self._clock.now_ns() - began_ns
            if lived_ns >= limits.RECONNECT_FRESH_S * SECOND_NS:
                pauses.begin()
                self._refused = 0
            self._lose(why, self._last_known_ns())
            await self._clock.sleep(max(pauses.next_s(), quiet_s))

    def learn(self, stream: str, facts: Sequence[Fact]) -> int:
        """Takes in rows of a history, stamped, and tells what of them is new; how many were."""
        return self._agreement.learn(stream, facts)

    # ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────

    def _lose(self, why: str, since_ns: int) -> None:
        """From then on nobody told what happens. A gap that is open stays; that another attempt failed is said too."""
        if self._gap_ns is None:
            self._gap_ns = since_ns
            self._keeper.tell(
                GapOpened(account=self.state.account, at_ns=self._clock.now_ns(), since_ns=since_ns, why=why)
            )
        self._stale(why, self._gap_ns)

    def _stale(self, why: str, since_ns: int) -> None:
        if (self.state.stale_since_ns, self.state.why) != (since_ns, why):
            self.state.stale_since_ns, self.state.why = since_ns, why
            self._keeper.tell(Stale(account=self.state.account, at_ns=self._clock.now_ns(), since_ns=since_ns, why=why))

    def _found(self, until_ns: int, rows: int) -> None:
        """What was missing is known up to then."""
        assert self._gap_ns is not None
        account, now_ns = self.state.account, self._clock.now_ns()
        unknown = self._states if self._known_before else ()
        self._keeper.tell(
            GapClosed(
                account=account, at_ns=now_ns, since_ns=self._gap_ns, until_ns=until_ns, rows=rows, unknown=unknown
            )
        )
        self._gap_ns, self._known_before = None, True
        self._resume()

    def _resume(self) -> None:
        if self.state.stale_since_ns is not None:
            self.state.stale_since_ns, self.state.why = None, ""
            self._keeper.tell(Resumed(account=self.state.account, at_ns=self._clock.now_ns()))

    def _end(self, why: str) -> None:
        self.state.ended = why
        self._keeper.tell(Ended(account=self.state.account, at_ns=self._clock.now_ns(), why=why))

    @property
    def _states(self) -> tuple[str, ...]:
        """The states that the feed tells, or where there is none, all that were asked for."""
        return self.state.streams if self._feed is None else self._feed.states

    def _last_known_ns(self) -> int:
        """Until when what happens was told."""
        known = [each for each in (self.state.heard_ns, self._silent_ns) if each is not None]
        self._silent_ns = None
        return min(known, default=self._clock.now_ns())

    # ── a connection ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _live(self, feed: Feed) -> None:
        """One connection, from its opening to its end, which is an error."""
        signing = await self._source.feed_signing()
        facts = await self._source.feed_facts()
        connection = await self._open_connection(self._url, feed.headers(signing), ping_every_s=limits.FEED_PING_S)
        try:
            own = feed.own(facts)
            self.state.connect(_accounts(own, facts))
            line = Line(
                self._source.exchange, feed, connection=connection, clock=self._clock, topics=feed.watched(facts),
                own=own, signing=signing, hear=partial(self._hear, feed, own), keep=self._keep,
            )  # fmt: skip
            try:
                await line.begin(signing)
                await every(line.read(), self._follow(feed, line), self._renew(feed, line))
            finally:
                await line.store()
                for state in feed.states:
                    if (heard_ns := line.continuity.heard_ns(state)) is not None:
                        self._numbered_ns[state] = heard_ns
        finally:
            await connection.close()

    def _hear(self, feed: Feed, own: str, heard: Heard, *, shown: bool) -> frozenset[str]:
        """Takes in a frame; which streams it tells of."""
        self.state.heard_ns = heard.received_ns
        meaning = heard.meaning
        if isinstance(meaning, Unread | errors.WireError):
            self._tell_unreadable(heard, meaning, shown=shown)
        if not isinstance(meaning, News) or heard.repeated:
            return frozenset()
        readings = segment.readings(feed, meaning, received_ns=heard.received_ns, own=own)
        for reading in readings:
            facts = tuple(self._stamped(fact, heard.received_ns) for fact in reading.facts)
            self._agreement.heard(facts)
            told = reading._replace(facts=facts)
            for fact in self.state.hear(told, heard.received_ns, numbered=bool(meaning.series), begins=meaning.begins):
                if not self._is_past(fact):
                    self._update(reading.stream, fact, via="feed")
        return frozenset(reading.stream for reading in readings)

    def _is_past(self, fact: Fact) -> bool:
        """Whether it is a row of before anybody listened: a subscription may begin with the newest ones. An order is
        told as it is now."""
        if fact.kind in SUBJECTS or fact.kind == Order.kind:
            return False
        return (fact.effective_ns or 0) < self._since_ns + min(self._source.ahead_ns, 0) - LATE_S * SECOND_NS

    def _tell_unreadable(self, heard: Heard, meaning: Unread | errors.WireError, *, shown: bool) -> None:
        why = meaning.message if isinstance(meaning, errors.WireError) else f"no reader of ours knows {meaning.type!r}"
        frame = heard.body[:SHOWN_BYTES] if shown else b""
        self._keeper.tell(Unreadable(account=self.state.account, at_ns=heard.received_ns, why=why, frame=frame))

    def _stamped(self, fact: Fact, received_ns: int) -> Fact:
        return stamped(fact, exchange=self._source.exchange.id, account=self.state.account, observed_ns=received_ns)

    def _update(self, stream: str, fact: Fact, *, via: Via) -> None:
        self._number += 1
        provisional = via == "feed" or not self._keeper.keeps
        self._keeper.tell(
            Update(
                account=self.state.account, at_ns=self._clock.now_ns(), number=self._number, stream=stream, fact=fact,
                via=via, provisional=provisional,
            )
        )  # fmt: skip

    def _keep(self, page: Page) -> Coroutine[Any, Any, None]:
        return self._stored(page, self._number)

    async def _stored(self, page: Page, through: int) -> None:
        number = await self._keeper.keep(page)
        if number is not None:
            now_ns = self._clock.now_ns()
            self._keeper.tell(Stored(account=self.state.account, at_ns=now_ns, through=through, page=number))

    # ── beside the frames ────────────────────────────────────────────────────────────────────────────────────────

    async def _follow(self, feed: Feed, line: Line) -> None:
        """What is asked for while frames come: the first states, the histories, and then the probes."""
        await line.completed.wait()
        complete_ns = self._clock.now_ns()
        self._agreement.expect(complete_ns + max(self._source.ahead_ns, 0) + LATE_S * SECOND_NS)
        await self._insist(self._agreement.begin)
        await self._claim_unknown(feed, line)
        rows = await self._insist(partial(self._fill, complete_ns))
        self._found(complete_ns, rows)
        self._refused = 0
        pause_s: float = limits.RECHECK_S  # a sign-in that nobody acknowledges may have been carried out late
        failed = 0
        while True:
            await self._clock.sleep(pause_s)
            pause_s = limits.PROBE_S
            try:
                await self._probe(line)
            except (errors.Unauthorized, Disagreement):
                raise
            except PASSING as error:
                failed += 1
                if failed >= PROBES_FAILED_MAX:
                    self._stale(f"no probe was answered: {error.message}", self._agreement.agreed_ns or complete_ns)
                continue
            failed = 0
            self._resume()

    async def _probe(self, line: Line) -> None:
        """Holds the feed against answers. Raises `Disagreement` where they disagree."""
        since_ns = self._agreement.agreed_ns
        try:
            await self._agreement.verify(line.drain)
            await self._fill(self._clock.now_ns() - self._settle_ns)
            await self._agreement.verify_rows(line.drain)
        except Disagreement:
            self._silent_ns = since_ns
            raise

    async def _claim_unknown(self, feed: Feed, line: Line) -> None:
        """Names the states of which nobody knows what they were while nobody told: from the last frame to the first
        state after it."""
        if self._gap_ns is None or not self._known_before:
            return
        now_ns = self._clock.now_ns()
        for state in feed.states:
            since_ns = self._numbered_ns.get(state, self._gap_ns)
            until_ns = min(line.continuity.first_ns.get(state, now_ns), now_ns)
            if since_ns < until_ns:
                line.gathering.claim([Claim("unavailable", since_ns, until_ns, "no_history", state)])
        await line.store()

    async def _fill(self, until_ns: int) -> int:
        """Reads the histories through then, from where they are proven."""
        if self._proven_ns >= until_ns:
            return 0
        rows = await self._keeper.fill(self._proven_ns, until_ns)
        self._proven_ns = until_ns
        return rows

    async def _insist(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Asks until there is an answer."""
        pauses = _Pauses(self._randomness)
        while True:
            try:
                return await work()
            except errors.Unauthorized:
                raise
            except PASSING as error:
                self._stale(error.message, self._gap_ns or self._clock.now_ns())
            await self._clock.sleep(pauses.next_s())

    async def _renew(self, feed: Feed, line: Line) -> None:
        """Takes the next token before the present one ends: signs in anew where a message does, else ends the
        connection, whose headers did."""
        while (ends_ns := self._source.token_ends_ns) is not None:
            left_s = (ends_ns - self._clock.now_ns()) / SECOND_NS
            await self._clock.sleep(max(left_s - limits.TOKEN_MARGIN_S, left_s / 2, 0) + 1)
            signing = await self._insist(self._source.feed_signing)
            if not feed.sign_in(signing):
                raise errors.LinkError("the session ends, and a new one was taken", hint="it is connected again")
            await line.sign_in(signing)

    # ── without a feed ───────────────────────────────────────────────────────────────────────────────────────────

    async def _poll(self) -> None:
        """Asks for states and histories again and again, until that fails."""
        while True:
            asked_ns = self._clock.now_ns()
            await self._agreement.begin()
            if self._gap_ns is not None:
                self._found(asked_ns, await self._fill(asked_ns))
            else:
                await self._fill(asked_ns - self._settle_ns)
            self.state.heard_ns = asked_ns
            await self._clock.sleep(limits.POLL_S)


class _Pauses:
    """Between attempts: doubled each time, and up to half of it is left to chance."""

    def __init__(self, randomness: random.Random) -> None:
        self._randomness = randomness
        self.begin()

    def begin(self) -> None:
        """The next one is the first one."""
        self._next_s = limits.BACKOFF_FIRST_S

    def next_s(self) -> float:
        pause_s, self._next_s = self._next_s, min(self._next_s * 2, limits.BACKOFF_MAX_S)
        return pause_s * (1 + self._randomness.random()) / 2


def _fed(feed: Feed | None) -> frozenset[str]:
    """The states that frames tell, open orders among them where they tell orders."""
    if feed is None:
        return frozenset()
    return frozenset(feed.states) | ({ORDERS} if "order" in feed.private else set())


def _accounts(own: str, facts: Sequence[Fact]) -> frozenset[str] | None:
    """The sub-accounts that a feed tells of: its own, or those that it is subscribed to; None where there are none."""
    named = {fact.native_id for fact in facts if fact.native_id is not None}
    return frozenset({own}) if own else frozenset({"", *named}) if named else None
