"""Shows that our signer gives the signature that the exchange's own clients give, and that our server takes each
request of theirs, byte for byte as they were captured, and answers what the exchange documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exchanges.kraken_futures.scene import INVERSE, LINEAR, Scene
from nostro.exchanges.kraken_futures import EXCHANGE
from nostro.exchanges.kraken_futures.auth import authent
from nostro.exchanges.kraken_futures.desk import _DESKS
from nostro.link import commands
from nostro.link.http import HttpRequest
from nostro.link.view import Login
from nostro.paper.server import Server

RECORDED = Path(__file__).parents[2] / "recorded" / "kraken_futures" / "vectors.json"


class Vector(msgspec.Struct, forbid_unknown_fields=True):
    """``source``: which program sent it."""

    name: str
    source: str
    key: str
    secret: str
    method: str
    path: str
    query: str
    body: str
    nonce: str
    authent: str
    note: str = ""


VECTORS = msgspec.json.decode(RECORDED.read_bytes(), type=list[Vector])
# What the venue of the scene makes of each write; what is not named is a success.
BATCH_OLD = ["placed", "orderForEditNotFound", "notFound"]
OUTCOMES: dict[str, Any] = {
    "kf_rest_authent_sdk_sendorder_post": "invalidPrice",
    "kf_rest_authent_ccxt_sendorder": "invalidPrice",
    "kf_rest_authent_sdk_executions_v2_continuation": "invalidArgument: continuation_token",
    "kf_rest_authent_ccxt_executions": "invalidArgument: continuation_token",
    "kf_order_sdk_sendorder_lmt": "wouldNotReducePosition",
    "kf_order_sdk_sendorder_stp": "wouldProcessAfterSpecifiedTime",
    "kf_order_sdk_sendorder_extra": "iocWouldNotExecute",
    "kf_order_sdk_editorder": "orderForEditNotFound",
    "kf_order_sdk_cancelorder": "notFound",
    "kf_order_sdk_cancelallorders": "cancelled",
    "kf_order_sdk_cancelallorders_all": "cancelled",
    "kf_order_sdk_batchorder": BATCH_OLD,
    "kf_order_sdk_batchorder_new": BATCH_OLD,
    "kf_order_ccxt_limit_inv": "placed",
    "kf_order_ccxt_limit_lin": "placed",
    "kf_order_ccxt_market_lin_exec": "placed",
    "kf_order_ccxt_post": "outsidePriceCollar",
    "kf_order_ccxt_ioc": "outsidePriceCollar",
    "kf_order_ccxt_tif_IOC_uppercase": "outsidePriceCollar",
    "kf_order_ccxt_stop_trigger": "placed",
    "kf_order_ccxt_stopLossPrice_market": "wouldNotReducePosition",
    "kf_order_ccxt_takeProfitPrice": "wouldNotReducePosition",
    "kf_order_ccxt_edit": "orderForEditNotFound",
    "kf_order_ccxt_cancel": "notFound",
    "kf_order_ccxt_cancel_cli": "cancelled",
    "kf_order_ccxt_cancelall_sym": "cancelled",
    "kf_order_ccxt_cancelall": "cancelled",
    "kf_order_ccxt_batch": ["placed", "placed"],
    "kf_order_ccxt_cancel_orders": ["notFound", "notFound"],
    "kf_order_ccxt_cancel_orders_cli": ["notFound"],
}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path, past=False)
    yield found
    found.close()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Of which nothing is ever changed."""
    found = Scene(tmp_path_factory.mktemp("quiet"), past=False)
    yield found
    found.close()


def named(prefix: str = "") -> list[Any]:
    return [pytest.param(vector, id=vector.name) for vector in VECTORS if vector.name.startswith(prefix)]


def request(vector: Vector) -> HttpRequest:
    headers = {"Nonce": vector.nonce} if vector.nonce else {}
    if vector.authent:
        headers |= {"APIKey": vector.key, "Authent": vector.authent}
    return HttpRequest(
        method=vector.method, path=vector.path, query=vector.query, headers=headers, body=vector.body.encode()
    )


