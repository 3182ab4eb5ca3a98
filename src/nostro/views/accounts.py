"""The nouns ``accounts``, ``accounts check`` and ``sub_accounts``: what this home keeps, what a key may read, and the
tree of accounts that an exchange shows below a login. No key is among it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from nostro.domain.records import SubAccount
from nostro.views.facts import SUB_ACCOUNTS, Question, facts
from nostro.views.view import Column, View

if TYPE_CHECKING:
    from nostro.book.book import Book


class AccountLine(msgspec.Struct, frozen=True, kw_only=True):
    """One account. ``paper``: its login at the paper exchange, "" for a live one. ``keys``: where its key lies
    (keyring, sealed file, environment, paper, missing). ``allow``: what it may do beyond reading."""

    account: str
    exchange: str
    dialect: str
    paper: str
    keys: str
    allow: tuple[str, ...]
    since: str
    url: str


class CheckLine(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one question. ``result``: ok, forbidden, unsupported or failed; ``detail`` says more."""

    account: str
    question: str
    result: str
    detail: str


ACCOUNT_COLUMNS: Final = (
    Column(name="account", heading="account"),
    Column(name="exchange", heading="exchange"),
    Column(name="dialect", heading="dialect", rank=2),
    Column(name="paper", heading="paper login"),
    Column(name="keys", heading="key"),
    Column(name="since", heading="since", rank=1),
    Column(name="url", heading="url", rank=3),
    Column(name="allow", heading="may, beyond reading"),
)
CHECK_COLUMNS: Final = (
    Column(name="question", heading="question"),
    Column(name="result", heading="result", kind="status"),
    Column(name="detail", heading="detail"),
)


def accounts(lines: Sequence[AccountLine]) -> View:
    """The accounts of a home."""
    return View(
        noun="accounts", columns=ACCOUNT_COLUMNS, rows=lines, kind=AccountLine,
        empty="no accounts yet: `nostro up` adds paper accounts, `nostro accounts add NAME EXCHANGE` a live one",
    )  # fmt: skip


def checks(lines: Sequence[CheckLine]) -> View:
    """What an account's key may read."""
    return View(noun="check", columns=CHECK_COLUMNS, rows=lines, group=("account",))


def tree(book: Book, accounts: Sequence[str], *, question: Question) -> View:
    """The sub-accounts of those accounts, each under the one that it is below; the table indents them."""
    view = facts(book, SUB_ACCOUNTS, accounts=accounts, question=question)
    found = [row for row in view.rows if isinstance(row, SubAccount)]
    placed = [each for name in accounts for each in _placed([row for row in found if row.account == name])]
    return msgspec.structs.replace(
        view,
        rows=[row for row, _ in placed],
        drawn=[msgspec.structs.replace(row, sub_account="  " * depth + row.sub_account) for row, depth in placed],
        empty="no sub-accounts are known",
    )


def _placed(rows: Sequence[SubAccount]) -> Iterator[tuple[SubAccount, int]]:
    """Depth first, with the depth; what is below nothing known is a root. A circle is listed flat, at its end."""
    known = {row.native_id for row in rows}
    waiting = [(row, 0) for row in rows if row.parent_id not in known][::-1]
    seen: set[str | None] = set()
    while waiting:
        row, depth = waiting.pop()
        seen.add(row.native_id)
        yield row, depth
        waiting += [(each, depth + 1) for each in rows if each.parent_id == row.native_id][::-1]
    yield from ((row, 0) for row in rows if row.native_id not in seen)
