"""How fast the paper exchange takes orders over its wire: signed limit orders over real HTTP, each durable before it is
answered, one after the other and several at once; then their cancellation, signed too. The client here only sends
bytes that it made before, so that what is measured is the exchange.

    python benchmarks/exchange.py --orders 2000
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from nostro.exchanges.alp.auth import x_sign
from nostro.link.http import HttpRequest
from nostro.link.transport import AiohttpTransport

sys.path.insert(0, str(Path(__file__).resolve().parent))

from served import Served, served, spread

FAR_PRICE = "1000"  # of BTC: such an order rests, and holds little
AMOUNT = "0.01"


async def measured(running: Served, orders: int, at_once: int) -> dict[str, Any]:
    """Places so many orders, ``at_once`` at a time, and cancels them."""
    transport = AiohttpTransport()
    base = running.url.rstrip("/")
    origin, path = base[: base.index("/", 8)], base[base.index("/", 8) :]
    login = running.login("trader")

    def request(method: str, name: str, message: dict[str, Any], token: str = "") -> HttpRequest:
        body = json.dumps(message).encode()
        headers = {"Content-Type": "application/json", "X-SIGN": x_sign(body, login["secret"])}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        return HttpRequest(method=method, origin=origin, path=f"{path}/{name}", headers=headers, body=body)

    sign_in = request("POST", "auth", {"api_key": login["key"], "api_secret": login["secret"]})
    token = json.loads((await transport.send(sign_in)).body)
    order = {
        "pair": "BTC_USDT", "order_side": "BUY", "order_type": "LIMIT", "base_amount": float(AMOUNT),
        "limit_price": float(FAR_PRICE),
    }  # fmt: skip
    placing = [request("POST", "trading/order", order, token) for _ in range(orders)]
    before_cpu_s = running.cpu_s()
    placed, taken_ms, placed_s = await _sent(transport, placing, at_once)
    placed_cpu_s = running.cpu_s() - before_cpu_s
    numbers = [json.loads(body)[0] for body in placed]
    canceling = [request("DELETE", "trading/order", {"order_ids": [number]}, token) for number in numbers]
    canceled, _, canceled_s = await _sent(transport, canceling, at_once)
    assert all(str(number) in json.loads(body) for number, body in zip(numbers, canceled, strict=True))
    await transport.close()
    taken_ms.sort()
    return {
        "orders_per_s": orders / placed_s, "cancels_per_s": orders / canceled_s,
        "median_ms": taken_ms[len(taken_ms) // 2], "p99_ms": taken_ms[len(taken_ms) * 99 // 100],
        "server_cpu_us_per_order": 1e6 * placed_cpu_s / orders,
    }  # fmt: skip


async def _sent(
    transport: AiohttpTransport, requests: list[HttpRequest], at_once: int
) -> tuple[list[bytes], list[float], float]:
    """The answers in order, how many milliseconds each took, and the seconds that all of them took."""
    bodies, taken_ms, waiting = [b""] * len(requests), [0.0] * len(requests), iter(enumerate(requests))

    async def sender() -> None:
        for place, request in waiting:
            began_s = time.perf_counter()
            answer = await transport.send(request)
            taken_ms[place] = 1e3 * (time.perf_counter() - began_s)
            assert answer.status == 200, answer.body
            bodies[place] = answer.body

    began_s = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(at_once)))
    return bodies, taken_ms, time.perf_counter() - began_s


@click.command()
@click.option("--orders", default=1_000, show_default=True)
@click.option("--at-once", default=16, show_default=True, help="How many are under way in the second run.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--fills", default=1_000, show_default=True, help="Of the exchange's history, about.")
@click.option("--home", type=click.Path(path_type=Path), help="Of a paper exchange that is kept [default: a new one].")
def main(orders: int, *, at_once: int, rounds: int, fills: int, home: Path | None) -> None:
    figures: dict[str, Any] = {"benchmark": "exchange", "orders": orders, "rounds": rounds}
    with served(fills, home) as running:
        asyncio.run(measured(running, max(1, orders // 10), at_once))  # the first ones open connections and caches
        for name, under_way in (("one_by_one", 1), (f"{at_once}_at_once", at_once)):
            found = [asyncio.run(measured(running, orders, under_way)) for _ in range(rounds)]
            digits = {"orders_per_s": 0, "cancels_per_s": 0, "server_cpu_us_per_order": 0}
            figures[name] = {key: spread([each[key] for each in found], digits.get(key, 2)) for key in found[0]}
        figures["server_peak_mb"] = round(running.peak_mb(), 1)
    click.echo(json.dumps(figures))


if __name__ == "__main__":
    main()
