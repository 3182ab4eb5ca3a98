"""nostro keeps one exact, complete, provable book of every exchange account you own.

>>> import nostro
>>> with nostro.open_account("alp", test_mode=True) as account:
...     balances = account.balances()

Everything here is loaded when it is first used, so that importing nostro costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nostro.account import AsyncAccount
    from nostro.blocking import Account, BlockingHistory
    from nostro.book.book import Book
    from nostro.domain.answers import Answer, Interval
    from nostro.errors import NostroError
    from nostro.link.history import History
    from nostro.open import open_account, open_async_account, open_book, restore_book

__version__ = "0.1.0"

__all__ = [
    "Account",
    "Answer",
    "AsyncAccount",
    "BlockingHistory",
    "Book",
    "History",
    "Interval",
    "NostroError",
    "open_account",
    "open_async_account",
    "open_book",
    "restore_book",
]

_HOMES: Final = {
    "Account": "nostro.blocking",
    "Answer": "nostro.domain.answers",
    "AsyncAccount": "nostro.account",
    "BlockingHistory": "nostro.blocking",
    "Book": "nostro.book.book",
    "History": "nostro.link.history",
    "Interval": "nostro.domain.answers",
    "NostroError": "nostro.errors",
    "open_account": "nostro.open",
    "open_async_account": "nostro.open",
    "open_book": "nostro.open",
    "restore_book": "nostro.open",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nostro' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
