"""Shows that each recorded frame reads as a person who read the document says, and that a frame which breaks the
protocol in any way raises one error that says how, and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro.domain.records import KINDS
from nostro.errors import Undecodable
from nostro.exchanges import exchange
from nostro.link import frames
from nostro.link.declare import Signing

RECORDED = Path(__file__).parent.parent.parent / "recorded" / "alp" / "feed" / "frames.json"
FEED = exchange("alp").feed
assert FEED is not None
NAMES = {kind: name for name, kind in KINDS.items()} | {frames.BookChange: "book_change", frames.Rate: "rate"}


class Sample(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    frame: msgspec.Raw
    expected: dict[str, Any]


SAMPLES = msgspec.json.decode(RECORDED.read_bytes(), type=list[Sample])


def shown(meaning: frames.Meaning) -> dict[str, Any]:
    """A meaning in the words of an expectation; what is not known is left out."""
    if isinstance(meaning, frames.News):
        return {"news": [{NAMES[type(item)]: plain(item)} for item in meaning.items]}
    return {type(meaning).__name__.lower(): plain(meaning)}


def plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.Encoder(decimal_format="string", enc_hook=str).encode(value))


def frame(kind: str) -> list[Any]:
    """The first sample of a type."""
    decoded = [msgspec.json.decode(bytes(sample.frame)) for sample in SAMPLES]
    return next(each for each in decoded if isinstance(each, list) and each and each[0] == kind)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.source[:40])
def test_a_recorded_frame_reads_as_expected(sample: Sample) -> None:
    assert shown(FEED.read(bytes(sample.frame))) == sample.expected


def test_every_topic_and_private_kind_has_a_sample() -> None:
    given = {name for sample in SAMPLES for item in sample.expected.get("news", ()) for name in item}
    assert {topic.gives for topic in FEED.topics} | set(FEED.private) == given


@pytest.mark.parametrize("kind", ["w", "o"])
def test_one_element_more_or_less_is_refused(kind: str) -> None:
    good = frame(kind)
    assert isinstance(FEED.read(msgspec.json.encode(good)), frames.News)
    for length in range(2, len(good)):
        with pytest.raises(Undecodable, match="elements, and here"):
            FEED.read(msgspec.json.encode(good[:length]))
    with pytest.raises(Undecodable, match="elements, and here"):
        FEED.read(msgspec.json.encode([*good, "x"]))


@pytest.mark.parametrize("kind", ["welcome", "error", "subscribe", "tk", "t", "r", "d", "p", "w", "o"])
def test_an_element_of_another_type_is_refused(kind: str) -> None:
    """A number where a text must stand, and a text where a number must: each element but the type in turn."""
    good = frame(kind)
    nullable = {"o": {12, 13, 15, 17}, "w": {4}}.get(kind, set())
    refused = 0
    for place in range(1, len(good)):
        other = "x" if isinstance(good[place], int | float) else 7
        for wrong in (other, True, *([] if place in nullable else [None])):
            if kind in ("error", "subscribe", "tk", "welcome") and place == 1:
                continue  # their time says nothing that is kept, or is not read as a number
            with pytest.raises((Undecodable, ValueError)):
                FEED.read(msgspec.json.encode([*good[:place], wrong, *good[place + 1 :]]))
            refused += 1
    assert refused >= 2


SILENT = {"subscribe": {1}, "error": {1}, "welcome": {1}}  # when an answer was given, says nothing that is kept
WORDS = {"ASK": "BID", "LIMIT": "MARKET", "FILLED": "OPEN", "SPOT": "FUNDING", "": "LTE", "buy": "sell",
         "Topic does not exist": "Unauthorized"}  # fmt: skip


def others(value: Any) -> Any:
    """The same with one element changed, each in its turn."""
    if isinstance(value, list):
        for place, element in enumerate(value):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in others(element))
    elif isinstance(value, dict):
        for name, element in value.items():
            yield from (value | {name: other} for other in others(element))
    elif isinstance(value, str):
        yield WORDS.get(value, value + "1")
    else:
        yield value + 1


@pytest.mark.parametrize("kind", ["welcome", "error", "subscribe", "tk", "t", "r", "d", "p", "w", "o"])
def test_no_element_is_ignored(kind: str) -> None:
    good = frame(kind)
    expected, changed = FEED.read(msgspec.json.encode(good)), 0
    for place in set(range(1, len(good))) - SILENT.get(kind, set()):
        if kind == "w" and place == 4:
            continue  # the pair of a wallet that is not isolated
        for other in others(good[place]):
            assert FEED.read(msgspec.json.encode([*good[:place], other, *good[place + 1 :]])) != expected, (
                place,
                other,
            )
            changed += 1
    assert changed >= len(good) - 2


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e1000", "1_000", "0x1", "", " 1", "+1", "\u0661", "1,5"])
@pytest.mark.parametrize("place", [5, 6])
def test_what_is_no_amount_is_refused(text: str, place: int) -> None:
    wallet = frame("w")
    with pytest.raises(ValueError, match=r"balance|reserve"):
        FEED.read(msgspec.json.encode([*wallet[:place], text, *wallet[place + 1 :]]))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"hello", b"{}", b"null", b'"w"', b"[1,2,3]", b"[null]", b'["w"', b"\xff\xfe", b'["w",1,"\xff"]', b"2",
        b"11", b"[" * 100_000, b'["tk",1,' + b"[" * 100_000, b'["d",1,"A_B",[[]]]', b'["d",1,"A_B",[[],[],[]]]',
        b'["p",1,{"Asks":[],"Bids":[],"Symbol":"A_B","TotalAsks":"0"}]',
        b'["tk",1,["A_B","1","1","1","1","1","1","1"]]',
        b'["subscribe",1]', b'["welcome",1,0,5,"x"]', b'["r",1,[["1","A"]]]', b'["t",1,2,"A_B","1","1"]',
    ],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
def test_what_is_no_frame_is_refused(body: bytes) -> None:
    with pytest.raises((Undecodable, ValueError)) as error:
        FEED.read(body)
    assert isinstance(error.value, Undecodable | ValueError)


def test_what_a_client_sends_is_what_the_document_shows() -> None:
    assert FEED.ask("subscribe", ["ticker.*", "trade.BTC_USDT"], {}) == ['["subscribe", "ticker.*", "trade.BTC_USDT"]']
    assert FEED.ask("unsubscribe", ["ticker.*"], {}) == ['["unsubscribe", "ticker.*"]']
    assert FEED.sign_in(Signing(None, "a.b.c", 0)) == '["auth", "a.b.c"]'
    assert FEED.topic("market_depth", "BTC/USDT") == "market_depth.BTC_USDT"
    assert FEED.topic("ticker", frames.ALL) == "ticker.*"


def test_where_each_dialect_says_that_it_is() -> None:
    paths = {dialect: exchange("alp", dialect).feed.paths for dialect in ("cli", "d23", "d26")}  # type: ignore[union-attr]
    assert paths == {"cli": ("/alp-ws", "/ws"), "d23": ("/alp-ws", "/ws"), "d26": ("/ws", "/alp-ws")}
    assert exchange("alp", "d26").feed.url == "wss://www.alp.com/ws"  # type: ignore[union-attr]
    rates = {dialect: [topic.name for topic in exchange("alp", dialect).feed.topics] for dialect in paths}  # type: ignore[union-attr]
    assert ("rates" in rates["cli"], "rates" in rates["d26"]) == (True, False)
