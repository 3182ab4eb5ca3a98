"""Shows that what is done with margin happens once or not at all, whatever is lost: the caller gets the truth or
`Unresolved`, the venue never holds two, and few questions are asked. Each fault counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collect.scene import Scene, run, scene, struck, user
from nostro import errors
from nostro.account import AsyncAccount
from nostro.domain.records import Fact
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.faults import LOSES_ANSWER, NOT_CARRIED_OUT, Kind

HAPPENED = sorted(LOSES_ANSWER)
LOST_BEFORE = sorted(NOT_CARRIED_OUT - {Kind.EXPIRED_TOKEN, Kind.REFUSED})
CROSS, ISOLATED = "cross_margin", "isolated_margin:BTC/USDT"
GRANTS = ("trade", "margin", "transfer")
AMOUNT = Decimal("7.77")

Write = Callable[[AsyncAccount], Awaitable[Any]]
WRITES: dict[str, tuple[str, str, Write]] = {
    "transfer": (
        "/margin/transfer", "movements",
        lambda account: account.transfer("USDT", AMOUNT, from_wallet="spot", to_wallet=CROSS, note="é"),
    ),
    "transfer back": (
        "/margin/transfer", "movements",
        lambda account: account.transfer("USDT", AMOUNT, from_wallet=ISOLATED, to_wallet="spot"),
    ),
    "borrow": ("/margin/borrow", "borrows", lambda account: account.borrow("USDT", AMOUNT, wallet=ISOLATED)),
    "repay": ("/margin/repay", "repayments", lambda account: account.repay("USDT", AMOUNT, wallet=CROSS)),
}  # fmt: skip


@pytest.fixture(params=["cli", "d23"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    with scene(tmp_path, rows=60, dialect=request.param) as opened:
        opened.venue.set_permissions(opened.login().key, ("read", "trade", "margin"))
        run(indebted(opened.account(allow=GRANTS)))
        opened.clock.pass_s(3600)
        opened.wire.requests.clear()
        yield opened


async def indebted(account: AsyncAccount) -> None:
    """Money and debts of other amounts in two margin wallets."""
    for wallet, amount in ((CROSS, 500), (ISOLATED, 300)):
        await account.transfer("USDT", amount, from_wallet="spot", to_wallet=wallet)
        await account.borrow("USDT", 100, wallet=wallet)


def made(world: Scene, rows: str) -> list[Any]:
    """The venue's rows of the amount that the writes here have."""
    found = getattr(world.venue, rows)(user(world))
    return [row for row in found if amount(row) == AMOUNT]


def amount(row: Any) -> Decimal:
    return row.principal + row.interest if hasattr(row, "principal") else row.amount


@pytest.mark.parametrize("what", WRITES)
def test_it_is_done_once_and_its_id_is_the_venue_s(world: Scene, what: str) -> None:
    path, rows, write = WRITES[what]
    fact: Fact = run(write(world.account(allow=GRANTS)))
    (row,) = made(world, rows)
    assert fact.native_id == str(row.id)
    assert (fact.sub_account, fact.wallet) == (str(row.user), row.wallet)
    assert world.wire.count(path, "POST") == 1


@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize("kind", HAPPENED)
def test_what_happened_without_an_answer_is_found(world: Scene, what: str, kind: Kind) -> None:
    path, rows, write = WRITES[what]
    faults = world.strike(struck(kind, 1, routes=(what.partition(" ")[0],)))
    fact: Fact = run(write(world.account(allow=GRANTS)))
    (row,) = made(world, rows)
    assert faults.fired[kind] == 1
    assert fact.native_id == str(row.id)
    assert fact.wallet == row.wallet
    assert world.wire.count(path, "POST") == 1
    assert len(world.wire.requests) <= 6, "the token, who it is, a list before, the write, a list after"


