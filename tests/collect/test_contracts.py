"""Shows that a collector brings the book of a paper exchange of contracts to equal it: positions, funding, snapshots,
lives that ended; that nothing breaks where nothing is wrong, and each planted fault does: a fill that is never given,
a figure that is printed otherwise. The venue's own rows are the truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from collect.contracts import ACCOUNT, SINCE_NS, Contracts, contracts
from collect.scene import START_NS, run
from nostro.book.book import Book
from nostro.book.judgement import judged
from nostro.book.reconcile import Judgement
from nostro.book.trial import trial_balance
from nostro.domain.records import Balance, MarginSummary, Position
from nostro.domain.values import DAY_NS
from nostro.views.contracts import NOUNS, measured
from nostro.views.facts import Question, facts
from nostro.views.table import lines

WIRES = ("grvt", "bingx_v1", "kraken_futures")


def outcomes(judgement: Judgement, check: str) -> set[tuple[str, str]]:
    return {(each.outcome, each.cause) for each in judgement.results if each.check == check}


def sizes(world: Contracts, login: str = "trader") -> dict[tuple[str, str], Decimal]:
    return {(each.instrument, each.side): each.size for each in world.venue.positions(world.user(login)) if each.size}


def held(book: Book) -> dict[tuple[str, str], Decimal]:
    rows = [fact for fact in book.latest_states("position", ACCOUNT) if isinstance(fact, Position)]
    return {(fact.instrument, fact.side): fact.size for fact in rows}


@pytest.mark.parametrize("wire", WIRES)
def test_a_pass_and_polls_make_the_book_the_exchange(tmp_path: Path, wire: str) -> None:
    with contracts(tmp_path, wire) as world, world.book() as book:
        reports, judgement = run(world.collected(book, polls=3))
        assert [report.failures for report in reports] == [{}] * 4
        assert sizes(world) and {key[0]: size for key, size in held(book).items()} == {
            key[0]: size for key, size in sizes(world).items()
        }
        assert not [each.text for each in judgement.breaks]
        assert not [found for found in book.findings(ACCOUNT) if found.what != "unknown"]
        again = judged(book, ACCOUNT, until_ns=world.clock.now_ns())
        assert {each.id for each in again.breaks} == {each.id for each in judgement.breaks}
        figures = [each for each in judgement.results if each.check == "figures" and each.outcome.startswith("ties")]
        assert sum(each.terms for each in figures) > 10
        assert book.rebuild().changes == () and book.verify().records > 0


def test_every_history_of_contracts_is_there(tmp_path: Path) -> None:
    with contracts(tmp_path, "grvt") as world, world.book() as book:
        _, judgement = run(world.collected(book, polls=1))
        user = world.user()
        since_ns = START_NS - 29 * DAY_NS  # snapshots are kept for thirty days
        spans = {"since_ns": since_ns, "until_ns": world.clock.now_ns()}
        for kind, rows in (
            ("funding_payment", world.venue.funding(user)), ("closed_position", world.venue.closed(user)),
            ("snapshot", world.venue.snapshots(user)),
        ):  # fmt: skip
            through_ns = book.answer(kind, ACCOUNT, **spans).complete_through_ns
            assert through_ns is not None
            wanted = [row for row in rows if since_ns <= row.time_ns < through_ns]
            found = list(book.facts(kind, ACCOUNT, since_ns=since_ns, until_ns=through_ns))
            assert [fact.effective_ns for fact in found] == [row.time_ns for row in wanted] != [], kind
        holes = book.coverage(ACCOUNT, "snapshots", since_ns=SINCE_NS, until_ns=since_ns)
        assert next((hole.status, hole.cause) for hole in holes) == ("unavailable", "retention")
        assert outcomes(judgement, "positions") == {("ties", "")}


def test_what_the_wire_has_no_history_of_is_reported_and_unchecked(tmp_path: Path) -> None:
    with contracts(tmp_path, "bingx_v1") as world, world.book() as book:
        _, judgement = run(world.collected(book, polls=2))
        assert outcomes(judgement, "positions") == {("unchecked", "unsupported")}
        assert outcomes(judgement, "reported balance") == {("unchecked", "unsupported")}
        [standing] = judgement.standings
        [balance] = [fact for fact in book.latest_states("balance", ACCOUNT) if isinstance(fact, Balance)]
        assert (standing.reported, standing.computed, standing.cause) == (balance.total, None, "unsupported")


def test_every_part_of_an_answer_about_balances_is_looked_at(tmp_path: Path) -> None:
    with contracts(tmp_path, "grvt") as world, world.book() as book:
        _, judgement = run(world.collected(book, polls=1))
        wallets = {fact.wallet for fact in book.latest_states("balance", ACCOUNT)}
        assert len(wallets) > 1 and {each.scope.wallet for each in judgement.standings} == wallets
        assert {each.cause for each in judgement.standings} == {"unsupported"}


def test_a_ledger_explains_all_that_is_reported(tmp_path: Path) -> None:
    with contracts(tmp_path, "kraken_futures") as world, world.book() as book:
        _, judgement = run(world.collected(book, polls=4))
        checks = ("positions", "funding", "realized by contracts", "running balance", "transfers", "position events")
        for check in checks:
            # Of a withdrawal's fee the log has a line of its own, and no history says what it is of.
            left_out = {"settling"} | ({"unsupported"} if check == "transfers" else set())
            told = {outcome for outcome, cause in outcomes(judgement, check) if cause not in left_out}
            assert told and all(each.startswith("ties") for each in told), (check, outcomes(judgement, check))
        standing = [each for each in judgement.standings if each.reported]
        assert len(standing) > 3 and all(each.outcome.startswith("ties") and not each.unexplained for each in standing)
        trial = trial_balance(book, ACCOUNT, now_ns=world.clock.now_ns())
        assert {"wallet", "exchange:clearing", "exchange:funding", "external"} <= {line.side for line in trial.lines}
        assert set(trial.explained.values()) == {1}


def rows_changed(change: Callable[[list[dict[str, Any]]], None]) -> Callable[[bytes], bytes]:
    def changed(body: bytes) -> bytes:
        said = json.loads(body)
        if isinstance(said.get("result"), list):
            change(said["result"])
        return json.dumps(said).encode()

    return changed


def test_a_fill_that_is_never_given_is_a_break_of_its_position(tmp_path: Path) -> None:
    def dropped(rows: list[dict[str, Any]]) -> None:
        rows[:] = [row for row in rows if row != rows[len(rows) // 2]]

    with contracts(tmp_path, "grvt") as world, world.book() as book:
        fired = world.altering("/full/v1/fill_history", rows_changed(dropped))
        _, judgement = run(world.collected(book, polls=1))
        assert fired
        found = [each for each in judgement.breaks if each.check == "positions"]
        assert found and all(each.name == "position_differs" and each.missing for each in found)


def test_a_figure_that_is_printed_otherwise_is_a_break_of_that_figure(tmp_path: Path) -> None:
    def raised(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["total_equity"] = str(Decimal(row["total_equity"]) + 1)

    with contracts(tmp_path, "grvt") as world, world.book() as book:
        fired = world.altering("/full/v1/account_history", rows_changed(raised))
        _, judgement = run(world.collected(book, polls=0))
        assert fired
        found = {each.text.split(": ")[1].split(" ")[0] for each in judgement.breaks if each.check == "figures"}
        assert "margin_summary.equity" in found


@pytest.mark.parametrize("wire", WIRES)
def test_the_nouns_of_contracts_fit_a_terminal(tmp_path: Path, wire: str) -> None:
    with contracts(tmp_path, wire, rows=15) as world, world.book() as book:
        run(world.collected(book, polls=0))
        for noun, width in product(NOUNS, (60, 80, 140)):
            view = facts(book, NOUNS[noun], accounts=[ACCOUNT], question=Question(), newest=20)
            drawn = [line.plain for line in lines(measured(book, view, noun=NOUNS[noun]), width)]
            always = ("margin", "positions") if wire == "bingx_v1" else ("margin", "positions", "funding")
            assert view.rows or noun not in always
            assert max(map(len, drawn)) <= width, "\n".join(drawn)
            assert all(isinstance(row, MarginSummary) for row in view.rows) or noun != "margin"
            figures = [line for line in drawn if "figures" in line]
            assert figures or width == 60 or noun not in ("margin", "positions") or not view.rows
