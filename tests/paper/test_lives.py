"""Shows that each paper exchange with contracts gets the past it promises: a month in which everything happens that a
wire can show, of every contract, mode and side; the same from the same seed; every invariant after each command; and
that it lives on from there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link.commands import Accepted
from nostro.paper.history import generate
from nostro.paper.profiles import OPENINGS
from nostro.paper.venue.audit import check_outcome
from nostro.paper.venue.audit_contracts import check_change
from nostro.paper.venue.commands import Envelope
from nostro.paper.venue.live import Market
from nostro.paper.venue.venue import Venue

UNTIL_NS = 1_763_600_000 * SECOND_NS
ROWS = 1_200
WIRES = ("bingx_v1", "grvt", "kraken_futures")
ACTS = (
    "PlaceOrder", "CancelOrders", "CancelAll", "EditOrder", "SetLeverage", "SetMarginMode", "MoveFunds", "Deposit",
    "AdvanceDeposit", "RequestWithdrawal", "AdvanceWithdrawal", "SetIndex", "SetMark", "SetFundingRate",
)  # fmt: skip


def opened(path: Path, name: str, seed: int = 7, now_ns=lambda: UNTIL_NS) -> Venue:
    opening = OPENINGS[name]
    return Venue.open(path, now_ns=now_ns, seed=seed, profile=opening.profile, issue=opening.issue)


class Life:
    """A venue with a month of history, and what was done in it."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.orders: Counter[tuple[str, object]] = Counter()
        for envelope, answer in venue._journal.commands():
            name = type(envelope.command).__name__
            if not isinstance(answer, Accepted):
                self.refused[answer.reason.value] += 1
                continue
            self.done[name] += 1
            if name == "PlaceOrder":
                for field in ("type", "time_in_force", "post_only", "reduce_only", "position_side", "trigger", "side"):
                    self.orders[field, getattr(envelope.command, field)] += 1
        self.acting = [self.user(each.name) for each in OPENINGS[venue.profile.name].people if each.share is not None]

    def user(self, name: str) -> int:
        found = self.venue.user_named(name)
        assert found is not None
        return found

    def of_all(self, history: str) -> list:
        return [row for user in self.acting for row in getattr(self.venue, history)(user)]


@pytest.fixture(scope="module", params=WIRES)
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    with opened(tmp_path_factory.mktemp(request.param) / "venue.db", request.param) as venue:
        generate(venue, until_ns=UNTIL_NS, rows=ROWS, months=1)
        yield Life(venue)


def test_every_act_happens(life: Life) -> None:
    for name in ACTS:
        assert life.done[name] >= 3, name
    for kind in ("market", "limit", "stop_limit", "stop_market"):
        assert life.orders["type", kind] >= 5, kind
    for rule in ("gtc", "ioc", "fok"):
        assert life.orders["time_in_force", rule] >= 5, rule
    for trigger in ("last", "mark", "index"):
        assert life.orders["trigger", trigger] >= 5, trigger
    assert min(life.orders["post_only", True], life.orders["reduce_only", True]) >= 5
    sides = ("long", "short") if life.venue.profile.hedge else ("both",)
    assert all(life.orders["position_side", side] > 50 for side in sides)
    assert life.refused, "nothing was ever refused"


def test_every_contract_is_traded_and_funded(life: Life) -> None:
    fills, funding = life.of_all("fills"), life.of_all("funding")
    symbols = {each.symbol for each in life.venue.instruments()}
    assert {fill.instrument for fill in fills} == symbols
    assert {row.instrument for row in funding} == symbols
    assert {row.amount > 0 for row in funding} == {True, False}
    assert {fill.maker for fill in fills} == {True, False}
    trader = life.venue.user_named("trader-1") or life.user("trader")
    assert ROWS <= len(list(life.venue.fills(trader))) <= ROWS * 1.15


def test_positions_open_grow_shrink_close_and_flip(life: Life) -> None:
    changes: Counter[str] = Counter()
    for fill in life.of_all("fills"):
        before, after = fill.size_before, fill.size_after
        if before * after < 0:
            changes["flip"] += 1
        elif not before:
            changes["open"] += 1
        elif not after:
            changes["close"] += 1
        else:
            changes["grow" if abs(after) > abs(before) else "shrink"] += 1
    wanted = ["open", "grow", "shrink", "close"] + ([] if life.venue.profile.hedge else ["flip"])
    assert all(changes[name] >= 3 for name in wanted), changes
    assert len(life.of_all("closed")) >= 5
    assert {row.mode for row in life.of_all("closed")} == {"cross", "isolated"}
    assert any(row.size for user in life.acting for row in life.venue.positions(user)), "nothing is open at the end"
    assert {order.is_open for order in life.of_all("orders")} == {True, False}


