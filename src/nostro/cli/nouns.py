"""``nostro balances``, ``orders``, ``fills``, ``entries``, ``transfers``, ``fees``, ``loans``, ``borrows``,
``repayments``, ``interest``, ``liquidations``, ``sub-accounts``, ``coverage``: what the book answers. It decides how a
question is typed; the book answers it, ``views/`` shows it. The nouns of contracts are in ``contracts.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import click
import msgspec

from nostro import config
from nostro.cli.accounts import complete_account
from nostro.cli.session import CommandT, Session, session, shown
from nostro.domain.values import Malformed, parse_moment
from nostro.errors import BadValue
from nostro.link.commands import ISOLATED
from nostro.views import contracts
from nostro.views import facts as views
from nostro.views.facts import Noun, Question
from nostro.views.view import View

MOMENT: Final = "T"
NOUNS: Final[Mapping[str, Noun]] = {**views.NOUNS, **contracts.NOUNS}
WALLETS: Final = ("spot", "funding", "cross_margin", "futures")
# What a member may be although no row of the book is so yet.
WORDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("orders", "status"): (
        "pending", "open", "partially_filled", "filled", "canceled", "partially_canceled", "expired", "rejected",
    ),
    ("fills", "side"): ("buy", "sell"),
    ("positions", "side"): ("both", "long", "short"), ("margin", "scope"): ("account", "cross", "isolated"),
    ("borrows", "status"): ("open", "closed"), ("liquidations", "status"): ("open", "closed"),
    ("transfers", "direction"): ("deposit", "withdrawal", "internal"),
    ("transfers", "status"): ("pending", "moderation", "approved", "suspended", "done", "rejected", "canceled"),
}  # fmt: skip


def clocked(command: CommandT) -> CommandT:
    """Adds the two clocks."""
    options = [
        click.option("--known-at", metavar=MOMENT, help="As it was known then, in UTC [default: now]."),
        click.option("--as-of", metavar=MOMENT, help="Only what was effective before then, in UTC [default: now]."),
    ]
    for option in options:
        command = option(command)
    return command


def bounded(command: CommandT) -> CommandT:
    """Adds the bounds of a history, and how many rows a table shows."""
    options = [
        click.option(
            "--rows", type=click.IntRange(min=0), help="The newest so many rows [default: 50 in a table, else all]."
        ),
        click.option("--end", metavar=MOMENT, help="Only before then."),
        click.option("--start", metavar=MOMENT, help="Only from then on, e.g. 2026-01-31 or 2026-01-31T12:00:00Z."),
    ]
    for option in options:
        command = option(command)
    return command


def of_account(command: CommandT) -> CommandT:
    return click.argument("account", required=False, shell_complete=complete_account)(command)


def where_option(name: str, text: str) -> Callable[[CommandT], CommandT]:
    return click.option(f"--{name}", metavar="NAME", help=text)


def of_sub_account(command: CommandT) -> CommandT:
    return where_option("sub-account", "Only this sub-account.")(command)


def asked(
    *, start: str | None = None, end: str | None = None, as_of: str | None, known_at: str | None, **where: str | None
) -> Question:
    """The question that was typed. Raises `BadValue`."""
    since_ns, until_ns = moment(start, "--start"), moment(end, "--end")
    if since_ns is not None and until_ns is not None and until_ns < since_ns:
        raise BadValue(f"--end {end} lies before --start {start}", hint="give the earlier time first")
    return Question(
        since_ns=since_ns, until_ns=until_ns,
        as_of_ns=moment(as_of, "--as-of"), known_at_ns=moment(known_at, "--known-at"),
        where={name: value for name, value in where.items() if value is not None},
    )  # fmt: skip


def moment(text: str | None, option: str) -> int | None:
    """The time that was typed, nanoseconds; None where none was. Raises `BadValue`."""
    try:
        return None if text is None else parse_moment(text, option)
    except Malformed as error:
        raise BadValue(str(error), hint="write 2026-01-31, or 2026-01-31T12:00:00Z") from None


def names(here: Session, account: str | None) -> list[str]:
    """The accounts of the book that are meant: that one, or all. Raises `BadValue` with the nearest name."""
    known = [row.name for row in here.book.accounts()]
    if account is None:
        return known
    if account not in known:
        raise BadValue(f"the book has no account {account!r}", hint=config.suggestion(account, known, what="accounts"))
    return [account]


def _most(rows: int | None, *, output: str | None) -> int | None:
    """How many rows are shown: as many as were asked for, else no more than a table holds; None: all of them."""
    table = output == "table" or (output is None and sys.stdout.isatty())
    return views.SHOWN_ROWS if rows is None and table else rows


def newest(view: View, most: int | None) -> View:
    """The view with its last ``most`` rows alone, and a note that says so where there are more."""
    if most is None or len(view.rows) <= most:
        return view
    note = f"the newest {most:,} rows; --rows N shows more, -o csv all of them"
    return msgspec.structs.replace(view, rows=list(view.rows[len(view.rows) - most :]), notes=(*view.notes, note))


def _check_known(here: Session, noun: str, where: Mapping[str, str]) -> None:
    """A mistyped pair, asset or word is no empty answer. Raises `BadValue` where nothing in the whole book is so."""
    kind = NOUNS[noun].kind
    for field, wanted in where.items():
        facts = (fact for name in names(here, None) for fact in here.book.facts(kind, name))
        seen = {str(value) for fact in facts if (value := getattr(fact, field))}
        known = {*seen, *(WALLETS if field == "wallet" else WORDS.get((noun, field), ()))}
        if seen and wanted not in known and not (field == "wallet" and wanted.startswith(ISOLATED)):
            called = field.replace("_", "-")
            plural = {"status": "statuses"}.get(called, f"{called}s")
            message = f"--{called} {wanted}: the book has no {noun} of this {called}"
            raise BadValue(message, hint=config.suggestion(wanted, known, what=plural))


def show_facts(noun: str, account: str | None, *, rows: int | None, **typed: Any) -> None:
    """Shows what the book knows of that noun. Raises `BadValue`."""
    here = session()
    question = asked(**typed)
    most = _most(rows, output=here.options.get("output"))
    view = views.facts(
        here.book, NOUNS[noun], accounts=names(here, account), question=question,
        newest=None if most is None else most + 1,  # one more, to see whether there are more
    )  # fmt: skip
    if not view.rows:
        _check_known(here, noun, question.where)
    here.show_book(contracts.measured(here.book, newest(view, most), noun=NOUNS[noun]))


@click.command()
@of_account
@bounded
@clocked
@where_option("instrument", "Only this pair, e.g. BTC/USDT.")
@where_option("status", "Only orders in this status.")
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def orders(account: str | None, rows: int | None, **typed: str | None) -> None:
    """Orders, each in its latest known state."""
    show_facts("orders", account, rows=rows, **typed)


@click.command()
@of_account
@bounded
@clocked
@where_option("instrument", "Only this pair, e.g. BTC/USDT.")
@where_option("side", "Only buy, or only sell.")
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def fills(account: str | None, rows: int | None, **typed: str | None) -> None:
    """Executions of orders, with their fees."""
    show_facts("fills", account, rows=rows, **typed)


@click.command(short_help="Lines of the ledger: all that changed a balance.")
@of_account
@bounded
@clocked
@where_option("asset", "Only this asset.")
@where_option("type", "Only entries of this type.")
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def entries(account: str | None, rows: int | None, **typed: str | None) -> None:
    """Lines of the exchange's ledger: everything that changed a balance."""
    show_facts("entries", account, rows=rows, **typed)


