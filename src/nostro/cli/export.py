"""``nostro export``: everything that the book answers, as files. It decides the files' names, none of which comes
from an exchange."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from nostro.cli.accounts import complete_account
from nostro.cli.nouns import asked, clocked, names
from nostro.cli.session import Session, session, shared
from nostro.errors import Conflict, Unwritable

if TYPE_CHECKING:
    from nostro.views.facts import Question
    from nostro.views.view import View

OF_CONTRACTS: Final = ("margin", "positions", "snapshots")  # an exchange without any of these has no contracts


@click.command(short_help="Write every noun into a folder, a file each.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("account", required=False, shell_complete=complete_account)
@click.option("--form", type=click.Choice(["csv", "json", "parquet"]), default="csv", show_default=True)
@click.option("--replace", is_flag=True, help="Replace files of an earlier export.")
@clocked
@shared
def export(
    folder: Path, account: str | None, *, form: str, replace: bool, as_of: str | None, known_at: str | None
) -> None:
    """Write every noun of ACCOUNT, or of all accounts, into FOLDER, a file each, and about.json, which says how
    complete they are."""
    from nostro.views.files import as_json
    from nostro.views.view import View, about

    here = session()
    views = _views(here, names(here, account), asked(as_of=as_of, known_at=known_at))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = [folder / f"{noun}.{form}" for noun in views if (folder / f"{noun}.{form}").exists()]
        if taken and not replace:
            raise Conflict(f"{taken[0]} exists already", hint="give another folder, or --replace")
        for noun, view in views.items():
            _write(folder / f"{noun}.{form}", view, form)
        said = {noun: about(view) | {"rows": len(view.rows)} for noun, view in views.items()}
        empty = View(noun="export", columns=(), rows=(), more={"files": said, "form": form})
        (folder / "about.json").write_text("".join(as_json(empty)), encoding="ascii")
    except OSError as error:
        raise Unwritable(
            f"{folder} cannot be written: {error.strerror}", hint="free space, or give another folder"
        ) from None
    rows = sum(len(view.rows) for view in views.values())
    click.echo(f"wrote {len(views)} files with {rows:,} rows, and about.json, to {folder}", err=True)


def _views(here: Session, accounts: list[str], question: Question) -> dict[str, View]:
    from nostro.link.transport import SystemClock
    from nostro.views import balances, breaks, contracts, coverage, facts

    exchanges = [here.book.exchange(name) for name in accounts]
    traded = any(not each.capabilities.isdisjoint(OF_CONTRACTS) for each in exchanges)
    known_at_ns = question.known_at_ns
    lives = [life for name in accounts for life in breaks.lives_of(here.book, name, known_at_ns=known_at_ns)]
    return {
        "balances": balances.balances(here.book, accounts, question=question, zeros=True),
        **{
            name: facts.facts(here.book, noun, accounts=accounts, question=question)
            for name, noun in {**facts.NOUNS, **(contracts.NOUNS if traded else {})}.items()
        },
        "coverage": coverage.coverage(
            here.book, accounts, now_ns=SystemClock().now_ns(), known_at_ns=question.known_at_ns
        ),
        "breaks": breaks.breaks(lives, known_at_ns=known_at_ns, everything=True),
    }


def _write(path: Path, view: View, form: str) -> None:
    from nostro.views import files

    if form == "parquet":
        with path.open("wb") as file:
            files.as_parquet(view, file)
        return
    with path.open("w", encoding="utf-8", newline="") as text:
        text.writelines(files.as_json(view) if form == "json" else files.as_csv(view))
