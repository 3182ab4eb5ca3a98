"""The random commands reach every type of order with every time in force, every refusal, every status, and every
situation that docs/venue.md has a rule for; the same seed gives the same commands."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from naive.commands import Envelope
from naive.contract_coverage import OF_CONTRACTS
from naive.coverage import Coverage
from naive.engine import NaiveEngine
from naive.grounds import NARROW
from naive.margin_coverage import RULES
from naive.workload import Workload
from nostro.link.commands import Refusal

SITUATIONS = (
    "aon rests, then filled (limit)",
    "aon rests, then filled (stop_limit)",
    "cascade of stops",
    "dust: cost 0",
    "expired by expire_after",
    "expired by valid_till",
    "expired with fills",
    "fee is all",
    "fee rounded up",
    "limit gtc ends partially_canceled",
    "quote funded, filled",
    "quote funded, nothing",
    "repeated id",
    "self trade prevented",
    "stop triggered",
    "time going back",
    "time not advancing",
    "trades of others",
)
DEPOSIT_STATUSES = ("pending", "moderation", "confirmed", "rejected")
WITHDRAWAL_STATUSES = (
    "new", "confirmed", "verified", "moderation", "approved", "suspended", "done", "refused", "canceled",
)  # fmt: skip


def drawn(seed: int, count: int, coverage: Coverage) -> tuple[list[Envelope], NaiveEngine]:
    workload, engine = Workload(Random(seed)), NaiveEngine(NARROW.profile)
    envelopes = []
    coverage.start()
    for _ in range(count):
        envelope = workload.next()
        outcome = engine.apply(envelope)
        workload.seen(outcome)
        coverage.add(envelope, outcome)
        envelopes.append(envelope)
    return envelopes, engine


@pytest.fixture(scope="module")
def coverage() -> Coverage:
    coverage = Coverage()
    for seed in range(1, 9):
        _, engine = drawn(seed, 2_500, coverage)
        coverage.reached.update(engine.market.ledger.reached)
    return coverage


def test_the_same_seed_gives_the_same_commands() -> None:
    assert drawn(5, 500, Coverage())[0] == drawn(5, 500, Coverage())[0]
    assert drawn(5, 500, Coverage())[0] != drawn(6, 500, Coverage())[0]


def test_three_in_ten_are_accepted_of_every_kind(coverage: Coverage) -> None:
    assert coverage.accepted >= 0.3 * coverage.commands
    kinds = ("market", "limit", "stop_limit", "stop_market")
    placed = {(kind, rule): coverage.placed[kind, rule] for kind in kinds for rule in ("gtc", "ioc", "fok", "aon")}
    assert min(placed.values()) >= 50, placed


def test_every_refusal_is_met(coverage: Coverage) -> None:
    met = Counter[str]()
    for (_, reason), count in coverage.refused.items():
        met[reason] += count
    assert {reason: met[reason] for reason in Refusal if met[reason] < 5 and reason not in OF_CONTRACTS} == {}


def test_every_situation_is_met(coverage: Coverage) -> None:
    wanted = [
        *SITUATIONS,
        *RULES,
        *(f"deposit {status}" for status in DEPOSIT_STATUSES),
        *(f"withdrawal {status}" for status in WITHDRAWAL_STATUSES),
        *(f"canceled by what came before it ({kind})" for kind in ("limit buy", "market buy", "market sell")),
    ]
    assert [name for name in wanted if not coverage.reached[name]] == []
