"""An order far below the market, placed and canceled. A live account needs ``allow=("trade",)`` for this, and a key
that may trade; a paper account holds every grant."""

from __future__ import annotations

import nostro

with nostro.open_account("alp", test_mode=True) as account:
    placed = account.place("BTC/USDT", "buy", amount="0.001", price="20000")
    print("placed  ", placed.native_id, placed.side, placed.amount, "at", placed.price)
    account.cancel(placed.native_id)
    order = account.order(placed.native_id)
    print("then it is", order.status, "with", order.canceled, "canceled")