@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize("kind", LOST_BEFORE)
def test_what_never_arrived_is_unresolved(world: Scene, what: str, kind: Kind) -> None:
    path, rows, write = WRITES[what]
    faults = world.strike(struck(kind, 1, routes=(what.partition(" ")[0],)))
    with pytest.raises(errors.Unresolved, match="no new row") as caught:
        run(write(world.account(allow=GRANTS)))
    assert faults.fired[kind] == 1
    assert caught.value.happened == "maybe"
    assert not caught.value.repeat
    assert made(world, rows) == []
    assert world.wire.count(path, "POST") == 1, "it is not sent again"


@pytest.mark.parametrize("what", WRITES)
def test_two_that_look_alike_leave_a_doubt(world: Scene, what: str) -> None:
    """Somebody else of the same account does the same while our answer is under way."""
    _, rows, write = WRITES[what]
    faults = world.strike(struck(Kind.DROPPED_AFTER, 1, routes=(what.partition(" ")[0],)))
    other, pauses, sleep = world.account(allow=GRANTS), iter([1]), world.clock.sleep

    async def sleep_and_write(pause_s: float) -> None:
        await sleep(pause_s)
        if next(pauses, None):
            await write(other)

    async def both() -> None:
        account = world.account(allow=GRANTS)
        await account.sub_accounts()
        world.clock.sleep = sleep_and_write  # type: ignore[method-assign]
        await write(account)

    with pytest.raises(errors.Unresolved, match="2 new rows look like it"):
        run(both())
    assert faults.fired[Kind.DROPPED_AFTER] == 1
    assert len(made(world, rows)) == 2, "one each"


@pytest.mark.parametrize("body", [b"[]", b"null", b"0", b'"yes"', b"{}"])
def test_an_answer_that_names_nothing_is_looked_up(world: Scene, body: bytes) -> None:
    def before(request: HttpRequest) -> HttpAnswer | None:
        if (request.method, request.path) != ("POST", "/api/v3/margin/borrow"):
            return None
        given = world.server.handle(request)
        return HttpAnswer(given.status, given.headers, body)

    world.wire.before = before
    borrow = run(WRITES["borrow"][2](world.account(allow=GRANTS)))
    (row,) = made(world, "borrows")
    assert borrow.native_id == str(row.id)
    assert borrow.status == "open"


@pytest.mark.parametrize("form", ["{}", "[{}]", " {}\n"])
def test_an_id_is_read_as_the_document_and_as_the_client_have_it(world: Scene, form: str) -> None:
    def before(request: HttpRequest) -> HttpAnswer | None:
        if (request.method, request.path) != ("POST", "/api/v3/margin/repay"):
            return None
        given = world.server.handle(request)
        headers = given.headers | {"Content-Type": "text/plain"}
        return HttpAnswer(given.status, headers, form.format(given.body.decode().strip("[]")).encode())

    world.wire.before = before
    repayment = run(WRITES["repay"][2](world.account(allow=GRANTS)))
    (row,) = made(world, "repayments")
    assert repayment.native_id == str(row.id)
    assert (repayment.principal, repayment.interest) == (row.principal, row.interest), "as its history shows it"
    assert row.interest > 0


def test_half_an_id_is_not_taken_for_one(world: Scene) -> None:
    """A bare number that is cut is a number too: another row's, or nobody's."""
    names = iter(["", "9"])

    def before(request: HttpRequest) -> HttpAnswer | None:
        if (request.method, request.path) != ("POST", "/api/v3/margin/transfer"):
            return None
        given = world.server.handle(request)
        return HttpAnswer(given.status, given.headers, next(names).encode() + given.body[:1])

    world.wire.before = before
    account = world.account(allow=GRANTS)
    for _ in range(2):
        moved = run(account.transfer("USDT", AMOUNT, from_wallet="spot", to_wallet=CROSS))
        assert moved.native_id == str(made(world, "movements")[-1].id)
    assert len(made(world, "movements")) == 2


