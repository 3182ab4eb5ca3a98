"""From GRVT's frames to what they mean, in one encoding. It decides what each stream's object says, as ``read.py`` and
``read_histories.py`` decide it of rows. Its twin is ``feed_serve.py``.

A frame with the sequence number 0 is a snapshot, of which there may be several; those that follow are counted by stream
and selector, beginning anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from nostro import errors
from nostro.domain import records
from nostro.domain.values import EXACT, exact
from nostro.exchanges.grvt import feed_messages as envelopes
from nostro.exchanges.grvt import members, orders, read, read_histories, words
from nostro.exchanges.grvt.codec import decoder
from nostro.exchanges.grvt.lite import lite
from nostro.exchanges.grvt.routes import Form
from nostro.exchanges.grvt.streams import TRADING
from nostro.link.commands import FUTURES
from nostro.link.frames import About, Acknowledged, Action, Complaint, Meaning, News, Unread

_ACTIONS: Final[Mapping[str, Action]] = {"subscribe": "subscribe", "unsubscribe": "unsubscribe"}
_ABOUT: Final[Mapping[str, About]] = {"subscribe": "subscribe", "unsubscribe": "unsubscribe"}


def topic(stream: str, selector: str) -> str:
    """A topic's text."""
    return f"{stream} {selector}"


def read_frame(form: Form, body: bytes) -> Meaning:
    """What a frame means. Raises `Undecodable` where it has not the members of its kind, ValueError where one of them
    says something impossible."""
    try:
        return _read(form, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        sentence = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise errors.Undecodable(f"GRVT feed: {sentence}", hint="its bytes are kept", exchange="grvt") from None


def _in(form: Form, kind: Any) -> Any:
    return kind if form == "full" else lite(kind)


def _read(form: Form, body: bytes) -> Meaning:
    said: envelopes.Received = decoder(_in(form, envelopes.Received)).decode(body)
    if said.error is not None:
        return Complaint(message=f"{said.error.code} {said.error.message}", about=_ABOUT.get(said.method or "", ""))
    if bytes(said.result):
        return _answered(form, said)
    frame: envelopes.FrameReceived = decoder(_in(form, envelopes.FrameReceived)).decode(body)
    reader = _READERS.get(frame.stream)
    if reader is None:
        return Unread(frame.stream)
    row = decoder(_in(form, TRADING[frame.stream])).decode(frame.feed)
    number = members.whole(frame.sequence_number, "sequence_number")
    return News((reader(row),), series=topic(frame.stream, frame.selector) if number else "", number=number)


def _answered(form: Form, said: envelopes.Received) -> Meaning:
    action = _ACTIONS.get(said.method or "")
    if action is None:
        return Unread(said.method or "an answer")
    result: envelopes.SubscribedReceived = decoder(_in(form, envelopes.SubscribedReceived)).decode(said.result)
    named = result.subs if action == "subscribe" else result.unsubs
    return Acknowledged(action, tuple(topic(result.stream or "", each) for each in named or ()))


def _state(row: orders.OrderStateFeed) -> records.Order:
    """Of an order whose terms stand elsewhere."""
    state = row.order_state
    size = EXACT.add(exact(state.book_size[0], "book_size"), exact(state.traded_size[0], "traded_size"))
    known = read.state_of(state, size=size)
    ended = known["done_ns"] is not None
    if ended:  # what was left of it is not told
        known |= {"amount": None, "canceled": None, "remaining": None}
    return records.Order(
        native_id=members.optional(row.order_id), client_id=members.optional(row.client_order_id), wallet=FUTURES,
        instrument="", side="", type="", **known,
    )  # fmt: skip


def _deposit(row: orders.Deposit) -> records.Transfer:
    return records.Transfer(
        sub_account=words.FUNDING_ACCOUNT, wallet=read.FUNDING, direction="deposit", asset=row.currency,
        amount=exact(row.num_tokens, "num_tokens"), tx_hash=members.optional(row.tx_hash),
        extra=members.extra(to_account_id=row.to_account_id),
    )  # fmt: skip


def _withdrawal(row: orders.Withdrawal) -> records.Transfer:
    return records.Transfer(
        sub_account=words.FUNDING_ACCOUNT, wallet=read.FUNDING, direction="withdrawal", asset=row.currency,
        amount=exact(row.num_tokens, "num_tokens"),
        extra=members.extra(from_account_id=row.from_account_id, to_eth_address=row.to_eth_address),
    )  # fmt: skip


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "v1.order": read.order, "v1.state": _state, "v1.position": read.position, "v1.fill": read_histories.fill,
    "v1.transfer": read_histories.transfer, "v1.deposit": _deposit, "v1.withdrawal": _withdrawal,
}  # fmt: skip
