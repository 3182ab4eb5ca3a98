"""Shows what a caller of an account gets of margin and of sub-accounts: everything of a year without a window, a key or
a missing time showing, and one clear word where it cannot be had. The venue's own rows are the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collect.scene import START_NS, Scene, run, scene, user
from nostro import errors
from nostro.account import AsyncAccount
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link.http import query_pairs
from nostro.link.view import Login
from nostro.paper.venue.commands import CreateUser

CROSS, ISOLATED = "cross_margin", "isolated_margin:BTC/USDT"
GRANTS = ("trade", "margin", "transfer")
EVERYTHING = ("read", "trade", "margin", "withdraw")


@pytest.fixture(params=["cli", "d23"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A trader whose debts are spread over three months."""
    with scene(tmp_path, rows=40, dialect=request.param) as opened:
        opened.venue.set_permissions(opened.login().key, EVERYTHING)
        run(live(opened, opened.account(allow=GRANTS)))
        opened.wire.requests.clear()
        yield opened


async def live(world: Scene, account: AsyncAccount) -> None:
    for month in range(3):
        for wallet, asset in ((CROSS, "ETH"), (ISOLATED, "BTC")):
            await account.transfer("USDT", 900 + month, from_wallet="spot", to_wallet=wallet)
            await account.borrow("USDT", 50 + month, wallet=wallet)
            await account.borrow(asset, "0.001", wallet=wallet)
            await account.repay(asset, "0.0005", wallet=wallet)
        world.clock.pass_s(2 * 3600)
        await account.transfer("USDT", 1, from_wallet=CROSS, to_wallet="spot")
        world.clock.pass_s(32 * 86_400)


def ids(rows: Any) -> list[str]:
    return [row.native_id for row in rows]


@pytest.mark.parametrize(
    ("name", "rows_of"), [("borrows", "borrows"), ("repayments", "repayments"), ("liquidations", "liquidations")]
)
def test_three_months_are_three_months(world: Scene, name: str, rows_of: str) -> None:
    rows = list(getattr(world.venue, rows_of)(user(world)))
    answer = run(getattr(world.account(), name)(START_NS - DAY_NS).all())
    assert sorted(ids(answer), key=int) == [str(row.id) for row in rows]
    assert [fact.effective_ns for fact in answer] == sorted(fact.effective_ns for fact in answer)  # type: ignore[type-var]
    assert not answer.coverage
    assert len(rows) == {"borrows": 12, "repayments": 6, "liquidations": 0}[name]


