"""Several questions at once: the asynchronous account has the methods of the blocking one, with the same names."""

from __future__ import annotations

import asyncio

import nostro


async def main() -> None:
    async with nostro.open_async_account("alp", test_mode=True) as account:
        tickers, orders, fees = await asyncio.gather(account.ticker(), account.open_orders(), account.fees())
        for ticker in tickers:
            print(ticker.instrument, "last", ticker.last)
        print(len(orders), "open orders;", "fees of", fees[0].maker_rate, "and", fees[0].taker_rate)


asyncio.run(main())
