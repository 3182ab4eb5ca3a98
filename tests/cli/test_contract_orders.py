"""Shows that an order on a contract can be placed, looked at and canceled from the command line at every paper exchange
that has contracts, with as few words as its wire needs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.home import Folder
from nostro.domain.values import canonical

# What else the wire must be told.
MORE = {"bingx_v1": ("--position-side", "long"), "grvt": (), "kraken_futures": ()}


def like(folder: Folder) -> dict[str, Any]:
    """The last order that had a price."""
    orders: list[dict[str, Any]] = [row for row in folder.run("orders").json["rows"] if row["price"]]
    assert orders
    return orders[-1]


@pytest.mark.parametrize("name", MORE)
def test_an_order_lives_and_ends(name: str, tmp_path: Path) -> None:
    folder, more = Folder(tmp_path / "home"), MORE[name]
    with folder.exchange("--history", "40", "--seed", "5", name=name):
        assert folder.run("accounts", "add", "mine", name, "--paper", "trader").status == 0
        folder.run("sync")
        before = like(folder)
        instrument, amount = before["instrument"], before["amount"]
        # Far enough below the market that nobody sells, in its own digits.
        digits = len(before["price"].partition(".")[2])
        price = canonical(Decimal(int(Decimal(before["price"]).scaleb(digits)) * 97 // 100).scaleb(-digits))
        place = ("order", "place", "mine", instrument, "buy", "--amount", amount, "--price", price, *more, "--yes")
        done = folder.run(*place)
        assert done.status == 0, done.err
        (placed,) = done.json["rows"]
        assert (placed["side"], placed["amount"], placed["price"]) == ("buy", amount, price)
        number = placed["native_id"]  # GRVT says only that it was received: it was looked up by the client's
        assert number and (name != "grvt" or placed["client_id"])
        if name == "grvt":
            by_client = folder.run("order", "show", "mine", "--client-id", placed["client_id"])
            assert [row["native_id"] for row in by_client.json["rows"]] == [number], by_client.err
        (shown,) = folder.run("order", "show", "mine", number).json["rows"]
        assert (shown["status"], shown["price"], shown["amount"]) == ("open", price, amount)
        if name != "bingx_v1":
            never = folder.run("order", "cancel", "mine", "12345")
            assert (never.status, never.error["type"], "12345" in never.error["message"]) == (2, "BadValue", True)
        canceled = folder.run("order", "cancel", "mine", number)
        assert canceled.status == 0, canceled.err
        assert folder.run("order", "show", "mine", number).json["rows"][0]["status"] == "canceled"
        wrong = folder.run("order", "place", "mine", "NONE/USDT:USDT", "buy", "--amount", "1", "--price", "1", *more)
        assert wrong.status not in (0, 1)
        assert wrong.error["message"] and "answered 200" not in wrong.error["message"]
        if name == "grvt":
            no_more_is_closed_than_is_open(folder)


def no_more_is_closed_than_is_open(folder: Folder) -> None:
    position = folder.run("positions").json["rows"][0]
    size = Decimal(position["size"])
    side = "sell" if size > 0 else "buy"
    close = ("order", "place", "mine", position["instrument"], side, "--type", "market", "--reduce-only", "--amount")
    more = folder.run(*close, canonical(abs(size) * 3))
    assert (more.status, more.error["type"], more.error["happened"]) == (3, "OrderRejected", "no")
    assert f"reduces {canonical(abs(size))}" in more.error["message"]
    (closed,) = folder.run(*close, canonical(abs(size))).json["rows"]
    assert (closed["status"], closed["filled"]) == ("filled", canonical(abs(size)))
    again = folder.run(*close, canonical(abs(size)))
    assert (again.status, again.error["type"]) == (3, "OrderRejected"), again.out
