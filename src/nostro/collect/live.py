"""Follows accounts into the book: of each the feed, whose frames are stored as they came, and the histories, which
alone prove anything (docs/live.md). It decides when histories are asked for beside the feed's own probes, what becomes
of an account whose key is refused or which another process collects, and that no account waits for another; how a feed
is followed is ``link/live.py``'s, what is asked and kept ``backfill.py``'s.

Each account begins with a pass over everything, beside its feed. From then on a frame that tells an event makes the
histories due: `AFTER_EVENT_S` behind the longest time in which they settle, so that they can prove it, and once for all
events until then. The feed's probes read them every minute; where it has been away for longer, they are looked at every
`LOOK_S` all the same, and all that may have changed every `PASS_S`. None of this more often than the exchange's budget
allows for good (`Exchange.look_s`); only a gap does not wait.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Final

from nostro import errors, limits
from nostro.collect.backfill import Collector
from nostro.collect.reports import Report, unlearned
from nostro.domain.fact import Balance, Fact
from nostro.domain.subjects import SUBJECTS, Subject, subject
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Exchange, Page
from nostro.link.events import AnyEvent, Ended, GapClosed, GapOpened, Update
from nostro.link.listening import Listener
from nostro.link.live import LiveFeed, Open
from nostro.link.live_state import LiveState
from nostro.link.together import every, first
from nostro.link.transport import Clock

AFTER_EVENT_S: Final = 1.0  # behind the time in which a row settles
LOOK_S: Final = 1.5 * limits.PROBE_S  # between two looks at histories where no probe of a feed reads them
PASS_S: Final = 3600.0  # between two passes over everything that may have changed
LEASE_BEAT_S: Final = limits.LEASE_S / 3  # an account on which nothing happens is ours all the same
# What is tried again: the next look may find it better.
TRIED_AGAIN: Final = (errors.ExchangeError, errors.LinkError, errors.WireError, errors.Unreachable)
# What ends an account, and no other one.
ENDS: Final = (errors.Unauthorized, errors.Conflict, errors.Fenced)

Told = Callable[[AnyEvent], None]
Looked = Callable[[Report | errors.NostroError], None]


class Live:
    """The accounts of one process, each followed by itself. `run` them, and `listen` to what they tell.

    ``looked`` is told what each look at histories brought, or why it could not be had."""

    def __init__(
        self, collectors: Iterable[Collector], *, open_connection: Open, clock: Clock, randomness: random.Random,
        looked: Looked,
    ) -> None:  # fmt: skip
        """``collectors`` hold the leases of their accounts, before `run` and after it."""
        self._listeners: list[Listener] = []
        self._accounts = {
            each.account: Followed(
                each, open_connection=open_connection, clock=clock, randomness=randomness, told=self._tell,
                looked=looked,
            )
            for each in collectors
        }  # fmt: skip

    @property
    def states(self) -> Mapping[str, LiveState]:
        """The present of each account; it changes while they are followed."""
        return {name: followed.state for name, followed in self._accounts.items()}

    async def begun(self) -> None:
        """Until every account was looked at once, or has ended."""
        for each in self._accounts.values():
            await each.begun.wait()

    def listen(self) -> Listener:
        """Hears every event of every account from now on. Who has heard enough closes it."""
        listener = Listener()
        self._listeners.append(listener)
        return listener

    async def run(self) -> None:
        """Follows all accounts until none is left, or until it is canceled: then every open segment is stored before it
        ends. Raises what concerns them all (`errors.BookError`)."""
        try:
            await every(*(each.run() for each in self._accounts.values()))
        finally:
            for listener in self._listeners:
                listener.close()

    def _tell(self, event: AnyEvent) -> None:
        self._listeners = [each for each in self._listeners if not each.closed]
        for listener in self._listeners:
            listener.tell(event)


class Followed:
    """One account: its collector and its feed, whose `Keeper` this is."""

    keeps = True

    def __init__(
        self, collector: Collector, *, open_connection: Open, clock: Clock, randomness: random.Random, told: Told,
        looked: Looked,
    ) -> None:  # fmt: skip
        self._collector = collector
        self._open_connection = open_connection
        self._clock = clock
        self._randomness = randomness
        self._told = told
        self._looked = looked
        self._due = _Due(clock, collector.source.exchange)
        self._gap = False
        self._read_ns: int | None = None  # through which the histories were read
        self._judged_ns = 0
        self._totals: dict[Subject, Decimal | None] = {}
        self._near: set[str] = set()  # histories of which a deadline was told
        self.begun = asyncio.Event()
        self.state = LiveState(collector.account)

    async def run(self) -> None:
        """Until the account ends, or until it is canceled."""
        try:
            live = await self._feed()
            await first(live.run(), self._look_again_and_again(), self._hold())
        except ENDS as error:
            self.state.ended = str(error)
            self.tell(Ended(account=self._collector.account, at_ns=self._clock.now_ns(), why=str(error)))
        finally:
            self._collector.learned = unlearned
            self.begun.set()

    async def _feed(self) -> LiveFeed:
        """The feed, from where the book has heard it last. Of rows from before, only what becomes of orders that are
        open is news."""
        source, heard_ns = self._collector.source, await self._collector.heard_ns()
        live = LiveFeed(
            source, url=source.feed_url, open_connection=self._open_connection, clock=self._clock,
            randomness=self._randomness, keeper=self, heard_ns=heard_ns,
        )  # fmt: skip
        since_ns = self._clock.now_ns() if heard_ns is None else heard_ns

        def learned(stream: str, facts: Sequence[Fact]) -> None:
            live.learn(stream, [
                fact for fact in facts if (fact.effective_ns or 0) >= since_ns or fact.native_id in live.state.orders
            ])  # fmt: skip

        self._collector.learned, self.state = learned, live.state
        return live

    # ── what the feed asks of us ─────────────────────────────────────────────────────────────────────────────────

    def tell(self, event: AnyEvent) -> None:
        if isinstance(event, GapOpened | GapClosed):
            self._gap = isinstance(event, GapOpened)
        if isinstance(event, Update) and event.via == "feed" and self._has_row(event.fact):
            self._due.event()
        self._told(event)

    def _has_row(self, fact: Fact) -> bool:
        """Whether histories have a row of what a frame told. Of deposits and interest some wires tell the balance
        alone."""
        if not isinstance(fact, Balance):
            return fact.kind not in SUBJECTS
        before = self._totals.get(subject(fact))
        self._totals[subject(fact)] = fact.total
        return fact.total != before

    async def keep(self, page: Page) -> int:
        """Stores a segment, however long the book's server is away: whoever reads the feed waits for it."""
        pause_s = limits.BACKOFF_FIRST_S
        while True:
            try:
                return await self._collector.keep(page)
            except errors.Fenced:
                await self._collector.hold()  # or it says who has the account now
            except errors.Unreachable:
                await self._clock.sleep(pause_s)
                pause_s = min(2 * pause_s, limits.BACKOFF_MAX_S)

    async def fill(self, since_ns: int, until_ns: int) -> int:
        """Where nothing is missing, a look for which the exchange's budget has no room yet is left to a later one."""
        if self._due.rests and not self._gap:
            return 0
        began_ns = self._clock.now_ns()
        rows = await self._collector.read_through(min(since_ns, self._read_ns or since_ns), until_ns)
        self._due.looked(began_ns)
        self._read_ns = until_ns
        if rows or self._clock.now_ns() - self._judged_ns >= limits.PROBE_S * SECOND_NS:
            self._judged_ns = self._clock.now_ns()
            await self._collector.judge()
        return rows

    async def probe(self) -> Mapping[str, Sequence[Fact]]:
        return await self._collector.probe()

    # ── beside it ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _look_again_and_again(self) -> None:
        """What an exchange, the link or the book's server refuses is told and tried again; what ends an account ends
        it."""
        refused = 0
        while True:
            await self._due.wait()
            began_ns = self._clock.now_ns()
            whole = began_ns >= self._due.pass_ns
            self._due.looked(began_ns)
            try:
                report = await (self._collector.full_pass() if whole else self._collector.look())
            except TRIED_AGAIN as error:
                refused = refused + 1 if isinstance(error, errors.Unauthorized) else 0
                if refused >= limits.AUTH_FAILURES_MAX:
                    raise
                self._looked(error)
                self._due.passed(whole=whole, again_s=LOOK_S)
            else:
                refused = 0
                self._looked(report)
                self._due.passed(whole=whole, again_s=PASS_S)
            self.begun.set()
            await self._tell_deadlines()

    async def _tell_deadlines(self) -> None:
        """Each once, until it was read."""
        with suppress(errors.Unreachable):
            near = await self._collector.deadlines()
            for each in near:
                if each.stream not in self._near:
                    self.tell(each)
            self._near = {each.stream for each in near}

    async def _hold(self) -> None:
        """The lease stays ours where nothing happens, so that who decides about a break leaves it to us."""
        while True:
            await self._clock.sleep(LEASE_BEAT_S)
            with suppress(errors.Unreachable):
                await self._collector.hold(young_s=LEASE_BEAT_S)


