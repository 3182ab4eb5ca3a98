"""Shows that the paper exchange takes what real clients send, byte for byte: every request and frame that was recorded
of grvt-pysdk and ccxt, with the key and the sub-account of those who recorded it, at their time. Where one is a
client's mistake, or nothing is there that it could do, it is answered with the documented code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.feed_line import Line
from exchanges.grvt.scene import SECOND, Scene
from nostro.exchanges.grvt import EXCHANGES
from nostro.link.commands import CancelAll
from nostro.link.http import HttpRequest
from nostro.link.view import Login
from nostro.paper.feeds import Hub
from nostro.paper.profiles import grvt
from nostro.paper.server import Server

RECORDED = Path(__file__).parents[2] / "recorded" / "grvt"
VECTORS = json.loads((RECORDED / "requests.json").read_text())["vectors"]
VECTORS += [each for each in json.loads((RECORDED / "signatures.json").read_text())["vectors"] if "url" in str(each)]
SUB_ACCOUNT = 2147050003876484
THEN_NS = 1_700_000_000 * SECOND
FULL = EXCHANGES["full"]
# They traded small amounts at prices of their own.
WIDE = msgspec.structs.replace(
    grvt.PROFILE,
    instruments=tuple(
        msgspec.structs.replace(each, value_min=Decimal(1), band_ppm=900_000) for each in grvt.INSTRUMENTS
    ),
)

# What is refused, and why: all else is taken.
REFUSED = {
    "grvt_create_order_raw_sdk_stop_loss": 2400,  # reduce-only, and there is no position
    "grvt_create_order_lite_stop_loss": 2400,
    "grvt_create_order_ccxt_style_params": 2400,
    "grvt_create_order_ccxt_ioc_reduce": 2400,
    "grvt_create_order_ccxt_style_ten_decimals": 2065,  # lots of the venue are thousandths
    "grvt_create_order_ccxt_style_tiny": 2065,
    "grvt_create_order_ccxt_market_with_price": 2020,  # the client's mistakes
    "grvt_create_order_ccxt_po_tif": 2030,
    "grvt_order_raw_sdk": 1004,  # no such order
    "grvt_order_ccxt_style": 1004,
    "grvt_order_ccxt": 1004,
    "grvt_order_ccxt_client_id": 1004,
    "grvt_ws_rpc_order": 1004,
    "grvt_cancel_on_disconnect_raw_sdk": 1009,  # the switch is off
    "grvt_account_history_ccxt_style_cursor": 1003,  # a cursor that nobody gave
    "grvt_order_history_ccxt_style_cursor": 1003,
    "grvt_ws_legacy_subscribe_position": 1102,  # a selector that the specification does not have
    "grvt_authorize_builder_ccxt": 1001,
}


class Theirs:
    """The venue as those see it who recorded: one login with their keys, whose sub-account has their number."""

    def __init__(self, scene: Scene) -> None:
        self._venue = scene.venue
        self._real = scene.subs["trader-1"]
        login = scene.logins["trader"]
        self._login = msgspec.structs.replace(
            login, key="MYKEY", extra={"private_key": "0x" + "11" * 32, "main_account_id": "acc1"}
        )

    def login_by_key(self, key: str) -> Login | None:
        return self._login if key == "MYKEY" else None

    def login_by_user(self, user: int) -> Login | None:
        return self._login if user == self._login.user else None

    def logins(self) -> list[Login]:
        return [self._login]

    def sub_accounts(self, _: int) -> tuple[int, ...]:
        return (SUB_ACCOUNT,)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._venue, name)
        if not callable(found):
            return found

        def called(*given: Any, **more: Any) -> Any:
            return found(*(self._real if each == SUB_ACCOUNT else each for each in given), **more)

        return called


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, Server, Hub]]:
    scene = Scene(tmp_path_factory.mktemp("vectors"), now_ns=THEN_NS, profile=WIDE)
    theirs: Any = Theirs(scene)
    assert FULL.feed is not None
    yield scene, Server(FULL, theirs), Hub(FULL.feed, theirs)
    scene.venue.close()


def body_of(expected: dict[str, Any]) -> bytes | None:
    for name in ("body_exact", "body_compact", "body"):
        if name in expected:
            return expected[name].encode()
    return json.dumps(expected["body_json"]).encode() if "body_json" in expected else None


def path_of(expected: dict[str, Any]) -> str:
    return expected.get("path") or "/" + expected["url"].split("/", 3)[3]


POSTS = [each for each in VECTORS if "path" in each["expected"] or "url" in each["expected"]]
FRAMES = [each for each in VECTORS if "frame_exact" in each["expected"] or "frame_json" in each["expected"]]


def session(server: Server) -> dict[str, str]:
    body = json.dumps({"api_key": "MYKEY"}).encode()
    answer = server.handle(HttpRequest(method="POST", path="/auth/api_key/login", body=body))
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "X-Grvt-Account-Id": "ACC1"}


@pytest.fixture(autouse=True)
def then(here: tuple[Scene, Server, Hub]) -> None:
    """Orders of one test are gone in the next: some have the same ids."""
    scene = here[0]
    scene.done(scene.venue.submit(scene.subs["trader-1"], CancelAll()))


@pytest.mark.parametrize("vector", POSTS, ids=lambda each: each["name"])
def test_a_request_is_taken(vector: dict[str, Any], here: tuple[Scene, Server, Hub]) -> None:
    _, server, _ = here
    expected = vector["expected"]
    sent = {
        name: value
        for name, value in expected.get("headers", {}).items()
        if name not in ("Cookie", "X-Grvt-Account-Id")
    }
    private = "X-Grvt-Account-Id" in expected.get("headers", {}) or path_of(expected).startswith("/lite")
    headers = sent | (session(server) if private else {})
    body = body_of(expected)
    assert body is not None
    answer = server.handle(HttpRequest(method="POST", path=path_of(expected), headers=headers, body=body))
    said = json.loads(answer.body)
    code = REFUSED.get(vector["name"])
    assert (said.get("code") or said.get("c")) == code, (vector["name"], said)
    assert (answer.status == 200) == (code is None)


@pytest.mark.parametrize("vector", FRAMES, ids=lambda each: each["name"])
def test_a_frame_is_taken(vector: dict[str, Any], here: tuple[Scene, Server, Hub]) -> None:
    scene, server, hub = here
    expected = vector["expected"]
    path = "/ws" + expected["socket"].rpartition("/ws")[2]
    line = Line(hub, _Now(scene), upgrade=HttpRequest(method="GET", path=path, headers=session(server)))
    frame = expected.get("frame_exact") or json.dumps(expected["frame_json"])
    first, *after = [json.loads(each) for each in line.ask(frame)]
    code = REFUSED.get(vector["name"])
    if code is not None:
        assert first.get("error", first)["code"] == code
        return
    sent = json.loads(frame)
    if path == "/ws":
        assert first["request_id"] == sent["request_id"]
        assert first["unsubs" if sent["method"] == "unsubscribe" else "subs"] == sent["feed"]
    elif path == "/ws/lite":
        assert (first["i"], first["m"]) == (sent["i"], sent["m"])
        assert "r" in first
    else:
        assert (first["id"], first["method"]) == (sent["id"], sent["method"])
        assert "result" in first
    selectors = sent.get("feed") or sent.get("params", {}).get("selectors")
    assert all(each["selector"] in selectors and each["sequence_number"] == "0" for each in after)
    hub.close(line.session)


class _Now:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __call__(self) -> int:
        return self._scene.clock.now_ns()


def test_there_are_many() -> None:
    assert len(POSTS) > 90
    assert len(FRAMES) > 35
    assert set(REFUSED) <= {each["name"] for each in VECTORS}
