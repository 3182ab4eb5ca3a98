"""Random lives of the whole system, at each exchange: whatever the wire, the collector and the exchange suffer, the
book ends as what the exchange holds, nothing twice and nothing missing; and each seed ends in the same hash twice."""

from __future__ import annotations

import pytest

from simulation.campaign import campaign
from simulation.contract_plays import PLAYS

BATCHES = 3
SEEDS_PER_BATCH = 8
SEEDS_OF_CONTRACTS = 3  # campaigns/simulation.py has many more


@pytest.mark.timeout(900)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_book_is_the_exchange(batch: int) -> None:
    total = campaign(first=1_000 * (batch + 1), seeds=SEEDS_PER_BATCH)
    total.check(refused_min=SEEDS_PER_BATCH // 2)
    assert total.kills + total.venue_restarts >= SEEDS_PER_BATCH


@pytest.mark.timeout(900)
@pytest.mark.parametrize("exchange", [name for name in PLAYS if name != "alp"])
def test_the_book_is_the_exchange_with_contracts(exchange: str) -> None:
    play = PLAYS[exchange]
    total = campaign(first=1, seeds=SEEDS_OF_CONTRACTS, play=play)
    total.check(refused_min=0, play=play)
    assert total.kills + total.venue_restarts >= SEEDS_OF_CONTRACTS
    assert len(total.refused) >= 20
