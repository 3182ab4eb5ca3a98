"""A small text form for what happens at a venue: one event a line, what must come of it behind ``->``, and what is
expected in the end last. Amounts are in whole coins; names are those of the lines before.

    user alice [of bob]                 a user with the profile's fees (maker 1 %, taker 2 %); a sub-account of bob's
    fund alice COIN 100 [funding]       money from nowhere
    alice buy 2 APPLE at 10             a limit order, order ids count from 1; ``sell`` likewise
    alice buy 2 APPLE [market]          with ``worth 20`` instead of 2: funded in quote units
        ... ioc | fok | aon | post | stop gte 11 | till 30 | after 30
        ... cross | isolated            from that wallet, with borrowing | repaying as its side effect
    alice cancel 1 2 | alice cancel all [APPLE]
    alice withdraw 1 5 [address=x]      method, amount
    alice add COIN 50 cross [for bob]   from spot to that wallet (of her sub-account bob); ``sub`` back
    alice borrow COIN 50 isolated:APPLE [for bob] · alice repay ... · alice close cross [for bob]
    index APPLE 12                      the index price; before, apples and pears are worth 10 coins
    deposit alice COIN 5 · step deposit 1 confirmed · step withdrawal 1 done
    at 20                               what follows happens 20 seconds after the start
    tick
    ... -> insufficient_funds           the refusal; ``-> 1 2``: the ids answered; nothing: accepted
    trades 2@10 1@11                    of the last command, in order
    order 1 filled 2 [canceled 1]       status, amount filled, amount canceled
    entries alice hold trade trade fee  reasons, of the last command, in order
    alice COIN 79.8 held 0              a balance in the end; ``held 0`` may be left out
    alice cross COIN 79.8 held 0        the same in a margin wallet or in funding
    alice cross owes COIN 50 interest 1 the principal and interest of a debt; ``interest 0`` may be left out
    repaid 1+2 0+3                      interest and principal of the last command's repayments, in order
    accrued 1 2                         the last command's interest, in order
    liquidated alice cross COIN 50 fund 3 level 0.04 closed 1 made 3,4 borrows 1 repayments 2
                                        the last command's next liquidation; what follows the amount may be left out
    insurance COIN 3 · lent COIN 50     the accounts of the house
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from nostro.link.commands import (
    Borrow,
    CancelAll,
    CancelOrders,
    ClosePosition,
    MoveMargin,
    PlaceOrder,
    Rejected,
    Repay,
    RequestWithdrawal,
)
from nostro.link.view import VenueAsset, VenueInstrument, VenueLiquidation, VenueMethod, VenueOrder
from nostro.paper.venue import audit
from nostro.paper.venue.commands import (
    AdvanceDeposit,
    AdvanceWithdrawal,
    CreateUser,
    Deposit,
    Envelope,
    Fund,
    SetIndex,
    Tick,
)
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.profile import Borrowing, Profile
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.wallets import key_of

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


def _instrument(number: int, base: str, digits: int) -> VenueInstrument:
    return VenueInstrument(
        id=number,
        base=base,
        quote="COIN",
        amount_digits=digits,
        price_digits=digits,
        amount_min=Decimal("0.1"),
        amount_max=Decimal(1000),
        value_min=Decimal(1),
    )


def _method(number: int, asset: str, *, enabled: bool = True) -> VenueMethod:
    return VenueMethod(
        id=number,
        asset=asset,
        network="net",
        attributes=(("address", "[a-z]+"),),
        confirmations=0,
        amount_min=Decimal(1),
        amount_max=Decimal(50),
        fee=Decimal("0.5"),
        fee_rate=Decimal("0.013"),
        enabled=enabled,
    )


# A lot of apples at a tick costs exactly a unit of coin; a lot of pears (0.01) at a tick (0.01) a hundredth of one.
PROFILE = Profile(
    name="orchard",
    assets=(VenueAsset("APPLE", "a", 2), VenueAsset("PEAR", "p", 2), VenueAsset("COIN", "c", 2)),
    instruments=(_instrument(1, "APPLE", 1), _instrument(2, "PEAR", 2)),
    deposit_methods=(),
    withdraw_methods=(_method(1, "COIN"), _method(2, "APPLE", enabled=False)),
    start_prices=(("APPLE", Decimal(10)), ("PEAR", Decimal(10)), ("COIN", Decimal(1))),
    quote_asset="COIN",
    borrowing=(
        Borrowing("APPLE", 1_000, Decimal(300)),
        Borrowing("PEAR", 2_500, Decimal(200)),
        Borrowing("COIN", 4_000, Decimal(2_000)),
    ),
    maker_ppm=10_000,
    taker_ppm=20_000,
)


# Words of an order that stand alone, and what they set.
FLAGS = {
    "ioc": {"time_in_force": "ioc"},
    "fok": {"time_in_force": "fok"},
    "aon": {"time_in_force": "aon"},
    "post": {"post_only": True},
    "market": {"type": "market"},
    "borrowing": {"side_effect": "auto_borrow"},
    "repaying": {"side_effect": "auto_repay"},
}


class Scenario:
    """Runs lines against a new engine; every command is applied with all its invariants checked."""

    profile = PROFILE

    def __init__(self) -> None:
        self.engine = Engine(self.profile)
        self.users: dict[str, int] = {}
        self.orders: dict[int, VenueOrder] = {}
        self.last: Outcome | None = None
        self.at_ns = START_NS
        self.commands = 0
        self.checked = 0
        self.liquidations: list[VenueLiquidation] = []

    def run(self, text: str) -> None:
        for line in text.strip().splitlines():
            event, _, expected = line.partition("#")[0].partition("->")
            words = event.split()
            if words and not self._expectation(words, line):
                self._event(words, line, expected.split())
        assert self.checked, "a scenario that expects nothing"

    def _event(self, words: list[str], line: str, expected: list[str]) -> None:
        if words[0] == "at":
            self.at_ns = START_NS + int(words[1]) * SECOND_NS
            return
        user, command = self._margin_command(words) or self._command(words)
        self.commands += 1
        envelope = Envelope(id=self.commands, at_ns=self.at_ns, user=user, command=command)
        outcome, _ = audit.apply_checked(self.engine, envelope)
        self.last, self.liquidations = outcome, outcome.liquidations
        self.orders |= {order.id: order for order in outcome.orders}
        if words[0] == "user" and not expected:
            self.users[words[1]] = outcome.answer.ids[0]
        if isinstance(outcome.answer, Rejected):
            assert expected == [outcome.answer.reason], f"{line}: {outcome.answer}"
            self.checked += 1
        elif expected:
            assert expected == [str(each) for each in outcome.answer.ids], f"{line}: {outcome.answer}"
            self.checked += 1

    def _command(self, words: list[str]):
        match words:
            case ["user", name, *parent]:
                return 0, CreateUser(name=name, parent=self.users.get(parent[1], 99) if parent else None)
            case ["fund", name, asset, amount, *more]:
                where = wallet(more[0]) if more else "spot"
                return 0, Fund(user=self.users.get(name, 99), wallet=where, asset=asset, amount=Decimal(amount))
            case ["deposit", name, asset, amount]:
                return 0, Deposit(user=self.users.get(name, 99), asset=asset, amount=Decimal(amount))
            case ["step", "deposit", number, status]:
                return 0, AdvanceDeposit(deposit=int(number), status=status)
            case ["step", "withdrawal", number, status]:
                return 0, AdvanceWithdrawal(withdrawal=int(number), status=status)
            case ["tick"]:
                return 0, Tick()
            case [name, "cancel", "all", *base]:
                return self.users.get(name, 99), CancelAll(instrument=f"{base[0]}/COIN" if base else None)
            case [name, "cancel", *numbers]:
                return self.users.get(name, 99), CancelOrders(order_ids=tuple(map(int, numbers)))
            case [name, "withdraw", method, amount, *attributes]:
                given = dict(each.split("=") for each in attributes)
                command = RequestWithdrawal(method=int(method), amount=Decimal(amount), attributes=given)
                return self.users.get(name, 99), command
            case [name, ("buy" | "sell") as side, *rest]:
                return self.users.get(name, 99), self._order(side, rest)
        raise AssertionError(f"no such event: {' '.join(words)}")

    def _margin_command(self, words: list[str]):
        match words:
            case ["index", asset, price]:
                return 0, SetIndex(asset=asset, price=Decimal(price))
            case [name, ("add" | "sub") as direction, asset, amount, where, *whose]:
                fields = {"account": self._account(name, whose), "wallet": wallet(where), "asset": asset}
                return self.users.get(name, 99), MoveMargin(direction=direction, amount=Decimal(amount), **fields)
            case [name, ("borrow" | "repay") as event, asset, amount, where, *whose]:
                kind = Borrow if event == "borrow" else Repay
                fields = {"account": self._account(name, whose), "wallet": wallet(where), "asset": asset}
                return self.users.get(name, 99), kind(amount=Decimal(amount), **fields)
            case [name, "close", where, *whose]:
                return self.users.get(name, 99), ClosePosition(account=self._account(name, whose), wallet=wallet(where))
        return None

    def _account(self, name: str, whose: list[str]) -> int:
        return self.users.get(whose[1] if whose else name, 99)

    def _order(self, side: str, words: list[str]) -> PlaceOrder:
        fields: dict[str, object] = {"wallet": "spot", "side": side}
        if words[0] == "worth":
            fields["quote_amount"] = Decimal(words[1])
            words = words[1:]
        else:
            fields["amount"] = Decimal(words[0])
        fields["instrument"] = f"{words[1]}/COIN"
        rest = iter(words[2:])
        for word in rest:
            match word:
                case "at":
                    fields["price"] = Decimal(next(rest))
                case "stop":
                    fields["stop_operator"] = next(rest)
                    fields["stop_price"] = Decimal(next(rest))
                case "till":
                    fields["valid_till_ns"] = START_NS + int(next(rest)) * SECOND_NS
                case "after":
                    fields["expire_after_ns"] = START_NS + int(next(rest)) * SECOND_NS
                case "isolated":
                    fields["wallet"] = wallet(f"isolated:{words[1]}")
                case "funding" | "cross" | "isolated:PEAR":
                    fields["wallet"] = wallet(word)
                case _ if word in FLAGS:
                    fields |= FLAGS[word]
                case _:
                    raise AssertionError(f"no such word: {word}")
        kind = "limit" if "price" in fields else "market"
        fields.setdefault("type", kind if "stop_price" not in fields else f"stop_{kind}")
        return PlaceOrder(**fields)

    def _expectation(self, words: list[str], line: str) -> bool:
        match words:
            case ["trades", *trades]:
                assert self.last is not None
                found = [f"{plain(each.amount)}@{plain(each.price)}" for each in self.last.trades]
                assert found == trades, f"{line}: {found}"
            case ["order", number, status, filled, *canceled]:
                order = self.orders[int(number)]
                wanted = (status, Decimal(filled), Decimal(canceled[1] if canceled else 0))
                assert (order.status, order.filled, order.canceled) == wanted, f"{line}: {order}"
            case ["entries", name, *reasons]:
                assert self.last is not None
                found = [each.type for each in self.last.entries if each.user == self.users[name]]
                assert found == reasons, f"{line}: {found}"
            case [name, asset, amount, *held] if name in self.users and asset in self.engine.assets:
                self._balance(name, "spot", asset, (Decimal(amount), Decimal(held[1] if held else 0)), line)
            case _ if not self._margin_expectation(words, line):
                return False
        self.checked += 1
        return True

    def _margin_expectation(self, words: list[str], line: str) -> bool:
        match words:
            case [("fees" | "insurance" | "lent") as account, asset, amount]:
                ledger = self.engine.ledger
                sums = {"fees": ledger.fees, "insurance": ledger.insurance, "lent": [-each for each in ledger.lend]}
                units = sums[account][self.engine.assets[asset]]
                assert Decimal(units).scaleb(-2) == Decimal(amount), f"{line}: {units}"
            case ["repaid", *parts]:
                assert self.last is not None
                found = [f"{plain(each.interest)}+{plain(each.principal)}" for each in self.last.repayments]
                assert found == parts, f"{line}: {found}"
            case ["accrued", *parts]:
                assert self.last is not None
                found = [plain(each.accrued) for each in self.last.interest]
                assert found == parts, f"{line}: {found}"
            case ["liquidated", name, where, asset, amount, *more]:
                self._liquidation(name, where, asset, Decimal(amount), dict(zip(more[::2], more[1::2], strict=True)))
            case [name, where, "owes", asset, principal, *interest]:
                loan = self.engine.users[self.users[name]].loans.get(self._key(asset, where))
                found = (Fraction(loan.principal, 100), Fraction(loan.interest, 100)) if loan else (0, 0)
                wanted = (Fraction(principal), Fraction(interest[1] if interest else 0))
                assert found == wanted, f"{line}: principal and interest are {found}"
            case [name, where, asset, amount, *held] if wallet(where) in self.engine.words.places:
                self._balance(name, where, asset, (Decimal(amount), Decimal(held[1] if held else 0)), line)
            case _:
                return False
        return True

    def _balance(self, name: str, where: str, asset: str, wanted: tuple[Decimal, Decimal], line: str) -> None:
        kept = self.engine.users[self.users[name]].wallets.get(self._key(asset, where))
        found = (Fraction(kept.total, 100), Fraction(kept.held, 100)) if kept else (0, 0)
        assert found == (Fraction(wanted[0]), Fraction(wanted[1])), f"{line}: total and held are {found}"

    def _liquidation(self, name: str, where: str, asset: str, amount: Decimal, more: dict[str, str]) -> None:
        found = self.liquidations.pop(0)
        shown = {
            "fund": plain(found.fund),
            "level": plain(found.level),
            "closed": ",".join(map(str, found.orders_closed)),
            "made": ",".join(map(str, found.orders_created)),
            "borrows": ",".join(map(str, found.borrows_closed)),
            "repayments": ",".join(map(str, found.repayments_created)),
        }
        assert (found.user, found.wallet, found.asset) == (self.users[name], wallet(where), asset), found
        assert (found.amount, found.done_ns) == (amount, found.time_ns), found
        assert more.items() <= shown.items(), found

    def _key(self, asset: str, where: str) -> int:
        return key_of(self.engine.assets[asset], self.engine.words.places[wallet(where)])


def wallet(word: str) -> str:
    """``cross`` and ``isolated:APPLE`` are short for the venue's names."""
    if word.startswith("isolated:"):
        return f"isolated_margin:{word.removeprefix('isolated:')}/COIN"
    return "cross_margin" if word == "cross" else word


def plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
