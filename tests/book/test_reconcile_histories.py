"""Shows on random histories of an independent little account that a clean history ties everywhere, that one row
deleted, doubled, altered or swapped is found, located and named with its exact amount every time, and that carrying on
from a checkpoint finds what a run over everything finds.

NOSTRO_HISTORIES raises the number of histories per test.
"""

from __future__ import annotations

import os
import random
from decimal import Context, Decimal

import pytest
from msgspec.structs import replace

from book.histories import Account, history
from book.statements import DAY, SECOND, START, Told, judged, rules
from nostro.book.reconcile import reconcile

HISTORIES = int(os.environ.get("NOSTRO_HISTORIES", "150"))
CHAIN, FILLS = "running balance", "orders against fills"


def as_double(amount: Decimal) -> Decimal:
    """As a wire prints it that keeps doubles."""
    return Decimal(repr(float(amount)))


def row_of(told: Told, draw: random.Random) -> tuple[int, list[int]]:
    """A random entry, and the positions of its chain in order."""
    position = draw.randrange(len(told.entry_rows))
    asset = told.entry_rows[position].asset
    return position, [n for n, row in enumerate(told.entry_rows) if row.asset == asset]


def chain_breaks(told: Told) -> list:
    return [each for each in judged(told, until_ns=last(told)).breaks if each.check == CHAIN]


def last(told: Told) -> int:
    return told.spans["entries"][-1].until_ns + SECOND


def test_a_clean_history_ties_everywhere() -> None:
    checks: dict[str, int] = {}
    for seed in range(HISTORIES):
        account = history(seed)
        judgement = judged(account.told(), until_ns=account.now + 50 * SECOND)
        assert not judgement.breaks, (seed, [each.text for each in judgement.breaks])
        assert {each.unexplained for each in judgement.standings if each.outcome == "ties"} <= {Decimal(0)}
        for result in judgement.results:
            if result.outcome == "ties":
                checks[result.check] = checks.get(result.check, 0) + result.terms
    assert len(checks) == 8
    assert min(checks.values()) > HISTORIES, checks


@pytest.mark.parametrize("lag", [0, 1])
def test_a_deleted_entry_is_located_with_its_exact_amount(lag: int) -> None:
    tails = 0
    for seed in range(HISTORIES):
        draw = random.Random(seed * 2 + lag)
        told = history(seed).told()
        position, line = row_of(told, draw)
        gone = told.entry_rows[position]
        before, after = line[: line.index(position)], line[line.index(position) + 1 :]
        since_ns = told.entry_rows[before[-1]].effective_ns if before else START
        until_ns = told.entry_rows[after[0]].effective_ns if after else None
        del told.entry_rows[position]
        judgement = judged(told, until_ns=last(told))
        found = [each for each in judgement.breaks if each.check in (CHAIN, "reported balance")]
        assert len(found) == 1, (seed, [each.text for each in found])
        assert (found[0].missing, found[0].held_missing) == (gone.amount, gone.held_amount)
        assert found[0].since_ns == since_ns <= gone.effective_ns <= found[0].until_ns
        if after:
            assert (found[0].name, found[0].until_ns) == ("missing_row", until_ns)
        else:
            tails += 1
            assert found[0].name == "unexplained_balance"
    assert tails < HISTORIES / 2


def test_a_doubled_entry_is_named_and_located() -> None:
    for seed in range(HISTORIES):
        told = history(seed).told()
        position, _ = row_of(told, random.Random(seed))
        row = told.entry_rows[position]
        told.entry_rows.insert(position + 1, replace(row, native_id=str(int(row.native_id) + 1)))
        found = chain_breaks(told)
        assert [each.name for each in found] == ["doubled_row"], (seed, [each.text for each in found])
        assert found[0].since_ns == row.effective_ns == found[0].until_ns
        assert (found[0].missing, found[0].held_missing) == (-row.amount, -row.held_amount)
        assert row.native_id in found[0].rows


