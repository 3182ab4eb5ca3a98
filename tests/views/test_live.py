"""Shows that the live screen never lies about a number: at every width from 40 to 200 no line is wider, no number is
cut unless it says so, points stand in one column, and columns go in their order; that each number has its age and a
change its mark; and that what was told and what the book says make one board, whichever comes first."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from rich.cells import cell_len

from nostro.domain.fact import Balance, Fact
from nostro.domain.values import SECOND_NS, canonical
from nostro.link import events
from nostro.views.choices import Choices, pressed
from nostro.views.fitting import Form, Widths, fitted, forms
from nostro.views.lines import Line, Size
from nostro.views.live import Board, Standing, distance, statements
from nostro.views.screen import Screen, drawn
from nostro.views.sections import COLUMNS, DOWN, UP
from nostro.views.view import Column
from views.boards import FACTS, NOON_NS, balance, fact_members, filled, look, position

WIDTHS = range(40, 201)
SECOND = SECOND_NS


def text(line: Line) -> str:
    return "".join(cell.text for cell in line)


def screen(board: Board, *, width: int = 80, height: int = 60, after_s: float = 1, **chosen: Any) -> Screen:
    size, now_ns = Size(width, height), NOON_NS + int(after_s * SECOND)
    return drawn(board, Choices(**chosen), size=size, widths={}, now_ns=now_ns)


def shown(board: Board, **more: Any) -> list[str]:
    return [text(line).rstrip() for line in screen(board, **more).lines]


def told(account: str, fact: Fact, *, at_s: float, number: int = 1) -> events.Update:
    at_ns = NOON_NS + int(at_s * SECOND)
    return events.Update(account=account, at_ns=at_ns, number=number, stream="positions", fact=fact, via="feed")


# ── widths ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("height", [6, 24])
def test_every_line_fits_every_width(height: int) -> None:
    board, lines = filled(), 0
    board.take(events.GapOpened(account="trader", at_ns=NOON_NS, since_ns=NOON_NS, why="the connection broke " * 9))
    for stream in ("fills", "entries"):
        board.take(
            events.Deadline(account="trader", at_ns=NOON_NS, stream=stream, since_ns=0, deadline_ns=NOON_NS + SECOND)
        )
    for width in WIDTHS:
        for chosen in ({}, {"helping": True}, {"typing": True, "filter": "b" * 39}, {"paused": True}, {"zeros": True}):
            found = screen(board, width=width, height=height, **chosen).lines
            assert len(found) == height
            assert max(cell_len(text(line)) for line in found) <= width
            lines += len(found)
    assert lines == len(WIDTHS) * 5 * height


AMOUNTS = some.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20)
SMALL = some.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**6), max_value=10**6)
TABLES = {name: (Column(name="account", heading=name.upper()), *columns) for name, columns in COLUMNS.items()}


@settings(max_examples=150, deadline=None)
@given(some.data(), some.sampled_from(sorted(TABLES)), some.integers(40, 200), some.integers(1, 4))
def test_no_number_is_cut_and_points_stand_in_one_column(data: Any, name: str, width: int, rows: int) -> None:
    columns = TABLES[name]
    amounts = data.draw(some.sampled_from([AMOUNTS, SMALL, some.one_of(some.none(), SMALL, AMOUNTS)]))
    words = some.text(min_size=0, max_size=40)
    values = [
        [data.draw(amounts) for _ in range(rows)] if column.kind == "amount"
        else ["stale 59m" if column.name == "age" else data.draw(words)] * rows
        for column in columns
    ]  # fmt: skip
    found = fitted(name, columns, values=values, width=width, widths={})
    taken = 1 + sum(cell_len(each.heading) + each.is_amount for each in found) + len(found) - 1
    assert taken <= width
    known = {column.name: each for column, each in zip(columns, values, strict=True)}
    for each in found:
        assert {cell_len(cell) for cell in each.cells} == {cell_len(each.heading)}
        if each.is_amount:
            pairs = list(zip(known[each.column.name], each.cells, strict=True))
            assert all(is_honest(value, cell.strip()) for value, cell in pairs)
            assert len({point(cell) for _, cell in pairs if point(cell) is not None and "e" not in cell}) <= 1


def is_honest(value: Decimal | None, cell: str) -> bool:
    """Whether the cell is the whole number, or as much of it as it says."""
    if value is None:
        return cell == "-"
    plain = cell.replace(",", "")
    if "…" not in plain:
        return Decimal(plain) == value
    if "e" in plain:
        digits, exponent = plain.split("…e")
        whole = canonical(abs(value)).partition(".")[0]
        return len(whole) == int(exponent) + 1 and whole.startswith(digits.lstrip("-").replace(".", ""))
    return canonical(value).startswith(plain.removesuffix("…")) and plain.count("…") == 1


def point(cell: str) -> int | None:
    """Where its point stands, or would."""
    if cell.strip() == "-":
        return None
    return cell.index(".") if "." in cell else len(cell.rstrip())


def test_columns_go_by_their_rank_alone() -> None:
    dropped = 0
    for columns in TABLES.values():
        values = [["123456.123456" if column.kind != "amount" else Decimal("123456.123456")] for column in columns]
        for width in WIDTHS:
            kept = [each.column for each in fitted("any", columns, values=values, width=width, widths={})]
            gone = [column for column in columns if column not in kept and not column.beside]
            assert all(column.rank > 0 for column in gone)
            assert max((column.rank for column in kept), default=0) < min((column.rank for column in gone), default=99)
            dropped += len(gone)
    assert dropped > 100


def test_what_is_conceded_only_grows() -> None:
    for columns in TABLES.values():
        found = list(forms(columns))
        assert found[0] == Form(None, 24, max(column.rank for column in columns))
        assert all(one.rank >= other.rank and one.characters >= other.characters for one, other in pairwise(found))


def test_rows_that_would_look_the_same_say_what_they_are_of() -> None:
    board = filled(told=True)
    wide = {"total": Decimal("1234567.12345678"), "free": Decimal("1234567.12345678"), "value": Decimal("1234.5")}
    for wallet in ("spot", "futures"):
        board.take(told("trader", Balance(wallet=wallet, asset="XRP", **wide), at_s=1))
    lines = [line for line in shown(board) if "XRP" in line]
    assert ["futures" in lines[0], "spot" in lines[1]] == [True, True]
    alone = filled()
    assert not any("spot" in line for line in shown(alone, width=60) if "BTC" in line)


def test_a_column_that_was_wide_stays_so() -> None:
    columns, widths = TABLES["balances"], Widths()
    names = {"account": "a", "wallet": "spot", "asset": "BTC", "age": "1s", "sub_account": ""}

    def line(total: str) -> str:
        values = [[names.get(column.name, Decimal(total))] for column in columns]
        return " ".join(each.cells[0] for each in fitted("balances", columns, values=values, width=120, widths=widths))

    wide = line("-1234.56789")
    assert point(line("1").partition("BTC")[2].rstrip()) is not None
    assert len(line("1")) == len(wide)


# ── ages and marks ───────────────────────────────────────────────────────────────────────────────────────────────


def row(lines: list[str], *words: str) -> str:
    found = [line for line in lines if all(word in line for word in words)]
    assert len(found) == 1, lines
    return found[0]


def test_every_number_has_its_age() -> None:
    lines = shown(filled(), width=100, after_s=7)
    assert row(lines, "SOL").endswith(" 7s")
    assert row(lines, "USDT", "1,234,567.89").endswith(" 7s")
    assert row(shown(filled(told=True), width=100), "SOL").endswith(" live")
    stale = shown(filled(), width=100, after_s=200)
    assert row(stale, "SOL").endswith("stale 3m")
    assert any("nobody follows these accounts: run nostro up" in line for line in stale)
    assert "3 stale" in stale[0]
    narrow = shown(filled(), width=45, after_s=200)
    assert row(narrow, "SOL").endswith(" !3m")


def test_an_account_that_nobody_collects_is_named() -> None:
    board = filled()
    board.put({"trader": look("trader", FACTS["trader"], seq=2, leased_ns=0)}, now_ns=NOON_NS)
    assert any(line == " nobody follows trader: run nostro up" for line in shown(board))
    standing = next(each for each in board.standings(NOON_NS) if each.account == "trader")
    assert (standing.word, standing.since_ns, standing.followed) == ("stale", NOON_NS, False)


def standing_of(board: Board, account: str, after_s: float = 1) -> Standing:
    return next(each for each in board.standings(NOON_NS + int(after_s * SECOND)) if each.account == account)


def test_freshness_follows_what_is_told() -> None:
    board, name = Board(("a",), told=True), "a"
    assert standing_of(board, name).word == "unknown"
    board.take(told(name, balance("BTC", "1"), at_s=0))
    assert standing_of(board, name).word == "fresh"
    board.take(events.GapOpened(account=name, at_ns=NOON_NS, since_ns=NOON_NS - 5, why="the connection broke"))
    board.take(events.Stale(account=name, at_ns=NOON_NS, since_ns=NOON_NS, why="nothing heard"))
    standing = standing_of(board, name)
    assert (standing.word, standing.since_ns, standing.gap) == ("stale", NOON_NS - 5, True)
    assert standing.why == "the connection broke"
    board.take(events.GapClosed(account=name, at_ns=NOON_NS, since_ns=NOON_NS - 5, until_ns=NOON_NS, rows=0))
    assert (standing_of(board, name).word, standing_of(board, name).gap) == ("stale", False)
    board.take(events.Resumed(account=name, at_ns=NOON_NS))
    assert standing_of(board, name).word == "fresh"
    board.take(events.Ended(account=name, at_ns=NOON_NS, why="the key is refused"))
    assert standing_of(board, name).word == "ended"
    assert row(shown(board, width=100), "BTC").endswith(" ended")
    assert row(shown(board, width=120), "a ", "ended", "the key is refused")


def test_a_change_is_marked_by_sign_for_a_while() -> None:
    board = filled(told=True)
    up = position("BTC/USDT:USDT", "1.75", mark="61000", liquidation="57339.47")
    board.take(told("grvt-desk", up, at_s=1))
    line = row(shown(board, width=120, after_s=2), "grvt-desk", "BTC/USDT")
    assert f"1.75{UP}" in line.replace(" ", "")
    assert f"61,000{DOWN}" in line.replace(" ", "")
    styles = {
        cell.text.strip(): cell.style
        for each in screen(board, width=120, after_s=2).lines if "grvt-desk" in text(each) for cell in each
    }  # fmt: skip
    assert (styles[UP], styles[DOWN]) == ("green", "red")
    later = row(shown(board, width=120, after_s=6), "grvt-desk", "BTC/USDT")
    assert UP not in later
    assert DOWN not in later


def test_what_is_new_is_marked_and_what_is_near_more_so() -> None:
    board = filled(told=True)
    board.take(told("grvt-desk", position("XRP/USDT:USDT", "5", mark="100", liquidation=None), at_s=1))
    board.take(told("grvt-desk", position("ADA/USDT:USDT", "5", mark="100", liquidation="90.01"), at_s=1))
    board.take(told("grvt-desk", position("DOT/USDT:USDT", "5", mark="100", liquidation="89.99"), at_s=1))
    lines = shown(board, width=120, after_s=2)
    assert [row(lines, name)[0] for name in ("XRP", "ADA", "DOT", "SOL")] == ["+", "!", "+", " "]
    assert row(shown(board, width=120, after_s=9), "DOT")[0] == " "


@pytest.mark.parametrize(
    ("mark", "liquidation", "percent"),
    [
        ("61000.5", "57339.47", "6.00"), ("61000.5", "64050.525", "5"), ("100", "250", "150"), ("3", "2", "33.33"),
        ("3", "2.00005", "33.33"), (None, "1", None), ("1", None, None), ("0", "1", None), ("1", "0", None),
    ],
)  # fmt: skip
def test_the_distance_is_of_the_mark_price_and_never_rounded_up(
    mark: str | None, liquidation: str | None, percent: str | None
) -> None:  # fmt: skip
    found = distance(position("BTC/USDT:USDT", "1", mark=mark, liquidation=liquidation))
    assert found == (None if percent is None else Decimal(percent))


def test_warnings_stand_above_all_and_name_what_is_lost_when() -> None:
    board = filled()
    for stream in ("fills", "entries", "orders", "transfers"):
        event = events.Deadline(account="trader", at_ns=NOON_NS, stream=stream, since_ns=0, deadline_ns=NOON_NS)
        board.take(event)
    lines = shown(board, width=120)
    assert lines[1].startswith(" ! trader entries: what was never read is forgotten from 2026-01-02 12:00:00 UTC on")
    assert lines[4] == " ! and 1 more: nostro coverage"
    board.put({"trader": look("trader", [], seq=2, slow_ns=5, open=3, breaks=2)}, now_ns=NOON_NS)
    lines = shown(board, width=120)
    assert not any("forgotten" in line for line in lines)  # the book, read again, has none
    assert "3 open  2 breaks" in lines[0]


# ── what was told, and what the book says ────────────────────────────────────────────────────────────────────────


def totals(board: Board) -> dict[str, Decimal | None]:
    return {f"{row.key[0]} {row.fact.asset}": row.fact.total for row in board.rows("balance")}  # type: ignore[attr-defined]


def test_the_newer_telling_holds_whichever_comes_first() -> None:
    board = filled(told=True)
    board.take(told("trader", balance("USDT", "5"), at_s=10))
    board.put({"trader": look("trader", FACTS["trader"], seq=2)}, now_ns=NOON_NS)  # a page from before
    assert totals(board)["trader USDT"] == 5
    later = look("trader", [balance("USDT", "6")], seq=3, at_ns=NOON_NS + 20 * SECOND)
    board.put({"trader": later}, now_ns=NOON_NS)
    assert totals(board)["trader USDT"] == 6
    assert "trader BTC" not in totals(board)  # it was not in the newer answer
    board.take(told("trader", balance("USDT", "5"), at_s=15))
    assert totals(board)["trader USDT"] == 6


def test_what_was_told_after_the_page_is_not_taken_away_by_it() -> None:
    board = filled(told=True)
    board.take(told("trader", balance("DOGE", "1"), at_s=10))
    board.put({"trader": look("trader", FACTS["trader"], seq=2)}, now_ns=NOON_NS)
    assert totals(board)["trader DOGE"] == 1
    board.put({"trader": look("trader", [], seq=3, at_ns=NOON_NS + 11 * SECOND)}, now_ns=NOON_NS)
    assert not any(name.startswith("trader ") for name in totals(board))


def test_a_mark_price_that_only_frames_tell_outlives_an_answer_for_a_moment() -> None:
    board, name = filled(told=True), "grvt-desk"

    def marks() -> list[Any]:
        rows = [row.fact for row in board.rows("position") if row.key[0] == name and row.fact.instrument[:3] == "BTC"]  # type: ignore[attr-defined]
        return [(fact.mark_price, fact.liquidation_price) for fact in rows]  # type: ignore[attr-defined]

    board.take(told(name, position("BTC/USDT:USDT", "1.5", mark="61000", liquidation="57000"), at_s=1))
    bare = position("BTC/USDT:USDT", "1.5", mark=None, liquidation=None)
    board.take(told(name, bare, at_s=5))
    board.take(told(name, bare, at_s=10))
    assert marks() == [(Decimal(61000), Decimal(57000))]
    board.take(told(name, bare, at_s=12))  # however often it is answered: the price is of the frame
    assert marks() == [(None, None)]
    board.take(told(name, position("BTC/USDT:USDT", "1.5", mark="61000", liquidation="57000"), at_s=13))
    board.take(told(name, position("BTC/USDT:USDT", "1.25", mark=None, liquidation=None), at_s=14))
    assert marks() == [(None, None)]  # another size has another liquidation price


def test_a_pause_holds_what_was_seen() -> None:
    board = filled()
    before, held = shown(board), board.copied()
    board.take(told("trader", balance("USDT", "5"), at_s=1))
    board.take(events.Ended(account="trader", at_ns=NOON_NS, why="refused"))
    assert shown(held) == before
    assert shown(board) != before


def test_a_program_is_told_what_is_so_and_how_old_it_is() -> None:
    board = filled()
    said = statements(board, NOON_NS)
    kinds = [each.said["what"] for each in said.values()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "account": 3, "position": 4, "margin_summary": 2, "balance": 4,
    }  # fmt: skip
    near = next(each for key, each in said.items() if "BTC/USDT:USDT" in key)
    assert (near.said["distance"], near.said["size"]) == ("6", "1.5")
    assert near.age == {"word": "fresh", "seen": "2026-01-02T12:00:00Z"}
    again = {name: look(name, facts, seq=2, at_ns=NOON_NS + SECOND) for name, facts in FACTS.items()}
    board.put(again, now_ns=NOON_NS + SECOND)
    assert [each.said for each in statements(board, NOON_NS + SECOND).values()] == [each.said for each in said.values()]


# ── choices ──────────────────────────────────────────────────────────────────────────────────────────────────────


def order(board: Board, **chosen: Any) -> list[str]:
    lines = shown(board, width=120, hidden=frozenset({"margin", "balances", "accounts"}), **chosen)
    return [line.split()[1][:3] for line in lines[2:6]]


def test_rows_are_sorted_as_chosen() -> None:
    board = filled()
    assert order(board) == ["BTC", "ETH", "BTC", "SOL"]
    assert order(board, sort="distance") == ["BTC", "BTC", "ETH", "SOL"]
    board.take(events.Stale(account="grvt-desk", at_ns=NOON_NS, since_ns=NOON_NS, why="silent"))
    assert order(board, sort="freshness") == ["BTC", "SOL", "BTC", "ETH"]
    lines = shown(board, width=120, sort="value")
    equities = [line for line in lines if "123,456,789.123456789" in line or "10,123.456789" in line]
    assert "123,456,789.123456789" in equities[0]


def test_a_filter_wants_all_its_words() -> None:
    board = filled()
    lines = shown(board, filter="grvt btc")
    assert [line.split()[1] for line in lines if "desk" in line] == ["BTC/USDT:USDT"]
    assert any("nothing fits the filter" in line for line in shown(board, filter="nowhere"))
    assert any("/nowhere" in line for line in shown(board, filter="nowhere"))


def test_zeros_are_shown_when_asked_for() -> None:
    assert not any("EUR" in line for line in shown(filled()))
    assert any("EUR" in line for line in shown(filled(), zeros=True))


def test_the_heading_of_what_is_seen_stays_at_the_top() -> None:
    board = filled()
    for top in range(1, 12):
        found = screen(board, height=8, top=top)
        first = text(found.lines[1])
        assert first == "" or first.strip().split()[0] in {name.upper() for name in COLUMNS}
    assert screen(board, height=8, top=10**9).top == screen(board, height=8, top=10**6).top > 0


KEYS = [
    "q",
    "s",
    "/",
    "escape",
    "1",
    "2",
    "3",
    "4",
    "0",
    "z",
    "p",
    " ",
    "?",
    "up",
    "down",
    "page down",
    "end",
    "x",
    "é",
]


@settings(max_examples=200, deadline=None)
@given(some.lists(some.sampled_from(KEYS), max_size=30), some.sampled_from([40, 80, 133]))
def test_any_keys_leave_a_screen(keys: list[str], width: int) -> None:
    board, choices = filled(), Choices()
    for key in keys:
        choices = pressed(choices, key, page=10)
        found = drawn(board, choices, size=Size(width, 12), widths={}, now_ns=NOON_NS)
        choices = choices.at(found.top)
        assert len(found.lines) == 12


def test_keys_mean_what_the_help_says() -> None:
    choices = Choices()
    for key, name in zip("1234", COLUMNS, strict=True):
        assert pressed(choices, key, page=9).hidden == {name}
        assert pressed(pressed(choices, key, page=9), key, page=9) == choices
    assert pressed(choices, "q", page=9).ended
    assert [pressed(choices, "s", page=9).sort, pressed(Choices(sort="freshness"), "s", page=9).sort] == [
        "value", "account",
    ]  # fmt: skip
    typing = pressed(choices, "/", page=9)
    for key in ("b", "t", "q", "backspace"):
        typing = pressed(typing, key, page=9)
    assert (typing.filter, typing.typing, typing.ended) == ("bt", True, False)
    assert pressed(typing, "enter", page=9) == Choices(filter="bt")
    assert pressed(typing, "escape", page=9) == choices
    assert pressed(Choices(top=5), "page down", page=9).top == 13
    assert pressed(Choices(helping=True), "x", page=9) == choices


def test_texts_of_an_exchange_are_data() -> None:
    board = filled(told=True)
    hostile = position("EVIL\x1b[2J\u202eX", "1", mark="1", liquidation=None)
    board.take(told("grvt-desk", hostile, at_s=1))
    board.take(events.Ended(account="trader", at_ns=NOON_NS, why="\x1b]0;owned\x07"))
    everything = "".join(shown(board, width=160))
    assert "EVIL" in everything
    assert everything.isprintable()
    assert fact_members(hostile)["instrument"] != "EVIL"
