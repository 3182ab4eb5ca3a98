"""Stories of contracts, in the form of ``scenario.py`` and with its words. Three contracts are named like fruit: FLOUR
(linear, 1 a contract), APPLE (inverse, 1 coin a contract, in a margin account) and SILK (quanto, a cent a contract and
tick); FLOUR and SILK are backed by ``futures``.

    alice buy 5 FLOUR at 10                  ... reduce | long | short | by mark | by index | from spot (another wallet)
    alice buy 5 APPLE at 10 fruit            an order of spot
    alice edit 3 [amount 5] [price 10] [stop 11]
    alice leverage FLOUR 5 [long]            or none
    alice isolate FLOUR · alice cross FLOUR
    alice move COIN 5 spot futures [from carol] [to bob]
    mark FLOUR 11 · rate FLOUR 0.001
    alice holds 5 FLOUR basis 50 [long]      a position in the end
    alice dies FLOUR 9.5 [long]              the mark at which she would be liquidated, or never
    alice backed futures equity 100 initial 20 maintenance 10
    funded alice 0.5 bob -0.5                the last command's funding, in order
    closed alice FLOUR 5 realized 1 fees 0.1 funding 0
    forced alice futures equity 5 maintenance 6 deficit 0 canceled 1,2 made 3
    noted alice 3600 bob 3600                the last command's snapshots: who, and seconds since the start's hour
    purse:FLOUR                              a wallet: the purse of FLOUR; purse:FLOUR:long
    clearing COIN 5 · rounding COIN 0.01     accounts of the house
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from nostro.domain.margin.portfolio import Grid
from nostro.link.commands import EditOrder, MoveFunds, PlaceOrder, SetLeverage, SetMarginMode
from nostro.link.contracts import VenuePosition, VenueTier
from nostro.link.view import VenueAsset, VenueInstrument
from nostro.paper.venue.commands import SetFundingRate, SetMark
from nostro.paper.venue.profile import Collateral, Profile
from paper.venue.scenario import PROFILE as ORCHARD
from paper.venue.scenario import SECOND_NS, START_NS, Scenario, plain

HOUR_NS = 3_600 * SECOND_NS
FIRST_HOUR_NS = START_NS - START_NS % HOUR_NS

SYMBOLS = {"FLOUR": "FLOUR/COIN:COIN", "APPLE": "APPLE/COIN:APPLE", "SILK": "SILK/SALT:COIN"}
WALLETS = {"FLOUR": "futures", "APPLE": "futures:APPLE/COIN", "SILK": "futures"}


def tiers(*rows: tuple[str | None, int, int, str]) -> tuple[VenueTier, ...]:
    return tuple(
        VenueTier(
            up_to=None if up_to is None else Decimal(up_to), initial_ppm=initial, maintenance_ppm=maintenance,
            leverage_max=Decimal(most),
        )
        for up_to, initial, maintenance, most in rows
    )  # fmt: skip


def _contract(number: int, name: str, **fields: object) -> VenueInstrument:
    pair, settle = SYMBOLS[name].split(":")
    base, quote = pair.split("/")
    known = {
        "amount_digits": 0, "price_digits": 1, "amount_min": Decimal(1), "amount_max": Decimal(1_000),
        "value_min": Decimal(5), "position_max": Decimal(500), "orders_max": 5, "band_ppm": 200_000,
        "funding_interval_s": 3_600, "tiers": tiers(("1000", 100_000, 50_000, "10"), (None, 200_000, 100_000, "5")),
    }  # fmt: skip
    return VenueInstrument(
        id=number, base=base, quote=quote, settle=settle, wallet=WALLETS[name], **(known | fields)
    )  # fmt: skip


# A contract of flour at 10 is worth 10 coins; of apple a tenth of an apple; of silk at 10 ten cents.
MILL = Profile(
    name="mill",
    assets=(VenueAsset("APPLE", "a", 2), VenueAsset("COIN", "c", 2)),
    instruments=(
        ORCHARD.instruments[0],
        _contract(3, "SILK", kind="quanto", multiplier=Decimal("0.01"), price_digits=0, value_min=Decimal(0)),
        _contract(
            4, "APPLE", kind="inverse", value_min=Decimal(0), amount_max=Decimal(10_000), position_max=None,
            tiers=tiers((None, 100_000, 50_000, "10")), funding_interval_s=7_200,
        ),
        _contract(7, "FLOUR", kind="linear"),
    ),
    deposit_methods=(),
    withdraw_methods=(),
    start_prices=(("APPLE", Decimal(10)), ("COIN", Decimal(1))),
    quote_asset="COIN",
    maker_ppm=0,
    taker_ppm=10_000,
    collateral=(Collateral("COIN"), Collateral("APPLE", 100_000)),
    start_marks=(("FLOUR/COIN:COIN", Decimal(10)), ("SILK/SALT:COIN", Decimal(10))),
    snapshots=True,
    grid=Grid(moves_ppm=(-40_000, -20_000, 40_000), least_ppm=5_000, initial_ppm=1_200_000),
)  # fmt: skip
HEDGED = msgspec.structs.replace(MILL, hedge=True)

TWO = """
    user alice
    user bob
    fund alice COIN 100 futures
    fund bob COIN 1000 futures
