"""Shows that our signatures are those of the exchange's own client and of ccxt, digit by digit, and that the paper
exchange refuses each kind of signature that does not hold with its code.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from nostro import errors
from nostro.domain.values import Malformed
from nostro.exchanges.grvt import eip712, signing
from nostro.exchanges.grvt.orders import Order

RECORDED = Path(__file__).parents[2] / "recorded" / "grvt"
VECTORS = json.loads((RECORDED / "signatures.json").read_text())["vectors"]
REQUESTS = {each["name"]: each for each in json.loads((RECORDED / "requests.json").read_text())["vectors"]}
ORDERS = [each for each in VECTORS if "legs" in each["inputs"]]
LOGINS = [each for each in VECTORS if each["name"].startswith("grvt_wallet_login_sig_") and "signer" in str(each)]
FLOATS = [each for each in VECTORS if "ccxt_float" in each["name"]]
ONES = "0x" + "11" * 32


def listed(given: dict[str, Any]) -> dict[str, signing.Listed]:
    return {
        leg["instrument"]: signing.Listed(int(leg["instrument_hash"], 16), leg["base_decimals"])
        for leg in given["legs"]
    }


@pytest.mark.parametrize("vector", ORDERS, ids=lambda each: each["name"])
def test_orders_are_signed_as_the_exchanges_client_signs_them(vector: dict[str, Any]) -> None:
    given, expected = vector["inputs"], vector["expected"]
    order = msgspec.json.decode(as_json(given), type=Order)
    if "ten_decimals" in vector["name"]:  # it cuts what the text still says: we refuse to
        with pytest.raises(signing.Unscalable):
            signing.typed(order, listed(given).__getitem__)
        return
    struct_hash = eip712.order_hash(signing.typed(order, listed(given).__getitem__))
    assert f"0x{struct_hash.hex()}" == expected["struct_hash"]
    assert f"0x{eip712.domain_separator(given['chain_id']).hex()}" == expected["domain_separator"]
    signed = eip712.digest(struct_hash, given["chain_id"])
    assert f"0x{signed.hex()}" == expected["digest"]
    mark = eip712.sign(signed, given["private_key"])
    assert tuple(mark) == (expected["r"], expected["s"], expected["v"])
    assert eip712.recovered(signed, mark) == eip712.address_of(given["private_key"]) == expected["signer"].lower()
    assert int(mark.s, 16) <= eip712.HALF_CURVE


def as_json(given: dict[str, Any]) -> bytes:
    legs = [
        {name: leg[name] for name in ("instrument", "size", "limit_price", "is_buying_asset") if name in leg}
        for leg in given["legs"]
    ]
    signature = {"signer": "", "r": "", "s": "", "v": 0, "expiration": given["expiration"], "nonce": given["nonce"]}
    terms = ("sub_account_id", "is_market", "time_in_force", "post_only", "reduce_only", "builder", "builder_fee")
    said = {name: given[name] for name in terms if name in given}
    return json.dumps(said | {"legs": legs, "signature": signature, "metadata": {}}).encode()


def test_there_are_orders_of_every_kind() -> None:
    assert len(ORDERS) >= 30
    assert len({each["inputs"]["time_in_force"] for each in ORDERS}) == 4
    assert {each["inputs"]["chain_id"] for each in ORDERS} == {325, 326, 327}
    assert any(len(each["inputs"]["legs"]) > 1 for each in ORDERS)


@pytest.mark.parametrize("vector", FLOATS, ids=lambda each: each["name"])
def test_a_signature_over_a_float_s_neighbour_is_somebody_else_s(vector: dict[str, Any]) -> None:
    """ccxt scales through doubles: what it signed is not what it sent, and must not be taken."""
    given, expected = vector["inputs"], vector["expected"]
    leg = given["leg_as_sent"]
    size = signing.whole(signing.amount(Raw(f'"{leg["size"]}"'.encode()), "size"), 9, field="size")
    price = signing.whole(signing.amount(Raw(f'"{leg["limit_price"]}"'.encode()), "price"), 9, field="price")
    assert (str(size), str(price)) == (
        expected.get("exact_contractSize", str(size)), expected.get("exact_limitPrice", str(price)),
    )  # fmt: skip
    exact = (str(size), str(price)) == (expected["ccxt_signed_contractSize"], expected["ccxt_signed_limitPrice"])
    assert exact == expected.get("valid", True)


@pytest.mark.parametrize("vector", LOGINS, ids=lambda each: each["name"])
def test_wallet_logins(vector: dict[str, Any]) -> None:
    given, expected = vector["inputs"], vector["expected"]
    if "verify_with_chain_id" in given:
        other = next(each for each in LOGINS if each["name"] == given["signature_of"])
        struct_hash = login_hash(other["inputs"])
        signed = eip712.digest(struct_hash, given["verify_with_chain_id"])
        mark = eip712.Mark(*(other["expected"]["signature"][name] for name in ("r", "s", "v")))
        assert eip712.recovered(signed, mark) == expected["recovered_signer"].lower()
        assert expected["recovered_signer"].lower() != eip712.address_of(ONES)
        return
    signed = eip712.digest(login_hash(given), int(given["chain_id"]))
    assert f"0x{signed.hex()}" == expected["digest"]
    mark = eip712.sign(signed, given.get("private_key", ONES))
    assert tuple(mark) == tuple(expected["signature"][name] for name in ("r", "s", "v"))


def login_hash(given: dict[str, Any]) -> bytes:
    signer = int(eip712.address_of(given.get("private_key", ONES)), 16)
    return eip712.wallet_login_hash(signer=signer, nonce=int(given["nonce"]), expiration=int(given["expiration"]))


def test_the_authorisation_of_a_builder() -> None:
    vector = REQUESTS["grvt_authorize_builder_ccxt"]["expected"]
    body = json.loads(vector["body_exact"])
    rate = signing.fee_rate(Raw(json.dumps(body["max_futures_fee_rate"]).encode()), "rate")
    struct_hash = eip712.authorize_hash(
        main=int(body["main_account_id"], 16), builder=int(body["builder_account_id"], 16), rates=(rate, rate),
        nonce=body["signature"]["nonce"], expiration=int(body["signature"]["expiration"]),
    )  # fmt: skip
    assert (f"0x{struct_hash.hex()}", rate) == (vector["struct_hash"], 100)
    signed = eip712.digest(struct_hash, eip712.CHAIN)
    assert f"0x{signed.hex()}" == vector["digest"]
    mark = eip712.Mark(*(body["signature"][name] for name in ("r", "s", "v")))
    assert eip712.recovered(signed, mark) == vector["recovered_signer"].lower() == body["signature"]["signer"].lower()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"1E-9"', "1E-9"), ('"0E-9"', "0E-9"), ('"0"', "0"), ("null", "0"), ("", "0"), ('""', "0"), ("0.5", "0.5"),
        ('"00.50"', "0.50"), ('"5."', "5"),
    ],
)  # fmt: skip
def test_numbers_as_clients_write_them(text: str, value: str) -> None:
    assert signing.amount(Raw(text.encode()), "x") == Decimal(value)


@pytest.mark.parametrize("text", ['"NaN"', '"1_0"', '"0x1"', "{}", "true", '"1e999"', '" 1"', '"--1"'])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        signing.amount(Raw(text.encode()), "x")


@pytest.mark.parametrize("key", ["", "0x12", "zz" * 32, "0x" + "00" * 32, "0x" + "ff" * 32])
def test_what_is_no_private_key_says_so_without_showing_it(key: str) -> None:
    with pytest.raises(errors.BadValue) as caught:
        eip712.sign(b"\x01" * 32, key)
    assert not key or key not in str(caught.value)
    assert caught.value.__cause__ is None


def test_numbers_that_do_not_fit_their_type_are_not_signed() -> None:
    for number, bits in ((-1, 64), (2**64, 64), (2**160, 160)):
        with pytest.raises(OverflowError):
            eip712._word(number, bits)
