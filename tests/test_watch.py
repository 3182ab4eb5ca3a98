"""Shows that an account is watched in one line, async or blocking, at every exchange of the paper exchange over real
sockets: first the states as they are, then what happens, once; and that who stops watching leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import nostro
from nostro import limits
from nostro import open as opening
from nostro.account import AsyncAccount
from nostro.blocking import LOOP
from nostro.domain.records import Balance, Order
from nostro.errors import NotSupported
from nostro.exchanges import exchange
from nostro.link.events import AnyEvent, Ended, GapClosed, GapOpened, Update
from nostro.link.transport import AiohttpTransport, SystemClock
from nostro.link.watching import Watched
from nostro.link.wire import WireSource
from nostro.paper import host
from nostro.paper.history import generate

ORDERS = {
    "alp": ("BTC/USDT", "0.01", "100"), "kraken_futures": ("BTC/USD:BTC", "100", "20000"),
    "grvt": ("BTC/USDT:USDT", "0.01", "20000"), "bingx_v1": ("BTC/USDT:USDT", "0.01", "20000"),
}  # fmt: skip
EVENTS_MAX = 3_000  # what comes before the one that a test waits for


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder whose paper exchanges have a short past, served by this process until the tests end; here nothing
    settles late, and who polls does so often."""

    async def at_once(*_: object) -> None:
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "generate", lambda venue, **more: generate(venue, **(more | {"rows": 40})))
        patch.setattr(Watched, "_settled", at_once)
        patch.setattr(limits, "POLL_S", 0.2)
        yield tmp_path_factory.mktemp("home")
        opening._stop_all()


def until(events: Iterator[AnyEvent], wanted: type, **members: object) -> list[Any]:
    """What was told up to the event of that kind with these members, an update's fact included."""
    heard: list[Any] = []
    for event in events:
        heard.append(event)
        fact = getattr(event, "fact", None)
        said = [getattr(event, name, getattr(fact, name, None)) == value for name, value in members.items()]
        if isinstance(event, wanted) and all(said):
            return heard
        assert len(heard) < EVENTS_MAX, "it never came"
    raise AssertionError(f"it ended before: {heard[-1:]}")


def running() -> set[str]:
    async def names() -> set[str]:
        return {str(task.get_coro()) for task in asyncio.all_tasks() if "Live" in str(task.get_coro())}

    return LOOP.run(names())


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_every_exchange_is_watched_blocking(home: Path, name: str) -> None:
    instrument, amount, price = ORDERS[name]
    with nostro.open_account(name, test_mode=True, home=home) as account:
        events = account.watch()
        begun = until(events, GapClosed)
        assert isinstance(begun[0], GapOpened)
        shown = {each.fact.asset: each.fact.total for each in begun if isinstance(getattr(each, "fact", None), Balance)}
        asked = {balance.asset: balance.total for balance in account.balances()}
        assert shown.keys() >= {asset for asset, total in asked.items() if total}
        side: Any = {"position_side": "long"} if name == "bingx_v1" else {}
        placed = account.place(instrument, "buy", amount=amount, price=price, **side)
        told = until(events, Update, stream="orders", instrument=instrument, price=Decimal(price))[-1]
        assert isinstance(told.fact, Order)
        assert placed.native_id in (None, told.fact.native_id)  # GRVT says none when it takes one
        assert (told.provisional, told.account) == (True, name)
        assert told.via == ("rest" if name == "bingx_v1" else "feed")
        account.cancel(told.fact.native_id or "")
        until(events, Update, native_id=told.fact.native_id, status="canceled")
        assert running()
        events.close()  # type: ignore[attr-defined]
        assert not running()


def test_leaving_the_loop_ends_it(home: Path) -> None:
    with nostro.open_account("alp", test_mode=True, home=home) as account:
        for event in account.watch():
            assert isinstance(event, GapOpened)
            break
        assert not running()


def test_who_watches_an_account_that_is_closed_hears_no_more(home: Path) -> None:
    account = nostro.open_account("alp", test_mode=True, home=home)
    begun, late = account.watch(), account.watch()
    until(begun, GapClosed)
    assert running()
    account.close()
    assert not running()
    assert len(list(begun)) < EVENTS_MAX
    assert not list(late)  # it is not begun any more
    assert not running()


def test_an_async_account_is_watched_in_an_async_loop(home: Path) -> None:
    account = nostro.open_async_account("alp", test_mode=True, home=home)

    async def life() -> int:
        async with account:
            events = account.watch()
            async for event in events:
                if isinstance(event, GapClosed):
                    assert events.state.of("balances")
                    break
            await events.aclose()
            return len([task for task in asyncio.all_tasks() if "Live" in str(task.get_coro())])

    assert asyncio.run(life()) == 0


def test_without_a_key_it_ends_and_says_why(home: Path) -> None:
    url = nostro.open_account("alp", test_mode=True, home=home).source._url  # type: ignore[attr-defined]
    with nostro.open_account("alp", url=url) as account:
        *_, last = account.watch()
    assert isinstance(last, Ended)
    assert "needs a key" in last.why


def test_a_source_that_is_no_wire_cannot_be_watched() -> None:
    class Elsewhere:
        exchange = exchange("alp")

    with pytest.raises(NotSupported, match="cannot be watched"):
        AsyncAccount(Elsewhere(), clock=SystemClock()).watch()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "url", "expected"),
    [
        ("kraken_futures", exchange("kraken_futures").url, "wss://futures.kraken.com/ws/v1"),
        ("kraken_futures", "http://127.0.0.1:7/derivatives/api/v3", "ws://127.0.0.1:7/ws/v1"),
        ("kraken_futures", "https://demo-futures.kraken.com", "wss://demo-futures.kraken.com/ws/v1"),
        ("bingx_v1", "http://127.0.0.1:7", ""),
    ],
)
def test_where_the_feed_of_an_account_is(name: str, url: str, expected: str) -> None:
    source = WireSource(
        exchange(name), AiohttpTransport(), account="x", credentials=None, url=url, clock=SystemClock(),
        randomness=random.Random(1),
    )  # fmt: skip
    assert source.feed_url == expected
