"""Shows that the lite names are the exchange's, over every table of its specification, that both encodings say the
same, and that what reads one reads the other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nostro.exchanges.grvt import feed_messages, messages, orders, requests
from nostro.exchanges.grvt.lite import EXCEPTIONS, in_lite, lite, names

RECORDED = Path(__file__).parents[2] / "recorded" / "grvt"
TABLES = json.loads((RECORDED / "lite_names.json").read_text())["structures"]
VECTORS = {each["name"]: each for each in json.loads((RECORDED / "requests.json").read_text())["vectors"]}
MODULES = (messages, orders, requests, feed_messages)
OURS_ALONE = {"order_ids", "client_order_ids"}  # of bulk orders: the other spelling of two members


def structure(name: str) -> Any:
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


@pytest.mark.parametrize("name", TABLES)
def test_members_and_lite_names_are_the_tables(name: str) -> None:
    kind = structure(name)
    members = [member for member in kind.__struct_fields__ if member not in OURS_ALONE]
    assert members == [full for full, _ in TABLES[name]]
    found = names(kind.__name__, kind.__struct_fields__)
    assert [[full, found[full]] for full in members] == TABLES[name]


def test_the_tables_are_many_and_have_the_exception() -> None:
    assert sum(len(rows) for rows in TABLES.values()) > 450
    assert EXCEPTIONS == {("InstrumentDisplay", "settlement_period"): "sp1"}
    assert ["settlement_period", "sp1"] in TABLES["InstrumentDisplay"]


def test_every_structure_that_travels_has_a_twin() -> None:
    for module in MODULES:
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__:
                twin = lite(kind)
                assert twin.__struct_fields__ == kind.__struct_fields__
                assert len(set(twin.__struct_encode_fields__)) == len(kind.__struct_fields__), kind


@pytest.mark.parametrize(
    "name", ["grvt_create_order_lite_limit", "grvt_create_order_lite_stop_loss", "grvt_create_order_lite_builder"]
)
def test_a_lite_body_is_read_as_the_full_one(name: str) -> None:
    vector = VECTORS[name]
    full = VECTORS[vector["inputs"]["full_body_of"]]["expected"]["body_exact"]
    light = vector["expected"].get("body_compact") or json.dumps(vector["expected"]["body_json"])
    read = msgspec.json.decode(light, type=lite(requests.CreateOrder))
    said = msgspec.json.decode(full, type=requests.CreateOrder)
    assert in_lite(said) == read
    written = json.loads(msgspec.json.encode(in_lite(said)))
    given = json.loads(light)
    assert written == without_nulls(given)
    assert written != json.loads(full)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def test_a_lite_answer_is_written_as_it_is_recorded() -> None:
    vector = VECTORS["grvt_create_order_response_lite"]
    full = json.dumps(vector["inputs"]["full_body"])
    answer = msgspec.json.decode(full, type=messages.Result[orders.Order])
    assert json.loads(msgspec.json.encode(in_lite(answer))) == vector["expected"]["body_json"]
    again = msgspec.json.decode(json.dumps(vector["expected"]["body_json"]), type=lite(messages.Result[orders.Order]))
    assert again.result.state.status == "OPEN"
    assert again.result.signature.signer == answer.result.signature.signer


def test_one_encoding_is_not_read_as_the_other() -> None:
    full = VECTORS["grvt_create_order_raw_sdk_limit"]["expected"]["body_exact"]
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(full, type=lite(requests.CreateOrder))
