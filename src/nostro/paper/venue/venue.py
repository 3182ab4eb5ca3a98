"""The venue: the engine with its journal behind it, as a wire sees it (`VenueView`) and as its operator does. It
decides that nothing is answered before it is durable, and who may log in; the rules of trading are the engine's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

import msgspec

from nostro import limits
from nostro.domain.values import DAY_NS, EARLIEST_NS, LATEST_NS, SECOND_NS
from nostro.errors import Conflict, NotFound
from nostro.link.view import (
    Accepted,
    Command,
    Login,
    Rejected,
    Side,
    VenueAsset,
    VenueBalance,
    VenueCandle,
    VenueEntry,
    VenueFeeRule,
    VenueFill,
    VenueInstrument,
    VenueMethod,
    VenueOrder,
    VenueTicker,
    VenueTrade,
    VenueTransfer,
)
from nostro.paper.venue import bars, histories
from nostro.paper.venue.commands import AnyCommand, CreateUser, Deposit, Envelope, Fund, Tick
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.journal import Journal
from nostro.paper.venue.numbers import amount_of
from nostro.paper.venue.profile import PROFILE, Profile
from nostro.paper.venue.rows import Outcome, order_row
from nostro.paper.venue.words import RATE_DIGITS

if TYPE_CHECKING:
    from types import TracebackType

    from nostro.paper.venue.book import Market

DEFAULT_SEED: Final = 7


class Venue:
    """A paper exchange in one file. ``now_ns`` is its clock; its time never goes back behind its last command.
    ``listeners``: each is called with the outcome of every accepted command, in their order, once it is durable.

    Not safe for several threads at once. One process owns the file; another one's writing is noticed and refused."""

    def __init__(self, journal: Journal, profile: Profile, *, seed: int, now_ns: Callable[[], int]) -> None:
        self.profile = profile
        self.seed = seed
        self.engine: Engine = journal.recover(profile)
        self._journal = journal
        self._clock = now_ns
        self._batched = False
        self.listeners: list[Callable[[Outcome], None]] = []
        self._unheard: list[Outcome] = []
        self._instruments = {each.symbol: each for each in profile.instruments}

    @classmethod
    def open(
        cls, path: Path, *, now_ns: Callable[[], int], seed: int | None = None, profile: Profile = PROFILE,
        create: bool = True,
    ) -> Venue:  # fmt: skip
        """The venue in that file, made if it is not there and ``create``. ``seed``: its keys and its market derive from
        it; None: the stored one, or `DEFAULT_SEED` for a new venue. Raises `Conflict` where it was made with another
        seed, and `NotABook`, `SchemaTooNew`, `Corrupted`, `Unwritable`."""
        journal = Journal(path, create=create)
        try:
            profile, made_with = _made_with(journal, profile, seed=seed)
            return cls(journal, profile, seed=made_with, now_ns=now_ns)
        except BaseException:
            journal.close()
            raise

    def close(self) -> None:
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, user: int, command: Command) -> Accepted | Rejected:
        """Carries a command out, durably, before it returns."""
        return self.carry_out(command, user=user).answer

    def carry_out(
        self, command: AnyCommand, *, user: int = 0, at_ns: int | None = None, command_id: int | None = None
    ) -> Outcome:
        """Any command, the operator's too. ``at_ns``: now, where it is None. ``command_id``: of the caller's choice,
        larger than all before, or one that was used: that is answered as it was, and nothing is done again."""
        journal = self._journal
        if command_id is None:
            command_id = journal.last_id + 1
        elif command_id <= journal.last_id:
            self._flush()
            answer = journal.answer(command_id)
            if answer is None:
                message = f"command {command_id} is not in the journal, and later ones are"
                raise Conflict(message, hint="use a number above the last, or none")
            return Outcome(answer, self.engine.words)
        now_ns = self._clock() if at_ns is None else at_ns
        envelope = Envelope(id=command_id, at_ns=now_ns, user=user, command=command)
        outcome = self.engine.apply(envelope)
        journal.add(envelope, outcome)
        if self.listeners and isinstance(outcome.answer, Accepted):
            self._unheard.append(outcome)
        self._written()
        return outcome

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Within it, commands are committed many at a time: for making histories, where nobody waits for an answer."""
        self._batched = True
        try:
            yield
        finally:
            self._batched = False
            self._flush()

    def create_login(
        self, name: str, email: str, *, permissions: Iterable[str], at_ns: int | None = None, parent: int | None = None
    ) -> Login:
        """A user with one key. ``parent``: the master whose sub-account it is. Raises `Conflict` where the name is
        taken, and `NotFound` where there is no such master."""
        if self.user_named(name) is not None:
            message = f"there is a user {name} already"
            raise Conflict(message, hint="choose another name")
        answer = self.carry_out(CreateUser(name=name, email=email, parent=parent), at_ns=at_ns).answer
        if isinstance(answer, Rejected):
            raise NotFound(answer.detail, hint="give the user of a login that is no sub-account itself")
        return self.create_key(answer.ids[0], name, permissions=permissions)

    def create_key(self, user: int, name: str, *, permissions: Iterable[str]) -> Login:
        """A key of a user. It derives from the venue's seed and the name: it is no secret, as its first word says."""
        key, secret = f"paper-{name}-{self._derive(f'key {name}')[:12]}", f"paper-{self._derive(f'secret {name}')[:40]}"
        self._journal.add_login(key, user, secret=secret, permissions=",".join(sorted(permissions)))
        self._written()
        login = self.login_by_key(key)
        assert login is not None
        return login

    def set_permissions(self, key: str, permissions: Iterable[str]) -> None:
        """What a key may do from now on, of read, trade and withdraw. Raises `NotFound`."""
        login = self.login_by_key(key)
        if login is None:
            message = f"there is no key {key}"
            raise NotFound(message, hint="list the paper accounts for their keys")
        self._journal.add_login(key, login.user, secret=login.secret, permissions=",".join(sorted(permissions)))
        self._written()

    def fund(self, user: int, asset: str, *, amount: Decimal, wallet: str = "funding") -> Accepted | Rejected:
        """Credits a wallet at once, from nowhere."""
        return self.carry_out(Fund(user=user, wallet=wallet, asset=asset, amount=amount)).answer

    def deposit(self, user: int, asset: str, *, amount: Decimal, tx_hash: str | None = None) -> Accepted | Rejected:
        """A deposit begins; `operations.Desk` brings it to its end."""
        return self.carry_out(Deposit(user=user, asset=asset, amount=amount, tx_hash=tx_hash)).answer

    def tick(self, *, at_ns: int | None = None) -> None:
        """Lets time pass: orders that end by now end."""
        self.carry_out(Tick(), at_ns=at_ns)

    @property
    def last_command(self) -> int:
        """The number of the last command carried out."""
        return self._journal.last_id

    def note(self, name: str, value: str) -> None:
        """Keeps a word about the venue itself in its file; a name is ours to choose."""
        self._flush()
        self._journal.remember({name: value.encode()})

    def noted(self, name: str) -> str | None:
        found = self._journal.remembered(name)
        return None if found is None else found.decode()

    def erase(self) -> None:
        """Forgets every command and row; what remains is a new venue with the same profile and seed, and whoever
        listens."""
        self._flush()
        self._journal.erase()
        self.engine = self._journal.recover(self.profile)

    def transfers_under_way(self) -> list[VenueTransfer]:
        """Deposits, then withdrawals, that have not come to their end, in order of id."""
        transfers = self.engine.transfers
        return [self.engine.words.transfer(each.row(withdrawal=False)) for each in transfers.deposits.values()] + [
            self.engine.words.transfer(each.row(withdrawal=True)) for each in transfers.withdrawals.values()
        ]

    def _written(self) -> None:
        if not self._batched or self._journal.waiting >= limits.BATCH_COMMANDS:
            self._flush()

    def _flush(self) -> None:
        """Commits what waits. If that fails, the engine goes back to what is stored: what was not acknowledged never
        happened."""
        if not self._journal.waiting:
            return
        unheard, self._unheard = self._unheard, []
        try:
            self._journal.commit(self.engine)
        except BaseException:  # whatever it was: what the journal does not have, the engine must not go on from
            self.engine = self._journal.recover(self.profile)
            raise
        for outcome in unheard:
            for listener in self.listeners:
                listener(outcome)

    def _derive(self, what: str) -> str:
        return hmac.new(str(self.seed).encode(), what.encode(), hashlib.sha256).hexdigest()

    # ── logins ───────────────────────────────────────────────────────────────────────────────────────────────────

    def now_ns(self) -> int:
        return max(self._clock(), self.engine.at_ns)

    def login_by_key(self, key: str) -> Login | None:
        self._flush()
        return _login(histories.login(self._journal, key=key))

    def login_by_user(self, user: int) -> Login | None:
        self._flush()
        return _login(histories.login(self._journal, user=user))

    def logins(self) -> list[Login]:
        """Every login, in the order of users."""
        self._flush()
        return [login for row in histories.logins(self._journal) if (login := _login(row)) is not None]

    def user_named(self, name: str) -> int | None:
        """The first user of that name."""
        self._flush()
        found = histories.users_named(self._journal, name)
        return found[0] if found else None

    def sign_tokens_with(self) -> bytes:
        return self._derive("token").encode()

    def token_life_s(self) -> int:
        return self.profile.token_life_s

    # ── the market ───────────────────────────────────────────────────────────────────────────────────────────────

    def assets(self) -> Sequence[VenueAsset]:
        return self.profile.assets

    def instruments(self) -> Sequence[VenueInstrument]:
        return self.profile.instruments

    def instrument(self, symbol: str) -> VenueInstrument | None:
        return self._instruments.get(symbol)

    def ticker(self, symbol: str) -> VenueTicker:
        self._flush()
        market, now_ns = self.engine.markets[symbol], self.now_ns()
        day = bars.since(self._journal.connection, market.id, since_ns=now_ns - DAY_NS)
        return VenueTicker(
            instrument=self._instruments[symbol],
            open=_price(market, day.open if day else None),
            last=_price(market, market.last),
            bid=_price(market, market.bids.best()),
            ask=_price(market, market.asks.best()),
            high=_price(market, day.high if day else None),
            low=_price(market, day.low if day else None),
            volume=amount_of(day.lots if day else 0, market.amount_digits),
            time_ns=now_ns,
        )

    def depth(self, symbol: str, side: Side, *, levels: int | None, grouped: bool) -> Sequence[tuple[Decimal, Decimal]]:
        """``levels``: how many rows at most."""
        market = self.engine.markets[symbol]
        book = market.bids if side == "buy" else market.asks
        rows: list[tuple[Decimal, Decimal]] = []
        for key in reversed(book.keys):
            price = amount_of(abs(key), market.price_digits)
            lots = [order.lots - order.filled for order in book.levels[key].values()]
            rows += [(price, amount_of(each, market.amount_digits)) for each in ([sum(lots)] if grouped else lots)]
            if levels is not None and len(rows) >= levels:
                return rows[:levels]
        return rows

    def candles(self, symbol: str, interval_s: int, *, since_ns: int, until_ns: int) -> Sequence[VenueCandle]:
        """Of every interval that starts within the bounds and in which something traded; ``interval_s`` a multiple of
        60."""
        self._flush()
        market, interval_ns = self.engine.markets[symbol], interval_s * SECOND_NS
        first_ns, end_ns = since_ns + -since_ns % interval_ns, until_ns + -until_ns % interval_ns
        found = bars.within(
            self._journal.connection, market.id, since_ns=first_ns, until_ns=end_ns, interval_ns=interval_ns
        )
        digits = market.price_digits
        return [
            VenueCandle(
                start_ns=start_ns,
                open=amount_of(bar.open, digits),
                high=amount_of(bar.high, digits),
                low=amount_of(bar.low, digits),
                close=amount_of(bar.close, digits),
                volume=amount_of(bar.lots, market.amount_digits),
            )
            for start_ns, bar in found
        ]

    def trades(self, symbol: str | None, *, limit: int, offset: int) -> Sequence[VenueTrade]:
        self._flush()
        instrument = None if symbol is None else self._instruments[symbol].id
        rows = histories.newest_trades(self._journal, instrument, limit=limit, offset=offset)
        return [self.engine.words.trade(row) for row in rows]

    def fee_rules(self, user: int) -> Sequence[VenueFeeRule]:
        known = self.engine.users[user]
        return [
            VenueFeeRule(
                user=user,
                maker_rate=amount_of(known.maker_ppm, RATE_DIGITS),
                taker_rate=amount_of(known.taker_ppm, RATE_DIGITS),
                fee_asset=self.profile.fee_asset,
                valid_from_ns=EARLIEST_NS,
                valid_until_ns=LATEST_NS,
                priority=1,
            )
        ]

    def deposit_methods(self, asset: str) -> Sequence[VenueMethod]:
        return [method for method in self.profile.deposit_methods if method.asset == asset]

    def withdraw_methods(self, asset: str) -> Sequence[VenueMethod]:
        return [method for method in self.profile.withdraw_methods if method.asset == asset]

    # ── a user's own ─────────────────────────────────────────────────────────────────────────────────────────────

    def balances(self, user: int) -> Sequence[VenueBalance]:
        return [
            self.engine.words.balance(
                user, key, total=wallet.total, held=wallet.held, updated_ns=wallet.updated_ns
            )
            for key, wallet in sorted(self.engine.users[user].wallets.items())
        ]  # fmt: skip

    def orders(
        self,
        user: int,
        *,
        symbol: str | None = None,
        side: Side | None = None,
        open_only: bool = False,
        since_ns: int | None = None,
        until_ns: int | None = None,
        newest: int | None = None,
    ) -> Iterator[VenueOrder]:
        if open_only:
            rows = self._open_orders(user, symbol, side=side, since_ns=since_ns, until_ns=until_ns)
            return map(self.engine.words.order, rows[-newest:] if newest else rows)
        where = {"user": user, "instrument": self._id(symbol), "buy": _buy(side)}
        return map(
            self.engine.words.order,
            self._history("orders", where, since_ns=since_ns, until_ns=until_ns, newest=newest),
        )

    def fills(
        self,
        user: int,
        *,
        symbol: str | None = None,
        side: Side | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        newest: int | None = None,
    ) -> Iterator[VenueFill]:
        where = {"user": user, "instrument": self._id(symbol), "buy": _buy(side)}
        rows = self._history("fills", where, since_ns=since_ns, until_ns=until_ns, newest=newest)
        return map(self.engine.words.fill, rows)

    def entries(
        self, user: int, *, asset: str | None = None, since_ns: int | None = None, until_ns: int | None = None
    ) -> Iterator[VenueEntry]:
        where = {"user": user, "asset": None if asset is None else self.engine.assets.get(asset, -1)}
        return map(self.engine.words.entry, self._history("entries", where, since_ns=since_ns, until_ns=until_ns))

    def transfers(
        self,
        user: int,
        direction: Literal["deposit", "withdrawal"],
        *,
        asset: str | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> Iterator[VenueTransfer]:
        where = {
            "user": user,
            "withdrawal": direction == "withdrawal",
            "asset": None if asset is None else self.engine.assets.get(asset, -1),
        }
        return map(self.engine.words.transfer, self._history("transfers", where, since_ns=since_ns, until_ns=until_ns))

    def sub_accounts(self, user: int) -> Sequence[int]:
        return [each.id for each in self.engine.users.values() if each.parent == user]

    def _history(
        self,
        table: str,
        where: dict[str, int | None],
        *,
        since_ns: int | None,
        until_ns: int | None,
        newest: int | None = None,
    ) -> Iterator[histories.Row]:
        self._flush()
        return histories.history(
            self._journal, table, where=where, since_ns=since_ns, until_ns=until_ns, newest=newest
        )  # fmt: skip

    def _open_orders(
        self, user: int, symbol: str | None, *, side: Side | None, since_ns: int | None, until_ns: int | None
    ) -> list[histories.Row]:
        return [
            order_row(order)
            for _, order in sorted(self.engine.users[user].orders.items())
            if (symbol is None or order.market.symbol == symbol)
            and (side is None or order.buy == (side == "buy"))
            and (since_ns is None or order.placed_ns >= since_ns)
            and (until_ns is None or order.placed_ns < until_ns)
        ]

    def _id(self, symbol: str | None) -> int | None:
        """An instrument's number; -1, which none has, where there is no such instrument."""
        if symbol is None:
            return None
        known = self._instruments.get(symbol)
        return -1 if known is None else known.id


def _made_with(journal: Journal, profile: Profile, *, seed: int | None) -> tuple[Profile, int]:
    """The profile and seed of a stored venue; for a new one those given, which are stored."""
    stored = journal.remembered("profile")
    if stored is None:
        seed = DEFAULT_SEED if seed is None else seed
        journal.remember({"profile": msgspec.msgpack.encode(profile), "seed": str(seed).encode()})
        return profile, seed
    known = int(journal.remembered("seed") or b"0")
    if seed is not None and seed != known:
        message = f"the paper exchange in {journal.path} was made with seed {known}, not {seed}"
        raise Conflict(message, hint="leave the seed out, or reset the paper exchange first")
    return msgspec.msgpack.decode(stored, type=Profile), known


def _login(row: histories.Row | None) -> Login | None:
    if row is None:
        return None
    user, name, email, key, secret, permissions, parent = row
    granted = frozenset(each for each in permissions.split(",") if each)
    return Login(user=user, name=name, email=email, key=key, secret=secret, permissions=granted, parent=parent)


def _buy(side: Side | None) -> int | None:
    return None if side is None else int(side == "buy")


def _price(market: Market, ticks: int | None) -> Decimal | None:
    return None if ticks is None else amount_of(ticks, market.price_digits)
