"""Typed data as wallets sign it (EIP-712), of the four kinds that GRVT takes: orders with and without a builder's fee,
wallet logins, authorisations of builders. It decides digests, signatures and whose they are; which numbers of an order
are signed stands in ``signing.py``.

A signature is by secp256k1, deterministic (RFC 6979), with s in the lower half of the curve. From every signature
*some* address can be recovered: what tells is whether it is the one that was claimed.

Source: EIP-712; the exchange's ``grvt-pysdk`` for domain, types and the order of their members; builder and wallet
login as ccxt signs them.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from nostro import errors

CHAIN: Final = 325  # of the live exchange; its test network has 326
HALF_CURVE: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0

_LEG: Final = "OrderLeg(uint256 assetID,uint64 contractSize,uint64 limitPrice,bool isBuyingContract)"
_ORDER: Final = (
    "Order(uint64 subAccountID,bool isMarket,uint8 timeInForce,bool postOnly,bool reduceOnly,OrderLeg[] legs,"
    f"uint32 nonce,int64 expiration){_LEG}"
)
_BUILDER_ORDER: Final = (
    "OrderWithBuilderFee(uint64 subAccountID,bool isMarket,uint8 timeInForce,bool postOnly,bool reduceOnly,"
    f"OrderLeg[] legs,address builder,uint32 builderFee,uint32 nonce,int64 expiration){_LEG}"
)
_WALLET_LOGIN: Final = "WalletLogin(address signer,uint32 nonce,int64 expiration)"
_AUTHORIZE: Final = (
    "AuthorizeBuilder(address mainAccountID,address builderAccountID,uint32 maxFutureFeeRate,uint32 maxSpotFeeRate,"
    "uint32 nonce,int64 expiration)"
)
_DOMAIN: Final = "EIP712Domain(string name,string version,uint256 chainId)"


class TypedLeg(NamedTuple):
    """``size`` and ``price``: scaled, whole."""

    asset: int
    size: int
    price: int
    buying: bool


class TypedOrder(NamedTuple):
    """An order as it is signed. ``builder``: an address as a number, 0 where there is none."""

    sub_account: int
    market: bool
    time_in_force: int
    post_only: bool
    reduce_only: bool
    legs: tuple[TypedLeg, ...]
    nonce: int
    expiration: int
    builder: int = 0
    builder_fee: int = 0


class Mark(NamedTuple):
    """A signature: ``r`` and ``s`` as 0x and 64 digits, ``v`` 27 or 28."""

    r: str
    s: str
    v: int


def keccak(data: bytes) -> bytes:
    """Keccak-256, 32 bytes. Raises `errors.NotSupported` where the library is not installed."""
    try:
        from Crypto.Hash import keccak as library
    except ImportError:
        raise _missing("pycryptodome") from None
    return library.new(digest_bits=256, data=data).digest()


# ── digests ──────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def domain_separator(chain_id: int) -> bytes:
    return keccak(_type(_DOMAIN) + keccak(b"GRVT Exchange") + keccak(b"0") + _word(chain_id, 256))


def order_hash(order: TypedOrder) -> bytes:
    """The struct hash. Raises `OverflowError` where a number does not fit its type."""
    legs = b"".join(_leg_hash(leg) for leg in order.legs)
    builder = _words((order.builder, 160), (order.builder_fee, 32)) if order.builder else b""
    terms = _words(
        (order.sub_account, 64), (order.market, 1), (order.time_in_force, 8), (order.post_only, 1),
        (order.reduce_only, 1),
    )  # fmt: skip
    ends = _words((order.nonce, 32), (order.expiration, 63))
    return keccak(_type(_BUILDER_ORDER if order.builder else _ORDER) + terms + keccak(legs) + builder + ends)


def wallet_login_hash(*, signer: int, nonce: int, expiration: int) -> bytes:
    return keccak(_type(_WALLET_LOGIN) + _words((signer, 160), (nonce, 32), (expiration, 63)))


def authorize_hash(*, main: int, builder: int, rates: tuple[int, int], nonce: int, expiration: int) -> bytes:
    """``rates``: of futures and of spot, scaled."""
    futures, spot = rates
    return keccak(
        _type(_AUTHORIZE)
        + _words((main, 160), (builder, 160), (futures, 32), (spot, 32), (nonce, 32), (expiration, 63))
    )


def digest(struct_hash: bytes, chain_id: int) -> bytes:
    """What is signed."""
    return keccak(b"\x19\x01" + domain_separator(chain_id) + struct_hash)


def _leg_hash(leg: TypedLeg) -> bytes:
    return keccak(_type(_LEG) + _words((leg.asset, 256), (leg.size, 64), (leg.price, 64), (leg.buying, 1)))


@cache
def _type(text: str) -> bytes:
    return keccak(text.encode())


def _words(*numbers: tuple[int, int]) -> bytes:
    return b"".join(_word(number, bits) for number, bits in numbers)


def _word(number: int, bits: int) -> bytes:
    """32 bytes of a number that is not negative and has at most so many bits."""
    if number < 0 or number >> bits:
        message = f"{number} is no number of {bits} bits"
        raise OverflowError(message)
    return number.to_bytes(32, "big")


# ── signatures ───────────────────────────────────────────────────────────────────────────────────────────────────


def sign(signed: bytes, private_key: str) -> Mark:
    """``private_key``: 32 bytes in hexadecimal, with or without 0x. Raises `errors.BadValue`."""
    raw = _key(private_key).sign_recoverable(signed, hasher=None)
    return Mark(f"0x{raw[:32].hex()}", f"0x{raw[32:64].hex()}", 27 + raw[64])


def recovered(signed: bytes, mark: Mark) -> str:
    """The address that made this signature of ``signed``, 0x and 40 lower-case digits. Raises ValueError where none
    can have."""
    raw = b"".join(int(each, 16).to_bytes(32, "big") for each in mark[:2]) + bytes([mark.v - 27])
    public = _curve().PublicKey.from_signature_and_message(raw, signed, hasher=None)
    return _address(public.format(compressed=False))


@lru_cache(maxsize=1_024)
def address_of(private_key: str) -> str:
    """The address of a private key, 0x and 40 lower-case digits. Raises `errors.BadValue`."""
    return _address(_key(private_key).public_key.format(compressed=False))


def _address(public: bytes) -> str:
    return f"0x{keccak(public[1:])[-20:].hex()}"


def _key(private_key: str) -> Any:
    digits = private_key.removeprefix("0x")
    try:
        return _curve().PrivateKey(bytes.fromhex(digits if len(digits) == 64 else ""))
    except ValueError:
        raise errors.BadValue(
            "private_key is no private key", hint="give its 32 bytes in hexadecimal, 64 digits", exchange="grvt"
        ) from None


def _curve() -> Any:
    try:
        import coincurve
    except ImportError:
        raise _missing("coincurve") from None
    return coincurve


def _missing(library: str) -> errors.NotSupported:
    return errors.NotSupported(
        f"GRVT's signatures need {library}, which is not installed",
        hint=f"pip install {library} (Python 3.14 has no wheel of it yet)",
        exchange="grvt",
    )
