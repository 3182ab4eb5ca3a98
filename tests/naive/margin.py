"""The commands of margin as docs/venue.md words them: moving money into margin wallets, borrowing, repaying, closing a
position. It decides which are refused and what the accepted ones do.
"""

from __future__ import annotations

from decimal import Decimal

from naive.checks import UNITS_MAX, Refused, countable
from naive.liquidation import cancel_orders, cover
from naive.matching import Market
from naive.state import ZERO
from nostro.link.commands import ISOLATED, Borrow, ClosePosition, MoveMargin, Refusal, Repay
from nostro.link.view import VenueMovement

MarginCommand = MoveMargin | Borrow | Repay | ClosePosition


class Margin:
    def __init__(self, market: Market, purses: set[str]) -> None:
        """``purses``: wallets of contracts, whose names are like those of margin wallets."""
        self.purses = purses
        self.market = market
        self.ledger = market.ledger
        self.loans = market.loans
        self.movement_count = 0

    # ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def check(self, user: int, command: MarginCommand) -> None:
        """``user`` is known."""
        account = command.account
        if account != user and (not self.market.known(account) or self.market.users[account - 1].parent != user):
            raise Refused(Refusal.NOT_YOUR_ACCOUNT, f"account {account}")
        self.check_wallet(command)
        if isinstance(command, ClosePosition):
            if not self.loans.debts(account, command.wallet):
                raise Refused(Refusal.NO_POSITION, f"wallet {command.wallet}")
            return
        self.check_asset(command)
        if isinstance(command, MoveMargin):
            self.check_move(command)
        elif isinstance(command, Borrow):
            reason = self.loans.why_not(account, command.wallet, command.asset, amount=command.amount)
            if reason is not None:
                raise Refused(reason, f"amount {command.amount}")
        else:
            self.check_repay(command)

    def check_wallet(self, command: MarginCommand) -> None:
        wallet = command.wallet
        if wallet == "cross_margin" or (wallet == "funding" and isinstance(command, MoveMargin)):
            return
        if not wallet.startswith(ISOLATED) or wallet in self.purses:
            raise Refused(Refusal.WALLET_CANNOT_TRADE, f"wallet {wallet}")
        if self.market.spot(wallet.removeprefix(ISOLATED)) is None:
            raise Refused(Refusal.UNKNOWN_INSTRUMENT, f"wallet {wallet}")

    def check_asset(self, command: MoveMargin | Borrow | Repay) -> None:
        asset = self.market.asset(command.asset)
        if asset is None:
            raise Refused(Refusal.UNKNOWN_ASSET, f"asset {command.asset}")
        instrument = self.market.spot(command.wallet.removeprefix(ISOLATED))
        if instrument is not None and command.asset not in (instrument.base, instrument.quote):
            raise Refused(Refusal.WRONG_ASSET, f"asset {command.asset} in {command.wallet}")
        if not countable(command.amount, asset.digits, UNITS_MAX):
            raise Refused(Refusal.BAD_AMOUNT, f"amount {command.amount}")

    def check_move(self, command: MoveMargin) -> None:
        user, wallet, asset, amount = command.account, command.wallet, command.asset, command.amount
        leaves, _ = ends(command)
        if self.ledger.free(user, leaves, asset) < amount:
            raise Refused(Refusal.INSUFFICIENT_FUNDS, f"amount {amount}")
        if command.direction == "sub" and self.loans.debts(user, wallet):
            value = self.loans.value(asset, amount)
            if not self.loans.keeps_limit(user, wallet, assets=-value, debts=ZERO):
                raise Refused(Refusal.MARGIN_LIMIT, f"amount {amount}")

    def check_repay(self, command: Repay) -> None:
        if command.amount > self.loans.debt(command.account, command.wallet, command.asset):
            raise Refused(Refusal.MORE_THAN_OWED, f"amount {command.amount}")
        if command.amount > self.ledger.free(command.account, command.wallet, command.asset):
            raise Refused(Refusal.INSUFFICIENT_FUNDS, f"amount {command.amount}")

    # ── what they do ─────────────────────────────────────────────────────────────────────────────────────────────

    def carry_out(self, command: MarginCommand) -> tuple[int, ...]:
        user, wallet = command.account, command.wallet
        if isinstance(command, MoveMargin):
            return (self.move(command),)
        if isinstance(command, Borrow):
            made = self.loans.borrow(user, wallet, command.asset, amount=command.amount, loan_type=command.type)
            return (made,)
        if isinstance(command, Repay):
            amount: Decimal = min(command.amount, self.loans.debt(user, wallet, command.asset))
            repayment = self.loans.repay(user, wallet, command.asset, amount=amount, loan_type=command.type)
            return () if repayment is None else (repayment,)
        cancel_orders(self.market, user, wallet)
        return tuple(order.id for _, order in cover(self.market, user, wallet, loan_type="manual"))

    def move(self, command: MoveMargin) -> int:
        user, asset, amount = command.account, command.asset, command.amount
        leaves, reaches = ends(command)
        self.ledger.move(user, asset, kind="transfer", wallet=leaves, total=-amount)
        self.ledger.move(user, asset, kind="transfer", wallet=reaches, total=amount)
        self.movement_count += 1
        self.ledger.rows.movements.append(
            VenueMovement(
                id=self.movement_count,
                user=user,
                wallet=command.wallet,
                direction=command.direction,
                asset=asset,
                amount=amount,
                note=command.note,
                time_ns=self.ledger.now_ns,
            )
        )
        return self.movement_count


def ends(command: MoveMargin) -> tuple[str, str]:
    """The wallet that the money leaves, and the one that it reaches."""
    return ("spot", command.wallet) if command.direction == "add" else (command.wallet, "spot")
