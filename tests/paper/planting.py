"""Plants a fault in the naive engine: a piece of a rule turned into another, in the function's own text. It decides no
fault.
"""

from __future__ import annotations

import inspect
import textwrap
from typing import Any, Final

import pytest

from naive import contract_workload, workload
from naive.contract_market import ContractMarket
from naive.state import Ledger, down

SCENE_CHANCE: Final = 0.05  # plays are what finds most of them


def plant(patch: pytest.MonkeyPatch, owner: Any, name: str, *, page: str, fault: str) -> None:
    """``page``: what ``owner.name`` says once, ``fault``: what it is to say instead."""
    function = getattr(owner, name)
    # A function that stands outside of its class does not know what `super` is.
    text = textwrap.dedent(inspect.getsource(function)).replace("super()", f"super({owner.__name__}, self)")
    assert text.count(page) == 1, "the naive engine says it otherwise now"
    made: dict[str, Any] = {}
    exec(text.replace(page, fault), {**function.__globals__, "down": down, owner.__name__: owner}, made)
    patch.setattr(owner, name, made[name])
    for played in (workload, contract_workload):
        patch.setattr(played, "SCENE_CHANCE", SCENE_CHANCE)
    for checked in (Ledger, ContractMarket):
        patch.setattr(checked, "check", lambda _: None)  # what loses money is to be found by comparing