"""

FLAGS = {
    "reduce": {"reduce_only": True},
    "long": {"position_side": "long"},
    "short": {"position_side": "short"},
}


class Deal(Scenario):
    profile = MILL

    def run(self, text: str) -> None:
        for name, symbol in SYMBOLS.items():
            text = text.replace(f"purse:{name}", f"isolated_margin:{symbol}")
        super().run(text)

    def _margin_command(self, words: list[str]):
        match words:
            case ["mark", name, price]:
                return 0, SetMark(instrument=SYMBOLS.get(name, name), price=Decimal(price))
            case ["rate", name, rate]:
                return 0, SetFundingRate(instrument=SYMBOLS.get(name, name), rate=Decimal(rate))
            case [name, "edit", number, *changes]:
                given = {key: Decimal(value) for key, value in zip(changes[::2], changes[1::2], strict=True)}
                if "stop" in given:
                    given["stop_price"] = given.pop("stop")
                return self.users.get(name, 99), EditOrder(order_id=int(number), **given)
            case [name, "leverage", contract, leverage, *side]:
                value = None if leverage == "none" else Decimal(leverage)
                command = SetLeverage(
                    instrument=SYMBOLS.get(contract, contract),
                    leverage=value,
                    position_side=side[0] if side else "both",
                )
                return self.users.get(name, 99), command
            case [name, ("isolate" | "cross") as mode, contract]:
                mode = "isolated" if mode == "isolate" else "cross"
                return self.users.get(name, 99), SetMarginMode(instrument=SYMBOLS.get(contract, contract), mode=mode)
            case [name, "move", asset, amount, left, reached, *whose]:
                ends = dict(zip(whose[::2], whose[1::2], strict=True))
                return self.users.get(name, 99), MoveFunds(
                    from_account=self.users.get(ends.get("from", name), 99), from_wallet=left, to_wallet=reached,
                    to_account=self.users.get(ends.get("to", name), 99), asset=asset, amount=Decimal(amount),
                )  # fmt: skip
        return super()._margin_command(words)

    def _order(self, side: str, words: list[str]) -> PlaceOrder:
        given: dict[str, object] = {}
        kept = []
        while words:
            word, *words = words
            if word == "by":
                given["trigger"], *words = words
            elif word == "from":
                given["wallet"], *words = words
            else:
                given |= FLAGS.get(word, {})
                kept += [] if word in FLAGS else [word]
        if "fruit" in kept:
            return msgspec.structs.replace(super()._order(side, [word for word in kept if word != "fruit"]), **given)
        name = next(word for word in kept if word.isalpha() and word.isupper())
        order = super()._order(side, kept)
        known = {"instrument": SYMBOLS.get(name, f"{name}/COIN:COIN"), "wallet": WALLETS.get(name, "futures")}
        return msgspec.structs.replace(order, **(known | given))

    def _expectation(self, words: list[str], line: str) -> bool:
        assert self.last is not None or words[0] == "user"
        match words:
            case [name, "holds", size, contract, "basis", basis, *side]:
                found = self._position(name, contract, side)
                assert (found.size, found.basis) == (Decimal(size), Decimal(basis)), f"{line}: {found}"
            case [name, "dies", contract, price, *side]:
                found = self._position(name, contract, side).liquidation
                assert found == (None if price == "never" else Decimal(price)), f"{line}: {found}"
            case [name, "backed", where, *figures]:
                user = self.engine.users[self.users[name]]
                found = self.engine.shown.wallet(user, self.engine.words.places[where])
                for key, value in zip(figures[::2], figures[1::2], strict=True):
                    assert getattr(found, key) == Decimal(value), f"{line}: {found}"
            case ["funded", *paid]:
                found = [(row.user, row.amount) for row in self.last.funding]
                assert found == [(self.users[who], Decimal(amount)) for who, amount in pairs(paid)], f"{line}: {found}"
            case ["noted", *hours]:
                found = [(row.user, row.time_ns) for row in self.last.snapshots]
                wanted = [(self.users[who], FIRST_HOUR_NS + int(after) * SECOND_NS) for who, after in pairs(hours)]
                assert found == wanted, f"{line}: {found}"
            case ["closed", name, contract, size, *figures]:
                self._closed(name, contract, Decimal(size), figures, line)
            case ["forced", name, where, *figures]:
                self._forced(name, where, figures, line)
            case [("clearing" | "rounding") as account, asset, amount]:
                units = getattr(self.engine.ledger, account)[self.engine.assets[asset]]
                assert Decimal(units).scaleb(-2) == Decimal(amount), f"{line}: {units}"
            case _:
                return super()._expectation(words, line)
        self.checked += 1
        return True

    def _position(self, name: str, contract: str, side: list[str]) -> VenuePosition:
        key = (SYMBOLS[contract], side[0] if side else "both")
        rows = self.engine.shown.positions(self.engine.users[self.users[name]])
        return next(row for row in rows if (row.instrument, row.side) == key)

    def _closed(self, name: str, contract: str, size: Decimal, figures: list[str], line: str) -> None:
        found = next(row for row in self.last.closed if row.user == self.users[name])
        assert (found.instrument, found.size) == (SYMBOLS[contract], size), f"{line}: {found}"
        for key, value in pairs(figures):
            assert str(getattr(found, key)) == value or getattr(found, key) == Decimal(value), f"{line}: {found}"

    def _forced(self, name: str, where: str, figures: list[str], line: str) -> None:
        found = next(row for row in self.last.forced if (row.user, row.wallet) == (self.users[name], where))
        shown = {
            "equity": plain(found.equity),
            "maintenance": plain(found.maintenance),
            "deficit": plain(found.deficit),
            "canceled": ",".join(map(str, found.orders_canceled)),
            "made": ",".join(map(str, found.orders_made)),
        }
        assert dict(pairs(figures)).items() <= shown.items(), f"{line}: {found}"


class HedgedDeal(Deal):
    profile = HEDGED


def pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=True))
