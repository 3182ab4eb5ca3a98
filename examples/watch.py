"""Watches an account: first what is so, then what happens, and what is said when nobody knows. Here an order is placed
meanwhile, and the loop ends with its end."""

from __future__ import annotations

import nostro
from nostro.domain.records import Order
from nostro.link.events import GapClosed, GapOpened, Update

with nostro.open_account("alp", test_mode=True) as account:
    for event in account.watch():
        if isinstance(event, GapOpened):
            print(f"from now on it may be otherwise: {event.why}")
        elif isinstance(event, GapClosed):
            print(f"all is known, {event.rows} rows were missed")
            order = account.place("BTC/USDT", "buy", amount="0.001", price="20000")
            account.cancel(order.native_id or "")
        elif isinstance(event, Update) and isinstance(event.fact, Order) and event.via == "feed":
            print(f"order {event.fact.native_id} is {event.fact.status}")
            if event.fact.status == "canceled":
                break
