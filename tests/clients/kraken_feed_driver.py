"""Runs python-kraken-sdk's futures WebSocket client, unmodified: subscribes as the first line of stdin says, prints
every message that the client hands on, one line of JSON each, and obeys further lines (subscribe, unsubscribe, or end).
It imports nothing of the project.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from kraken.futures import FuturesWSClient


async def say(message: Any) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201 - a program


async def obey(client: FuturesWSClient, asked: dict[str, Any]) -> None:
    if asked["do"] == "unsubscribe":
        await client.unsubscribe(feed=asked["feed"], products=asked.get("products"))
    else:
        await client.subscribe(feed=asked["feed"], products=asked.get("products"))


async def main() -> None:
    loop = asyncio.get_running_loop()
    given = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    client = FuturesWSClient(key=given["key"], secret=given["secret"], url=given["url"], callback=say)
    await client.start()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        if asked["do"] == "end":
            break
        await obey(client, asked)
    await say({"subscriptions": client.get_active_subscriptions(), "error": client.exception_occur})
    os._exit(0)  # its own close waits up to ten seconds for one more message


if __name__ == "__main__":
    asyncio.run(main())
