"""Shows that no balance and no debt takes another's place, however many isolated wallets do not say whose they are:
what the rows of an account come to is what its facts come to, to the last digit, and no two facts are of one wallet.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from nostro.exchanges import exchange
from nostro.link.declare import Query

ALP = exchange("alp")
AMOUNTS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=18)
WALLETS = st.sampled_from(
    [
        "SPOT",
        "CROSS_MARGIN",
        "ISOLATED_MARGIN",
        "MARGIN_ISOLATED",
        "ISOLATED_MARGIN BTC_USDT",
        "ISOLATED_MARGIN ETH/USDT",
    ]
)
BARE = ("ISOLATED_MARGIN", "MARGIN_ISOLATED")
TWINS = [(1, "BTC", BARE[0], Decimal("0.1"), Decimal(0)), (1, "BTC", BARE[1], Decimal("0.2"), Decimal("1E-18"))]
ROWS = st.lists(
    st.tuples(st.integers(1, 2), st.sampled_from(["BTC", "USDT"]), WALLETS, AMOUNTS, AMOUNTS),
    max_size=12,
    unique_by=lambda row: row[:3] if "ISOLATED" not in row[2] or " " in row[2] else object(),
)


def written(rows: list[tuple[int, str, str, Decimal, Decimal]], one: str, other: str) -> bytes:
    """The rows as an answer, their amounts as bare numbers."""
    texts = []
    for number, (account, asset, wallet, first, second) in enumerate(rows):
        kind, _, pair = wallet.partition(" ")
        named = f',"pair":"{pair}"' if pair else ""
        texts.append(
            f'{{"id":{number},"account_id":{account},"currency":"{asset}","wallet_type":"{kind}","{one}":{first:f},'
            f'"{other}":{second:f},"last_update_at":"2023-09-04T12:00:00Z"{named}}}'
        )
    return f"[{','.join(texts)}]".encode()


@given(rows=ROWS)
@example(rows=TWINS)
def test_balances(rows: list[tuple[int, str, str, Decimal, Decimal]]) -> None:
    ask = ALP.ask("balances")
    assert ask is not None
    facts = list(ask.read(Query(), ALP.decode(ask.route, written(rows, "balance", "reserve"))))
    told, shown = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for account, asset, _, total, _ in rows:
        told[str(account), asset] += Fraction(total)  # type: ignore[assignment]
    for fact in facts:
        shown[fact.sub_account, fact.asset] += Fraction(fact.total)  # type: ignore[assignment, union-attr, attr-defined]
        assert Fraction(fact.total) == Fraction(fact.free) + Fraction(fact.used)  # type: ignore[attr-defined]
    assert shown == told
    keys = [(fact.sub_account, fact.wallet, fact.asset) for fact in facts]  # type: ignore[attr-defined]
    assert len(set(keys)) == len(keys)
    assert [fact.offset for fact in facts] == sorted({fact.offset for fact in facts})


@given(rows=ROWS)
@example(rows=TWINS)
def test_debts(rows: list[tuple[int, str, str, Decimal, Decimal]]) -> None:
    ask = ALP.ask("isolated_margin_loans")
    assert ask is not None
    facts = list(ask.read(Query(), ALP.decode(ask.route, written(rows, "borrowed", "interest"))))
    owed = sum((Fraction(first) + Fraction(second) for *_, first, second in rows), Fraction(0))
    assert sum((Fraction(fact.principal) + Fraction(fact.interest) for fact in facts), Fraction(0)) == owed  # type: ignore[attr-defined]
    keys = [(fact.sub_account, fact.wallet, fact.asset) for fact in facts]  # type: ignore[attr-defined]
    assert len(set(keys)) == len(keys)
    alone = Counter((account, asset) for account, asset, wallet, *_ in rows if wallet in BARE)
    joined = {key for key, count in alone.items() if count > 1}
    assert {(int(fact.sub_account), fact.asset) for fact in facts if fact.native_id is None} == joined  # type: ignore[attr-defined]