@click.command()
@of_account
@bounded
@clocked
@where_option("asset", "Only this asset.")
@where_option("direction", "Only deposit, withdrawal or internal.")
@where_option("status", "Only transfers in this status.")
@of_sub_account
@shown
def transfers(account: str | None, rows: int | None, **typed: str | None) -> None:
    """Deposits, withdrawals, and transfers between wallets."""
    show_facts("transfers", account, rows=rows, **typed)


@click.command()
@of_account
@clocked
@of_sub_account
@shown
def fees(account: str | None, **typed: str | None) -> None:
    """The fee rules that hold for the account."""
    show_facts("fees", account, rows=None, **typed)


@click.command()
@of_account
@clocked
@where_option("asset", "Only this asset.")
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def loans(account: str | None, **typed: str | None) -> None:
    """What each margin wallet owes, as the exchange says."""
    show_facts("loans", account, rows=None, **typed)


@click.command()
@of_account
@bounded
@clocked
@where_option("asset", "Only this asset.")
@where_option("status", "Only open, or only closed.")
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def borrows(account: str | None, rows: int | None, **typed: str | None) -> None:
    """What was borrowed, and what of it is repaid."""
    show_facts("borrows", account, rows=rows, **typed)


@click.command()
@of_account
@bounded
@clocked
@where_option("asset", "Only this asset.")
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def repayments(account: str | None, rows: int | None, **typed: str | None) -> None:
    """What was paid back, principal and interest."""
    show_facts("repayments", account, rows=rows, **typed)


@click.command()
@of_account
@bounded
@clocked
@where_option("asset", "Only this asset.")
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def interest(account: str | None, rows: int | None, **typed: str | None) -> None:
    """Interest that accrued.

    Where the exchange does not say when, a row lies within the time from and until which it was found; it counts as
    before a moment if all of that is.
    """
    show_facts("interest", account, rows=rows, **typed)


@click.command()
@of_account
@bounded
@clocked
@where_option("asset", "Only this asset.")
@where_option("status", "Only open, or only closed.")
@where_option("wallet", "Only this wallet.")
@of_sub_account
@shown
def liquidations(account: str | None, rows: int | None, **typed: str | None) -> None:
    """Debts that the exchange settled by force."""
    show_facts("liquidations", account, rows=rows, **typed)


@click.command("sub-accounts")
@of_account
@clocked
@shown
def sub_accounts(account: str | None, **typed: str | None) -> None:
    """The accounts below each login, as a tree."""
    from nostro.views.accounts import tree

    here = session()
    here.show_book(tree(here.book, names(here, account), question=asked(**typed)))


@click.command(short_help="What each asset is: reported, computed, unexplained.")
@of_account
@clocked
@click.option("--zeros", is_flag=True, help="Also assets of which there is nothing.")
@of_sub_account
@shown
def balances(account: str | None, *, zeros: bool, **typed: str | None) -> None:
    """Every asset in every wallet: reported, owed, computed from the ledger, and what is not explained."""
    from nostro.views.balances import balances as view

    here = session()
    here.show_book(view(here.book, names(here, account), question=asked(**typed), zeros=zeros))


@click.command(short_help="How far each history is proven, and what is not, and why.")
@of_account
@click.option("--known-at", metavar=MOMENT, help="As it was known then, in UTC [default: now].")
@shown
def coverage(account: str | None, known_at: str | None) -> None:
    """How far each history is proven, and which intervals are open or unavailable, and why."""
    from nostro.link.transport import SystemClock
    from nostro.views.coverage import coverage as view

    here = session()
    known_at_ns = moment(known_at, "--known-at")
    here.show_book(view(here.book, names(here, account), now_ns=SystemClock().now_ns(), known_at_ns=known_at_ns))
