"""A small text form for tests of reconciliation: one event a line, what is expected last, so that a test reads like a
statement of account.

    proven all 00:00 2/00:00                                  coverage of a stream, or of all of them
    unavailable fills 03:00 04:00 retention
    entry 7 10:00 BTC trade -1 5 4 held -1 2 1                id, time, asset, type, amount, before, after
    order 3 10:00 buy BTC/USDT 5 filled 5 done 10:20          still open without `done`; `updated` when it last changed
    fill 10:10 buy BTC/USDT 2 @ 100 fee 0.1 BTC order 3
    deposit 1 09:00 BTC 5 done
    withdrawal 1 09:00 BTC 5 fee 0.1 done
    balance 11:00 BTC 5 used 1 updated 10:00
    borrow 1 10:00 USDT 100 rate 0.001 repaid 40 accrued 0.2 paid 0.1 seen 13:00
    repayment 1 12:30 USDT 40 interest 0.1
    interest 1 10:30..11:30 USDT 0.1 of 1
    move 1 09:00 USDT 50 from spot to cross_margin
    liquidation 1 14:00 USDT 60 fund 10
    loan 13:00 USDT 60 interest 0.1                           one look at all debts; loans of one time are one look
    noloan 13:00                                              a look at no debt
    = break missing_row BTC 10:00..10:10 missing 3            every break, in any order; none means none
    = standing BTC 5 unexplained 0
    = unchecked running_balance BTC retention

What follows `borrow` happens in the margin wallet; `wallet NAME` before the first word puts any row into another one.
Times are of 1 January 2026, UTC; `2/10:00` is on the 2nd. Blank lines and what follows a `#` are passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

from msgspec.structs import replace

from nostro.book.breaks import Scope
from nostro.book.checks.terms import Look, Noticed, Owed, Rules, Seen
from nostro.book.coverage import Span
from nostro.book.fold import Finding
from nostro.book.reconcile import STREAMS, Checkpoint, Judgement, reconcile
from nostro.domain.records import (
    Balance,
    Borrow,
    Entry,
    Fact,
    Fill,
    Instrument,
    Interest,
    Liquidation,
    Loan,
    Order,
    Repayment,
    Transfer,
)
from nostro.domain.values import canonical, parse_time

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
START = parse_time("2026-01-01T00:00:00Z")
OWN = {"exchange": "alp", "account": "mine", "wallet": "spot"}
MARGIN = OWN | {"wallet": "cross_margin"}
TERMINAL = {"filled", "canceled", "partially_canceled", "expired", "rejected"}


def moment(text: str) -> int:
    day, _, clock = text.rpartition("/")
    parts = [int(part) for part in clock.split(":")]
    seconds = parts[0] * 3600 + parts[1] * 60 + (parts[2] if len(parts) > 2 else 0)
    return START + (int(day or 1) - 1) * DAY + seconds * SECOND


def clock(at_ns: int) -> str:
    days, seconds = divmod((at_ns - START) // SECOND, 86_400)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}" + (f":{seconds % 60:02}" if seconds % 60 else "")
    return f"{days + 1}/{text}" if days else text


class Told:
    """A ledger of facts that are simply told; it counts the rows that are read from it."""

    def __init__(self) -> None:
        self.entry_rows: list[Entry] = []
        self.fill_rows: list[Fill] = []
        self.order_rows: list[Order] = []
        self.transfer_rows: list[Transfer] = []
        self.borrow_rows: list[Borrow] = []
        self.repayment_rows: list[Repayment] = []
        self.interest_rows: list[Interest] = []
        self.liquidation_rows: list[Liquidation] = []
        self.looks: list[Owed] = []
        self.seen_at: dict[str, int] = {}
        self.seen_rows: list[Seen] = []
        self.found: list[Finding] = []
        self.look_rows: list[Look] = []
        self.event_rows: list[Fact] = []
        self.traded: dict[str, Instrument] = {}
        self.spans: dict[str, list[Span]] = {}
        self.read = 0

    def _between(self, rows: Iterable, since_ns: int, until_ns: int) -> Iterator:
        for row in sorted(rows, key=lambda row: row.effective_ns):
            if since_ns <= row.effective_ns < until_ns:
                self.read += 1
                yield row

    def entries(self, since_ns: int, until_ns: int) -> Iterator[Entry]:
        return self._between(self.entry_rows, since_ns, until_ns)

    def fills(self, since_ns: int, until_ns: int) -> Iterator[Fill]:
        return self._between(self.fill_rows, since_ns, until_ns)

    def order_versions(self, since_ns: int, until_ns: int, *, also: Collection[str] | None = None) -> Iterator[Order]:
        for row in sorted(self.order_rows, key=lambda row: row.effective_ns):
            if since_ns <= row.effective_ns < until_ns or row.native_id in (also or ()):
                self.read += 1
                yield row

    def transfers(self, since_ns: int, until_ns: int) -> Iterator[Transfer]:
        found = self._between(self.transfer_rows, since_ns, until_ns)
        return (row for row in found if row.direction != "internal")

    def movements(self, since_ns: int, until_ns: int) -> Iterator[Transfer]:
        found = self._between(self.transfer_rows, since_ns, until_ns)
        return (row for row in found if row.direction == "internal")

    def borrows(self, since_ns: int, until_ns: int) -> Iterator[Borrow]:
        return self._between(self.borrow_rows, since_ns, until_ns)

    def seen_ns(self, borrow: Borrow) -> int:
        return self.seen_at.get(str(borrow.native_id), borrow.observed_ns)

    def repayments(self, since_ns: int, until_ns: int) -> Iterator[Repayment]:
        return self._between(self.repayment_rows, since_ns, until_ns)

    def interest(self, since_ns: int, until_ns: int) -> Iterator[Interest]:
        return self._between(self.interest_rows, since_ns, until_ns)

    def liquidations(self, since_ns: int, until_ns: int) -> Iterator[Liquidation]:
        return self._between(self.liquidation_rows, since_ns, until_ns)

    def owed(self, before_ns: int) -> Owed | None:
        return next((look for look in reversed(self.looks) if look.received_ns < before_ns), None)

    def balances(self, since_ns: int, until_ns: int) -> Iterator[Seen]:
        seen = (each for each in self.seen_rows if since_ns <= each.received_ns < until_ns)
        yield from sorted(seen, key=lambda each: each.received_ns)

    def looked(self, since_ns: int, until_ns: int) -> Iterator[Look]:
        return iter([each for each in self.look_rows if since_ns <= each.received_ns < until_ns])

    def events(self, kind: type, *, since_ns: int, until_ns: int) -> Iterator:
        rows = {Fill: self.fill_rows, Entry: self.entry_rows}.get(kind, self.event_rows)
        return self._between((row for row in rows if isinstance(row, kind)), since_ns, until_ns)

    def instruments(self) -> dict[str, Instrument]:
        return self.traded

    def findings(self) -> Iterable[Noticed]:
        return [Noticed(each, each.effective_ns, each.effective_ns) for each in self.found]

    def covered(self, stream: str, *, since_ns: int, until_ns: int) -> Iterable[Span]:
        return [span for span in self.spans.get(stream, []) if span.until_ns > since_ns and span.since_ns < until_ns]

    def prove(self, since_ns: int, until_ns: int, streams: Iterable[str] = STREAMS) -> None:
        for stream in streams:
            self.spans.setdefault(stream, []).append(Span(since_ns, until_ns, "proven"))

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, line: str) -> None:
        kind, *words = line.split("#", maxsplit=1)[0].split()
        getattr(self, f"_{kind}")(words)

    def _proven(self, words: list[str]) -> None:
        stream, since, until = words
        self.prove(moment(since), moment(until), STREAMS if stream == "all" else (stream,))

    def _unavailable(self, words: list[str]) -> None:
        stream, since, until, cause = words
        since_ns, until_ns = moment(since), moment(until)
        kept = [span for span in self.spans.get(stream, []) if span.until_ns <= since_ns or span.since_ns >= until_ns]
        for span in self.spans.get(stream, []):
            if span not in kept:
                kept += [span.cut(span.since_ns, since_ns), span.cut(until_ns, span.until_ns)]
        self.spans[stream] = sorted([*kept, Span(since_ns, until_ns, "unavailable", cause)])

    def _entry(self, words: list[str]) -> None:
        row, at, asset, kind, amount, before, after, *held = words
        held_amount, held_before, held_after = (Decimal(each) for each in (held[1:] or "000"))
        self.entry_rows.append(
            Entry(
                **OWN, native_id=row, page=int(row), effective_ns=moment(at), asset=asset, type=kind,
                amount=Decimal(amount), before=Decimal(before), after=Decimal(after),
                held_amount=held_amount, held_before=held_before, held_after=held_after,
            )
        )  # fmt: skip

    def _order(self, words: list[str]) -> None:
        row, at, side, instrument, amount, *more = words
        given = dict(zip(more[::2], more[1::2], strict=True))
        size, filled, done = Decimal(amount), Decimal(given.get("filled", "0")), given.get("done")
        left = size - filled
        status = "filled" if not left else "canceled" if done else "partially_filled" if filled else "open"
        self.order_rows.append(
            Order(
                **OWN, native_id=row, effective_ns=moment(at), instrument=instrument, side=side, type="limit",
                status=given.get("status", status), amount=size, filled=filled,
                canceled=left if done else Decimal(0), remaining=Decimal(0) if done else left,
                done_ns=moment(done) if done else None, observed_ns=moment(given.get("seen", done or at)),
                updated_ns=moment(given.get("updated", done or at)),
            )
        )  # fmt: skip

    def _fill(self, words: list[str]) -> None:
        at, side, instrument, amount, _, price, *more = words
        fee = more[more.index("fee") + 1 :] if "fee" in more else ["0", instrument.split("/")[0]]
        self.fill_rows.append(
            Fill(
                **OWN, effective_ns=moment(at), page=len(self.fill_rows) + 1, instrument=instrument, side=side,
                amount=Decimal(amount), price=Decimal(price), fee=Decimal(fee[0]), fee_asset=fee[1],
                order_id=more[more.index("order") + 1] if "order" in more else None,
            )
        )  # fmt: skip

    def _deposit(self, words: list[str]) -> None:
        self._transfer("deposit", words)

    def _withdrawal(self, words: list[str]) -> None:
        self._transfer("withdrawal", words)

    def _transfer(self, direction: str, words: list[str]) -> None:
        row, at, asset, amount, *more = words
        self.transfer_rows.append(
            Transfer(
                exchange="alp", account="mine", native_id=row, effective_ns=moment(at), direction=direction,
                asset=asset,
                amount=Decimal(amount), status=more[-1], fee=Decimal(more[1]) if more[0] == "fee" else None,
            )
        )  # fmt: skip

    # ── margin ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _borrow(self, words: list[str]) -> None:
        row, at, asset, amount, *more = words
        given = dict(zip(more[::2], more[1::2], strict=True))
        repaid, accrued, paid = (Decimal(given.get(name, "0")) for name in ("repaid", "accrued", "paid"))
        self.seen_at[row] = moment(given.get("seen", "40/00:00"))
        self.borrow_rows.append(
            Borrow(
                **MARGIN, native_id=row, effective_ns=moment(at), asset=asset, amount=Decimal(amount), repaid=repaid,
                interest_accrued=accrued, interest_paid=paid, interest_rate=Decimal(given.get("rate", "0.001")),
                status="closed" if repaid == Decimal(amount) and accrued == paid else "open",
                observed_ns=moment(given.get("known", at)),
            )
        )  # fmt: skip

    def _repayment(self, words: list[str]) -> None:
        row, at, asset, principal, *more = words
        self.repayment_rows.append(
            Repayment(
                **MARGIN, native_id=row, effective_ns=moment(at), asset=asset, principal=Decimal(principal),
                interest=Decimal(more[1] if more else "0"),
            )
        )  # fmt: skip

    def _interest(self, words: list[str]) -> None:
        row, window, asset, accrued, _, borrow = words
        since, until = window.split("..")
        self.interest_rows.append(
            Interest(
                **MARGIN, native_id=row, effective_ns=moment(since), until_ns=moment(until), asset=asset,
                accrued=Decimal(accrued), borrow_id=borrow,
            )
        )  # fmt: skip

    def _move(self, words: list[str]) -> None:
        row, at, asset, amount, _, source, _, target = words
        self.transfer_rows.append(
            Transfer(
                **MARGIN, native_id=row, effective_ns=moment(at), direction="internal", asset=asset,
                amount=Decimal(amount), status="done", from_wallet=source, to_wallet=target,
            )
        )  # fmt: skip

    def _liquidation(self, words: list[str]) -> None:
        row, at, asset, amount, _, fund = words
        self.liquidation_rows.append(
            Liquidation(
                **MARGIN, native_id=row, effective_ns=moment(at), asset=asset, amount=Decimal(amount),
                fund_amount=Decimal(fund), status="closed",
            )
        )  # fmt: skip

    def _wallet(self, words: list[str]) -> None:
        """The row that follows, in another wallet."""
        wallet, kind, *rest = words
        getattr(self, f"_{kind}")(rest)
        rows = {
            "entry": self.entry_rows, "borrow": self.borrow_rows, "repayment": self.repayment_rows,
            "fill": self.fill_rows,
        }[kind]  # fmt: skip
        rows[-1] = replace(rows[-1], wallet=wallet)

    def _loan(self, words: list[str]) -> None:
        at, asset, principal, _, interest = words
        loan = Loan(
            **MARGIN, native_id=f"loan {asset}", asset=asset, principal=Decimal(principal), interest=Decimal(interest)
        )
        self._noloan([at])
        look = self.looks.pop()
        self.looks.append(Owed(look.sent_ns, look.received_ns, (*look.loans, loan)))

    def _noloan(self, words: list[str]) -> None:
        at_ns = moment(words[0])
        if not self.looks or self.looks[-1].received_ns != at_ns:
            self.looks.append(Owed(at_ns - SECOND // 10, at_ns, ()))

    def _balance(self, words: list[str]) -> None:
        at, asset, total, *more = words
        given = dict(zip(more[::2], more[1::2], strict=True))
        used = Decimal(given.get("used", "0"))
        updated = moment(given["updated"]) if "updated" in given else None
        amount = Decimal(total)
        self.see(asset, amount, used=used, at_ns=moment(at), updated_ns=updated)

    def see(self, asset: str, total: Decimal, *, used: Decimal, at_ns: int, updated_ns: int | None = None) -> None:
        balance = Balance(
            **OWN, effective_ns=at_ns, asset=asset, total=total, free=total - used, used=used, updated_ns=updated_ns
        )
        self.seen_rows.append(Seen(balance, at_ns - SECOND // 10, at_ns))


def rules(**more: object) -> Rules:
    return Rules(
        **{"exchange": "alp", "account": "mine", "opened_ns": START, "origin_ns": START, "skew_ns": SECOND} | more
    )


def scope(subject: str, side: str = "") -> Scope:
    return Scope(account="mine", wallet="spot", subject=subject, side=side)


def judged(
    told: Told, *, until_ns: int = START + 40 * DAY, checkpoint: Checkpoint | None = None, **more: object
) -> Judgement:
    return reconcile(told, rules=rules(**more), until_ns=until_ns, checkpoint=checkpoint)


def shown(judgement: Judgement) -> dict[str, list[str]]:
    """What came out, in the words of the expectations."""
    breaks = []
    for each in judgement.breaks:
        side = f" {each.scope.side}" if each.scope.side else ""
        missing = f" missing {canonical(each.missing)}" if each.missing else ""
        held = f" held {canonical(each.held_missing)}" if each.held_missing else ""
        interval = f"{clock(each.since_ns)}..{clock(each.until_ns)}"
        breaks.append(f"{each.name} {each.scope.subject}{side} {interval}{missing}{held}")
    standings = [
        f"{each.scope.subject} {each.reported:f} unexplained "
        + ("?" if each.unexplained is None else canonical(each.unexplained))
        for each in judgement.standings
    ]
    unchecked = {
        f"{each.check.replace(' ', '_')} {each.scope.subject} {each.cause}"
        for each in judgement.results
        if each.outcome == "unchecked"
    }
    return {"break": sorted(breaks), "standing": sorted(standings), "unchecked": sorted(unchecked)}


def check(statement: str, **more: object) -> Judgement:
    """Reads a statement, reconciles it, and compares what it expects: all breaks, and of the rest those named."""
    told = Told()
    expected: dict[str, list[str]] = {"break": [], "standing": [], "unchecked": []}
    for line in statement.splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("="):
            kind, _, rest = text[1:].strip().partition(" ")
            expected[kind].append(" ".join(rest.split()))
        elif text:
            told.tell(text)
    judgement = judged(told, **more)
    found = shown(judgement)
    assert found["break"] == sorted(expected["break"]), [each.text for each in judgement.breaks]
    for kind in ("standing", "unchecked"):
        assert not set(expected[kind]) - set(found[kind]), found[kind]
    return judgement
