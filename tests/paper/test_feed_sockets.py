"""Shows the feed over real sockets: plain and over TLS, at both paths, by our client and by a plain one; a reader that
stops reading, messages that are too large or no text, a link that is cut, and a server that ends.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import aiohttp
import pytest

from conformance import feed_line
from conformance.feed_line import hub_of, token
from conformance.real_venue import Clock, Scene
from conformance.strict_feed import StrictClient
from nostro import limits
from nostro.domain.values import parse_time
from nostro.errors import BadValue, LinkError, NotSent
from nostro.exchanges import exchange
from nostro.link.declare import Signing
from nostro.link.feed import FeedReader
from nostro.link.frames import News, Welcome
from nostro.link.http import HttpRequest
from nostro.link.transport import AiohttpConnection, AiohttpTransport, SystemClock
from nostro.paper.certificate import certificate, context
from nostro.paper.faults import FaultPlan, Faults, FrameFault, FrameKind
from nostro.paper.feeds import Hub
from nostro.paper.host import PaperExchange
from nostro.paper.listen import Listener, listen
from nostro.paper.server import Server

NOW_NS = parse_time("2026-03-01T12:00:00Z")
ALP = exchange("alp")
FEED = ALP.feed
assert FEED is not None
no_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="there is no openssl to make a certificate with"
)


class Running:
    def __init__(self, scene: Scene, hub: Hub, listener: Listener) -> None:
        self.scene, self.hub, self.listener = scene, hub, listener

    def url(self, path: str = "/alp-ws") -> str:
        return self.listener.origin.replace("http", "ws") + path

    async def reader(self, path: str = "/alp-ws") -> FeedReader:
        return FeedReader(FEED, await AiohttpConnection.open(self.url(path)), clock=SystemClock())

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(folder: Path, *, tls: ssl.SSLContext | None = None, **options) -> AsyncIterator[Running]:
    scene = Scene(folder, NOW_NS)
    hub = hub_of(scene.venue, **options)
    listener = await listen(Server(ALP, scene.venue).handle, hub=hub, tls=tls)
    try:
        yield Running(scene, hub, listener)
    finally:
        await listener.close()
        scene.close()


async def heard(reader: FeedReader, count: int) -> list[object]:
    meanings: list[object] = []
    async with asyncio.timeout(10):
        async for each in reader.frames():
            meanings.append(each.meaning)
            if len(meanings) == count:
                break
    return meanings


@pytest.mark.parametrize("path", ["/alp-ws", "/ws"])
def test_both_paths_lead_to_the_feed(tmp_path: Path, path: str) -> None:
    async def run() -> None:
        async with running(tmp_path) as here:
            reader = await here.reader(path)
            await reader.sign_in(Signing(None, token(here.scene.venue, here.scene.trader), 0))
            await reader.subscribe("trade.BTC_USDT")
            welcome, _ = await heard(reader, 2)
            assert isinstance(welcome, Welcome)
            here.scene.place(here.scene.trader, "buy", amount="0.01", price="64100.5")
            told = [
                type(item).__name__ for each in await heard(reader, 4) if isinstance(each, News) for item in each.items
            ]
            assert told == ["PublicTrade", "Order", "Balance", "Balance"]
            await reader.close()
            await here.until(lambda: not here.hub.sessions)

    asyncio.run(run())


def test_a_plain_client_is_told_too_and_requests_are_answered_as_before(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as here, aiohttp.ClientSession() as session:  # noqa: SIM117 - the url is here's
            async with session.ws_connect(here.url()) as line:
                client = StrictClient()
                client.receive(await line.receive_str())
                await line.send_str(json.dumps(["subscribe", "trade.*"]))
                client.receive(await line.receive_str())
                await line.send_bytes(b'["subscribe", "ticker.*"]')
                client.receive(await line.receive_str())
                assert (client.errors, client.heard["subscribe"]) == (["A message is a JSON array of texts"], 1)
                async with session.get(f"{here.listener.origin}/api/v3/currencies") as answer:
                    assert answer.status == 200
                async with session.get(f"{here.listener.origin}/alp-ws") as answer:
                    assert answer.status == 404, "without an upgrade it is no path of the exchange's"
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await session.ws_connect(here.url("/other"))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("message", "code"),
    [("x" * (limits.FEED_MESSAGE_BYTES_MAX + 1), 1009), (b"\xff\xfe", 0), ("x" * 60_000, 0)],
    ids=["too large", "binary", "large"],
)
def test_what_cannot_be_taken_ends_that_connection_alone(tmp_path: Path, message: str | bytes, code: int) -> None:
    async def run() -> None:
        async with running(tmp_path) as here, aiohttp.ClientSession() as session:  # noqa: SIM117 - the url is here's
            async with session.ws_connect(here.url()) as line, session.ws_connect(here.url()) as other:
                await line.receive_str()
                await (line.send_str(message) if isinstance(message, str) else line.send_bytes(message))
                came = await line.receive(10)
                assert (came.type, came.data) == (aiohttp.WSMsgType.CLOSE, code) if code else "error" in came.data
                await other.receive_str()
                await other.send_str('["subscribe", "trade.*"]')
                assert json.loads(await other.receive_str())[0] == "subscribe"

    asyncio.run(run())


def test_text_that_is_no_utf_8_ends_the_connection(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as here, aiohttp.ClientSession() as session:  # noqa: SIM117 - the url is here's
            async with session.ws_connect(here.url()) as line:
                await line.receive_str()
                await line._writer.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT)  # type: ignore[attr-defined]
                came = await line.receive(10)
                assert (came.type, came.data) == (aiohttp.WSMsgType.CLOSE, 1007)

    asyncio.run(run())


UPGRADE = (
    b"GET /alp-ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def test_a_reader_that_stops_reading_is_cut_off_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for long answers and reads none."""
    monkeypatch.setattr(limits, "FEED_QUEUE_BYTES_MAX", 2_000_000)
    asked = json.dumps(["subscribe", *["ticker.*"] * 5_000]).encode()
    frame = b"\x81\xfe" + len(asked).to_bytes(2, "big") + bytes(4) + asked  # masked with zeros

    async def run() -> None:
        loop = asyncio.get_running_loop()
        async with running(tmp_path) as here:
            reader = await here.reader()
            with closing(socket.create_connection(("127.0.0.1", here.listener.port))) as raw:
                raw.setblocking(False)
                await loop.sock_sendall(raw, UPGRADE)
                await here.until(lambda: len(here.hub.sessions) == 2)
                slow = [*here.hub.sessions.values()][1]
                with suppress(ConnectionError):
                    for _ in range(2_000):
                        await loop.sock_sendall(raw, frame)
                await here.until(lambda: slow.client not in here.hub.sessions)
                assert (slow.cut, slow.ended) == (True, (1008, "too slow"))
            await reader.subscribe("trade.*")
            assert len(await heard(reader, 2)) == 2
            await reader.close()

    asyncio.run(run())


