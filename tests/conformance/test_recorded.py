"""Shows that each recorded sample of a document reads as a person who read that document says: the expectation is
written by hand in domain words. And that no member of a sample is ignored: without it, the reading is refused or
differs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro.domain.records import Fact
from nostro.domain.values import parse_time
from nostro.errors import Undecodable
from nostro.exchanges import dialects, exchange, exchange_ids
from nostro.link.declare import Ask, Exchange, Query

RECORDED = Path(__file__).parent.parent / "recorded"
NO_SAMPLES = "vectors"  # how the names of files begin that list something else


class Sample(msgspec.Struct, forbid_unknown_fields=True):
    """``answer`` are the bytes of the document; ``expected`` the facts, amounts and times as text; ``window`` the times
    asked for, where the answer is read by them."""

    source: str
    route: str
    dialects: list[str]
    where: dict[str, str]
    answer: msgspec.Raw
    expected: list[dict[str, Any]]
    window: tuple[str, str] | None = None


def samples() -> list[Any]:
    found = []
    for exchange_id in exchange_ids():
        for path in sorted((RECORDED / exchange_id).glob("*.json")):
            text = path.read_bytes()
            if path.name.startswith(NO_SAMPLES) or not text.lstrip().startswith(b"["):
                continue
            for number, sample in enumerate(msgspec.json.decode(text, type=list[Sample])):
                found += [
                    pytest.param(
                        exchange(exchange_id, dialect), sample, id=f"{exchange_id}-{dialect}-{path.stem}-{number}"
                    )
                    for dialect in sample.dialects
                ]
    return found


def ask_of(spoken: Exchange, route: str) -> Ask:
    return next(ask for ask in spoken.asks if ask.route.name == route)


def read(spoken: Exchange, sample: Sample, answer: bytes) -> list[Fact]:
    ask = ask_of(spoken, sample.route)
    since_ns, until_ns = map(parse_time, sample.window) if sample.window else (None, None)
    query = Query(since_ns=since_ns, until_ns=until_ns, where=sample.where)
    return list(ask.read(query, spoken.decode(ask.route, answer)))


def shown(fact: Fact) -> dict[str, Any]:
    """A fact in the words of an expectation; what is not known is left out."""
    row = msgspec.json.decode(msgspec.json.Encoder(decimal_format="string").encode(fact))
    for name, value in row.items():
        if name.endswith("_ns"):
            moment = datetime.fromtimestamp(value // 1_000_000_000, UTC).replace(
                microsecond=value % 1_000_000_000 // 1000
            )
            assert value % 1000 == 0
            row[name] = moment.isoformat()
    return row


@pytest.mark.parametrize(("spoken", "sample"), samples())
def test_a_sample_reads_as_expected(spoken: Exchange, sample: Sample) -> None:
    facts = [shown(fact) for fact in read(spoken, sample, bytes(sample.answer))]
    assert facts == sample.expected


@pytest.mark.parametrize(("spoken", "sample"), samples())
def test_no_member_is_ignored(spoken: Exchange, sample: Sample) -> None:
    whole = read(spoken, sample, bytes(sample.answer))
    answer = msgspec.json.decode(bytes(sample.answer))
    row = answer[0] if isinstance(answer, list) else answer
    removed = 0
    for member, value in list(row.items()):
        if value in (None, "") or str(value).startswith("3000-"):
            continue  # null, empty, never and absent say the same
        del row[member]
        try:
            assert read(spoken, sample, msgspec.json.encode(answer)) != whole, member
        except Undecodable as error:
            assert f"`{member}`" in str(error)  # noqa: PT017 - either outcome is right
        row[member] = value
        removed += 1
    assert removed
    assert read(spoken, sample, msgspec.json.encode(answer)) is not None


def test_every_route_that_is_read_has_a_sample() -> None:
    """At the exchanges whose answers are recorded in this form."""
    for exchange_id in {spoken.id for spoken, _ in (param.values for param in samples())}:
        for dialect in dialects(exchange_id):
            spoken = exchange(exchange_id, dialect)
            sampled = {param.values[1].route for param in samples() if param.values[0] is spoken}
            assert sampled == {ask.route.name for ask in spoken.asks}
