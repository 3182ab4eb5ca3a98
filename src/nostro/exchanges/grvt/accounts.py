"""Who is who on the paper GRVT: main accounts with an address, and their sub-accounts with a number. It decides which
of them a login sees; what they hold stands in ``serve*.py``.

*Ours*: a main account is a user without a master; its sub-accounts are the users whose master it is, and where there is
none it trades itself. A sub-account's number is its user's. What the venue calls `spot` and `funding` is the main
account's money here, the wallet `futures` a sub-account's.
"""

from __future__ import annotations

from typing import Final

from nostro.exchanges.grvt import eip712, words
from nostro.exchanges.grvt.refusals import FORBIDDEN, MALFORMED, UNAUTHENTICATED, refused
from nostro.exchanges.grvt.written import some_hash
from nostro.link.commands import FUTURES
from nostro.link.declare import Call
from nostro.link.view import Login, VenueView

FUNDING_WALLETS: Final = ("spot", "funding")
WALLET: Final = FUTURES
# Members of a login's `extra`.
PRIVATE_KEY: Final = "private_key"
MAIN_ACCOUNT: Final = "main_account_id"


def login(call: Call) -> Login:
    """Who asks. Raises 1000 for nobody, which `verify` has seen to."""
    if call.login is None:
        raise refused(UNAUTHENTICATED)
    return call.login


def main_of(asked: Login) -> int:
    return asked.user if asked.parent is None else asked.parent


def address(view: VenueView, user: int) -> str:
    """Of a main account: what its login says, made up where it has none."""
    known = view.login_by_user(user)
    named = known.extra.get(MAIN_ACCOUNT) if known is not None else None
    return named or some_hash("account", user)[:42]


def account_id(view: VenueView, asked: Login) -> str:
    """What the session's requests name."""
    return asked.extra.get(MAIN_ACCOUNT) or address(view, main_of(asked))


def sub_accounts(view: VenueView, asked: Login) -> tuple[int, ...]:
    """The users whose trading a login sees, in order; a sub-account's own key sees that one."""
    return (tuple(view.sub_accounts(asked.user)) if asked.parent is None else ()) or (asked.user,)


def sub_account(view: VenueView, call: Call) -> int:
    """The user of the sub-account that a message names. Raises 1003 where it names none, 1001 for one that is not the
    login's (*ours*: which of the codes, no text says)."""
    raw = call.message.sub_account_id
    if raw in (None, ""):
        raise refused(MALFORMED, "sub_account_id is missing")
    return seen(view, login(call), sub_account_id=str(raw))


def seen(view: VenueView, asked: Login, *, sub_account_id: str) -> int:
    """The user of a sub-account. Raises 1001 for one that is not the login's."""
    found = next((user for user in sub_accounts(view, asked) if str(user) == sub_account_id), None)
    if found is None:
        raise refused(FORBIDDEN, "this sub account is not yours")
    return found


def main_account(view: VenueView, call: Call) -> int:
    """The user of the main account that a message names, the caller's where it names none. Raises 1001."""
    asked = login(call)
    named = getattr(call.message, "main_account_id", None)
    if named and named.lower() != account_id(view, asked):
        raise refused(FORBIDDEN, "this main account is not yours")
    return main_of(asked)


def may_sign(view: VenueView, asked: Login, *, user: int) -> frozenset[str]:
    """The addresses whose signatures hold for a sub-account: the login's own, its main account's, the sub-account's."""
    found = (view.login_by_user(each) for each in {main_of(asked), user})
    keys = (each.extra.get(PRIVATE_KEY) for each in (asked, *found) if each is not None)
    return frozenset(eip712.address_of(key) for key in keys if key)


def sub_account_of(user: int, wallet: str) -> str:
    """The sub-account whose wallet it is; the funding account's number is 0."""
    return words.FUNDING_ACCOUNT if wallet in FUNDING_WALLETS else str(user)
