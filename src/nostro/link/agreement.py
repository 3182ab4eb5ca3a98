"""The answers that a feed is held against: the first states, and the probes that must agree with what frames told. It
decides which of two statements holds, and when they disagree (``docs/live.md`` 14, 16); what follows from it stands in
``live.py``.

A silent subscription looks like a quiet account, and only an answer tells them apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from nostro import limits
from nostro.domain.fact import Fact
from nostro.domain.subjects import SUBJECTS
from nostro.domain.values import LATEST_NS
from nostro.errors import LinkError
from nostro.link.live_state import OPEN_ORDERS, ORDERS, Doubt, LiveState
from nostro.link.told import Key, row_key
from nostro.link.transport import Clock

Probe = Callable[[], Awaitable[Mapping[str, Sequence[Fact]]]]
Drain = Callable[[], Awaitable[None]]
IsTold = Callable[[Fact], bool]
Tell = Callable[[str, Fact], None]


class Disagreement(LinkError):
    """An answer says, twice, something else than the feed did, or did not: the feed is not to be trusted."""


class Agreement:
    """Holds answers against the present of an account. ``tell(stream, fact)`` is told what an answer says that is new.
    ``is_told(fact)``: whether frames are read into such a fact. ``agreed_ns``: when an answer that agreed was asked for
    last, None before the first one."""

    def __init__(self, state: LiveState, *, probe: Probe, tell: Tell, clock: Clock, is_told: IsTold) -> None:
        self.agreed_ns: int | None = None
        self._state = state
        self._probe = probe
        self._tell = tell
        self._clock = clock
        self._is_told = is_told
        self._since_ns = LATEST_NS  # the exchange's clock: from when on the feed tells rows
        self._untold: dict[Key, tuple[str, Fact]] = {}  # rows that an answer told, and no frame

    # ── states ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self) -> None:
        """Takes the answers for what is so, but for what frames told meanwhile; where they did, it is asked again, at
        the most `limits.RECHECKS_MAX` times."""
        self._untold.clear()
        for _ in range(limits.RECHECKS_MAX):
            asked_ns, since_frame = self._clock.now_ns(), self._state.frames
            answers = await self._probe()
            for stream, facts in answers.items():
                self._take(stream, facts, since_frame)
            self.agreed_ns = asked_ns
            if not any(self._state.frame_of(stream) > since_frame for stream in answers):
                return

    async def verify(self, drain: Drain) -> None:
        """Holds the states against an answer, and where they differ against another one. Raises `Disagreement` where
        that says so again, and no frame came in between: none that waits to be read either (``drain``)."""
        asked_ns, since_frame = self._clock.now_ns(), self._state.frames
        doubts = await self._compare()
        if doubts:
            await self._clock.sleep(limits.RECHECK_S)
            asked_ns = self._clock.now_ns()
            doubted = {(each.stream, each.subject) for each in doubts}
            again = await self._compare()
            await drain()
            for each in again:
                of = (each.stream, each.subject)
                if of in doubted and self._state.frame_of(*of) <= since_frame:
                    raise self._disagree(f"{each.stream} {' '.join(str(part) for part in each.subject if part)}")
        self.agreed_ns = asked_ns

    async def _compare(self) -> list[Doubt]:
        """What an answer says otherwise of states that the feed tells; all others are what it says."""
        since_frame = self._state.frames
        found: list[Doubt] = []
        for stream, facts in (await self._probe()).items():
            doubts = self._state.doubts(stream, facts, since_frame=since_frame)
            found += doubts
            self._take(stream, facts, since_frame, unfed=True)
            if not doubts:
                self._state.confirm(stream, self._clock.now_ns())
        return found

    def _take(self, stream: str, facts: Sequence[Fact], since_frame: int, *, unfed: bool = False) -> None:
        if all(fact.kind not in SUBJECTS for fact in facts) and facts and stream != OPEN_ORDERS:
            self.learn(stream, facts)
            return
        now_ns = self._clock.now_ns()
        told = ORDERS if stream == OPEN_ORDERS else stream
        for fact in self._state.answer(stream, facts, since_frame=since_frame, now_ns=now_ns, unfed=unfed):
            self._tell(told, fact)

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def expect(self, since_ns: int) -> None:
        """From then on, by the exchange's clock, the feed tells every row of its histories."""
        self._since_ns = since_ns

    def learn(self, stream: str, facts: Sequence[Fact]) -> int:
        """Takes in rows of a history, and tells what of them is new; how many were."""
        for fact in facts:
            young = fact.native_id is not None and (fact.effective_ns or 0) > self._since_ns
            if young and self._is_told(fact) and self._state.covers(fact) and not self._state.knows(fact):
                self._untold[row_key(fact)] = (stream, fact)
        new = self._state.rows(facts)
        for fact in new:
            self._tell(stream, fact)
        return len(new)

    def heard(self, facts: Sequence[Fact]) -> None:
        """Frames told these rows."""
        for fact in facts if self._untold else ():
            self._untold.pop(row_key(fact), None)

    async def verify_rows(self, drain: Drain) -> None:
        """Waits for the frames of rows that answers told first. Raises `Disagreement` where they do not come."""
        waited = set(self._untold)
        if not waited:
            return
        await self._clock.sleep(limits.RECHECK_S)
        await drain()
        missing = [self._untold[each] for each in waited if each in self._untold]
        if missing:
            stream, fact = missing[0]
            raise self._disagree(f"{stream}: the feed never told {fact.kind} {fact.native_id}")

    def _disagree(self, what: str) -> Disagreement:
        return Disagreement(f"an answer and the feed disagree on {what}", hint="it is connected again")