def test_one_is_liquidated(life: Life) -> None:
    gambler = life.acting[-1]
    forced = list(life.venue.forced(gambler))
    assert len(forced) >= 2
    assert all(row.equity <= row.maintenance for row in forced)
    assert any(fill.liquidation for fill in life.venue.fills(gambler))
    assert any(order.origin == "liquidation" for order in life.venue.orders(gambler))


def test_money_moves_between_wallets_and_out(life: Life) -> None:
    moved = {(move.from_wallet == "spot", move.to_wallet == "spot") for move in life.of_all("moves")}
    assert moved == {(True, False), (False, True)}
    withdrawer = life.user("withdrawer")
    assert {row.status for row in life.venue.transfers(withdrawer, "withdrawal")} >= {"done"}
    assert {row.status for row in life.venue.transfers(withdrawer, "deposit")} >= {"confirmed"}
    empty = life.user("empty")
    assert list(life.venue.orders(empty)) == list(life.venue.entries(empty)) == list(life.venue.balances(empty)) == []


def test_sub_accounts_trade_with_what_their_master_sends(life: Life) -> None:
    people = {each.name: each for each in OPENINGS[life.venue.profile.name].people}
    subs = [each for each in people.values() if each.master]
    assert bool(subs) == (life.venue.profile.name == "grvt")
    for each in subs:
        user, master = life.user(each.name), life.user(each.master)
        assert user in life.venue.sub_accounts(master)
        if each.share is not None:
            assert list(life.venue.fills(user))
            assert any(move.to_user == user and move.from_user == master for move in life.venue.moves(user))
            assert list(life.venue.snapshots(user)), "an account that trades is noted down"
        login = life.venue.login_by_user(master)
        assert login is not None
        assert login.extra["sub_account_id"] in {str(sub) for sub in life.venue.sub_accounts(master)}


def test_the_market_has_depth_and_marks_near_the_index(life: Life) -> None:
    for contract in life.venue.instruments():
        ticker = life.venue.ticker(contract.symbol)
        assert ticker.bid < ticker.ask
        assert ticker.volume > 0
        mark, index = life.venue.mark(contract.symbol), life.venue.index(contract.symbol)
        assert abs(mark - index) * 100 < index
        rate, next_ns = life.venue.funding_rate(contract.symbol)
        assert abs(rate) * 100 < 1
        assert UNTIL_NS < next_ns <= UNTIL_NS + contract.funding_interval_s * SECOND_NS
    life.venue.engine.check()


@pytest.mark.parametrize("name", WIRES)
def test_the_same_seed_gives_the_same_past(name: str, tmp_path: Path) -> None:
    hashes = []
    for place, seed in (("a", 3), ("b", 3), ("c", 4)):
        with opened(tmp_path / place, name, seed) as venue:
            generate(venue, until_ns=UNTIL_NS, rows=60, months=1)
            hashes.append(venue.engine.state_hash())
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("name", WIRES)
def test_every_invariant_holds_after_each_command(name: str, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    with opened(tmp_path / "venue.db", name, seed=11) as venue:
        plain = venue.carry_out

        def watched(command, *, user=0, at_ns=None, command_id=None):
            outcome = plain(command, user=user, at_ns=at_ns, command_id=command_id)
            envelope = Envelope(id=venue.last_command, at_ns=at_ns or UNTIL_NS, user=user, command=command)
            counts.update(check_outcome(envelope, outcome))
            counts.update(check_change(venue.engine, envelope, outcome=outcome))
            counts.update(venue.engine.check())
            return outcome

        venue.carry_out = watched  # type: ignore[method-assign]
        generate(venue, until_ns=UNTIL_NS, rows=40, months=1)
    reached = {name.split()[0] for name, count in counts.items() if count}
    assert reached >= {"E1", "E2", "E4", "E5", "E6", "E7", "E8", "E9", "E10"}, counts


@pytest.mark.parametrize("name", WIRES)
def test_it_lives_on(name: str, tmp_path: Path) -> None:
    now = [UNTIL_NS]
    path = tmp_path / "venue.db"
    with opened(path, name, now_ns=lambda: now[0]) as venue:
        generate(venue, until_ns=UNTIL_NS, rows=100, months=1)
        trades = venue.engine.matching.trades_made
        market = Market(venue)
        for _ in range(300):
            now[0] += SECOND_NS * 20
            market.advance(now[0])
        venue.engine.check()
        assert venue.engine.matching.trades_made > trades + 50
        marks = {each.symbol: venue.mark(each.symbol) for each in venue.instruments()}
    with opened(path, name, now_ns=lambda: now[0]) as venue:
        market = Market(venue)
        for _ in range(12):
            now[0] += SECOND_NS
            market.advance(now[0])
        for symbol, mark in marks.items():
            assert abs(venue.mark(symbol) - mark) * 50 < mark, "a jump at the restart"
        now[0] += 3 * DAY_NS
        market.advance(now[0])
        assert venue.engine.at_ns == now[0]