class _Due:
    """When histories are looked at next."""

    def __init__(self, clock: Clock, spoken: Exchange) -> None:
        self._clock = clock
        self._settled_ns = int((max(each.settle_s for each in spoken.streams) + AFTER_EVENT_S) * SECOND_NS)
        self._pause_ns = spoken.look_s * SECOND_NS
        self._event_ns = 0  # when the last event was told
        self._begun_ns = 0
        self._at_ns = self.pass_ns = clock.now_ns()  # of a look, and of a pass over everything
        self._sooner = asyncio.Event()

    def event(self) -> None:
        """A row will be in a history once it has settled."""
        self._event_ns = self._clock.now_ns()
        at_ns = max(self._event_ns + self._settled_ns, self._begun_ns + self._pause_ns)
        if at_ns < self._at_ns:
            self._at_ns = at_ns
            self._sooner.set()

    def looked(self, began_ns: int) -> None:
        """What had settled then is read; what was told since comes next, but not at once: a busy account is looked at
        as often as rows take to settle."""
        self._begun_ns = began_ns
        settles = self._event_ns > began_ns - self._settled_ns
        self._at_ns = began_ns + max(self._settled_ns if settles else int(LOOK_S * SECOND_NS), self._pause_ns)

    def passed(self, *, whole: bool, again_s: float) -> None:
        """A ``whole`` pass is due again so long from now; whatever looks come in between."""
        if whole:
            self.pass_ns = self._clock.now_ns() + int(again_s * SECOND_NS)

    @property
    def rests(self) -> bool:
        """Whether the exchange's budget has no room for another look yet."""
        return self._clock.now_ns() < self._begun_ns + self._pause_ns

    async def wait(self) -> None:
        while (left_ns := min(self._at_ns, self.pass_ns) - self._clock.now_ns()) > 0:
            self._sooner.clear()
            await first(self._clock.sleep(left_ns / SECOND_NS), self._sooner.wait())
