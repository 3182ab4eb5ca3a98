"""Shows which profiles of contracts are refused, and what the numbers of a contract come from."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from nostro.paper.venue.contracts import half_even
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.profile import Collateral, Profile
from paper.venue.perpetuals import MILL, tiers


@pytest.mark.parametrize(
    ("above", "below", "whole"),
    [
        (5, 2, 2),
        (7, 2, 4),
        (-5, 2, -2),
        (-7, 2, -4),
        (-1, 2, 0),
        (1, 3, 0),
        (2, 3, 1),
        (-2, 3, -1),
        (9, 3, 3),
        (0, 7, 0),
    ],
)
def test_a_quotient_is_rounded_half_to_even_on_both_sides_of_zero(above: int, below: int, whole: int) -> None:
    assert half_even(above, below) == whole


def changed(symbol: str, **fields: object) -> dict[str, object]:
    found = [each for each in MILL.instruments if each.symbol == symbol]
    assert found
    return {
        "instruments": tuple(
            msgspec.structs.replace(each, **fields) if each.symbol == symbol else each for each in MILL.instruments
        )
    }


FLOUR = "FLOUR/COIN:COIN"
WRONG_PROFILES = {
    "of flour's value a part of a cent": changed(FLOUR, multiplier=Decimal("0.01")),
    "a linear contract is settled in its quote": changed(FLOUR, quote="SALT"),
    "an inverse contract is settled in its base": changed(FLOUR, kind="inverse"),
    "it is a contract and called spot": changed(FLOUR, kind="spot"),
    "a wallet of another pair": changed(FLOUR, wallet="futures:APPLE/COIN"),
    "no tier": changed(FLOUR, tiers=()),
    "tiers that end": changed(FLOUR, tiers=tiers(("5", 1_000, 1_000, "5"))),
    "tiers that fall": changed(FLOUR, tiers=tiers(("5", 1, 1, "5"), ("4", 1, 1, "5"), (None, 1, 1, "5"))),
    "more maintenance than initial margin": changed(FLOUR, tiers=tiers((None, 1, 2, "5"))),
    "leverage below 1": changed(FLOUR, tiers=tiers((None, 2, 1, "0.99"))),
    "leverage of thousandths": changed(FLOUR, tiers=tiers((None, 2, 1, "5.001"))),
    "no orders": changed(FLOUR, orders_max=0),
    "no positions": changed(FLOUR, position_max=Decimal(0)),
    "a band of everything": changed(FLOUR, band_ppm=1_000_000),
    "no interval": changed(FLOUR, funding_interval_s=0),
    "a multiplier of nothing": changed(FLOUR, multiplier=Decimal(0)),
    "no first mark": {"start_marks": ()},
    "a mark of what is not there": {"start_marks": (*MILL.start_marks, ("PLUM/COIN:COIN", Decimal(1)))},
    "a mark between ticks": {"start_marks": ((FLOUR, Decimal("10.05")), MILL.start_marks[1])},
    "collateral that is no asset": {"collateral": (*MILL.collateral, Collateral("PLUM"))},
    "a haircut of more than everything": {"collateral": (Collateral("COIN", 1_000_001), Collateral("APPLE"))},
    "snapshots of a wallet that is not there": {
        "instruments": MILL.instruments[:1],
        "collateral": (),
        "start_marks": (),
    },
    "a settle asset that is no collateral": {"collateral": (Collateral("APPLE"),)},
}


@pytest.mark.parametrize("wrong", WRONG_PROFILES.values(), ids=WRONG_PROFILES.keys())
def test_a_profile_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=" "):
        msgspec.structs.replace(MILL, **wrong)


def test_a_first_mark_that_is_not_given_is_the_index_price() -> None:
    engine = Engine(msgspec.convert(msgspec.to_builtins(MILL), Profile))
    assert engine.futures.contracts["APPLE/COIN:APPLE"].mark == 100
