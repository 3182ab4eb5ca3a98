"""The venue: the engine with its journal behind it, as a wire sees it (`VenueView`) and as its operator does. It
decides that nothing is answered before it is durable, and who may log in; the rules of trading are the engine's, and
what is read of it ``reading.py``'s.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from nostro import limits
from nostro.errors import Conflict, NotFound
from nostro.link.commands import Accepted, Command, Rejected
from nostro.link.view import Login, VenueTransfer
from nostro.paper.profiles.alp import PROFILE
from nostro.paper.venue import histories
from nostro.paper.venue.commands import AnyCommand, CreateUser, Deposit, Envelope, Fund, Tick
from nostro.paper.venue.journal import Journal
from nostro.paper.venue.keys import Holder, Issue, texts
from nostro.paper.venue.profile import Profile
from nostro.paper.venue.reading_contracts import ContractReading
from nostro.paper.venue.rows import Outcome

if TYPE_CHECKING:
    from types import TracebackType

DEFAULT_SEED: Final = 7


class Venue(ContractReading):
    """A paper exchange in one file. ``now_ns`` is its clock; its time never goes back behind its last command.
    ``listeners``: each is called with the outcome of every accepted command, in their order, once it is durable.

    Not safe for several threads at once. One process owns the file; another one's writing is noticed and refused."""

    def __init__(
        self, journal: Journal, profile: Profile, *, seed: int, now_ns: Callable[[], int], issue: Issue = texts
    ) -> None:
        super().__init__(journal, profile, now_ns=now_ns)
        self.seed = seed
        self._issue = issue
        self._batched = False
        self._lost: BaseException | None = None  # why the last commit that failed did
        self.listeners: list[Callable[[Outcome], None]] = []
        self._unheard: list[Outcome] = []

    @classmethod
    def open(
        cls, path: Path, *, now_ns: Callable[[], int], seed: int | None = None, profile: Profile = PROFILE,
        issue: Issue = texts, create: bool = True,
    ) -> Venue:  # fmt: skip
        """The venue in that file, made if it is not there and ``create``. ``seed``: its keys and its market derive from
        it; None: the stored one, or `DEFAULT_SEED` for a new venue. ``issue``: the form of its keys. Raises `Conflict`
        where it was made with another seed, and `NotABook`, `SchemaTooNew`, `SchemaTooOld`, `Corrupted`,
        `Unwritable`."""
        journal = Journal(path, create=create)
        try:
            profile, made_with = _made_with(journal, profile, seed=seed)
            return cls(journal, profile, seed=made_with, now_ns=now_ns, issue=issue)
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
        """Within it, commands are committed many at a time, the last of them at its end; until then nobody may be
        answered. Raises at its end what any commit within it raised: some of its commands never happened."""
        before = self._lost
        self._batched = True
        try:
            yield
        finally:
            self._batched = False
            self._flush()
        if self._lost is not None and self._lost is not before:
            raise self._lost

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
        keys = self._issue(self._derive, Holder(name, user, self.engine.users[user].parent, self.sub_accounts(user)))
        self._journal.add_login(keys.key, user, secret=keys.secret, permissions=",".join(sorted(permissions)))
        self._written()
        login = self.login_by_key(keys.key)
        assert login is not None
        return login

    def set_permissions(self, key: str, permissions: Iterable[str]) -> None:
        """What a key may do from now on, of read, trade, margin and withdraw. Raises `NotFound`."""
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
        except BaseException as error:  # whatever it was: the engine must not go on from what the journal does not have
            self._lost = error
            self.engine = self._journal.recover(self.profile)
            raise
        for outcome in unheard:
            for listener in self.listeners:
                listener(outcome)

    def _derive(self, what: str) -> str:
        return hmac.new(str(self.seed).encode(), what.encode(), hashlib.sha256).hexdigest()

    # ── logins ───────────────────────────────────────────────────────────────────────────────────────────────────

    def login_by_key(self, key: str) -> Login | None:
        if self._journal.logins_wait:  # every request asks this: it commits nothing that it does not need
            self._flush()
        return self._login(histories.login(self._journal, key=key))

    def login_by_user(self, user: int) -> Login | None:
        self._flush()
        return self._login(histories.login(self._journal, user=user))

    def logins(self) -> list[Login]:
        """Every login, in the order of users."""
        self._flush()
        return [login for row in histories.logins(self._journal) if (login := self._login(row)) is not None]

    def _login(self, row: histories.Row | None) -> Login | None:
        if row is None:
            return None
        user, name, email, key, secret, permissions, parent = row
        issued = self._issue(self._derive, Holder(name, user, parent, self.sub_accounts(user)))
        return Login(
            user=user, name=name, email=email, key=key, secret=secret, parent=parent,
            permissions=frozenset(each for each in permissions.split(",") if each),
            extra=dict(issued.extra),
        )  # fmt: skip

    def user_named(self, name: str) -> int | None:
        """The first user of that name."""
        self._flush()
        found = histories.users_named(self._journal, name)
        return found[0] if found else None

    def sign_tokens_with(self) -> bytes:
        return self._derive("token").encode()

    def token_life_s(self) -> int:
        return self.profile.token_life_s


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
