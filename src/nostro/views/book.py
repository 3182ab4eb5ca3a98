"""The nouns ``verify``, ``rebuild``, ``backup`` and ``restore``: what a book proves of itself, what reading it again
changed, and what its copies prove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from nostro.book.postings import UNRECONCILED
from nostro.domain.values import canonical
from nostro.views.view import Column, View, plain

if TYPE_CHECKING:
    from pathlib import Path

    from nostro.book.backup import Restored
    from nostro.book.book import Proof, Rebuilt
    from nostro.book.trial import Trial

PROOF_COLUMNS: Final = (
    Column(name="account", heading="account"),
    Column(name="pages", heading="pages", kind="count"),
    Column(name="hash", heading="head of its chain", short=True),
)
CHANGE_COLUMNS: Final = (
    Column(name="account", heading="account"),
    Column(name="kind", heading="kind"),
    Column(name="page", heading="page", kind="count"),
    Column(name="offset", heading="row", kind="count"),
    Column(name="was", heading="was"),
    Column(name="now", heading="is"),
)


class ChangeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One row that is now read differently; ``was`` and ``now`` its members that differ, None where it was or is
    not."""

    account: str
    kind: str
    page: int
    offset: int
    was: dict[str, str | None] | None
    now: dict[str, str | None] | None


def proof(proven: Proof, trials: Sequence[Trial], *, warnings: Sequence[str]) -> View:
    """A verified book, with the trial balance of each account."""
    notes = (
        f"verified: every page, {proven.records:,} records, every anchor",
        *(_entered(trial) for trial in trials if trial.transactions),
        f"book head {proven.head}",
        *warnings,
    )
    more = {"head": proven.head, "records": proven.records, "warnings": list(warnings), "trials": plain(list(trials))}
    return View(
        noun="verify", columns=PROOF_COLUMNS, rows=proven.accounts, notes=notes, more=more,
        empty="the book has no accounts",
    )  # fmt: skip


def _entered(trial: Trial) -> str:
    """One line of a trial balance: how much of what is reported is explained (of the asset that is explained least),
    and what is left."""
    unexplained = [f"{canonical(line.amount)} {line.asset}" for line in trial.lines if line.side == UNRECONCILED]
    share = min(trial.explained.values(), default=None)
    explained = "" if share is None else f", {canonical(share.scaleb(2))} % explained"
    left = f"; unreconciled {', '.join(unexplained)}" if unexplained else ""
    return f"{trial.account}: {trial.transactions:,} transactions sum to zero{explained}{left}"


def backed_up(proven: Proof, target: Path) -> View:
    """A verified copy of a book."""
    notes = (f"copied to {target}, and verified: every page, {proven.records:,} records", f"book head {proven.head}")
    more = {"head": proven.head, "records": proven.records, "path": str(target)}
    return View(
        noun="backup", columns=PROOF_COLUMNS, rows=proven.accounts, notes=notes, more=more,
        empty="the book has no accounts",
    )  # fmt: skip


def restored(made: Restored, place: object) -> View:
    """A book that was made of a backup."""
    same = "the same as" if made.same_state else "another than"
    notes = (
        f"made in {place}, and verified: every page, {made.proof.records:,} records, new anchors",
        f"book head {made.proof.head}",
        f"the state's hash is {same} the backup's own, of which nothing was used",
    )
    more = {
        "head": made.proof.head, "records": made.proof.records, "book": str(place), "state": made.state,
        "same_state": made.same_state,
    }  # fmt: skip
    return View(
        noun="restore", columns=PROOF_COLUMNS, rows=made.proof.accounts, notes=notes, more=more,
        empty="the book has no accounts",
    )  # fmt: skip


def rebuilt(report: Rebuilt, *, before: str, after: str) -> View:
    """What a rebuild read and changed."""
    rows = []
    for change in report.changes:
        was, now = (None if fact is None else plain(fact) for fact in (change.before, change.after))
        differing = [name for name in {**(was or {}), **(now or {})} if (was or {}).get(name) != (now or {}).get(name)]
        rows.append(
            ChangeLine(
                account=change.account, kind=change.kind, page=change.page, offset=change.offset,
                was=was and {name: was[name] for name in differing if name in was},
                now=now and {name: now[name] for name in differing if name in now},
            )
        )  # fmt: skip
    same = "the same" if before == after else f"another: it was {before}"
    notes = (f"read {report.pages:,} pages again; the state's hash is {same}", f"state {after}")
    more = {"pages_read": report.pages, "state_before": before, "state": after}
    return View(
        noun="rebuild", columns=CHANGE_COLUMNS, rows=rows, notes=notes, more=more,
        empty="every row is read as it was", group=(),
    )  # fmt: skip
