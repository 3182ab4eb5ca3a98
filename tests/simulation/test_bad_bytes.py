"""Shows what an exchange can break in the form of its answers: a member that says something impossible makes its page
unreadable, which is a break over the interval that is unknown now and opens that interval alone; what is said in
another form, or besides, or in another order, changes nothing; and truth that comes again explains all.

NOSTRO_LIES raises the number of lives in which each form is tried.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Final

import pytest

from nostro.domain.values import SECOND_NS
from simulation import lies
from simulation.lies import TABLES, Lie, Row, amount, time
from simulation.stage import Stage, Trial, run, stage
from simulation.verdicts import HISTORY, corrected

LIVES: Final = int(os.environ.get("NOSTRO_LIES", "1"))

NUMBERS: Final = {
    "activity": ("balance", "balance_delta", "balance_end", "reserve", "reserve_delta", "reserve_end"),
    "buys": ("amount", "price", "fee_amount", "fee_rate"),
    "sells": ("amount", "price", "fee_amount", "fee_rate"),
    "orders": ("amount", "amount_filled", "amount_canceled"),
    "deposits": ("amount",),
    "withdrawals": ("amount", "fee_amount"),
    "balances": ("balance", "reserve"),
}
TEXTS: Final = {
    "activity": ("type", "currency", "wallet_type", "date"),
    "buys": ("pair", "status", "fee_currency", "type", "wallet_type", "date"),
    "sells": ("pair", "status", "fee_currency", "type", "wallet_type", "date"),
    "orders": ("pair", "side", "status", "type", "wallet_type", "tif", "date", "open_at", "updated_at"),
    "deposits": ("currency", "status", "date"),
    "withdrawals": ("currency", "fee_currency", "status", "date"),
    "balances": ("currency", "wallet_type", "last_update_at"),
}
# Numbers that none may be, and values of another kind.
IMPOSSIBLE: Final = (
    b"NaN", b"-Infinity", b"1e400", b"1e-400", b'"NaN"', b'"1_000"', b'"\xef\xbc\x91"', b"null", b"true", b"[]", b"01",
    b'" 1"', b'""', b"1" * 41, b"0x1f",
)  # fmt: skip
DATES: Final = (b'"yesterday"', b'"1970-01-01T00:00:00Z"', b'"2024-13-01T00:00:00Z"', b'""')


def unreadable(draw: random.Random, table: str, row: Row) -> Lie:
    """One of the ways in which a row cannot be read."""
    number, word = draw.choice(NUMBERS[table]), draw.choice(TEXTS[table])
    ways = [
        lies.altered(row, **{number: draw.choice(IMPOSSIBLE)}),
        lies.altered(row, **{word: draw.choice((b"7", b"null", b"{}"))}),
        lies.renamed(row, draw.choice((number, word))),
        lies.without(row, draw.choice((number, word))),
    ]
    if "id" in row:
        ways.append(lies.altered(row, id=b'"%s"' % bytes(row["id"])))
    if "date" in TEXTS[table]:
        ways.append(lies.altered(row, date=draw.choice(DATES)))
    return draw.choice(ways)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("way", range(3))
def test_what_cannot_be_read_is_a_break_over_what_is_unknown_now(table: str, way: int) -> None:
    for life in range(LIVES):
        here, draw = stage(life), random.Random(f"{table} {way} {life}")
        row = draw.choice(here.tables[table])
        with here.trial() as trial:
            lie = unreadable(draw, table, row)
            trial.liar.lie(table, lie)
            trial.found_out(knowing=False)
            assert trial.liar.fired[table]
            dated = table == "balances" or all(map(lies.dated, lie(list(here.tables[table]))))
            _unknown_there(trial, table, at_ns=time(row) if dated and "date" in row else None)
            trial.told_the_truth()
            # Without a date the row stood in another second, and its own was proven to be empty.
            corrected(trial, [] if dated else [time(row)], rows=0 if dated else 1)


def _unknown_there(trial: Trial, table: str, *, at_ns: int | None) -> None:
    """One break, and one interval that is open, with the row in it; what else was read is as it is."""
    found, stream = trial.open_breaks(), TABLES[table].stream
    pages = [each for each in found if each.check == HISTORY]
    assert [(each.name, each.scope.subject) for each in pages] == [("quarantined_page", stream)]
    assert at_ns is None or len(found) == 1 or table == "balances", [each.text for each in found]
    holes = trial.holes()
    if table == "balances":
        assert not holes
    else:
        [(name, since_ns, until_ns)] = holes
        assert (name, pages[0].since_ns) == (stream, since_ns)
        assert until_ns - since_ns <= SECOND_NS, "more is unknown than the second of one row"
        assert at_ns is None or since_ns <= at_ns < until_ns
    kinds = {"entries": "entry", "fills": "fill", "orders": "order", "balances": "balance"}
    spoiled = kinds.get(stream, "transfer")
    known, true = trial.facts(), trial.stage.facts
    assert {key: n for key, n in known.items() if key[0] != spoiled} == {
        key: n for key, n in true.items() if key[0] != spoiled
    }
    assert not known - true, "something was read from what cannot be read"


GARBLED: Final[dict[str, Callable[[bytes, lies.Asked], bytes]]] = {
    "a page of HTML": lambda body, asked: b"<html><body>502</body></html>",
    "nothing": lambda body, asked: b"",
    "half of it": lambda body, asked: body[: len(body) // 2],
    "an object": lambda body, asked: b'{"rows": %s}' % body,
    "other bytes": lambda body, asked: body.replace(b'"', b"\xff"),
    "brackets": lambda body, asked: b"[" * 100_000,
}


@pytest.mark.parametrize("name", GARBLED)
def test_an_answer_that_is_none_says_nothing(name: str) -> None:
    here = stage(0)
    for table in random.Random(name).sample(sorted(TABLES), 2):
        with here.trial() as trial:
            trial.liar.garble(table, GARBLED[name])
            trial.found_out(knowing=False)
            assert trial.liar.fired[table]
            found = trial.open_breaks()
            subjects = {(each.name, each.scope.subject) for each in found}
            assert subjects == {("quarantined_page", TABLES[table].stream)}, [each.text for each in found]
            trial.told_the_truth()
            corrected(trial, [], rows=0)


# ── what changes nothing ─────────────────────────────────────────────────────────────────────────────────────────

Harmless = Callable[[Stage, str, Row, Trial], None]


def as_text(here: Stage, table: str, row: Row, trial: Trial) -> None:
    """Every amount as a string."""
    quoted = {member: b'"%s"' % bytes(row[member]) for member in NUMBERS[table]}
    trial.liar.garble(table, lambda body, asked: body)
    trial.liar.lie(table, lies.altered(row, **quoted))


def with_zeros(here: Stage, table: str, row: Row, trial: Trial) -> None:
    """Amounts with zeros behind, or as powers of ten."""
    written = {member: f"{amount(row, member):f}".encode() for member in NUMBERS[table]}
    members = {
        member: number + (b"000" if b"." in number else b".000") if draw else number + b"e0"
        for draw, (member, number) in enumerate(written.items())
    }
    trial.liar.lie(table, lies.altered(row, **members))


def with_more(here: Stage, table: str, row: Row, trial: Trial) -> None:
    trial.liar.lie(table, lies.altered(row, novel=b'{"deep": [1, null, {"x": "y"}]}', id_str=b'"7"'))


def backwards(here: Stage, table: str, row: Row, trial: Trial) -> None:
    trial.liar.answer(table, lambda rows, asked: rows[::-1])


def unbounded(here: Stage, table: str, row: Row, trial: Trial) -> None:
    """The whole history, whatever window was asked for."""
    trial.liar.answer(table, lambda rows, asked: here.tables[table])


def twice(here: Stage, table: str, row: Row, trial: Trial) -> None:
    """Rows with ids, each of them twice: they are the same rows."""
    if "id" in row or table == "balances":
        trial.liar.answer(table, lambda rows, asked: [*rows, *rows])
    else:
        trial.liar.answer(table, lambda rows, asked: rows[::-1])


@pytest.mark.parametrize("how", [as_text, with_zeros, with_more, backwards, unbounded, twice])
def test_what_is_harmless_changes_nothing(how: Harmless) -> None:
    for life in range(LIVES):
        here, draw = stage(life), random.Random(f"{how.__name__} {life}")
        with here.trial() as trial:
            for table in TABLES:
                how(here, table, draw.choice(here.tables[table]), trial)
            run(trial.full_pass())
            assert not trial.open_breaks(), [each.text for each in trial.open_breaks()]
            assert trial.facts() == here.facts
            assert not trial.holes()
            assert all(trial.liar.fired[table] for table in TABLES if "date" in here.tables[table][0])
