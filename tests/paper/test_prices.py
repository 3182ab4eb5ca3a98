"""Shows that prices follow from the seed and stay prices, that recorded trades and candles are read as they are, and
that replaying them makes the same trades again at a venue."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from nostro.domain.values import Malformed
from nostro.errors import BadValue
from nostro.paper.makers import House
from nostro.paper.prices import Prices, Print, recorded
from nostro.paper.profiles.alp import PROFILE
from nostro.paper.venue.venue import Venue

TRADES = """time_s,price,amount,side
1762795433.9717445,105433.60000,0.00027625,buy
1762795457,105410.1,0.0000050,sell
"""
CANDLES = """time_s,open,high,low,close,vwap,volume,count
1762777020,106038.2,106038.2,106038.2,106038.2,0.0,0.00000000,0
1762777080,106038.2,106050.0,106000.1,106040.0,106020.0,0.4,3
1762777140,106040.0,106045.5,106001.0,106010.0,106020.0,0.8,9
"""


def test_prices_follow_from_the_seed_and_stay_near_where_they_began() -> None:
    paths = []
    for seed in (1, 1, 2):
        prices, path = Prices(PROFILE, Random(seed)), []
        for _ in range(2_000):
            prices.step(3_600)
            path.append(tuple(prices.ticks(each.symbol) for each in PROFILE.instruments))
        paths.append(path)
    assert paths[0] == paths[1] != paths[2]
    bitcoin = [ticks[0] / 6_400_000 for ticks in paths[0]]
    assert 0.2 < min(bitcoin) < max(bitcoin) < 5
    assert len(set(bitcoin)) > 1_900


def test_a_cross_rate_is_that_of_its_dollars() -> None:
    prices = Prices(PROFILE, Random(1))
    for _ in range(50):
        prices.step(600)
        assert prices.ticks("ETH/BTC") == prices.dollars("ETH") * 10**6 // prices.dollars("BTC")
    prices.take("BTC/USDT", 7_000_000)
    assert prices.dollars("BTC") == 70_000_000_000


def test_trades_are_read_digit_by_digit(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(TRADES)
    first, second = recorded(tmp_path / "trades.csv")
    assert first == Print(1762795433971744500, Decimal("105433.6"), Decimal("0.00027625"), "buy")
    assert (second.side, second.amount) == ("sell", Decimal("0.000005"))


def test_a_candle_becomes_four_prints(tmp_path: Path) -> None:
    (tmp_path / "candles.csv").write_text(CANDLES)
    prints = list(recorded(tmp_path / "candles.csv"))
    assert [str(each.price) for each in prints] == [
        "106038.2", "106038.2", "106000.1", "106050", "106040", "106040", "106045.5", "106001", "106010",
    ]  # fmt: skip
    assert prints[0].amount == 0
    assert [each.amount for each in prints[1:5]] == [Decimal("0.1")] * 4
    assert [each.side for each in prints[1:5]] == ["buy", "sell", "buy", "sell"]
    assert prints[-1].time_ns == 1762777185 * 10**9


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "time_s,price\n1,2\n"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(BadValue):
        list(recorded(tmp_path / "other.csv"))


@pytest.mark.parametrize("side", ["", "b", "BUY", "unknown"])
def test_a_side_that_is_none_is_refused_and_not_taken_for_a_buy(tmp_path: Path, side: str) -> None:
    (tmp_path / "trades.csv").write_text(f"time_s,price,amount,side\n1762795433,1,1,{side}\n")
    with pytest.raises(BadValue, match="side"):
        list(recorded(tmp_path / "trades.csv"))


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("time_s,price,amount,side\n1762795433,nan,1,buy\n")
    with pytest.raises(Malformed):
        list(recorded(tmp_path / "bad.csv"))


def replayed(path: Path, prints: list[Print]) -> tuple[list[tuple[int, Decimal, Decimal, str]], tuple[int, int]]:
    """(time, price, amount, side) of each public trade that a replay makes, and what it says it did."""
    with Venue.open(path, now_ns=lambda: prints[0].time_ns, seed=1) as venue:
        house = House(venue, Prices(PROFILE, Random(1)), random=Random(1))
        with venue.batch():
            done = house.replay("BTC/USDT", prints)
        venue.engine.check()
        trades = list(venue.trades("BTC/USDT", limit=100_000, offset=0))[::-1]
    return [(trade.time_ns, trade.price, trade.amount, trade.side) for trade in trades], done


def test_a_replay_makes_the_recorded_trades_again(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(TRADES + "1762795460,105000.01,1.5,sell\n1762795460,106000,0.25,buy\n")
    prints = list(recorded(tmp_path / "trades.csv"))
    found, done = replayed(tmp_path / "venue.db", prints)
    assert done == (3, 1)
    large = [each for each in prints if each.amount > Decimal("0.00001")]
    assert found == [(each.time_ns, each.price, each.amount, each.side) for each in large]


def market_data() -> Path | None:
    """A folder with recorded market data: named by NOSTRO_MARKET_DATA, or beside the repository."""
    named = os.environ.get("NOSTRO_MARKET_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.mark.skipif(market_data() is None, reason="no recorded market data: NOSTRO_MARKET_DATA names no folder")
@pytest.mark.parametrize(
    ("pattern", "least", "fits"),
    [
        ("*trades*.csv", 500, lambda each, trade: (each.price, each.amount) == (trade[1], trade[2])),
        ("*1m*.csv", 500, lambda each, trade: each.price == trade[1] and 0 <= each.amount - trade[2] < Decimal("1e-8")),
    ],
)
def test_a_recorded_half_day_is_replayed(
    tmp_path: Path, pattern: str, least: int, fits: Callable[[Print, tuple[int, Decimal, Decimal, str]], bool]
) -> None:
    folder = market_data()
    assert folder is not None
    prints = [each for path in sorted(folder.glob(pattern)) for each in recorded(path)]
    found, (traded, skipped) = replayed(tmp_path / "venue.db", prints)
    assert traded + skipped == len(prints)
    assert len(found) == traded >= least
    made = iter(found)
    large = [each for each in prints if each.amount >= Decimal("0.0001")]
    assert all(any(fits(each, trade) and trade[3] == each.side for trade in made) for each in large)