def test_a_link_that_is_cut_is_an_error_that_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        faults = Faults(FaultPlan(frames=(FrameFault(kind=FrameKind.CUT, at=(3,)),)))
        async with running(tmp_path, faults=faults) as here:
            reader = await here.reader()
            await reader.subscribe("trade.*")
            assert len(await heard(reader, 2)) == 2
            await reader.subscribe("ticker.*")
            with pytest.raises(LinkError, match=r"ended with code 1006|broke"):
                await heard(reader, 1)
            assert faults.fired == {FrameKind.CUT: 1}
            with pytest.raises(LinkError):
                await reader.subscribe("rates.*")
            await reader.close()

    asyncio.run(run())


def test_a_delayed_frame_comes_late_and_in_order(tmp_path: Path) -> None:
    async def run() -> None:
        faults = Faults(FaultPlan(frames=(FrameFault(kind=FrameKind.DELAYED, at=(2,), delay_s=0.2),)))
        async with running(tmp_path, faults=faults) as here:
            reader = await here.reader()
            await reader.subscribe("trade.*")
            await reader.subscribe("ticker.*")
            began = asyncio.get_running_loop().time()
            await heard(reader, 3)
            assert asyncio.get_running_loop().time() - began >= 0.15
            assert reader.state.topics == {"trade.*", "ticker.*"}
            await reader.close()

    asyncio.run(run())


