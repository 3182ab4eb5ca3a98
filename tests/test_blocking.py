"""The blocking account has every method of the asynchronous one, with the same parameters and defaults, and no
other."""

from __future__ import annotations

import inspect

from nostro.account import AsyncAccount, History
from nostro.blocking import Account, BlockingHistory


def public(owner: type) -> dict[str, object]:
    return {name: value for name, value in vars(owner).items() if not name.startswith("_")}


def test_names_are_the_same() -> None:
    assert set(public(Account)) == set(public(AsyncAccount))
    assert len(public(Account)) > 20


def test_signatures_are_the_same() -> None:
    for name, method in public(AsyncAccount).items():
        other = public(Account)[name]
        if isinstance(method, property):
            assert isinstance(other, property), name
            continue
        assert inspect.signature(method).parameters == inspect.signature(other).parameters, name


def test_a_blocking_method_never_returns_an_awaitable() -> None:
    for name, method in public(Account).items():
        assert not inspect.iscoroutinefunction(method), name


def test_histories_have_the_same_names() -> None:
    assert set(public(BlockingHistory)) == {"all", "coverage", "pages"}
    assert {"all"} <= set(public(History))


def test_every_method_is_documented() -> None:
    for owner in (AsyncAccount, Account):
        for name, method in public(owner).items():
            assert inspect.getdoc(method), f"{owner.__name__}.{name}"
