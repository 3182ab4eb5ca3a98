"""The pager, before a judge that knows the truth: over 2,000 simulated histories of every style and defect, nothing is
lost or doubled in a proven interval, whatever cannot be reached is open (saturated) and nothing else is, and the usual
naive pagers fail the same judge. Besides: circles, refusals, saturation, windows and what a step carries."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import msgspec
import pytest

from link.pager_judge import NAIVE, Judge
from link.pager_trial import Figures
from naive.histories import SECOND_NS, START_NS, STYLES, SYMBOLS, Exchange, History, Oversize, history
from nostro import errors, limits
from nostro.domain.records import Fill
from nostro.errors import TooLarge
from nostro.link.declare import Claim, Fetched, Page, Query, Stream
from nostro.link.pager import sweep
from nostro.link.source import Step

HISTORIES = int(os.environ.get("NOSTRO_PAGER_HISTORIES", "2000"))
TIMED = Stream(name="fills", kind="fill", page_size=3, until="absent", position="time")


def row(second: float, native_id: str | None = "1", *, instrument: str = "BTC/USDT", side: str = "buy") -> Fill:
    return Fill(
        effective_ns=START_NS + int(second * SECOND_NS), native_id=native_id, instrument=instrument, side=side,
        price=1, amount=1,
    )  # fmt: skip


def fetched(query: Query, facts: Sequence[Fill], position: str | None = None) -> Fetched:
    page = Page(
        exchange="x", dialect="", capability="fills", stream="fills", route="fills", request="", query=query,
        sent_ns=0, received_ns=0, status=200, headers={}, body=b"",
    )  # fmt: skip
    return Fetched(page, facts, position)


def swept(
    stream: Stream,
    answer: Callable[[Query], Fetched],
    *,
    seconds: float = 100,
    values: Callable[[str], Awaitable[Sequence[str]]] | None = None,
    where: Mapping[str, str] | None = None,
    newest_first: bool = False,
) -> tuple[list[Step], list[Query]]:
    """The steps of one sweep over so many seconds, and what was asked."""
    asked: list[Query] = []

    async def fetch(query: Query) -> Fetched:
        asked.append(query)
        assert len(asked) < 500, "does not end"
        return answer(query)

    async def collect() -> list[Step]:
        until_ns = START_NS + int(seconds * SECOND_NS)
        steps = sweep(
            stream, fetch, since_ns=START_NS, until_ns=until_ns, where=where or {}, values=values,
            newest_first=newest_first,
        )  # fmt: skip
        return [step async for step in steps]

    return asyncio.run(collect()), asked


def since(rows: Sequence[Fill], size: int) -> Callable[[Query], Fetched]:
    """A route that answers the first so many rows from a bound on."""

    def answer(query: Query) -> Fetched:
        inside = [
            fact
            for fact in rows
            if (fact.effective_ns or 0) >= (query.since_ns or 0)
            and (query.until_ns is None or (fact.effective_ns or 0) < query.until_ns)
            and all(getattr(fact, name) == value for name, value in query.where.items())
        ]
        return fetched(query, inside[:size])

    return answer


def claims(steps: Sequence[Step]) -> list[tuple[str, str, float, float]]:
    """Status, cause and interval in seconds of every claim, neighbours that say the same as one."""
    said: list[tuple[str, str, float, float]] = []
    for claim in sorted((claim for step in steps for claim in step.claims), key=lambda claim: claim.since_ns):
        start, end = ((edge - START_NS) / SECOND_NS for edge in (claim.since_ns, claim.until_ns))
        if said and said[-1][:2] == (claim.status, claim.cause) and said[-1][3] == start:
            said[-1] = (*said[-1][:3], end)
        else:
            said.append((claim.status, claim.cause, start, end))
    return said


# ── the campaign, small ──────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_lost_doubled_or_claimed_in_vain() -> None:
    figures = Figures()
    asyncio.run(figures.run(range(HISTORIES)))
    assert not figures.faults, "\n".join(f"history({seed}): {what[:3]}" for seed, what in figures.faults.items())
    assert figures.sums["lost"] == figures.sums["doubled"] == 0
    fired = (
        "rows_meanwhile", "answers_too_large", "limit_ignored", "whole_seconds", "without_ids", "twins",
        "split_by_side", "split_by_symbol", "one_symbol_a_question", "without_times", "newest_first",
        "saturated_histories", "unreachable_timestamps",
    )  # fmt: skip
    scarce = {name: figures.sums[name] for name in fired if figures.sums[name] < HISTORIES // 40}
    assert not scarce, "these defects hardly came up, so that they prove little"
    assert figures.sums["saturated_histories"] >= HISTORIES // 10
    assert all(len(ratios) >= HISTORIES // len(STYLES) for ratios in figures.ratios.values())
    assert max(max(ratios) for ratios in figures.ratios.values()) <= 10


@pytest.mark.parametrize("how", NAIVE)
def test_a_naive_pager_fails_before_the_same_judge(how: str) -> None:
    figures = Figures()
    figures.run_naive(how, range(400))
    assert figures.naive_ran[how] >= 30
    assert figures.naive_failed[how] >= figures.naive_ran[how] / 20


def test_a_failure_at_any_call_leaves_only_true_claims() -> None:
    broken = claimed = 0
    for seed in range(150):
        whole = history(seed)
        for last in range(1, 12):
            exchange = Exchange(replace(whole, rows=list(whole.rows)))
            judge = Judge(exchange)
            broken += asyncio.run(_cut_off(exchange, judge, last))
            claimed += any(claim.status == "proven" for claim in judge.claims)
            assert judge.verdict.lost == 0, (seed, last)
            assert not judge.verdict.faults, (seed, last)
    assert broken > 500
    assert claimed > 200


async def _cut_off(exchange: Exchange, judge: Judge, last: int) -> bool:
    """Sweeps until that call, which fails; whether it came so far."""
    made: History = exchange.made
    answers: dict[int, Sequence[Fill]] = {}

    async def fetch(query: Query) -> Fetched:
        if exchange.calls + 1 >= last:
            raise errors.Unanswered("no answer")
        try:
            got = exchange.answer(query)
        except Oversize as error:
            raise TooLarge from error
        answers[got.page.sent_ns] = got.facts  # type: ignore[assignment]
        return got

    async def values(_: str) -> Sequence[str]:
        return exchange.symbols()

    asking = values if made.stream.symbols or made.stream.keyed else None
    try:
        async for step in sweep(
            made.stream,
            fetch,
            since_ns=made.since_ns,
            until_ns=made.until_ns,
            values=asking,
            newest_first=made.newest_first,
        ):
            judge.step(step.page, answers[step.page.sent_ns], step.facts)
    except errors.Unanswered:
        return True
    return False


# ── circles ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cursor_that_comes_again_is_named() -> None:
    stream = Stream(name="fills", kind="fill", page_size=1, position="cursor")
    answers = {None: ("1", "a"), "a": ("2", "b"), "b": ("3", "a")}

    def answer(query: Query) -> Fetched:
        native_id, onward = answers[query.position]
        return fetched(query, [row(int(native_id), native_id)], onward)

    with pytest.raises(errors.PagingLoop, match="'a'"):
        swept(stream, answer)


@pytest.mark.parametrize("position", ["offset", "page"])
def test_a_position_that_is_not_obeyed_is_named(position: str) -> None:
    stream = Stream(name="fills", kind="fill", page_size=2, position=position)  # type: ignore[arg-type]
    with pytest.raises(errors.PagingLoop, match="position"):
        swept(stream, lambda query: fetched(query, [row(1, "1"), row(2, "2")]))


def test_a_bound_that_is_not_obeyed_is_named() -> None:
    with pytest.raises(errors.PagingLoop, match="bound"):
        swept(TIMED, lambda query: fetched(query, [row(1, "1"), row(1, "2"), row(2, "3")]))


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_page_with_a_cursor_ends_only_where_the_rule_says_so() -> None:
    answers: dict[str | None, tuple[list[Fill], str | None]] = {
        None: ([row(1, "1")], "a"), "a": ([], "b"), "b": ([row(9, "2")], None)
    }  # fmt: skip
    for ends, count in ((True, 1), (False, 2)):
        stream = Stream(name="fills", kind="fill", page_size=1, position="cursor", empty_ends=ends)
        steps, _ = swept(stream, lambda query: fetched(query, *answers[query.position]))
        assert sum(len(step.facts) for step in steps) == count


def test_empty_windows_are_passed() -> None:
    stream = Stream(name="fills", kind="fill", window_s=10, page_size=3, position="time")
    steps, _ = swept(stream, since([row(95, "1")], 3))
    assert [fact.native_id for step in steps for fact in step.facts] == ["1"]
    assert claims(steps) == [("proven", "", 0, 100)]


def test_nothing_is_asked_of_an_interval_that_is_none() -> None:
    assert swept(TIMED, since([], 3), seconds=0) == ([], [])
    assert swept(TIMED, since([], 3), seconds=-5) == ([], [])


def test_rows_that_vanish_before_an_offset_hide_none_behind_it() -> None:
    stream = Stream(
        name="fills", kind="fill", page_size=3, position="offset", order="descending", since="absent", until="absent",
        native_ids=False,
    )  # fmt: skip
    rows = [row(second, None) for second in range(9, 0, -1)]

    def answer(query: Query) -> Fetched:
        start = int(query.position or "0")
        got = fetched(query, rows[start : start + 3])
        if len(rows) == 9:
            del rows[:2]  # after the first answer, the newest two
        return got

    steps, _ = swept(stream, answer)
    assert claims(steps) == [("proven", "", 0, 100)]
    assert sorted((fact.effective_ns or 0) for step in steps for fact in step.facts) == [
        START_NS + second * SECOND_NS for second in range(1, 10)
    ]


# ── saturation ───────────────────────────────────────────────────────────────────────────────────────────────────────

BURST = [
    row(1, "0"), *(row(5, str(number), instrument=SYMBOLS[number % 2]) for number in range(1, 5)), row(9, "9"),
]  # fmt: skip


def test_a_timestamp_that_fills_a_page_is_left_open_and_passed() -> None:
    steps, _ = swept(TIMED, since(BURST, 3))
    assert claims(steps) == [("proven", "", 0, 5), ("open", "saturated", 5, 5 + 1e-9), ("proven", "", 5 + 1e-9, 100)]
    assert {fact.native_id for step in steps for fact in step.facts} == {"0", "1", "2", "3", "9"}


@pytest.mark.parametrize("native", [True, False])
def test_it_is_split_by_symbol_where_that_is_possible(native: bool) -> None:
    async def symbols(condition: str) -> Sequence[str]:
        assert condition == "instrument"
        return SYMBOLS

    stream = msgspec.structs.replace(TIMED, symbols="instrument", native_ids=native)
    rows = [msgspec.structs.replace(fact, native_id=fact.native_id if native else None) for fact in BURST]
    steps, asked = swept(stream, since(rows, 3), values=symbols)
    assert claims(steps) == [("proven", "", 0, 100)]
    assert sum(len(step.facts) for step in steps) == 6
    assert {query.where.get("instrument") for query in asked} == {None, *SYMBOLS}


def test_it_stays_open_where_the_symbols_do_not_show_all_its_rows() -> None:
    async def symbols(_: str) -> Sequence[str]:
        return SYMBOLS[:1]

    stream = msgspec.structs.replace(TIMED, symbols="instrument")
    steps, _ = swept(stream, since(BURST, 3), values=symbols)
    assert ("open", "saturated", 5, 5 + 1e-9) in claims(steps)


def test_an_answer_that_is_cut_short_without_a_word_is_noticed() -> None:
    stream = msgspec.structs.replace(TIMED, page_size=10)
    steps, _ = swept(stream, since(BURST, 3))
    assert ("open", "saturated", 5, 5 + 1e-9) in claims(steps)


def test_the_newest_only_says_what_it_no_longer_tells() -> None:
    stream = Stream(name="orders", kind="order", newest=2, order="descending", since="absent", until="absent")
    rows = [row(9, "3"), row(5, "2"), row(1, "1")]
    steps, asked = swept(stream, lambda query: fetched(query, rows[: query.limit]))
    assert len(asked) == 1
    assert claims(steps) == [("unavailable", "retention", 0, 5 + 1e-9), ("proven", "", 5 + 1e-9, 100)]
    steps, _ = swept(stream, lambda query: fetched(query, rows[:1]))
    assert claims(steps) == [("proven", "", 0, 100)]


def test_a_timestamp_too_large_for_any_answer_is_left_open() -> None:
    stream = Stream(name="fills", kind="fill", precision_ns=SECOND_NS)

    def answer(query: Query) -> Fetched:
        assert query.since_ns is not None
        assert query.until_ns is not None
        if query.since_ns <= START_NS + 7 * SECOND_NS < query.until_ns:
            raise TooLarge
        return fetched(query, [])

    steps, _ = swept(stream, answer)
    assert claims(steps) == [("proven", "", 0, 7), ("open", "saturated", 7, 8), ("proven", "", 8, 100)]


def test_without_bounds_too_large_an_answer_is_an_error() -> None:
    def answer(query: Query) -> Fetched:
        raise TooLarge

    with pytest.raises(TooLarge):
        swept(TIMED, answer)


# ── windows and steps ────────────────────────────────────────────────────────────────────────────────────────────────


def test_windows_without_a_page_size_follow_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROWS_PER_WINDOW_AIM", 10)
    monkeypatch.setattr(limits, "WINDOW_FIRST_S", 10)
    stream = Stream(name="fills", kind="fill", window_s=60)
    rows = [row(200 + number / 4, str(number)) for number in range(400)]
    steps, asked = swept(stream, since(rows, 10_000), seconds=400)
    assert claims(steps) == [("proven", "", 0, 400)]
    assert sum(len(step.facts) for step in steps) == 400
    spans = [((query.until_ns or 0) - (query.since_ns or 0)) / SECOND_NS for query in asked]
    assert spans[:3] == [10, 40, 60]
    assert max(spans) == 60
    assert 2 < min(spans[:-1]) < 4  # four rows a second, ten in a window


def test_newest_first_turns_the_windows_around() -> None:
    stream = Stream(name="fills", kind="fill", window_s=40)
    _, asked = swept(stream, since([], 1), newest_first=True)
    assert [((query.since_ns or 0) - START_NS) // SECOND_NS for query in asked] == [60, 20, 0]


def test_all_splits_of_a_window_come_before_the_next_window() -> None:
    stream = Stream(name="fills", kind="fill", window_s=50, splits=(("side", ("buy", "sell")),))
    steps, asked = swept(stream, since([], 1))
    assert [query.where["side"] for query in asked] == ["buy", "sell", "buy", "sell"]
    assert [len(step.claims) for step in steps] == [0, 1, 0, 1]


def test_a_step_comes_as_soon_as_its_page_does() -> None:
    async def first() -> int:
        asked = 0

        async def fetch(query: Query) -> Fetched:
            nonlocal asked
            asked += 1
            return since(BURST, 3)(query)

        async for step in sweep(TIMED, fetch, since_ns=START_NS, until_ns=START_NS + 100 * SECOND_NS):
            assert step.claims == (Claim("proven", START_NS, START_NS + 5 * SECOND_NS),)
            break
        return asked

    assert asyncio.run(first()) == 1


def test_rows_outside_of_a_window_are_another_pages() -> None:
    stream = Stream(name="fills", kind="fill", precision_ns=60 * SECOND_NS)
    steps, _ = swept(stream, lambda query: fetched(query, [row(-3, "1"), row(30, "2"), row(101, "3")]))
    assert [fact.native_id for fact in steps[0].facts] == ["2"]
    assert steps[0].page.takes == (START_NS, START_NS + 100 * SECOND_NS)


def test_both_sides_of_a_trade_with_oneself_are_two_rows() -> None:
    steps, _ = swept(
        Stream(name="fills", kind="fill"), lambda query: fetched(query, [row(1, "1"), row(1, "1", side="sell")])
    )
    assert len(steps[0].facts) == 2


def test_a_row_without_a_time_is_refused() -> None:
    untimed = msgspec.structs.replace(row(1), effective_ns=None)
    with pytest.raises(errors.Undecodable, match="time"):
        swept(TIMED, lambda query: fetched(query, [untimed]))


def test_what_cannot_be_paged_without_loss_is_refused() -> None:
    stream = Stream(name="fills", kind="fill", since="absent", until="absent", position="page", native_ids=False)
    with pytest.raises(ValueError, match="ids"):
        swept(stream, lambda query: fetched(query, []))


# ── keys and times that rows do not have ─────────────────────────────────────────────────────────────────────────────

KEYED = Stream(name="borrows", kind="borrow", window_s=40, keyed="instrument")


def test_a_window_is_complete_when_every_key_was_asked() -> None:
    asked_for: list[str] = []

    async def values(condition: str) -> Sequence[str]:
        asked_for.append(condition)
        return SYMBOLS

    steps, asked = swept(KEYED, since(BURST, 1_000), values=values)
    assert asked_for == ["instrument"], "once a sweep, however many windows"
    assert [query.where["instrument"] for query in asked] == [*SYMBOLS] * 3
    assert [len(step.claims) for step in steps] == [0, 0, 1] * 3
    assert claims(steps) == [("proven", "", 0, 100)]
    assert sum(len(step.facts) for step in steps) == len(BURST)


def test_a_key_that_is_named_is_asked_alone() -> None:
    _, asked = swept(KEYED, since(BURST, 1_000), where={"instrument": SYMBOLS[1]})
    assert [query.where for query in asked] == [{"instrument": SYMBOLS[1]}] * 3


def test_a_failure_at_one_key_leaves_its_window_unclaimed() -> None:
    async def values(_: str) -> Sequence[str]:
        return SYMBOLS

    def answer(query: Query) -> Fetched:
        if query.where["instrument"] == SYMBOLS[-1] and (query.since_ns or 0) > START_NS:
            raise errors.Unanswered("no answer")
        return fetched(query, [])

    said: list[Claim] = []

    async def collect() -> None:
        async for step in sweep(KEYED, fetch, since_ns=START_NS, until_ns=START_NS + 100 * SECOND_NS, values=values):
            said.extend(step.claims)

    async def fetch(query: Query) -> Fetched:
        return answer(query)

    with pytest.raises(errors.Unanswered):
        asyncio.run(collect())
    assert said == [Claim("proven", START_NS, START_NS + 40 * SECOND_NS)]


def test_without_keys_nothing_is_claimed() -> None:
    async def values(_: str) -> Sequence[str]:
        return ()

    with pytest.raises(errors.Undecodable, match="instrument"):
        swept(KEYED, since([], 1), values=values)
    with pytest.raises(ValueError, match="instrument"):
        swept(KEYED, since([], 1))


def test_rows_without_a_time_are_all_taken_and_lie_in_their_window() -> None:
    stream = Stream(name="interest", kind="interest", window_s=40, precision_ns=7 * SECOND_NS, timed=False)

    def answer(query: Query) -> Fetched:
        assert query.since_ns is not None
        assert query.until_ns is not None
        return fetched(query, [msgspec.structs.replace(row(0, str(query.since_ns)), effective_ns=query.since_ns)])

    steps, asked = swept(stream, answer)
    assert asked[0].since_ns is not None
    assert asked[0].since_ns < START_NS, "the bounds are cut to the precision, and the row is taken all the same"
    assert sum(len(step.facts) for step in steps) == len(asked) == 4
    assert {step.page.takes for step in steps} == {None}
    assert claims(steps) == [("proven", "", 0, 100)]


@pytest.mark.parametrize(
    "change",
    [{"page_size": 5}, {"since": "absent"}, {"until": "inclusive"}, {"position": "offset"}, {"native_ids": False},
     {"newest": 5}],
)  # fmt: skip
def test_rows_without_a_time_need_whole_windows(change: dict[str, object]) -> None:
    stream = msgspec.structs.replace(Stream(name="interest", kind="interest", timed=False), **change)
    with pytest.raises(ValueError, match="without a time"):
        swept(stream, since([], 1))


def test_rows_that_never_settle_leave_their_window_open() -> None:
    stream = Stream(name="fills", kind="fill", page_size=50, position="offset", order="any", unstable=True)
    sweeps = 0

    def answer(query: Query) -> Fetched:
        nonlocal sweeps
        sweeps += query.position is None
        return fetched(query, [row(sweeps, str(sweeps))] if query.position is None else [])

    steps, _ = swept(stream, answer)
    assert sweeps == limits.SWEEPS_MAX
    assert claims(steps) == [("open", "", 0, 100)]
    assert sum(len(step.facts) for step in steps) == limits.SWEEPS_MAX
