"""Shows that texts which an exchange supplies stay data in every form: no control character reaches a terminal, no cell
becomes a formula, no row is broken, and every text reads back as it was."""

from __future__ import annotations

import csv
import io
import itertools
import json
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.domain.records import Order
from nostro.views.escape import FORMULA_STARTS, for_spreadsheet, for_terminal
from nostro.views.facts import ORDERS
from nostro.views.files import as_csv, as_json
from nostro.views.table import lines
from nostro.views.view import View

TEXTS = (
    "=HYPERLINK(\"http://x\",\"y\")", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "\uff1d1+1",
    "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x9b31m", "\u202eevil", "\u200bhidden", "a\nb", "a\r\nb", "a,b", 'a"b', "'a",
    "<script>alert(1)</script>", "{{7*7}}", "%s%n", "../../etc/passwd", "'; DROP TABLE page; --", "[red]x[/red]",
    "ÜSDT", "\uff35\uff33\uff24\uff34", "🚀",
    "\u2028line", "\ue000private", "a" * 5000, "", " ", "null", "NaN", "1e999", "0x10",
)  # fmt: skip
FIELDS = (
    "instrument",
    "side",
    "type",
    "status",
    "client_id",
    "native_id",
    "wallet",
    "sub_account",
    "account",
    "exchange",
)
PAYLOADS = list(itertools.product(FIELDS, TEXTS))


def order(**more: object) -> Order:
    return msgspec.structs.replace(
        Order(account="fund", exchange="alp", instrument="BTC/USDT", side="buy", type="limit", effective_ns=10**18),
        **more,
    )


def view(*rows: Order) -> View:
    return View(noun="orders", columns=ORDERS.columns, rows=rows, kind=Order, group=("account",))


def test_there_are_at_least_three_hundred_payloads() -> None:
    assert len(PAYLOADS) >= 300


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_control_character_reaches_a_terminal(width: int) -> None:
    for field, text in PAYLOADS:
        for line in lines(view(order(**{field: text})), width):
            for character in line.plain:
                assert unicodedata.category(character)[0] != "C", (field, text)
                assert unicodedata.category(character) not in {"Zl", "Zp"}


def test_no_cell_becomes_a_formula_and_no_row_breaks() -> None:
    for field, text in PAYLOADS:
        written = "".join(as_csv(view(order(**{field: text}), order())))
        read = list(csv.reader(io.StringIO(written, newline="")))
        assert len(read) == 3
        assert {len(row) for row in read} == {len(read[0])}
        for cell in read[1]:
            assert not cell.startswith(FORMULA_STARTS), (field, text)
        cell = dict(zip(read[0], read[1], strict=True))[field]
        assert cell in {text, f"'{text}"}


def test_json_reads_back_every_text_and_is_ascii() -> None:
    for field, text in PAYLOADS:
        written = "".join(as_json(view(order(**{field: text}))))
        assert written.isascii()
        assert all(character.isprintable() or character == "\n" for character in written)
        assert json.loads(written)["rows"][0][field] == text


@given(st.text())
def test_any_text_is_one_harmless_line(text: str) -> None:
    shown = for_terminal(text)
    assert len(shown.splitlines()) <= 1
    assert all(unicodedata.category(character)[0] != "C" for character in shown)
    if text.isprintable() and text.isascii():
        assert shown == text


@given(st.text())
def test_a_cell_is_the_text_itself_behind_at_most_an_apostrophe(text: str) -> None:
    cell = for_spreadsheet(text)
    assert cell in {text, f"'{text}"}
    assert not cell.startswith(FORMULA_STARTS)
