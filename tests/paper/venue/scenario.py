"""A small text form for what happens at a venue: one event a line, what must come of it behind ``->``, and what is
expected in the end last. Amounts are in whole coins; names are those of the lines before.

    user alice                          a user with the profile's fees (maker 1 %, taker 2 %)
    fund alice COIN 100 [funding]       money from nowhere
    alice buy 2 APPLE at 10             a limit order, order ids count from 1; ``sell`` likewise
    alice buy 2 APPLE [market]          with ``worth 20`` instead of 2: funded in quote units
        ... ioc | fok | aon | post | stop gte 11 | till 30 | after 30
    alice cancel 1 2 | alice cancel all [APPLE]
    alice withdraw 1 5 [address=x]      method, amount
    deposit alice COIN 5 · step deposit 1 confirmed · step withdrawal 1 done
    at 20                               what follows happens 20 seconds after the start
    tick
    ... -> insufficient_funds           the refusal; ``-> 1 2``: the ids answered; nothing: accepted
    trades 2@10 1@11                    of the last command, in order
    order 1 filled 2 [canceled 1]       status, amount filled, amount canceled
    entries alice hold trade trade fee  reasons, of the last command, in order
    alice COIN 79.8 held 0              a balance in the end; ``held 0`` may be left out
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from nostro.link.view import (
    CancelAll,
    CancelOrders,
    PlaceOrder,
    Rejected,
    RequestWithdrawal,
    VenueAsset,
    VenueInstrument,
    VenueMethod,
    VenueOrder,
)
from nostro.paper.venue import audit
from nostro.paper.venue.commands import (
    AdvanceDeposit,
    AdvanceWithdrawal,
    CreateUser,
    Deposit,
    Envelope,
    Fund,
    Tick,
)
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.profile import Profile
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.wallets import SPOT, key_of

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
    maker_ppm=10_000,
    taker_ppm=20_000,
)


class Scenario:
    """Runs lines against a new engine; every command is applied with all its invariants checked."""

    def __init__(self) -> None:
        self.engine = Engine(PROFILE)
        self.users: dict[str, int] = {}
        self.orders: dict[int, VenueOrder] = {}
        self.last: Outcome | None = None
        self.at_ns = START_NS
        self.commands = 0
        self.checked = 0

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
        user, command = self._command(words)
        self.commands += 1
        envelope = Envelope(id=self.commands, at_ns=self.at_ns, user=user, command=command)
        outcome, _ = audit.apply_checked(self.engine, envelope)
        self.last = outcome
        self.orders |= {order.id: order for order in outcome.orders}
        if words[0] == "user":
            self.users[words[1]] = outcome.answer.ids[0]
        if isinstance(outcome.answer, Rejected):
            assert expected == [outcome.answer.reason], f"{line}: {outcome.answer}"
            self.checked += 1
        elif expected:
            assert expected == [str(each) for each in outcome.answer.ids], f"{line}: {outcome.answer}"
            self.checked += 1

    def _command(self, words: list[str]):
        match words:
            case ["user", name]:
                return 0, CreateUser(name=name)
            case ["fund", name, asset, amount, *wallet]:
                where = wallet[0] if wallet else "spot"
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
                case "ioc" | "fok" | "aon":
                    fields["time_in_force"] = word
                case "post":
                    fields["post_only"] = True
                case "stop":
                    fields["stop_operator"] = next(rest)
                    fields["stop_price"] = Decimal(next(rest))
                case "till":
                    fields["valid_till_ns"] = START_NS + int(next(rest)) * SECOND_NS
                case "after":
                    fields["expire_after_ns"] = START_NS + int(next(rest)) * SECOND_NS
                case "funding":
                    fields["wallet"] = "funding"
                case "market":
                    fields["type"] = "market"
                case _:
                    raise AssertionError(f"no such word: {word}")
        kind = "limit" if "price" in fields else "market"
        fields.setdefault("type", kind if "stop_price" not in fields else f"stop_{kind}")
        return PlaceOrder(**fields)

    def _expectation(self, words: list[str], line: str) -> bool:
        match words:
            case ["trades", *trades]:
                assert self.last is not None
                found = [f"{each.amount.normalize():f}@{each.price.normalize():f}" for each in self.last.trades]
                assert found == trades, f"{line}: {found}"
            case ["order", number, status, filled, *canceled]:
                order = self.orders[int(number)]
                wanted = (status, Decimal(filled), Decimal(canceled[1] if canceled else 0))
                assert (order.status, order.filled, order.canceled) == wanted, f"{line}: {order}"
            case ["entries", name, *reasons]:
                assert self.last is not None
                found = [each.type for each in self.last.entries if each.user == self.users[name]]
                assert found == reasons, f"{line}: {found}"
            case ["fees", asset, amount]:
                units = self.engine.ledger.fees[self.engine.assets[asset]]
                assert Decimal(units).scaleb(-2) == Decimal(amount), f"{line}: {units}"
            case [name, asset, amount, *held] if name in self.users and asset in self.engine.assets:
                self._balance(name, asset, Decimal(amount), Decimal(held[1] if held else 0), line)
            case _:
                return False
        self.checked += 1
        return True

    def _balance(self, name: str, asset: str, total: Decimal, held: Decimal, line: str) -> None:
        wallet = self.engine.users[self.users[name]].wallets.get(key_of(self.engine.assets[asset], SPOT))
        found = (Fraction(wallet.total, 100), Fraction(wallet.held, 100)) if wallet else (0, 0)
        assert found == (Fraction(total), Fraction(held)), f"{line}: total and held are {found}"
