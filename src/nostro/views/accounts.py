"""The nouns ``accounts`` and ``accounts check``: what this home keeps, and what a key may read. No key is among it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from nostro.views.view import Column, View


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
