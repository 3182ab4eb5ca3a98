"""One trial: the pager, or one of the naive ones, pages a simulated history before its judge."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import msgspec

from naive.histories import SYMBOLS, Exchange, History, Judge, Oversize, Verdict, naive
from nostro.link.declare import Claim, Fetched, Query
from nostro.link.pager import TooLarge, sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nostro.domain.records import Fact


async def trial(made: History) -> Verdict:
    """Sweeps a history. Whatever the pager raises is a fault."""
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

    async def symbols() -> Sequence[str]:
        return SYMBOLS

    try:
        async for step in sweep(
            made.stream,
            fetch,
            made.since_ns,
            made.until_ns,
            symbols=symbols if made.stream.symbols else None,
            newest_first=made.newest_first,
        ):
            judge.step(step.page, answers[step.page.sent_ns], step.facts)
    except Exception:  # noqa: BLE001 - any failure of the pager is a finding of the trial, shown with its seed
        judge.fault(traceback.format_exc())
    return judge.close()


def naive_trial(how: str, made: History) -> Verdict:
    """Pages a history in a wrong way, which claims all of it at the end."""
    exchange = Exchange(made)
    judge = Judge(exchange)
    steps = naive(how, exchange)
    for page, all_facts, facts in steps:
        if page is steps[-1][0]:
            page = msgspec.structs.replace(page, claims=(Claim("proven", made.since_ns, made.until_ns),))
        judge.step(page, all_facts, facts)
    return judge.close()
