"""The tree of errors, drawn once. It decides who is at fault, whether the thing asked for happened, and
whether it may be asked again; it does not decide how an exchange spells its errors (``exchanges/*/auth.py``).

    NostroError
    ├── ExchangeError       the exchange answered
    │   ├── Refused         it did not happen
    │   │   ├── NotSupported  Unauthorized  Forbidden  NotFound  BadRequest
    │   │   ├── InsufficientFunds  OrderRejected  ClockSkew
    │   │   └── RateLimited
    │   └── Failing         it may have happened: reads repeat, writes look up first
    │       └── Unresolved  a write whose fate could not be looked up without doubt
    ├── LinkError           no whole answer
    │   ├── NotSent         it did not happen: repeat
    │   └── Unanswered      it may have happened: as Failing
    ├── WireError           the answer breaks the protocol: keep the bytes
    │   └── Undecodable  PagingLoop  TooLarge
    ├── BookError           the record refuses
    │   ├── Conflict  SchemaTooNew  NotABook  ChainBroken  RolledBack  NoAnchor  Corrupted  Fenced  Unwritable
    │   └── Unsuitable  Unreachable  Uncertain
    ├── CoverageError       the book will lack something
    │   └── RetentionDeadline
    └── UsageError          you called us wrongly
        └── ExchangeUnknown  NotGranted  Locked  BadValue

Every message is one sentence that names the field and the value (never a secret); ``hint`` says what to do
next. ``exit_status`` is the exit status of the command line for that branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

Happened = Literal["no", "maybe", "yes"]


class NostroError(Exception):
    """The root. ``happened``: whether the thing asked for happened. ``repeat``: whether it may be asked again, as it
    is."""

    happened: ClassVar[Happened] = "no"
    repeat: ClassVar[bool] = False
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", exchange: str = "", account: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exchange = exchange
        self.account = account
        self.page: object | None = None  # the answer that said so (a `declare.Page`), where one came

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ExchangeError(NostroError):
    """The exchange answered, and the answer is an error. ``status`` is the HTTP status, 0 where there is none."""

    exit_status = 3

    def __init__(self, message: str, *, hint: str = "", exchange: str = "", account: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint, exchange=exchange, account=account)
        self.status = status


class Refused(ExchangeError):
    """The exchange refused: it did not happen."""


class NotSupported(Refused):
    """The exchange has no such functionality on this wire."""


class Unauthorized(Refused):
    """The key, the secret, the token or the signature is wrong."""


class Forbidden(Refused):
    """The key is good, and lacks the permission."""


class NotFound(Refused):
    """No such resource: an unknown path, order, instrument or wallet."""


class BadRequest(Refused):
    """The exchange does not accept these parameters."""


class InsufficientFunds(Refused):
    """The wallet does not hold enough for this."""


class OrderRejected(Refused):
    """The exchange's rules for orders refuse this one (size, price, time in force, self-trade, post-only)."""


class ClockSkew(Refused):
    """This machine's clock and the exchange's differ too much. ``offset_s`` = exchange minus us, seconds."""

    def __init__(self, message: str, *, offset_s: float, hint: str = "", exchange: str = "", account: str = "") -> None:
        super().__init__(message, hint=hint, exchange=exchange, account=account)
        self.offset_s = offset_s


class RateLimited(Refused):
    """Too many requests. ``retry_after_s``: seconds to wait, as the exchange says, or None where it does not."""

    repeat = True

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, hint: str = "", exchange: str = "", status: int = 429
    ) -> None:
        super().__init__(message, hint=hint, exchange=exchange, status=status)
        self.retry_after_s = retry_after_s


class Failing(ExchangeError):
    """A 5xx, maintenance, or an answer without a verdict: it may have happened."""

    happened = "maybe"
    repeat = True
    exit_status = 4


class Unresolved(Failing):
    """A write was sent, no answer came, and looking it up left a doubt. It is never repeated blindly."""

    repeat = False


class LinkError(NostroError):
    """No whole answer came."""

    exit_status = 5


class NotSent(LinkError):
    """The request never left: it did not happen, and may be repeated."""

    repeat = True


class Unanswered(LinkError):
    """The request left, and no whole answer came: it may have happened."""

    happened = "maybe"
    repeat = True


class WireError(NostroError):
    """An answer breaks the protocol. Its bytes are kept."""

    happened = "maybe"
    exit_status = 6


class Undecodable(WireError):
    """The body is not what the route answers with: not JSON, a member missing, a number that is none."""


class PagingLoop(WireError):
    """The answers of a history go in a circle: a cursor or a page came again, or a bound is not obeyed."""


class TooLarge(WireError):
    """An answer is larger than `limits.BODY_BYTES_MAX`, or than `limits.HISTORY_BYTES_MAX` where a smaller window can
    be asked for instead; it was abandoned."""

    def __init__(self, message: str = "An answer is larger than the limit.", *, hint: str = "ask for less") -> None:
        super().__init__(message, hint=hint)


class BookError(NostroError):
    """The record refuses."""

    exit_status = 7


class Conflict(BookError):
    """Two writers, or a name that is taken."""


class SchemaTooNew(BookError):
    """The database was written by a newer nostro."""


class SchemaTooOld(BookError):
    """The database was written by an older nostro, and is not brought to the present form: a book that is only
    read, and a paper exchange, which is made anew."""


class NotABook(BookError):
    """The file is a database of another program, or no database."""


class ChainBroken(BookError):
    """A page's hash does not follow from the page before it: a page was altered, deleted or reordered."""


class RolledBack(BookError):
    """The book's head lies behind its anchor: an older copy was put in its place, or commits were lost."""


class NoAnchor(BookError):
    """The book has no anchor beside it: it opens for reading only."""


class Corrupted(BookError):
    """A checksum does not match: the disk, or something else, changed stored bytes."""


class Fenced(BookError):
    """Another process took the lease on this account; nothing was written."""

    repeat = True


class Unwritable(BookError):
    """The folder is read-only, the disk is full, or writing failed; nothing that was acknowledged is lost."""


class Unsuitable(BookError):
    """The database server would not keep a book safe: no checksums, no syncing, another encoding, too old."""


class Unreachable(BookError):
    """The database server does not answer, or went away; nothing was written. The next call connects anew."""

    repeat = True


class Uncertain(Unreachable):
    """The database server went away while it was told to commit, and cannot be asked whether it did. Writing the same
    again doubles nothing."""

    happened = "maybe"


class CoverageError(NostroError):
    """All that was brought is kept, and something that happened is not in the book."""

    exit_status = 8


class RetentionDeadline(CoverageError):
    """History that could not be read is about to be forgotten by the exchange. ``deadlines``: which, since when, and
    from when on (each an `events.Deadline`), the next one first."""

    repeat = True

    def __init__(self, message: str, *, deadlines: Sequence[object], hint: str = "", account: str = "") -> None:
        super().__init__(message, hint=hint, account=account)
        self.deadlines = tuple(deadlines)


class UsageError(NostroError):
    """You called us wrongly."""

    exit_status = 2


class ExchangeUnknown(UsageError):
    """No such exchange."""


class NotGranted(UsageError):
    """This account was opened without the grant that this call needs."""


class Locked(UsageError):
    """The account's keys are sealed, and no passphrase was given."""


class BadValue(UsageError):
    """A value that you gave is not of the form expected."""
