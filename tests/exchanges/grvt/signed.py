"""Orders as clients of GRVT sign and send them, and an account that lived for hours: what several tests begin with."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from exchanges.grvt.scene import BTC_CODE, HOUR, Scene
from nostro.exchanges.grvt import eip712, signing
from nostro.exchanges.grvt.orders import Order

DAY = 24 * HOUR


def order_of(scene: Scene, *, name: str = "trader", key: str = "", **changed: Any) -> dict[str, Any]:
    """A signed order as a client sends it; what is changed is signed, but for the members of ``after``."""
    after = changed.pop("after", {})
    leg = {"instrument": BTC_CODE, "size": "0.01", "limit_price": "63000", "is_buying_asset": True}
    leg |= changed.pop("leg", {})
    order: dict[str, Any] = {
        "sub_account_id": scene.sub(name), "is_market": False, "time_in_force": "GOOD_TILL_TIME", "post_only": False,
        "reduce_only": False, "legs": [leg],
        "signature": {
            "signer": "", "r": "", "s": "", "v": 0, "nonce": 7, "expiration": str(scene.clock.time_ns + DAY),
        },
        "metadata": {"client_order_id": "41"},
    }  # fmt: skip
    order |= changed
    private_key = key or scene.logins[name].extra["private_key"]
    listed = signing.Listed(0x030501, 9)
    typed = signing.typed(msgspec.json.decode(json.dumps(order), type=Order), lambda _: listed)
    mark = eip712.sign(eip712.digest(eip712.order_hash(typed), eip712.CHAIN), private_key)
    order["signature"] |= {"signer": eip712.address_of(private_key), **mark._asdict()}
    for place, value in after.items():
        target: Any = order
        *path, last = place.split(".")
        for step in path:
            target = target[int(step) if step.isdigit() else step]
        target[last] = value
    return order


def placed(scene: Scene, *, status: int = 200, form: str = "full", **changed: Any) -> Any:
    return scene.ask("create_order", {"order": order_of(scene, **changed)}, status=status, form=form)


def lived(scene: Scene, hours: int) -> None:
    """An hour with something to do, and every third one without."""
    for hour in range(hours):
        if hour % 3 != 2:
            scene.trade("0.01", f"{64_000 + hour}")
        scene.wait(HOUR)
