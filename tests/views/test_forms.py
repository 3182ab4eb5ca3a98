"""Shows that every form says exactly what the rows say: amounts to the last digit, times to the nanosecond, unknown as
unknown; and that tables align their points, fit their width, and cut nothing that counts."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.domain.values import canonical, parse_time
from nostro.errors import UsageError
from nostro.views.files import as_csv, as_json, as_parquet, field_names
from nostro.views.table import amounts, lines
from nostro.views.view import Column, CoverageLine, View, record

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A row of every kind of value."""

    name: str = "BTC"
    total: Decimal | None = None
    count: int = 0
    good: bool | None = None
    at_ns: int | None = None
    parts: tuple[Decimal, ...] = ()
    extra: dict[str, str] = {}


COLUMNS = (
    Column(name="name", heading="name"),
    Column(name="total", heading="total", kind="amount"),
    Column(name="count", heading="count", kind="count", rank=1),
    Column(name="at_ns", heading="at", kind="time", rank=2),
    Column(name="good", heading="good", kind="status", rank=3),
)


def view(*rows: Line, **more: object) -> View:
    return View(**{"noun": "lines", "columns": COLUMNS, "rows": rows, "kind": Line} | more)  # type: ignore[arg-type]


def text(shown: View, width: int = 80) -> str:
    return "\n".join(line.plain for line in lines(shown, width))


@given(st.lists(AMOUNTS, min_size=1, max_size=8))
def test_amounts_are_exact_and_their_points_stand_in_one_column(found: list[Decimal]) -> None:
    shown = amounts(found)
    assert len({len(each) for each in shown}) == 1
    assert [Decimal(each.strip().replace(",", "")) for each in shown] == found
    points = {each.index(".") for each in shown if "." in each}
    assert len(points) <= 1


@given(AMOUNTS)
def test_files_hold_the_exact_amount(amount: Decimal) -> None:
    row = Line(total=amount, parts=(amount, amount.copy_negate()))
    assert json.loads("".join(as_json(view(row))))["rows"][0]["total"] == canonical(amount)
    cell = next(csv.DictReader(io.StringIO("".join(as_csv(view(row))))))["total"]
    assert cell == canonical(amount)
    assert Decimal(cell) == amount
    assert record(row)["parts"] == [canonical(amount), canonical(amount.copy_negate())]


@given(st.integers(min_value=parse_time("2009-01-01T00:00:00Z"), max_value=parse_time("2999-12-31T00:00:00Z")))
def test_files_hold_the_exact_time(at_ns: int) -> None:
    assert parse_time(record(Line(at_ns=at_ns))["at"]) == at_ns


def test_what_is_not_known_is_null_in_files_and_a_dash_in_tables() -> None:
    assert record(Line())["total"] is None
    assert "".join(as_csv(view(Line()))).splitlines()[1].startswith("BTC,,0,,")
    assert "-" in text(view(Line())).splitlines()[2]
    assert " 0 " not in text(view(Line(count=3))).splitlines()[2]


@pytest.mark.parametrize("width", [20, 40, 80, 140])
def test_no_digit_is_ever_cut(width: int) -> None:
    total = Decimal("123456789012345678901234567890.123456789012345678")
    assert "123,456,789,012,345,678,901,234,567,890.123456789012345678" in text(view(Line(total=total)), width)


def test_where_it_is_narrow_less_important_columns_go_and_are_named() -> None:
    row = Line(total=Decimal(1), count=2, at_ns=10**18, good=True)
    assert "not shown" not in text(view(row), 80)
    narrow = text(view(row), 30)
    assert "count" in narrow.splitlines()[0]
    assert "not shown at this width: at, good" in narrow.replace("\n ", " ")


def test_a_column_goes_with_the_one_beside_which_it_stands() -> None:
    columns = (*COLUMNS[:1], Column(name="total", heading="fee", kind="amount", rank=1),
               Column(name="good", heading="in", beside="total"))  # fmt: skip
    shown = text(view(Line(total=Decimal("1234567890.123456789")), columns=columns), 18)
    assert shown.splitlines()[0].split() == ["name"]


def test_an_open_interval_alarms_and_an_open_order_does_not() -> None:
    for kind, style in (("status", "bold red"), ("stage", "")):
        columns = (Column(name="name", heading="name", kind=kind),)
        view = View(noun="lines", columns=columns, rows=[Line(name="open")], kind=Line)
        line = next(each for each in lines(view, 80) if each.plain.strip() == "open")
        assert {str(span.style) for span in line.spans} == ({style} if style else set())


def test_sections_are_headed_by_what_they_have_in_common() -> None:
    shown = text(view(Line(name="a"), Line(name="a"), Line(name="b"), group=("name",)))
    assert [line.split() for line in shown.splitlines()].count(["a"]) == 1
    assert shown.count("───") >= 3


def test_a_table_says_how_far_it_can_be_trusted() -> None:
    hole = CoverageLine(
        account="fund", stream="withdrawals", since_ns=parse_time("2016-01-01T00:00:00Z"), until_ns=10**18,
        status="unavailable", cause="forbidden",
    )  # fmt: skip
    shown = text(
        view(
            Line(), complete_through_ns=parse_time("2026-01-02T03:04:05Z"), coverage=(hole,), reader="alp/1", pages=12,
            head="ab" * 32, as_of_ns=parse_time("2026-02-01T00:00:00Z"),
        )
    )  # fmt: skip
    for said in (
        "complete through 2026-01-02 03:04:05 UTC", "as of 2026-02-01 00:00:00 UTC", "reader alp/1", "12 pages",
        "head abababababababab…", "not proven: withdrawals unavailable (forbidden) from 2016-01-01, fund",
    ):  # fmt: skip
        assert said in shown


def test_no_rows_are_a_sentence_a_header_and_an_empty_list() -> None:
    empty = view(empty="nothing here yet")
    assert text(empty).strip() == "nothing here yet"
    assert "".join(as_csv(empty)).strip() == ",".join(field_names(empty))
    assert json.loads("".join(as_json(empty)))["rows"] == []


def test_parquet_holds_exact_text_and_says_so_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    as_parquet(view(Line(total=Decimal("0.1"), at_ns=10**18 + 1), Line(), reader="alp/1"), file)
    table = parquet.read_table(io.BytesIO(file.getvalue()))
    assert table.column("total").to_pylist() == ["0.1", None]
    assert table.column("at").to_pylist()[0].endswith(".000000001Z")
    assert json.loads(table.schema.metadata[b"nostro"])["reader"] == "alp/1"
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pyarrow") as caught:
        as_parquet(view(Line()), io.BytesIO())
    assert "pip install" in caught.value.hint


def test_no_two_members_of_a_row_have_one_name_in_files() -> None:
    from nostro.domain.records import KINDS
    from nostro.views import accounts, balances, book, breaks, exchanges, paper, sync

    modules = (accounts, balances, book, breaks, exchanges, paper, sync)
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not View
    }
    assert len(kinds) >= 10
    for kind in {*kinds, *KINDS.values(), CoverageLine}:
        names = [name.removesuffix("_ns") for name in kind.__struct_fields__]
        assert len(set(names)) == len(names), kind