def test_where_the_history_is_late_the_answer_stands(world: Scene) -> None:
    asked = 0

    def before(request: HttpRequest) -> HttpAnswer | None:
        nonlocal asked
        if (request.method, request.path) != ("GET", "/api/v3/margin/borrow"):
            return None
        asked += 1
        return HttpAnswer(200, {"Content-Type": "application/json"}, b"[]")

    world.wire.before = before
    borrowed = run(WRITES["borrow"][2](world.account(allow=GRANTS)))
    (row,) = made(world, "borrows")
    assert borrowed.native_id == str(row.id)
    assert asked == 2, "before and after"
    assert not world.clock.slept


def test_where_the_history_fails_the_answer_stands(world: Scene) -> None:
    faults = world.strike(struck(Kind.MAINTENANCE, *range(2, 99), routes=("repays",)))
    repaid = run(WRITES["repay"][2](world.account(allow=GRANTS)))
    (row,) = made(world, "repayments")
    assert repaid.native_id == str(row.id)
    assert (repaid.principal, repaid.interest) == (None, None), "the answer does not say"
    assert faults.fired[Kind.MAINTENANCE] > 1


# ── positions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def owes(world: Scene, wallet: str) -> bool:
    return any(row.wallet == wallet for row in world.venue.loans(user(world)))


@pytest.mark.parametrize("kind", [None, *HAPPENED])
def test_a_position_is_closed_once(world: Scene, kind: Kind | None) -> None:
    faults = world.strike(*([struck(kind, 1, routes=("close_position",))] if kind else []))
    run(world.account(allow=GRANTS).close_position(ISOLATED))
    assert kind is None or faults.fired[kind] == 1
    assert not owes(world, ISOLATED)
    assert owes(world, CROSS)
    assert world.wire.count("/margin", "DELETE") == 1


@pytest.mark.parametrize("kind", LOST_BEFORE)
def test_a_position_that_is_still_there_leaves_a_doubt(world: Scene, kind: Kind) -> None:
    faults = world.strike(struck(kind, 1, routes=("close_position",)))
    with pytest.raises(errors.Unresolved, match="still owes USDT"):
        run(world.account(allow=GRANTS).close_position(ISOLATED))
    assert faults.fired[kind] == 1
    assert owes(world, ISOLATED)
    assert world.wire.count("/margin", "DELETE") == 1


def test_closing_says_which_orders_it_took(world: Scene) -> None:
    account = world.account(allow=GRANTS)

    async def short() -> Any:
        await account.borrow("BTC", "0.001", wallet=ISOLATED)
        await account.place("BTC/USDT", "sell", type="market", amount="0.001", wallet=ISOLATED)
        return await account.close_position(ISOLATED)

    orders = run(short())
    known = {str(row.id): row for row in world.venue.orders(user(world))}
    assert [known[str(order.native_id)].side for order in orders] == ["buy"]
    assert not owes(world, ISOLATED)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_without_the_permission_is_told_so(world: Scene) -> None:
    world.venue.set_permissions(world.login().key, ("read", "trade"))
    for _, _, write in WRITES.values():
        with pytest.raises(errors.Forbidden, match="margin") as caught:
            run(write(world.account(allow=GRANTS)))
        assert caught.value.happened == "no"
    with pytest.raises(errors.Forbidden, match="margin"):
        run(world.account(allow=GRANTS).close_position(CROSS))


