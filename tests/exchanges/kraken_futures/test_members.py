"""Shows that every member of every table that the exchange documents for these calls has a field of the same name in
our messages: nothing that it may say is unknown here.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import msgspec
import pytest

RECORDED = Path(__file__).parents[2] / "recorded" / "kraken_futures" / "members.json"
TABLES: dict[str, list[str]] = json.loads(RECORDED.read_text("utf-8"))["members"]


@pytest.mark.parametrize("table", TABLES)
def test_every_documented_member_has_a_field(table: str) -> None:
    module, name = table.split(".")
    kind = getattr(importlib.import_module(f"nostro.exchanges.kraken_futures.{module}"), name)
    ours = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert set(TABLES[table]) <= ours, set(TABLES[table]) - ours


def test_the_tables_are_many() -> None:
    assert len(TABLES) > 50
    assert sum(map(len, TABLES.values())) > 350
