"""The noun ``sync``: what a pass over the accounts brought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from nostro.views.view import Column, View

if TYPE_CHECKING:
    from nostro.collect.reports import Report


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """One account: how many answers came, how many rows they had, how many of them were new or changed, and which
    histories could not be read to the end, and why."""

    account: str
    pages: int
    rows: int
    new: int
    changed: int
    failures: dict[str, str]

    @property
    def shown(self) -> str:
        return "; ".join(f"{name}: {why}" for name, why in self.failures.items()) or "ok"


COLUMNS: Final = (
    Column(name="account", heading="account"),
    Column(name="pages", heading="answers", kind="count"),
    Column(name="rows", heading="rows", kind="count"),
    Column(name="new", heading="new", kind="count"),
    Column(name="changed", heading="changed", kind="count"),
    Column(name="shown", heading="result", kind="status"),
)


def reports(passes: Sequence[Report]) -> View:
    """What each account's pass did."""
    rows = [
        ReportLine(
            account=each.account, pages=each.pages, rows=each.rows, new=each.new, changed=each.changed,
            failures={name: error.message for name, error in each.failures.items()},
        )
        for each in passes
    ]  # fmt: skip
    return View(noun="sync", columns=COLUMNS, rows=rows)
