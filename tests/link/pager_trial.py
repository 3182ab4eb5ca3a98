"""One trial: the pager, or one of the naive ones, pages a simulated history before the judge; and the sum of many."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from link.pager_judge import NAIVE, Judge, Verdict, naive
from naive.histories import STYLES, Exchange, History, Oversize, history
from nostro.errors import NostroError, TooLarge
from nostro.link.declare import Claim, Fetched, Query
from nostro.link.pager import sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nostro.domain.records import Fact


async def trial(made: History) -> Verdict:
    """Sweeps a history. An error of the pager is a fault."""
    exchange = Exchange(made)
    judge = Judge(exchange)
    answers: dict[int, Sequence[Fact]] = {}

    async def fetch(query: Query) -> Fetched:
        try:
            fetched = exchange.answer(query)
        except Oversize:
            raise TooLarge from None
        answers[fetched.page.sent_ns] = fetched.facts
        return fetched

    async def values(condition: str) -> Sequence[str]:
        assert condition == "instrument"
        return exchange.symbols()

    try:
        async for step in sweep(
            made.stream,
            fetch,
            since_ns=made.since_ns,
            until_ns=made.until_ns,
            values=values if made.stream.symbols or made.stream.keyed else None,
            newest_first=made.newest_first,
        ):
            judge.step(step.page, answers[step.page.sent_ns], step.facts)
    except (NostroError, AssertionError, ValueError, RuntimeError):  # a finding, shown with its seed
        judge.fault(traceback.format_exc())
    return judge.close()


def naive_trial(how: str, made: History) -> Verdict:
    """Pages a history in a wrong way, which claims all of it at the end."""
    exchange = Exchange(made)
    judge = Judge(exchange)
    steps = naive(how, exchange)
    page, all_facts, facts = steps.pop()
    for step in steps:
        judge.step(*step)
    claims = (Claim("proven", made.since_ns, made.until_ns),)
    judge.step(msgspec.structs.replace(page, claims=claims), all_facts, facts)
    return judge.close()


class Figures:
    """What many trials came to. ``faults``: by seed. ``ratios``: calls to the least that would do, by style."""

    def __init__(self) -> None:
        self.faults: dict[int, list[str]] = {}
        self.ratios: dict[str, list[float]] = {name: [] for name in STYLES}
        self.sums: Counter[str] = Counter()
        self.by_style: dict[str, Counter[str]] = {name: Counter() for name in STYLES}
        self.naive_failed: Counter[str] = Counter()
        self.naive_ran: Counter[str] = Counter()

    async def run(self, seeds: Iterable[int]) -> None:
        for seed in seeds:
            made = history(seed)
            verdict = await trial(made)
            if verdict.faults:
                self.faults[seed] = verdict.faults
            self.ratios[made.name].append(verdict.calls / verdict.optimal)
            for sums in (self.sums, self.by_style[made.name]):
                sums.update(_counted(made, verdict))

    def run_naive(self, how: str, seeds: Iterable[int]) -> None:
        """The same judge over the histories that this naive pager is made for: with ids, without sub-queries."""
        for seed in seeds:
            made = history(seed, NAIVE[how])
            stream = made.stream
            bounds = (stream.since, stream.until)
            whole = made.body_rows is None and stream.position == "none"
            fits = bounds == ("absent", "absent") if stream.position == "offset" else whole or bounds[1] == "absent"
            if not fits or not stream.native_ids or stream.splits or (stream.keyed and not whole):
                continue
            self.naive_ran[how] += 1
            verdict = naive_trial(how, made)
            self.naive_failed[how] += bool(verdict.lost or verdict.doubled)


def _counted(made: History, verdict: Verdict) -> dict[str, int]:
    stream = made.stream
    return {
        "histories": 1,
        "rows": len(made.rows),
        "calls": verdict.calls,
        "lost": verdict.lost,
        "doubled": verdict.doubled,
        "saturated_intervals": verdict.saturated,
        "saturated_histories": verdict.saturated > 0,
        "unreachable_timestamps": verdict.unreachable,
        "rows_meanwhile": verdict.arrived,
        "answers_too_large": verdict.oversize,
        "limit_ignored": stream.page_size is not None and (made.cap, made.cap_low) != (stream.page_size,) * 2,
        "whole_seconds": stream.precision_ns == 1_000_000_000,
        "without_ids": not stream.native_ids,
        "twins": not stream.native_ids
        and len({(row.time_ns, *_words(row.fact)) for row in made.rows}) < len(made.rows),
        "split_by_side": bool(stream.splits),
        "split_by_symbol": bool(stream.symbols),
        "one_symbol_a_question": bool(stream.keyed),
        "without_times": not stream.timed,
        "newest_first": made.newest_first,
    }


def _words(fact: Fact) -> tuple[object, ...]:
    return tuple(getattr(fact, word) for word in ("instrument", "side", "price", "amount"))