def test_the_server_takes_leave_when_it_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as here:
            reader = await here.reader()
            await heard(reader, 1)
            closing = asyncio.create_task(here.listener.close())
            with pytest.raises(LinkError, match=r"code 1001 .the server ends"):
                await heard(reader, 1)
            await reader.close()
            await closing
            with pytest.raises(NotSent, match="no feed at ws://127"):
                await here.reader()

    asyncio.run(run())


def test_who_does_not_answer_pings_is_left(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as here:
            reader = await here.reader()
            await heard(reader, 1)
            (session,) = here.hub.sessions.values()
            for answered in (True, False):
                here.scene.wait(20)
                here.hub.beat()
                assert session.unanswered_ns is not None
                if answered:
                    await heard(reader, 1)
                    await here.until(lambda: session.unanswered_ns is None)
            here.scene.wait(30)
            here.hub.beat()
            with pytest.raises(LinkError, match="code 1008"):
                await heard(reader, 2)
            await here.until(lambda: not here.hub.sessions)
            await reader.close()

    asyncio.run(run())


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@no_openssl
def test_the_same_is_served_over_tls_to_who_trusts_the_certificate(tmp_path: Path) -> None:
    chain = certificate(tmp_path)
    assert certificate(tmp_path) == chain, "it is made once"
    assert chain.stat().st_mode & 0o777 == 0o600

    async def run() -> None:
        async with running(tmp_path, tls=context(chain)) as here:
            url = here.listener.tls_origin.replace("https", "wss") + "/alp-ws"
            assert url.startswith("wss://127.0.0.1:")
            trusting = ssl.create_default_context(cafile=str(chain))
            reader = FeedReader(FEED, await AiohttpConnection.open(url, trusting), clock=SystemClock())
            (welcome,) = await heard(reader, 1)
            assert isinstance(welcome, Welcome)
            await reader.close()
            transport = AiohttpTransport(tls=trusting)
            answer = await transport.send(
                HttpRequest(method="GET", origin=here.listener.tls_origin, path="/api/v3/currencies")
            )
            assert answer.status == 200
            await transport.close()
            with pytest.raises(NotSent, match="certificate"):
                await AiohttpConnection.open(url)

    asyncio.run(run())


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tls.pem").write_text("nothing")
    with pytest.raises(BadValue, match="holds no certificate"):
        context(certificate(tmp_path))


def test_without_openssl_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadValue, match="openssl"):
        certificate(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_paper_exchange_says_of_itself(tmp_path: Path) -> None:
    for dialect, path in (("cli", "/alp-ws"), ("d26", "/ws")):
        clock = Clock(NOW_NS)
        with PaperExchange(tmp_path / dialect, exchange("alp", dialect), now_ns=clock, rows=20) as paper:
            urls = paper.announce("http://127.0.0.1:81", "https://127.0.0.1:82")["urls"]
            assert urls == {
                "rest": "http://127.0.0.1:81/api/v3", "ws": f"ws://127.0.0.1:81{path}",
                "rest_tls": "https://127.0.0.1:82/api/v3", "ws_tls": f"wss://127.0.0.1:82{path}",
            }  # fmt: skip
            assert set(paper.ready("http://127.0.0.1:81")["urls"]) == {"rest", "ws"}
            assert paper.hub is not None
            assert paper.hub.publish in paper.venue.listeners
            session = paper.hub.open(feed_line.UPGRADE, lambda _: None)
            assert session is not None
            session.topics |= {"market_depth.BTC_USDT", "ticker.*"}
            clock.now_ns += 3600 * 10**9
            for _ in range(30):
                clock.now_ns += 10**9
                paper.advance()
            kinds = {json.loads(frame)[0] for frame, _ in session.outgoing if frame != "1"}
            assert kinds == {"welcome", "p", "tk"}, "a second in its life is a beat of its feed"
