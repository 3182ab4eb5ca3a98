"""What must be found of a lie, as values, and whether it was: each open break must be one that is wanted (nothing
else is reported), and each that is needed must be there, at the right place and with the exact amount. It decides
only how breaks are compared with what is wanted; the lies and what is wanted of them stand in ``test_lies.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from nostro.book.breaks import Break
from nostro.domain.values import DAY_NS, ZERO
from simulation.lies import Row, amount, place, text, time
from simulation.stage import ACCOUNT, OPENED_NS, Stage, Trial

CHAIN, REPORTED, FILLS, TRADES, FEES, TRANSFERS, STATES, HISTORY = (
    "running balance", "reported balance", "orders against fills", "trades", "fees", "transfers", "order states",
    "history",
)  # fmt: skip
BORROWED, REPAID, MOVED, LIQUIDATED, TAKEN = (
    "borrowings", "repayments", "transfers between wallets", "liquidations", "taken in liquidations",
)  # fmt: skip
OWED_PRINCIPAL, OWED_INTEREST, REPAID_PRINCIPAL, PAID, ACCRUED, RATE = (
    "loan principal", "loan interest", "repaid principal", "paid interest", "accrued interest", "interest rate",
)  # fmt: skip
# What a row of the ledger may be missed by, or be too much for, and how that is named.
BOOKING = {
    TRADES: ("trades_differ",), FEES: ("fees_differ",), TRANSFERS: ("unbooked_transfer", "entry_without_transfer"),
    BORROWED: ("borrowings_differ",), REPAID: ("repayments_differ",), MOVED: ("transfers_differ",),
    LIQUIDATED: ("liquidations_differ",), TAKEN: ("entry_without_liquidation",),
}  # fmt: skip
OF_MARGIN = {"borrow": BORROWED, "repay": REPAID, "transfer": MOVED, "liquidation": LIQUIDATED}
TAKEN_BACK = ("late_row", "vanished_row", "history_changed")  # what is left when an exchange corrects itself
BOOKED = ("deposit", "withdrawal", "withdrawal_fee")


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """A break that a lie may cause, or must (``needed``). ``at_ns``: lies in its interval; ``within``: its
    interval, where that is known exactly. ``missing`` and ``held``: its amounts, None where they do not matter;
    ``size``: as ``missing``, without sign."""

    check: str
    names: tuple[str, ...]
    subjects: tuple[str, ...] = ()
    at_ns: int = 0
    within: tuple[int, int] | None = None
    missing: Decimal | None = None
    held: Decimal | None = None
    size: Decimal | None = None
    needed: bool = True

    def fits(self, found: Break) -> bool:
        return (
            found.check == self.check and found.name in self.names
            and (not self.subjects or found.scope.subject in self.subjects)
            and (not self.at_ns or found.since_ns <= self.at_ns <= found.until_ns)
            and (self.within is None or (found.since_ns, found.until_ns) == self.within)
            and self.missing in (None, found.missing)
            and self.held in (None, found.held_missing)
            and (self.size is None or (found.missing or ZERO).copy_abs() == self.size)
        )  # fmt: skip


def judge(trial: Trial, wants: Iterable[Want]) -> list[Break]:
    """Asserts that the open breaks are those wanted, and that one who judges everything anew finds the same."""
    wanted, found = list(wants), trial.open_breaks()
    shown = [
        f"{each.check}: {each.name}, {each.since_ns}..{each.until_ns}, {each.missing}: {each.text}" for each in found
    ]
    for each, line in zip(found, shown, strict=True):
        assert any(want.fits(each) for want in wanted), f"nobody said that: {line}; wanted {wanted}"
    for want in wanted:
        assert not want.needed or any(want.fits(each) for each in found), f"not found: {want}; found {shown}"
    anew = {(each.check, each.name, each.scope) for each in trial.fresh_breaks()}
    assert anew == {(each.check, each.name, each.scope) for each in found}, "carrying on found other than judging anew"
    return found


def corrected(trial: Trial, times_ns: Iterable[int], *, rows: int = 2, dated: bool = True) -> None:
    """Asserts that, when the exchange has told the truth, nothing is lost, and nothing is open but that it
    corrected these rows."""
    assert trial.facts() == trial.stage.facts, "the book is not what the exchange holds"
    assert not trial.holes()
    times = set(times_ns)
    left = trial.open_breaks()
    assert len(left) <= rows, [each.text for each in left]
    for each in left:
        assert each.check == HISTORY and each.name in TAKEN_BACK, f"{each.name} is still open: {each.text}"
        assert not dated or each.since_ns in times, f"{each.text} at {each.since_ns}, not {times}"
    assert {each.id for each in trial.fresh_breaks()} == {each.id for each in left}


# ── what rows of the ledger cause ────────────────────────────────────────────────────────────────────────────────


class Link(msgspec.Struct, frozen=True):
    """A row of the ledger and its neighbours in its chain, None at its ends."""

    row: Row
    before: Row | None
    after: Row | None

    @property
    def amounts(self) -> tuple[Decimal, Decimal]:
        return amount(self.row, "balance_delta"), amount(self.row, "reserve_delta")

    @property
    def gap(self) -> tuple[int, int]:
        """The closed interval between its neighbours."""
        assert self.after is not None
        return OPENED_NS if self.before is None else time(self.before), time(self.after)


def chain_of(stage: Stage, row: Row) -> list[Row]:
    """The rows of the same wallet and asset, in order."""
    return stage.chains[place(row)]


def link(stage: Stage, row: Row) -> Link:
    chain = chain_of(stage, row)
    at = chain.index(row)
    return Link(row, chain[at - 1] if at else None, chain[at + 1] if at + 1 < len(chain) else None)


def gone(here: Link) -> list[Want]:
    """Wanted where this row is not in its chain."""
    total, held = here.amounts
    asset = (text(here.row, "currency"),)
    if here.after is None:
        place = Want(
            check=REPORTED,
            names=("unexplained_balance",),
            subjects=asset,
            at_ns=time(here.row),
            missing=total,
            held=held,
        )
    else:
        place = Want(
            check=CHAIN, names=("missing_row",), subjects=asset, within=here.gap, missing=total, held=held
        )  # fmt: skip
    return [place, *booked(here.row, needed=True)]


def booked(row: Row, *, needed: bool) -> list[Want]:
    """Wanted of the other side of a row whose amount is not in the ledger: the fills of its day, or its transfer.
    Trades are cut to whole units, so that small ones may hide."""
    kind, asset = text(row, "type").lower(), (text(row, "currency"),)
    moved = amount(row, "balance_delta").copy_abs()
    if kind == "trade":
        return [Want(check=TRADES, names=("trades_differ",), subjects=asset, needed=False)]
    if kind == "fee":
        return [Want(check=FEES, names=("fees_differ",), subjects=asset, at_ns=time(row), size=moved, needed=needed)]
    if kind in OF_MARGIN and not (kind == "liquidation" and amount(row, "balance_delta") < 0):
        check = OF_MARGIN[kind]
        return [
            Want(check=check, names=BOOKING[check], subjects=asset, at_ns=time(row), size=moved, needed=needed)
        ]  # fmt: skip
    if kind in BOOKED and moved and text(row, "account_id") == ACCOUNT:
        names = ("unbooked_transfer", "entry_without_transfer")
        return [Want(check=TRANSFERS, names=names, subjects=asset, size=moved, needed=needed)]
    return []


def bookings(*subjects: str) -> list[Want]:
    """Anything about what rows of the ledger book in these assets."""
    return [Want(check=check, names=names, subjects=subjects, needed=False) for check, names in BOOKING.items()]


# ── what fills cause ─────────────────────────────────────────────────────────────────────────────────────────────


def fill_wants(row: Row, *, share: Decimal, side: str) -> list[Want]:
    """Wanted where fills lack (``share`` -1) or have too much of (+1) this row."""
    base, _, quote = text(row, "pair").partition("/")
    size, fee = amount(row, "amount"), amount(row, "fee_amount")
    name = "extra_fill" if share > 0 else "missing_fill"
    return [
        Want(
            check=FILLS, names=(name,), subjects=(text(row, "pair"),), at_ns=time(row), missing=-share * size
        ),
        Want(check=TRADES, names=("trades_differ",), subjects=(base,), at_ns=time(row), size=size),
        Want(check=TRADES, names=("trades_differ",), subjects=(quote,), needed=False),
        Want(
            check=FEES, names=("fees_differ",), subjects=(text(row, "fee_currency"),), at_ns=time(row), size=fee,
            needed=bool(fee),
        ),
    ]  # fmt: skip


def anywhere(row: Row, *more: str) -> list[Want]:
    """Anything about this row's instrument and assets, and nothing else: for a row that lies about where it belongs."""
    pair = text(row, "pair")
    subjects = (pair, *pair.split("/"), text(row, "fee_currency"), *more)
    names = {FILLS: ("extra_fill", "missing_fill"), TRADES: ("trades_differ",), FEES: ("fees_differ",)}
    return [Want(check=check, names=each, subjects=subjects, needed=False) for check, each in names.items()]


def day(at_ns: int) -> int:
    return at_ns // DAY_NS
