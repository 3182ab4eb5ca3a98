"""Brings one account into the book: asks what is not proven yet, stores every answer, and reconciles. It decides what
is asked again and when; paging is the pager's, keeping is the book's.

A *pass* asks for every interval that no page covers, re-reads the last ``overlap_s`` of every stream (rows appear late
and change) and every row that is not terminal. A *poll* asks for the tail alone. Both may be cut off anywhere: what is
stored is whole, and the next pass goes on from there. Rows to which the wire gives no time are asked for once more day
by day, so that every one of them belongs to one day (UTC).

Several of these may be under way at once (``live.py``): of one history one reading at a time, for what a reading shows
is told from its pages alone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import pairwise
from typing import Final

import msgspec

from nostro import errors, limits
from nostro.book import undated
from nostro.book.book import Appended, Book, Lease
from nostro.book.judgement import Judge
from nostro.book.retention import deadlines
from nostro.collect.intervals import cell, halves, merged, without
from nostro.collect.reports import Learned, Progress, Report, Watcher, unlearned, unwatched
from nostro.collect.working import Run, directly
from nostro.domain.answers import Interval
from nostro.domain.records import Fact
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link.declare import Claim, Page, Query, Stream
from nostro.link.events import Deadline
from nostro.link.live_state import OPEN_ORDERS
from nostro.link.source import Reply, Step
from nostro.link.transport import Clock
from nostro.link.wire import WireSource

REFERENCE: Final = ("currencies", "instruments", "fees", "sub_accounts", "ticker")  # asked once a pass
STATES: Final = ("balances", "loans", "positions", "margin")  # asked in every poll
ROWS_PER_COMMIT: Final = 2_000  # rows gathered before they are committed together
STEPS_PER_COMMIT: Final = 50  # pages gathered before they are committed together
QUIET_S: Final = 60  # how long histories rest while the balances do not move
PROBE_NS: Final = DAY_NS  # a forbidden stream is asked again after a day
UNREADABLE_MAX: Final = 100  # pages of a stream that cannot be read, before a pass leaves it: three or four single rows
GARBAGE_PAGES: Final = 3  # so many, and none that can be read: halving will not help
FOR_EVER_S: Final = 2**62
# What will not get better with the next question: a refused key, and an exchange that cannot be reached.
ENDS_PASS: Final = (errors.Unauthorized, errors.NotSent)
EVERYTHING: Final[Mapping[str, str]] = {}  # no condition: all of a stream
WAITS_MAX: Final = 3  # how often a pass waits for its tail to settle
LONG_NS: Final = 60 * SECOND_NS  # what is open for longer is read at once, and what settles meanwhile after it


class Collector:
    """Keeps one account of a book up to date. It holds the account's lease from `start` to `stop`; every write is
    fenced by it. ``run`` carries out the book's work (in a thread of its own, or directly)."""

    def __init__(
        self,
        book: Book,
        source: WireSource,
        *,
        clock: Clock,
        holder: str,
        run: Run = directly,
        watcher: Watcher = unwatched,
    ) -> None:
        self.book = book
        self.source = source
        self.account = source.account
        self._clock = clock
        self._run = run
        self._holder = holder
        self._watcher = watcher
        self.learned: Learned = unlearned  # who is told of the rows of every page that was stored
        source.heard = watcher
        self._lease: Lease | None = None
        self._judge = Judge(book, source.account)
        self._offset_ns = 0
        self._polled_ns = 0
        self._stated = b""
        self._probed_ns: dict[str, int] = {}
        self._unread: dict[str, set[tuple[int, int]]] = {}
        self._renewed_ns = 0
        self._holding = asyncio.Lock()
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by history

    async def start(self) -> None:
        """Takes the lease. Raises `errors.Conflict` while another process holds it."""
        self._lease = await self._run(lambda: self.book.acquire(self.account, self._holder))

    async def stop(self) -> None:
        """Gives the lease back."""
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._run(lambda: self.book.release(lease))

    async def hold(self, *, young_s: float = 0) -> None:
        """Keeps the lease alive, or takes it anew where it ran out meanwhile and somebody else wrote (a person who
        accepted a break, during an outage). Nothing is done where it was renewed within ``young_s``. Raises
        `errors.Conflict` while another process holds it."""
        async with self._holding:
            if self._clock.now_ns() - self._renewed_ns < young_s * SECOND_NS:
                return
            lease = self._held()
            try:
                self._lease = await self._run(lambda: self.book.renew(lease))
            except errors.Fenced:
                await self.start()
            self._renewed_ns = self._clock.now_ns()

    async def heard_ns(self) -> int | None:
        """Until when the book has what the account's feed told, our clock; None where it has nothing of it."""
        return await self._run(lambda: self.book.heard(self.account))

    # ── passes ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def full_pass(self) -> Report:
        """Everything: states, reference, all that is not proven, the overlap, all open rows; then the tail, once it has
        settled, so that the balances that were read at the start can be checked; then reconciles."""
        report = Report(account=self.account)
        await self.hold()
        await self._states((*STATES, *REFERENCE), report)
        stated_ns = report.horizon_ns
        await self._streams(report, whole=True)
        for _ in range(WAITS_MAX):
            behind_ns = stated_ns - min(self._horizon_ns(report, stream) for stream in self._streams_here())
            if behind_ns < 0 or report.failures:
                break
            await self._clock.sleep(behind_ns / SECOND_NS + 1)
            report.horizon_ns = self._now_there_ns()
            await self._streams(report, whole=False)
        return await self._judged(report)

    async def poll(self) -> Report:
        """The balances and what is new since the last pass; then reconciles. While the exchange repeats its balances to
        the letter, the histories are asked for only once in `QUIET_S`, and nothing is kept in between."""
        await self.hold()
        if await self._is_quiet():
            lease = self._held()
            await self._run(lambda: self.book.empty_inbox(lease))
            return Report(account=self.account)
        return await self.look()

    async def look(self) -> Report:
        """As `poll`, whatever the balances say."""
        report = Report(account=self.account)
        await self.hold()
        await self._states(STATES, report)
        await self._streams(report, whole=False)
        self._polled_ns = self._clock.now_ns()
        return await self._judged(report)

    async def _is_quiet(self) -> bool:
        """Whether the last poll is recent, and the balances are still what they were then."""
        if self._clock.now_ns() - self._polled_ns >= QUIET_S * SECOND_NS:
            return False
        reply = await self.source.ask(STATES[0], {})
        return _said(reply) == self._stated

    async def again(self, since_ns: int, until_ns: int) -> Report:
        """Reads a range of every stream once more, proven or not; then reconciles."""
        report = Report(account=self.account)
        await self.hold()
        await self._states(STATES, report)
        for stream in self._streams_here():
            until_here_ns = min(until_ns, self._horizon_ns(report, stream))
            if since_ns < until_here_ns:
                async with self._reading[stream.name]:
                    await self._intervals(stream, [(since_ns, until_here_ns)], report)
        return await self._judged(report)

    async def probe(self) -> dict[str, tuple[Fact, ...]]:
        """The states as they are now, by name, kept; and the open orders, of which the history keeps what they say.
        Raises `errors.NostroError` where one of them could not be had."""
        report = Report(account=self.account)
        states = await self._states(STATES, report)
        for failure in report.failures.values():
            raise failure
        if self.source.exchange.asks_for(OPEN_ORDERS):
            with suppress(errors.Forbidden, errors.BadValue):
                states[OPEN_ORDERS] = (await self.source.ask(OPEN_ORDERS, {})).facts
        return states

    async def read_through(self, since_ns: int, until_ns: int) -> int:
        """Reads the tail of every history until all of [since_ns, until_ns) of our clock is known, as far as the
        exchange tells it: what is young settles first. The number of new rows. Raises `errors.NostroError` where a
        history could not be read."""
        low_ns, high_ns = since_ns + min(self._offset_ns, 0), until_ns + max(self._offset_ns, 0)
        new, left = 0, list[str]()
        for _ in range(WAITS_MAX):
            report = Report(account=self.account, horizon_ns=self._now_there_ns())
            settled_ns = min(self._horizon_ns(report, stream) for stream in self._streams_here())
            if settled_ns >= high_ns or settled_ns - low_ns >= LONG_NS:
                await self.hold()
                await self._streams(report, whole=False, unread=True)
                new += report.new
                for failure in report.failures.values():
                    raise failure
                if not (left := await self._run(partial(self._open, low_ns, high_ns))):
                    return new
            await self._clock.sleep(max(0, high_ns - settled_ns) / SECOND_NS + 1)
        raise errors.Failing(
            f"{', '.join(left)} of {self.source.exchange.name} could not be read through", hint="it is tried again",
            exchange=self.source.exchange.id, account=self.account,
        )  # fmt: skip

    async def deadlines(self) -> list[Deadline]:
        """What the exchange will soon forget and nobody has read."""
        return await self._run(lambda: deadlines(self.book, self.account, now_ns=self._clock.now_ns()))

    def _open(self, since_ns: int, until_ns: int) -> list[str]:
        """The histories of which something in [since_ns, until_ns) is not known."""
        start_ns = max(since_ns, self.book.account(self.account).since_ns)
        return [
            stream.name for stream in self._streams_here()
            if any(
                tile.status == "open"
                for tile in self.book.coverage(self.account, stream.name, since_ns=start_ns, until_ns=until_ns)
            )
        ]  # fmt: skip

    async def judge(self) -> None:
        """Takes in what other processes left, and compares what was reported with what was computed."""
        lease = self._held()
        await self._run(lambda: self.book.empty_inbox(lease))
        await self._run(lambda: self._judge.judge(lease, now_ns=self._clock.now_ns()))

    async def _judged(self, report: Report) -> Report:
        await self.judge()
        return report

    # ── states ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _states(self, capabilities: Sequence[str], report: Report) -> dict[str, tuple[Fact, ...]]:
        told: dict[str, tuple[Fact, ...]] = {}
        for capability in capabilities:
            if not self.source.exchange.asks_for(capability):
                continue
            if self._clock.now_ns() - self._probed_ns.get(capability, 0) < PROBE_NS:
                continue
            try:
                reply = await self.source.ask(capability, {})
            except ENDS_PASS:
                raise
            except errors.BadValue:
                continue  # this wire answers it for one thing at a time, and nobody asked about one
            except errors.Forbidden as refusal:
                await self._refused(capability, refusal, report)
                continue
            except errors.NostroError as error:
                await self._failed(capability, error, report)
                continue
            # First the clock: a balance at a wrong time would be compared with the wrong entries.
            if capability in STATES or not report.horizon_ns:
                self._judge_clock(reply.pages[-1], report)
            await self._store(reply.steps, report)
            told[capability] = reply.facts
            if capability == STATES[0]:
                self._stated = _said(reply)
        return told

    async def _refused(self, capability: str, refusal: errors.Forbidden, report: Report) -> None:
        """A key without a further permission is no failure: the answer that says so is kept, and asked for again in a
        day."""
        if all(ask.route.permission in ("", "read") for ask in self.source.exchange.asks_for(capability)):
            await self._failed(capability, refusal, report)
        elif isinstance(refusal.page, Page):
            self._probed_ns[capability] = self._clock.now_ns()
            await self._store([Step(refusal.page, ())], report)

    def _judge_clock(self, page: Page, report: Report) -> None:
        """Learns by how much the exchange's clock differs. Raises `errors.ClockSkew` where that is too much."""
        self._offset_ns = self.source.offset_ns(page)
        if abs(self._offset_ns) > limits.CLOCK_SKEW_MAX_S * SECOND_NS:
            ahead_s = -self._offset_ns / SECOND_NS
            raise errors.ClockSkew(
                f"this machine's clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} "
                f"{self.source.exchange.name}'s",
                offset_s=-ahead_s,
                hint="set the clock (NTP), then sync again; nothing was lost",
                exchange=self.source.exchange.id,
                account=self.account,
            )
        report.horizon_ns = self._now_there_ns()

    def _now_there_ns(self) -> int:
        """The exchange's now, or somewhat less: coverage is claimed of its time, not of ours."""
        return self._clock.now_ns() + min(self._offset_ns, 0)

    def _horizon_ns(self, report: Report, stream: Stream) -> int:
        """Up to where a stream can be proven now: what is younger is settling."""
        cut_ns = report.horizon_ns - stream.settle_s * SECOND_NS
        return cut_ns - cut_ns % stream.precision_ns

    # ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _streams_here(self) -> list[Stream]:
        """What the exchange forgets soonest comes first: of it nothing is lost while the rest is read."""
        streams = self.source.exchange.streams
        return sorted(streams, key=lambda stream: stream.retention_s or FOR_EVER_S)

    async def _streams(self, report: Report, *, whole: bool, unread: bool = False) -> None:
        """``unread``: what could not be read is asked for again too, as it is in a whole pass."""
        for stream in self._streams_here():
            if stream.name not in report.failures:
                async with self._reading[stream.name]:
                    await self._stream(stream, report, whole=whole, unread=whole or unread)

    async def _stream(self, stream: Stream, report: Report, *, whole: bool, unread: bool) -> None:
        until_ns = self._horizon_ns(report, stream)
        wanted = partial(self._wanted, stream, until_ns, whole=whole, unread=unread)
        await self._intervals(stream, await self._run(wanted), report)
        for key, intervals in (await self._run(partial(self._open_keys, stream, until_ns))).items():
            await self._intervals(stream, intervals, report, {stream.keyed: key})
        if whole and not stream.timed:
            await self._intervals(stream, await self._run(partial(self._over_midnights, stream)), report)

    def _wanted(self, stream: Stream, until_ns: int, *, whole: bool, unread: bool) -> list[tuple[int, int]]:
        """What to ask of a stream before ``until_ns``: disjoint intervals in order."""
        since_ns = self.book.account(self.account).since_ns
        wanted = [
            (hole.since_ns, hole.until_ns)
            for hole in self.book.coverage(self.account, stream.name, since_ns=since_ns, until_ns=until_ns)
            if self._worth_asking(hole)
        ]
        if whole:
            wanted.append((max(since_ns, until_ns - stream.overlap_s * SECOND_NS), until_ns))
        if not stream.keyed:
            wanted += [cell(stream, effective_ns) for effective_ns, _ in self.book.open_rows(self.account, stream)]
        joined = merged([(start, min(end, until_ns)) for start, end in wanted if start < until_ns])
        alone = sorted(self._unread.get(stream.name, ()))  # asked again in a pass, each by itself
        return [*without(joined, alone), *((start, end) for start, end in alone if unread and start < until_ns)]

    def _open_keys(self, stream: Stream, until_ns: int) -> dict[str, list[tuple[int, int]]]:
        """Where rows may still change, by their key: of a stream that is asked key by key, only theirs are asked."""
        cells: dict[str, list[tuple[int, int]]] = {}
        for effective_ns, key in self.book.open_rows(self.account, stream) if stream.keyed else ():
            start_ns, end_ns = cell(stream, effective_ns)
            if start_ns < until_ns:
                cells.setdefault(key, []).append((start_ns, min(end_ns, until_ns)))
        return {key: merged(intervals) for key, intervals in cells.items()}

    def _over_midnights(self, stream: Stream) -> list[tuple[int, int]]:
        """The windows in which rows lie that may be of one day or another, cut at the midnights."""
        windows = {undated.window(fact) for fact in self.book.facts(stream.kind, self.account)}
        pieces: set[tuple[int, int]] = set()
        for since_ns, until_ns in (window for window in windows if window is not None):
            midnights = range(since_ns - since_ns % DAY_NS + DAY_NS, until_ns, DAY_NS)
            if midnights:
                pieces.update(pairwise((since_ns, *midnights, until_ns)))
        return sorted(pieces)

    def _worth_asking(self, hole: Interval) -> bool:
        if hole.status == "open":
            return True
        if hole.cause != "forbidden":
            return False
        return self._clock.now_ns() - self._probed_ns.get(hole.stream, 0) >= PROBE_NS

    async def _intervals(
        self, stream: Stream, intervals: list[tuple[int, int]], report: Report, where: Mapping[str, str] = EVERYTHING
    ) -> None:
        """Reads the intervals one after the other; with a condition, a part of each, which proves nothing. Where a page
        cannot be read, what it was asked for is asked again in halves, until what cannot be read stands alone: it stays
        open, and all around it is known."""
        waiting, unread, read = deque(intervals), 0, False
        try:
            while waiting:
                since_ns, until_ns = waiting.popleft()
                pages = report.pages
                try:
                    await self._sweep(stream, since_ns, until_ns, report, where)
                    read = True
                    self._forget(stream, since_ns, until_ns)
                except errors.Undecodable as error:
                    unread, read = unread + 1, read or report.pages > pages
                    await self._failed(stream.name, error, report)
                    if unread >= UNREADABLE_MAX or (unread >= GARBAGE_PAGES and not read):
                        return  # it is not some row: the exchange makes no sense now
                    waiting += self._around(stream, error.page, since_ns=since_ns, until_ns=until_ns)
        except ENDS_PASS:
            raise
        except (errors.ExchangeError, errors.LinkError, errors.WireError) as error:
            await self._failed(stream.name, error, report)

    def _forget(self, stream: Stream, since_ns: int, until_ns: int) -> None:
        """What could not be read and lies in this interval could be read now."""
        cells = self._unread.get(stream.name, set())
        cells -= {each for each in cells if since_ns <= each[0] and each[1] <= until_ns}

    def _around(self, stream: Stream, page: object, *, since_ns: int, until_ns: int) -> list[tuple[int, int]]:
        """What to ask after a page that cannot be read, in an interval; what cannot be halved is remembered."""
        query = page.query if isinstance(page, Page) else Query()
        if query.since_ns is None or query.until_ns is None:
            return []
        low_ns, high_ns = max(query.since_ns, since_ns), min(query.until_ns, until_ns)
        pieces = halves(stream, since_ns=low_ns, until_ns=high_ns)
        if not pieces:
            self._unread.setdefault(stream.name, set()).add((low_ns, high_ns))
        return [each for each in ((high_ns, until_ns), *pieces) if each[0] < each[1]]

    async def _sweep(
        self, stream: Stream, since_ns: int, until_ns: int, report: Report, where: Mapping[str, str]
    ) -> None:
        waiting: list[Step] = []
        rows = pages = waiting_rows = 0
        try:
            async for swept in self.source.sweep(stream.name, since_ns, until_ns, where):
                step = msgspec.structs.replace(swept, page=_of_a_part(swept.page)) if where else swept
                waiting.append(step)
                rows += len(step.facts)
                waiting_rows += len(step.facts)
                pages += 1
                if step.page.status == 403:
                    self._probed_ns[stream.name] = self._clock.now_ns()
                if waiting_rows >= ROWS_PER_COMMIT or len(waiting) >= STEPS_PER_COMMIT:
                    await self._store(waiting, report)
                    waiting, waiting_rows = [], 0
                if step.claims:
                    reached_ns = max(claim.until_ns for claim in step.claims)
                    self._watcher(
                        Progress(
                            account=self.account, stream=stream.name, since_ns=since_ns, until_ns=until_ns,
                            reached_ns=reached_ns, rows=rows, pages=pages,
                        )
                    )  # fmt: skip
        except (errors.ExchangeError, errors.LinkError, errors.WireError):
            if waiting:  # what came before the failure is whole, and need not be asked for again
                await self._store(waiting, report)
            raise
        if waiting:
            await self._store(waiting, report)

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def keep(self, page: Page) -> int:
        """Stores a page that came by itself; its number. Raises `errors.BookError`."""
        return (await self._append([page])).head.seq

    async def _append(self, pages: Sequence[Page | Step]) -> Appended:
        lease, begun_ns = self._held(), self._clock.now_ns()
        appended = await self._run(lambda: self.book.append(lease, pages))
        self._renewed_ns = begun_ns
        return appended

    async def _store(self, steps: Sequence[Step], report: Report) -> None:
        appended = await self._append(steps)
        report.pages += len(steps)
        report.rows += sum(len(step.facts) for step in steps)
        report.new += appended.new
        report.changed += appended.changed
        for step in steps:
            if step.facts:
                self.learned(step.page.stream, step.facts)

    async def _failed(self, name: str, error: errors.NostroError, report: Report) -> None:
        """Keeps the answer that said so, and goes on with the next stream."""
        report.failures[name] = error
        if isinstance(error.page, Page):
            await self._store([Step(error.page, ())], report)

    def _held(self) -> Lease:
        if self._lease is None:
            raise errors.Fenced(f"account {self.account} is not held by this process", hint="start the collector first")
        return self._lease


def _said(reply: Reply) -> bytes:
    """All that the answers of a state said."""
    return b"".join(page.body for page in reply.pages)


def _of_a_part(page: Page) -> Page:
    """The page of a part of a stream: it proves nothing, and says where this reading of the part ended, so that its
    rows are not taken for those of a later reading of the whole."""
    return msgspec.structs.replace(
        page, claims=tuple(Claim("open", each.since_ns, each.until_ns) for each in page.claims)
    )
