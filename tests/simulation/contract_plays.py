"""The simulations of the exchanges with contracts: each on a ground with its own names, compared as far as its wire
tells."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from random import Random
from typing import Final

from naive.contract_grounds import ContractGround
from nostro.link.commands import FUTURES, PlaceOrder, PositionSide, Refusal
from nostro.paper.profiles import OPENINGS
from paper.differential import venue_profile
from simulation import truth_contracts, wire_grounds
from simulation.contract_life import ContractLife
from simulation.plays import ALP, Play

# Refusals that spot's own commands meet alone, and those that no ground here can: nothing is lent, and a quote-funded
# order is one with a bad amount.
_OF_SPOT: Final = frozenset({Refusal.MARGIN_LIMIT, Refusal.POOL_EMPTY, Refusal.MORE_THAN_OWED})
_BOOK: Final = ("B4", "B5", "B6", "B7", "B8", "B9", "B12", "B18", "B19", "B20", "B21")
_VENUE: Final = (
    "E1",
    "E2",
    "E3",
    "E4",
    "E5",
    "E6",
    "E7 contract",
    "E7 closing",
    "E7 ledger",
    "E8",
    "E8 funding",
    "E9 order",
    "E9 purse",
    "E10 wallet",
    "E10 purse",
    "E10 deficit",
    "E10 takeover",
    "E12",
    "E14",
    "E16",
    "E17",
)


def _life(ground: ContractGround, random: Random) -> ContractLife:
    return ContractLife(random, ground)


def _play(
    exchange: str, ground: ContractGround, *, side: PositionSide, needed: tuple[str, ...], more: tuple[str, ...] = ()
) -> Play:
    contract = ground.profile.instruments[0]
    return Play(
        exchange=exchange,
        dialects=(truth_contracts.DIALECTS[exchange],),
        profile=venue_profile(ground.profile),
        workload=partial(_life, ground),
        collected={1: ("read", "trade", "withdraw"), 2: ("read",), 3: ("read", "withdraw")},
        order=PlaceOrder(
            wallet=FUTURES, instrument=contract.symbol, side="buy", type="limit", amount=Decimal(1), price=Decimal(90),
            position_side=side, client_id="1",
        ),
        compare=partial(truth_contracts.compare, exchange),
        needed=needed,
        invariants=(*_BOOK, *_VENUE, *more),
        rows=needed,
        refusals=tuple(each for each in Refusal if each not in _OF_SPOT),
        issue=OPENINGS[exchange].issue,
        commands=900,
        jump_chance=0.02,  # every hour of them has its funding and its snapshots
    )  # fmt: skip


BINGX: Final = _play(
    "bingx_v1", wire_grounds.BINGX, side="long", needed=("orders", "balances", "positions", "margin")
)  # fmt: skip
GRVT: Final = _play(
    "grvt", wire_grounds.GRVT, side="both",
    needed=("orders", "fills", "funding", "closed", "snapshots", "transfers", "balances", "positions"),
    more=("E7 flip", "E13", "E13 state"),
)  # fmt: skip
KRAKEN: Final = _play(
    "kraken_futures", wire_grounds.KRAKEN, side="both",
    needed=("orders", "fills", "funding", "ledger", "balances", "positions"),
    more=("B1", "B2", "B3", "B10", "B11", "B14", "B15", "B16", "E7 flip"),
)  # fmt: skip
PLAYS: Final = {play.exchange: play for play in (ALP, BINGX, GRVT, KRAKEN)}
