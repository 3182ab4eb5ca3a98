"""Renderings for programs: one JSON document, CSV, Parquet. It decides their form; tables for people are in
``table.py``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import msgspec

from nostro.domain.values import canonical
from nostro.errors import UsageError
from nostro.views.escape import for_spreadsheet
from nostro.views.view import View, about, record


def as_json(view: View) -> Iterator[str]:
    """One JSON document in ASCII, a row on each line, what is said of them after the rows."""
    yield '{"rows": ['
    for index, row in enumerate(view.rows):
        yield ("," if index else "") + "\n  " + json.dumps(record(row))
    yield "\n]" if view.rows else "]"
    for name, value in about(view).items():
        yield f",\n{json.dumps(name)}: {json.dumps(value)}"
    yield "}\n"


def as_csv(view: View) -> Iterator[str]:
    """A header and a line per row; text that could be a formula starts with an apostrophe, amounts are bare."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")  # Source: RFC 4180
    names = field_names(view)
    writer.writerow(names)
    for row in view.rows:
        writer.writerow([_cell(value) for value in _values(row)])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def as_parquet(view: View, file: BinaryIO) -> None:
    """A table of text columns: amounts are exact text, times RFC 3339; what is said of the rows is in the schema's
    metadata. Raises `UsageError` where pyarrow is not installed."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ModuleNotFoundError:
        hint = "pip install pyarrow, into the environment of nostro; or use -o csv"
        raise UsageError("Parquet needs pyarrow, which is not installed", hint=hint) from None
    names = field_names(view)
    columns: list[list[str | None]] = [[] for _ in names]
    for row in view.rows:
        for column, value in zip(columns, _values(row), strict=True):
            column.append(None if value is None else _text(value))
    metadata = {"nostro": json.dumps(about(view))}
    schema = pa.schema([(name, pa.string()) for name in names], metadata=metadata)
    arrays = [pa.array(column, pa.string()) for column in columns]
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), file)


def field_names(view: View) -> list[str]:
    """The columns of a file: every member of the rows, in their order, also where there is no row."""
    kind = type(view.rows[0]) if view.rows else view.kind
    return [name.removesuffix("_ns") for name in kind.__struct_fields__] if kind else []


def _values(row: msgspec.Struct) -> Iterator[Any]:
    """The row's values, an amount still as an amount: that it is none of the exchange's text must be seen."""
    shown = record(row)
    for name in row.__struct_fields__:
        value = getattr(row, name)
        yield value if isinstance(value, Decimal) else shown[name.removesuffix("_ns")]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return for_spreadsheet(value) if isinstance(value, str) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return canonical(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)