def said(body: dict[str, Any]) -> Any:
    if "error" in body:
        return body["error"]
    if "batchStatus" in body:
        return [row["status"] for row in body["batchStatus"]]
    for name in ("sendStatus", "editStatus", "cancelStatus"):
        if name in body:
            return body[name]["status"]
    return "success"


@pytest.mark.parametrize("vector", [each for each in named() if each.values[0].authent])
def test_our_signer_gives_their_signature(vector: Vector) -> None:
    data = (vector.query + vector.body).encode()
    assert authent(vector.secret, data, nonce=vector.nonce, path=vector.path) == vector.authent


def answer(scene: Scene, vector: Vector, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> dict[str, Any]:
    everything = frozenset({"read", "trade", "withdraw"})
    login = Login(
        user=scene.trader.user, name="", email="", key=vector.key, secret=vector.secret, permissions=everything
    )
    monkeypatch.setattr(scene.venue, "login_by_key", {vector.key: login}.get)
    sent = msgspec.structs.replace(request(vector), **changes)
    got = Server(EXCHANGE, scene.venue).handle(sent)
    assert got.status in (200, 400), got.body
    return dict(json.loads(got.body))


@pytest.mark.parametrize("vector", [each for each in named() if each.values[0].method == "GET"])
def test_our_server_answers_their_questions(quiet: Scene, vector: Vector, monkeypatch: pytest.MonkeyPatch) -> None:
    _DESKS.clear()
    assert said(answer(quiet, vector, monkeypatch)) == OUTCOMES.get(vector.name, "success")


@pytest.mark.parametrize("vector", [each for each in named() if each.values[0].method != "GET"])
def test_our_server_takes_their_bytes(scene: Scene, vector: Vector, monkeypatch: pytest.MonkeyPatch) -> None:
    if vector.name == "kf_order_ccxt_market_lin_exec":
        assert scene.venue.depth(LINEAR, "sell", levels=None, grouped=True)
    if "cancelall" in vector.name:
        for instrument in (LINEAR, INVERSE):
            scene.place(scene.trader, "buy", instrument, amount="1", price="60000")
    if vector.name == "kf_order_ccxt_cancel_cli":
        scene.place(scene.trader, "buy", LINEAR, amount="0.01", price="60000", client_id="abc")
    if vector.name == "kf_order_sdk_sendorder_extra":  # nobody sells: a market order finds nothing
        scene.venue.submit(scene.maker.user, commands.CancelAll())
    assert said(answer(scene, vector, monkeypatch)) == OUTCOMES.get(vector.name, "success")


@pytest.mark.parametrize("vector", [each for each in named() if each.values[0].authent])
def test_one_byte_else_is_not_signed(quiet: Scene, vector: Vector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The raw bytes count: even what means the same in another spelling is refused."""
    changes: dict[str, Any] = {"query": vector.query + "&x=1" if vector.query else "x=1"}
    assert said(answer(quiet, vector, monkeypatch, **changes)) == "authenticationError"
    if "%" in vector.query:
        lower = vector.query.replace("%3A", "%3a").replace("%20", "+").replace("%2F", "%2f")
        assert said(answer(quiet, vector, monkeypatch, query=lower.replace("%3D", "%3d"))) == "authenticationError"
    assert not list(quiet.venue.orders(quiet.trader.user))


def test_a_nonce_is_taken_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    vector = next(each for each in VECTORS if each.name == "kf_rest_authent_sdk_accounts")
    assert said(answer(scene, vector, monkeypatch)) == "success"
    assert said(answer(scene, vector, monkeypatch)) == "nonceDuplicate"
    _DESKS.clear()
    assert said(answer(scene, vector, monkeypatch)) == "success"


def test_every_outcome_is_of_a_vector() -> None:
    assert set(OUTCOMES) <= {vector.name for vector in VECTORS}
    assert len(VECTORS) > 60
