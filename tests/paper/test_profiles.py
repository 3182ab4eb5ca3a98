"""Shows that every paper exchange opens: its profile holds what was captured of the real one, its keys have the form
that the wire asks for, and its people are who they say."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest

from nostro.errors import BadValue
from nostro.keys import Credentials
from nostro.paper.profiles import OPENINGS, opening
from nostro.paper.venue.keys import Holder


def derive(what: str) -> str:
    return (what.encode().hex() * 64)[:64]


def test_each_opens_under_its_own_name() -> None:
    assert list(OPENINGS) == ["alp", "bingx_v1", "grvt", "kraken_futures"]
    for exchange_id, found in OPENINGS.items():
        assert found.profile.name == exchange_id
        assert opening(exchange_id) is found
    with pytest.raises(BadValue, match="no paper exchange of bitmex"):
        opening("bitmex")


@pytest.mark.parametrize("exchange_id", OPENINGS)
def test_the_people_are_unique_and_their_masters_come_first(exchange_id: str) -> None:
    known: dict[str, str] = {}
    for person in OPENINGS[exchange_id].people:
        assert person.name not in known
        assert not person.master or known[person.master] == "", "a sub-account has no sub-accounts"
        known[person.name] = person.master
    named = {each.name: each.permissions for each in OPENINGS[exchange_id].people if each.permissions is not None}
    assert {"trader", "reader", "withdrawer", "empty", "margin"} <= named.keys()
    assert set(named["reader"]) == {"read"}
    assert "withdraw" in named["withdrawer"] and "withdraw" not in named["trader"]


def contract(exchange_id: str, symbol: str):
    return next(each for each in OPENINGS[exchange_id].profile.instruments if each.symbol == symbol)


def test_kraken_futures_is_what_was_captured() -> None:
    inverse, linear = contract("kraken_futures", "BTC/USD:BTC"), contract("kraken_futures", "ETH/USD:USD")
    assert (inverse.code, inverse.kind, inverse.wallet) == ("PI_XBTUSD", "inverse", "futures:BTC/USD")
    assert (inverse.position_max, inverse.amount_digits) == (75_000_000, 0)
    assert (linear.code, linear.kind, linear.wallet) == ("PF_ETHUSD", "linear", "futures")
    assert (linear.price_digits, linear.amount_digits, linear.position_max) == (1, 3, 16_000)
    assert {tier.up_to for tier in linear.tiers} >= {Decimal(2_000_000), None}
    for each in OPENINGS["kraken_futures"].profile.instruments:
        assert (each.tiers[0].initial_ppm, each.tiers[0].maintenance_ppm) == (20_000, 10_000)
        assert each.tiers[0].leverage_max == 50
        assert each.funding_interval_s == 3_600
    assert not OPENINGS["kraken_futures"].profile.hedge


def test_grvt_is_what_was_captured() -> None:
    found = contract("grvt", "BTC/USDT:USDT")
    assert (found.code, found.price_digits, found.amount_min) == ("BTC_USDT_Perp", 1, Decimal("0.001"))
    assert (found.position_max, found.value_min, found.funding_interval_s) == (1_000, 100, 28_800)
    profile = OPENINGS["grvt"].profile
    assert profile.snapshots
    assert {asset.code: asset.digits for asset in profile.assets}["USDT"] == 6


def test_bingx_is_what_was_captured() -> None:
    profile = OPENINGS["bingx_v1"].profile
    assert profile.hedge
    assert [each.asset for each in profile.collateral] == ["USDT"]
    assert contract("bingx_v1", "BTC/USDT:USDT").amount_digits == 4
    assert contract("bingx_v1", "ETH/USDT:USDT").amount_digits == 2
    assert {each.code for each in profile.instruments} == {"BTC-USDT", "ETH-USDT", "XRP-USDT", "SOL-USDT"}


def test_keys_have_the_form_that_each_wire_asks_for() -> None:
    holder = Holder("trader", 3, None, (4, 5))
    kraken = OPENINGS["kraken_futures"].issue(derive, holder)
    assert len(base64.b64decode(kraken.secret, validate=True)) == 64
    grvt = OPENINGS["grvt"].issue(derive, holder)
    assert set(grvt.extra) == {"private_key", "sub_account_id", "main_account_id"}
    assert len(bytes.fromhex(grvt.extra["private_key"].removeprefix("0x"))) == 32
    assert grvt.extra["sub_account_id"] == "4"
    sub = OPENINGS["grvt"].issue(derive, Holder("trader-2", 5, 3, ()))
    assert sub.extra["main_account_id"] == grvt.extra["main_account_id"]
    assert (sub.extra["sub_account_id"], sub.extra["private_key"] != grvt.extra["private_key"]) == ("5", True)
    for found in OPENINGS.values():
        again = found.issue(derive, holder)
        assert Credentials(again.key, again.secret).paper
        assert again == found.issue(derive, holder)
        assert again.key != found.issue(derive, holder._replace(name="reader")).key