@pytest.mark.parametrize(("grant", "names"), [("transfer", ["transfer"]), ("margin", ["borrow", "repay"])])
def test_each_needs_its_grant(world: Scene, grant: str, names: list[str]) -> None:
    others = [each for each in GRANTS if each != grant]
    for name in names:
        with pytest.raises(errors.NotGranted, match=grant):
            run(WRITES[name][2](world.account(allow=others)))
    with pytest.raises(errors.NotGranted, match="trade"):
        run(world.account(allow=["margin", "transfer"]).close_position(CROSS))
    assert not world.wire.requests, "nothing is asked for what is not granted"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"from_wallet": "spot", "to_wallet": "spot"}, "expected exactly one to be 'spot'"),
        ({"from_wallet": CROSS, "to_wallet": ISOLATED}, "expected exactly one to be 'spot'"),
        ({"from_wallet": "spot", "to_wallet": CROSS, "account": "mine"}, "account is 'mine'"),
        ({"from_wallet": "spot", "to_wallet": CROSS, "amount": 1.5}, "amount is a float"),
        ({"from_wallet": "spot", "to_wallet": CROSS, "amount": None}, "amount is missing"),
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_not_sent(world: Scene, fields: dict[str, Any], says: str) -> None:
    fields = {"amount": 1} | fields
    with pytest.raises(errors.BadValue, match=says):
        run(world.account(allow=GRANTS).transfer("USDT", **fields))
    assert world.wire.count("/margin/transfer", "POST") == 0


@pytest.mark.parametrize("wallet", ["isolated_margin", "isolated_margin:BTC_USDT", "CROSS_MARGIN", "", ISOLATED + " "])
def test_a_wallet_has_the_name_that_facts_give_it(world: Scene, wallet: str) -> None:
    """The wire takes more: a position so named was looked for under that name, not found, and said to be closed."""
    account = world.account(allow=GRANTS)
    for write in (
        account.transfer("USDT", 1, from_wallet="spot", to_wallet=wallet),
        account.transfer("USDT", 1, from_wallet=wallet, to_wallet="spot"),
        account.borrow("USDT", 1, wallet=wallet),
        account.repay("USDT", 1, wallet=wallet),
        account.close_position(wallet),
        account.place("BTC/USDT", "buy", amount=1, price=1, wallet=wallet),
    ):
        with pytest.raises(errors.BadValue, match="expected spot, funding"):
            run(write)
    assert not world.wire.requests


def test_text_that_is_none_is_not_sent(world: Scene) -> None:
    """As of a command line with bytes that are no UTF-8."""
    account = world.account(allow=GRANTS)
    for write in (
        account.borrow("\udcff", 1, wallet=CROSS),
        account.transfer("USDT", 1, from_wallet="spot", to_wallet=CROSS, note="\udcff"),
    ):
        with pytest.raises(errors.BadValue, match="no text"):
            run(write)
    assert made(world, "movements") == made(world, "borrows") == []


def test_orders_of_margin_wallets_and_their_side_effects(world: Scene) -> None:
    account = world.account(allow=GRANTS)

    async def both() -> list[Any]:
        sold = await account.place(
            "BTC/USDT", "sell", type="market", amount="0.002", wallet=ISOLATED, side_effect="auto_borrow"
        )
        bought = await account.place(
            "BTC/USDT", "buy", type="market", quote_amount=100, wallet=ISOLATED, side_effect="auto_repay"
        )
        return [sold, bought]

    orders = {str(row.id): row for row in world.venue.orders(user(world))}
    placed = run(both())
    orders = {str(row.id): row for row in world.venue.orders(user(world))}
    assert [orders[order.native_id].side_effect for order in placed] == ["auto_borrow", "auto_repay"]
    assert {orders[order.native_id].wallet for order in placed} == {ISOLATED}
    told = {order.native_id: order.wallet for order in run(account.orders().all())}
    assert {told[order.native_id] for order in placed} == {ISOLATED}
    assert any(row.asset == "BTC" and row.type == "auto" for row in world.venue.borrows(user(world)))
    assert any(row.asset == "BTC" and row.type == "auto" for row in world.venue.repayments(user(world)))
    with pytest.raises(errors.NotSupported, match="isolated wallet"):
        run(account.place("BTC/USDT", "buy", amount="0.001", price=100, wallet="isolated_margin:ETH/USDT"))
    with pytest.raises(errors.BadValue, match="side_effect"):
        run(account.place("BTC/USDT", "buy", amount="0.001", price=100, side_effect="auto"))  # type: ignore[arg-type]