@pytest.mark.parametrize("member", ["amount", "before", "after", "held_amount", "held_before", "held_after"])
def test_an_altered_entry_is_named_with_what_it_should_say(member: str) -> None:
    for seed in range(HISTORIES // 3):
        told = history(seed).told()
        draw = random.Random(f"{seed} {member}")
        position, line = row_of(told, draw)
        row = told.entry_rows[position]
        shift = Decimal(draw.choice((-1, 1)) * draw.randint(1, 10**9)) / 10**6
        told.entry_rows[position] = replace(row, **{member: getattr(row, member) + shift})
        found = chain_breaks(told)
        assert [each.name for each in found] == ["altered_row"], (seed, [each.text for each in found])
        assert found[0].rows == (row.native_id,)
        assert found[0].since_ns == row.effective_ns == found[0].until_ns
        if position != line[-1] or member in (
            "amount",
            "held_amount",
        ):  # the last `after` cannot be told from the amount
            assert (found[0].expected, found[0].actual) == (getattr(row, member), getattr(row, member) + shift)


def test_two_entries_that_changed_places_are_named() -> None:
    swapped = 0
    for seed in range(HISTORIES):
        told = history(seed).told()
        position, line = row_of(told, random.Random(seed))
        place = line.index(position)
        if place + 1 >= len(line):
            continue
        other = line[place + 1]
        left, right = told.entry_rows[position], told.entry_rows[other]
        last_two = place + 2 == len(line)
        if last_two and (left.before, left.held_before) == (right.after, right.held_after):
            continue  # there and back at the very end: one missing row would explain it as well
        swapped += 1
        told.entry_rows[position] = replace(right, native_id=left.native_id, effective_ns=left.effective_ns)
        told.entry_rows[other] = replace(left, native_id=right.native_id, effective_ns=right.effective_ns)
        found = chain_breaks(told)
        assert [each.name for each in found] == ["reordered_rows"], (seed, [each.text for each in found])
        assert (found[0].since_ns, found[0].until_ns) == (left.effective_ns, right.effective_ns)
        assert set(found[0].rows) == {left.native_id, right.native_id}
        assert not found[0].missing
    assert swapped > HISTORIES * 0.8


@pytest.mark.parametrize("fault", ["deleted", "doubled", "altered"])
def test_a_wrong_fill_is_located_with_its_exact_amount(fault: str) -> None:
    fired, widths = 0, []
    for seed in range(HISTORIES):
        told = history(seed, steps=120).told()
        if not told.fill_rows:
            continue
        fired += 1
        draw = random.Random(f"{seed} {fault}")
        position = draw.randrange(len(told.fill_rows))
        row = told.fill_rows[position]
        if fault == "deleted":
            del told.fill_rows[position]
            missing = row.amount
        elif fault == "doubled":
            told.fill_rows.insert(position, row)
            missing = -row.amount
        else:
            change = Decimal(draw.randint(1, 10**6)) / 10**6
            told.fill_rows[position] = replace(row, amount=row.amount + change)
            missing = -change
        found = [each for each in judged(told, until_ns=last(told)).breaks if each.check == FILLS]
        assert len(found) == 1, (seed, [each.text for each in found])
        assert found[0].missing == missing
        assert found[0].name == ("missing_fill" if missing > 0 else "extra_fill")
        assert found[0].since_ns <= row.effective_ns <= found[0].until_ns
        widths.append((found[0].until_ns - found[0].since_ns) / DAY)
    assert fired > HISTORIES * 0.8
    assert sum(widths) / len(widths) < 1.5  # of histories about five days long with orders that rest for days


# ── doubles ──────────────────────────────────────────────────────────────────────────────────────────────────────


ROUGH = Context(prec=28, traps=[])  # rounds, where rounding is what is tested


def thirds(amount: Decimal) -> Decimal:
    """An amount that no double prints whole."""
    return ROUGH.divide(amount, Decimal(3))


def test_a_history_printed_as_doubles_ties_within_its_quanta() -> None:
    inexact = 0
    for seed in range(HISTORIES // 3):
        account = history(seed, printed=lambda amount: as_double(thirds(amount)))
        judgement = judged(account.told(), until_ns=account.now + 50 * SECOND, amounts="double")
        chains = [each for each in judgement.results if each.check in (CHAIN, FILLS, "reported balance")]
        assert {each.outcome for each in chains} <= {"ties", "ties within its quanta", "unchecked"}
        assert not [each for each in judgement.breaks if each.check in (CHAIN, FILLS, "reported balance", "transfers")]
        inexact += sum(each.outcome == "ties within its quanta" for each in chains)
    assert inexact > HISTORIES // 3


def long_chain(links: int) -> Told:
    """A chain of thirds of millionths printed as doubles: nearly every link is off by a fraction of an ulp."""
    draw, total = random.Random(7), 0
    account = Account(0)
    account.entries, account.fills, account.orders, account.transfers = [], [], [], []
    template = Account(0).entries[0]
    for n in range(links):
        change = draw.randint(-total, 10**12)
        printed = [as_double(thirds(Decimal(units).scaleb(-6))) for units in (change, total, total + change)]
        account.entries.append(
            replace(
                template, native_id=str(n), type="fund", effective_ns=START + n * SECOND, amount=printed[0],
                before=printed[1], after=printed[2], held_amount=None, held_before=None, held_after=None,
            )
        )  # fmt: skip
        total += change
    account.now = START + links * SECOND
    return account.told()


def test_the_tolerance_of_a_chain_of_doubles_does_not_grow() -> None:
    told = long_chain(10_001)
    judgement = judged(told, until_ns=last(told), amounts="double")
    assert not judgement.breaks
    chains = [each for each in judgement.results if each.check == CHAIN]
    assert [(each.outcome, each.terms >= 10_000) for each in chains] == [("ties within its quanta", True)]
    largest = max(max(abs(row.before), abs(row.amount), abs(row.after)) for row in told.entry_rows)
    assert chains[0].tolerance <= ROUGH.divide(8 * largest, 2**53)
    # A row of ten quanta near the end is still found: the tolerance of one link is that of the first.
    row = told.entry_rows[-2]
    told.entry_rows[-1] = replace(told.entry_rows[-1], before=ROUGH.add(row.after, ROUGH.divide(10 * row.after, 2**53)))
    assert len(judged(told, until_ns=last(told), amounts="double").breaks) == 1


def test_the_same_doubles_taken_for_exact_text_break() -> None:
    told = long_chain(200)
    assert judged(told, until_ns=last(told)).breaks


# ── carrying on ──────────────────────────────────────────────────────────────────────────────────────────────────


def tampered(account: Account, draw: random.Random) -> None:
    """Some faults in what the exchange gives, the same at every moment."""
    for _ in range(draw.randint(0, 3)):
        rows = draw.choice((account.entries, account.fills))
        if len(rows) > 4:
            position = draw.randrange(len(rows))
            if draw.random() < 0.5:
                del rows[position]
            else:
                rows[position] = replace(rows[position], amount=rows[position].amount + 1)


def fill_sums(judgement) -> dict:
    sums: dict = {}
    for each in judgement.breaks:
        if each.check == FILLS:
            sums[each.scope] = sums.get(each.scope, 0) + each.missing
    return sums


def test_carrying_on_from_a_checkpoint_finds_what_a_whole_run_finds() -> None:
    saved, with_breaks = [], 0
    for seed in range(HISTORIES):
        draw = random.Random(seed)
        account = history(seed, steps=100)
        tampered(account, draw)
        moments = sorted(draw.randrange(START + DAY // 24, account.now) for _ in range(4))
        checkpoint = None
        for now in [*moments, account.now + 60 * SECOND]:
            told = account.told(now)
            judgement = reconcile(told, rules=rules(), until_ns=now, checkpoint=checkpoint)
            whole = account.told(now)
            expected = reconcile(whole, rules=rules(), until_ns=now)
            found, wanted = ([each for each in run.breaks if each.check != FILLS] for run in (judgement, expected))
            assert found == wanted, seed
            # Who was there saw more of the orders (at each run, which had not changed) and may tell breaks further
            # apart.
            assert fill_sums(judgement) == fill_sums(expected), seed
            assert judgement.standings == expected.standings, seed
            assert judgement.jumps == expected.jumps
            checkpoint = judgement.checkpoint
        saved.append(told.read / whole.read)
        with_breaks += bool(judgement.breaks)
    assert with_breaks > HISTORIES / 3
    assert sum(saved) / len(saved) < 0.5, sum(saved) / len(saved)


def test_steps_of_any_length_find_the_same() -> None:
    for seed in range(HISTORIES // 5):
        account = history(seed, steps=100)
        tampered(account, random.Random(seed))
        now = account.now + 60 * SECOND
        found = [
            reconcile(account.told(), rules=rules(), until_ns=now, step_ns=step).breaks
            for step in (90 * DAY, DAY, DAY // 7)
        ]
        assert found[0] == found[1] == found[2], seed


def test_a_late_row_found_from_an_older_checkpoint_explains_its_break() -> None:
    account = history(3)
    told = account.told()
    gone = told.entry_rows.pop(10)
    first = judged(told, until_ns=account.now)
    assert [each.name for each in first.breaks if each.check == CHAIN] == ["missing_row"]
    assert first.checkpoint.at_ns > gone.effective_ns  # so it is no longer good
    told.entry_rows.insert(10, gone)
    assert not judged(told, until_ns=account.now).breaks