def test_every_asset_is_asked_for_once_a_window(world: Scene) -> None:
    """A borrowing does not say its currency: politely, the currencies are asked for once, and each of them once a
    window."""
    answer = run(world.account().borrows(START_NS - DAY_NS).all())
    assets = [asset.code for asset in world.venue.assets()]
    asked = Counter(
        dict(query_pairs(each.query))["currency"]
        for each in world.wire.requests
        if each.path.endswith("/margin/borrow")
    )
    windows = -(-(world.clock.now_ns() + SECOND_NS - START_NS + DAY_NS) // (30 * DAY_NS))
    assert asked == dict.fromkeys(assets, windows)
    assert world.wire.count("/currencies") == 1
    assert answer.pages == windows * len(assets)
    assert {fact.asset for fact in answer} == {"USDT", "BTC", "ETH"}


def test_one_asset_is_asked_alone(world: Scene) -> None:
    answer = run(world.account().borrows(START_NS - DAY_NS, asset="BTC").all())
    truth = list(world.venue.borrows(user(world), asset="BTC"))
    assert ids(answer) == [str(row.id) for row in truth]
    assert world.wire.count("/currencies") == 0
    for name, rows_of in (("repayments", "repayments"), ("interest", "interest")):
        found = run(getattr(world.account(), name)(START_NS - DAY_NS, asset="BTC").all())
        rows = list(getattr(world.venue, rows_of)(user(world), asset="BTC"))
        assert ids(found) == [str(row.id) for row in rows] != []


def test_interest_has_no_time_and_all_of_it_is_there(world: Scene) -> None:
    rows = {str(row.id): row for row in world.venue.interest(user(world))}
    since_ns, until_ns = START_NS - DAY_NS, world.clock.now_ns()
    answer = run(world.account().interest(since_ns, until_ns).all())
    assert len(answer) == len(rows) > 2_000
    for fact in answer:
        assert fact.effective_ns is not None
        assert fact.until_ns is not None
        assert fact.effective_ns <= rows[str(fact.native_id)].time_ns < fact.until_ns
        assert fact.until_ns - fact.effective_ns <= 30 * DAY_NS
    hour_ns = next(iter(rows.values())).time_ns
    (one,) = [
        row for row in run(world.account().interest(hour_ns, hour_ns + 1).all())
        if row.native_id == str(next(iter(rows)))
    ]  # fmt: skip
    assert one.effective_ns == hour_ns
    assert one.until_ns == hour_ns + SECOND_NS
    assert not run(world.account().interest(hour_ns + SECOND_NS, hour_ns + 2 * SECOND_NS).all())


def test_moves_between_wallets_are_transfers_in_order_of_time(world: Scene) -> None:
    answer = run(world.account().transfers().all())
    found = [fact for fact in answer if fact.direction == "internal"]
    rows = list(world.venue.movements(user(world)))
    assert ids(found) == [str(row.id) for row in rows]
    assert len(rows) == 9
    assert {fact.direction for fact in answer} == {"internal", "deposit", "withdrawal"}
    assert [fact.effective_ns for fact in answer] == sorted(fact.effective_ns for fact in answer)  # type: ignore[type-var]
    out = [fact for fact in found if fact.to_wallet == "spot"]
    assert {(fact.from_wallet, fact.amount) for fact in out} == {(CROSS, Decimal(1))}


def test_what_is_owed_now(world: Scene) -> None:
    answer = run(world.account().loans())
    truth = world.venue.loans(user(world))
    assert [(row.native_id, row.wallet, row.asset, row.principal, row.interest) for row in answer] == [
        (str(row.id), row.wallet, row.asset, row.principal, row.interest)
        for isolated in (False, True) for row in truth if (":" in row.wallet) == isolated
    ]  # fmt: skip
    assert len(truth) == 4
    assert answer.pages == world.wire.count("/margin", "GET") == 2


def test_without_the_permission_it_is_unavailable_and_said(world: Scene) -> None:
    world.venue.set_permissions(world.login().key, ("read", "trade"))
    account = world.account()
    for name in ("borrows", "repayments", "interest", "liquidations"):
        answer = run(getattr(account, name)(START_NS - DAY_NS).all())
        assert len(answer) == 0
        assert {(hole.stream, hole.status, hole.cause) for hole in answer.coverage} == {
            (name, "unavailable", "forbidden")
        }
        assert answer.complete_through_ns == START_NS - DAY_NS
    with pytest.raises(errors.Forbidden, match="margin"):
        run(account.loans())
    assert len(world.wire.requests) <= 8, "a refusal is not asked for again"


def test_of_2026_there_is_none(tmp_path: Path) -> None:
    with scene(tmp_path, dialect="d26") as world:
        account = world.account(allow=GRANTS)
        for name in ("borrows", "repayments", "interest", "liquidations", "transfers"):
            with pytest.raises(errors.NotSupported, match=f"has no {name}"):
                getattr(account, name)()
        for write in (
            account.loans(), account.borrow("USDT", 1, wallet=CROSS), account.repay("USDT", 1, wallet=CROSS),
            account.transfer("USDT", 1, from_wallet="spot", to_wallet=CROSS), account.close_position(CROSS),
        ):  # fmt: skip
            with pytest.raises(errors.NotSupported, match="functionality not available"):
                run(write)
        with pytest.raises(errors.NotSupported, match="side effect"):
            run(account.place("BTC/USDT", "buy", amount=1, price=100, wallet=CROSS, side_effect="auto_borrow"))
        assert not [each for each in world.wire.requests if "margin" in each.path]


# ── sub-accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def sub_account(world: Scene) -> Login:
    desk = world.venue.create_login("desk", "desk@example.org", permissions=EVERYTHING, parent=user(world))
    world.venue.carry_out(CreateUser(name="keyless", email="", parent=user(world)))
    for wallet in ("spot", "funding"):
        world.venue.fund(desk.user, "USDT", amount=Decimal(1000), wallet=wallet)
    return desk


def test_a_master_acts_for_its_sub_account(world: Scene) -> None:
    desk, account = sub_account(world), world.account(allow=GRANTS)
    assert [row.parent_id for row in run(account.sub_accounts())] == [None, *[str(user(world))] * 2]

    async def act() -> list[Any]:
        return [
            await account.transfer("USDT", 300, from_wallet="spot", to_wallet=CROSS, account=desk.user),
            await account.transfer("USDT", 100, from_wallet="funding", to_wallet="spot", account=str(desk.user)),
            await account.borrow("USDT", 20, wallet=CROSS, account=desk.user),
            await account.repay("USDT", 5, wallet=CROSS, account=desk.user),
            await account.transfer("USDT", 1, from_wallet="spot", to_wallet=CROSS),
        ]

    facts = run(act())
    assert [fact.sub_account for fact in facts] == [str(desk.user)] * 4 + [str(user(world))]
    balances = {(row.wallet, row.asset): row.total for row in world.venue.balances(desk.user)}
    assert balances == {("spot", "USDT"): 800, (CROSS, "USDT"): 315, ("funding", "USDT"): 900}
    seen = {(row.sub_account, row.wallet): row.total for row in run(account.balances()) if row.asset == "USDT"}
    assert {key: total for key, total in seen.items() if key[0] == str(desk.user)} == {
        (str(desk.user), wallet): total for (wallet, _), total in balances.items()
    }
    assert len({key[0] for key in seen}) == 2
    run(account.close_position(CROSS, account=desk.user))
    assert not world.venue.loans(desk.user)


def test_a_login_finds_itself_whether_master_or_sub_account(world: Scene) -> None:
    desk = sub_account(world)
    account = world.account("desk", allow=GRANTS)
    moved = run(account.transfer("USDT", 1, from_wallet="spot", to_wallet=CROSS))
    assert moved.sub_account == str(desk.user)
    with pytest.raises(errors.Forbidden, match="neither your account"):
        run(account.transfer("USDT", 1, from_wallet="spot", to_wallet=CROSS, account=user(world)))
    with pytest.raises(errors.Forbidden, match="neither your account"):
        run(world.account(allow=GRANTS).borrow("USDT", 1, wallet=CROSS, account=10**9))
