"""An exchange that serves histories in every way that exchanges do, with their defects, and the judge of whoever pages
them. It knows the truth and which rows can be proven at all; it decides nothing about how one should page, and never
sees the pager."""

from __future__ import annotations

import bisect
import itertools
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from nostro.domain.records import Fill
from nostro.link.declare import Fetched, Page, Query, Stream

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS
SYMBOLS = ("BTC/USDT", "ETH/USDT", "LTC/USDT")
SIDES = ("buy", "sell")
IDENTITY = ("instrument", "side", "price", "amount")


class Oversize(Exception):
    """An answer of more rows than the body may hold."""


@dataclass(frozen=True)
class Style:
    """How one kind of exchange pages. ``keeps``: which end of a window a full answer holds. ``plain_ok``: whether it
    can be paged without ids. ``keyed``: every question names a symbol. ``timed``: rows have a time."""

    since: str
    until: str
    order: str
    position: str
    keeps: str = "first"
    sized: bool = True
    plain_ok: bool = False
    keyed: bool = False
    timed: bool = True


STYLES: dict[str, Style] = {
    "since ascending inclusive": Style("inclusive", "absent", "ascending", "time", plain_ok=True),
    "since ascending exclusive": Style("exclusive", "absent", "ascending", "time", plain_ok=True),
    "since and until oldest first": Style("inclusive", "either", "ascending", "time", plain_ok=True),
    "since and until newest first": Style("inclusive", "either", "descending", "time", plain_ok=True),
    "before-time newest N": Style("absent", "either", "descending", "time", plain_ok=True),
    "offset newest first": Style("maybe", "maybe", "descending", "offset", plain_ok=True),
    "offset oldest first": Style("maybe", "maybe", "ascending", "offset", plain_ok=True),
    "page number": Style("maybe", "maybe", "either", "page"),
    "forward cursor": Style("maybe", "maybe", "ascending", "cursor"),
    "backward cursor": Style("maybe", "maybe", "descending", "cursor"),
    "after id": Style("maybe", "maybe", "ascending", "after_id"),
    "window without limit": Style("inclusive", "either", "either or any", "none", sized=False, plain_ok=True),
    "window cut to the newest": Style("inclusive", "either", "either or any", "none", keeps="newest", plain_ok=True),
    "newest only": Style("absent", "absent", "descending", "none", keeps="newest", plain_ok=True),
    "rows that move": Style("maybe", "maybe", "any", "offset"),
    "one symbol a question": Style(
        "inclusive", "either", "either or any", "none", sized=False, plain_ok=True, keyed=True
    ),
    "rows without a time": Style("inclusive", "exclusive", "either or any", "none", sized=False, timed=False),
}


@dataclass(frozen=True, order=True)
class Row:
    """A row of the truth: its time, its number of arrival, and its fact."""

    time_ns: int
    number: int
    fact: Fill = field(compare=False)


@dataclass
class History:
    """One simulated history and its exchange's ways. ``cap``: rows of an answer at the most, whatever is asked;
    ``cap_low`` at the least, where more remain. ``body_rows``: beyond it the answer is too large. ``late``: the chance
    of a row, at each request, that comes inside the interval that is swept; ``new``: of one behind it."""

    name: str
    stream: Stream
    keeps: str
    since_ns: int
    until_ns: int
    newest_first: bool
    rows: list[Row]
    cap: int
    cap_low: int
    body_rows: int | None
    whole_cells: bool
    late: float
    new: float
    seed: int

    @property
    def cell_ns(self) -> int:
        return self.stream.precision_ns

    def cell(self, row: Row) -> int:
        return row.time_ns // self.cell_ns

    def swept(self, rows: Iterable[Row]) -> list[Row]:
        return [row for row in rows if self.since_ns <= row.time_ns < self.until_ns]

    def parts(self) -> list[dict[str, str]]:
        splits = [*self.stream.splits, *([(self.stream.keyed, SYMBOLS)] if self.stream.keyed else [])]
        names = [name for name, _ in splits]
        choices = itertools.product(*(values for _, values in splits))
        return [dict(zip(names, values, strict=True)) for values in choices]


def matches(fact: Fill, where: dict[str, str]) -> bool:
    return all(getattr(fact, name) == value for name, value in where.items())


# ── histories from a seed ────────────────────────────────────────────────────────────────────────────────────────────


def history(seed: int, name: str | None = None) -> History:
    """A random history; the same seed gives the same one."""
    chance = random.Random(seed)
    name = name or list(STYLES)[seed % len(STYLES)]
    style = STYLES[name]
    size = chance.randint(3, 8)
    cap, cap_low, defect = _caps(chance, style, name, size)
    body_rows = chance.randint(4, 12) if not style.sized and chance.random() < 0.5 else None
    precision = SECOND_NS if body_rows else chance.choice([1, 1_000_000, SECOND_NS])
    stream = _stream(chance, style, name, size=size, precision=precision)
    span_s = chance.choice([20, 300, 1500])
    as_cut = precision < SECOND_NS or (stream.since == "exclusive" and chance.random() < 0.5)
    grain_ns = precision if as_cut else 250_000_000
    rows = _rows(chance, native=stream.native_ids, span_s=span_s, grain_ns=grain_ns, size=size)
    since_ns = START_NS + chance.choice([0, chance.randrange(span_s * SECOND_NS // 3)])
    until_ns = START_NS + span_s * SECOND_NS - chance.choice([0, chance.randrange(span_s * SECOND_NS // 3)])
    if stream.newest:
        until_ns = max(until_ns, rows[-1].time_ns + 1) if rows else until_ns
    made = History(
        name=name,
        stream=stream,
        keeps=style.keeps,
        since_ns=since_ns,
        until_ns=until_ns,
        newest_first=chance.random() < 0.3,
        rows=rows,
        cap=cap,
        cap_low=cap_low,
        body_rows=body_rows,
        whole_cells=stream.until == "inclusive" or chance.random() < 0.5,
        late=0.0 if defect == "fewer" else chance.choice([0.0, 0.0, 0.1]),
        new=chance.choice([0.0, 0.2]),
        seed=seed,
    )
    if defect == "fewer" and (style.position == "time" or not stream.native_ids):
        _thin(made)
    return made


def _stream(chance: random.Random, style: Style, name: str, *, size: int, precision: int) -> Stream:
    """A declaration of that style; what the style leaves open is chosen."""
    since, until = _bound(chance, style.since), _bound(chance, style.until)
    order = {"either": chance.choice(["ascending", "descending"])}.get(style.order, style.order)
    if style.order == "either or any":
        order = chance.choice(["ascending", "descending", "any"])
    native = not style.plain_ok or chance.random() < 0.5
    if not native and style.position == "offset":
        since = until = "absent"
    window_s = chance.choice([None, 30, 100, 400]) if since != "absent" or until != "absent" else None
    if not style.sized and window_s is None:
        window_s = chance.choice([200, 2000])
    keyed = style.keyed or (style.timed and chance.random() < 0.1)
    splits_symbols = style.position in ("time", "none") and chance.random() < 0.4
    return Stream(
        name="history",
        kind="fill",
        window_s=window_s,
        default_window_s=window_s if chance.random() < 0.3 else None,
        page_size=size if style.sized and name != "newest only" else None,
        newest=size if name == "newest only" else None,
        order=order,  # type: ignore[arg-type]
        since=since,  # type: ignore[arg-type]
        until=until,  # type: ignore[arg-type]
        position=style.position,  # type: ignore[arg-type]
        position_first=chance.choice(["0", "1"]) if style.position == "page" else None,
        empty_ends=not (style.position == "cursor" and chance.random() < 0.5),
        precision_ns=precision,
        splits=(("side", SIDES),) if chance.random() < 0.35 else (),
        symbols="instrument" if splits_symbols and not keyed else "",
        native_ids=native,
        identity=() if native else IDENTITY,
        unstable=name == "rows that move",
        keyed="instrument" if keyed else "",
        timed=style.timed,
    )


def _bound(chance: random.Random, how: str) -> str:
    if how == "either":
        return chance.choice(["inclusive", "exclusive"])
    return chance.choice(["absent", "inclusive"]) if how == "maybe" else how


def _caps(chance: random.Random, style: Style, name: str, size: int) -> tuple[int, int, str]:
    """What the exchange really answers: as much as asked, always more, or fewer."""
    if not style.sized:
        return 1 << 30, 1 << 30, ""
    defect = chance.choice(["", "", "", "more", "fewer"])
    if defect == "more":
        more = size + chance.randint(1, 5)
        return more, more, defect
    if defect == "fewer" and style.position != "none":
        low = chance.randint(2, size - 1)
        return (low if style.position == "page" or chance.random() < 0.5 else size), low, defect
    return size, size, ""


def _rows(chance: random.Random, *, native: bool, span_s: int, grain_ns: int, size: int) -> list[Row]:
    """Bursts of one timestamp, twins, gaps and quiet stretches."""
    bursts = chance.choice([0.05, 0.15, 0.4])
    wild = chance.random() < 0.6
    rows: list[Row] = []
    time_ns = START_NS
    until_ns = START_NS + span_s * SECOND_NS
    pace_ns = span_s * SECOND_NS // chance.randint(2, 40)
    for _ in range(60):
        gap = chance.choice([grain_ns, pace_ns // 20, pace_ns, pace_ns * chance.choice([1, 1, 1, 6])])
        time_ns += max(grain_ns, gap // grain_ns * grain_ns)
        if time_ns >= until_ns or len(rows) > 150:
            break
        count = chance.randint(2, 2 * size if wild else max(2, size - 2)) if chance.random() < bursts else 1
        twin: Fill | None = None
        for _ in range(count):
            row = _row(chance, len(rows), time_ns, twin, native=native)
            twin = row.fact if chance.random() < 0.4 else None
            rows.append(row)
    return rows


def _row(chance: random.Random, number: int, time_ns: int, twin: Fill | None, *, native: bool) -> Row:
    fact = Fill(
        native_id=str(number) if native else None,
        effective_ns=time_ns,
        instrument=twin.instrument if twin else chance.choice(SYMBOLS),
        side=twin.side if twin else chance.choice(SIDES),
        price=twin.price if twin else Decimal(chance.randint(1, 3)),
        amount=twin.amount if twin else Decimal(chance.randint(1, 3)),
        extra={"number": str(number)} if native else {},
    )
    return Row(time_ns, number, fact)


def _thin(made: History) -> None:
    """Where the exchange answers fewer rows than it declares, a timestamp that fills such an answer cannot be told from
    a whole one by anybody: there are none."""
    kept: Counter[tuple[int, str, str]] = Counter()
    rows = []
    for row in made.rows:
        side, symbol = row.fact.side if made.stream.splits else "", row.fact.instrument if made.stream.keyed else ""
        key = (made.cell(row), side, symbol)
        kept[key] += 1
        if kept[key] < made.cap_low:
            rows.append(row)
    made.rows = rows


# ── the exchange ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Exchange:
    """Serves one history, and counts. ``arrived``: rows that came while it was read; ``stirred``: the calls at which
    the rows were not as before; ``listed``: how often it was asked for its symbols."""

    def __init__(self, made: History) -> None:
        self.made = made
        self.rows = sorted(made.rows)
        self.calls = 0
        self.listed = 0
        self.oversize = 0
        self.chance = random.Random(made.seed ^ 0x5EED)
        self.arrived: list[Row] = []
        self.stirred = [0]
        self.ranks = {row.number: (row.time_ns, row.number) for row in self.rows}
        self.moves = [row.number for row in self.rows][:: max(1, len(self.rows) // 4)] if made.stream.unstable else []
        self.chance.shuffle(self.moves)

    def symbols(self) -> tuple[str, ...]:
        self.listed += 1
        return SYMBOLS

    def answer(self, query: Query) -> Fetched:
        made, stream = self.made, self.made.stream
        self.calls += 1
        self._meanwhile()
        self._check(query)
        rows = [row for row in self.rows if matches(row.fact, query.where) and self._inside(row, query)]
        if made.body_rows is not None and len(rows) > made.body_rows:
            self.oversize += 1
            raise Oversize
        cap = self.chance.randint(made.cap_low, max(made.cap_low, made.cap))
        if stream.unstable:
            rows.sort(key=lambda row: self.ranks[row.number], reverse=True)
        elif stream.position == "after_id":
            rows.sort(key=lambda row: row.number)
        elif stream.order == "descending":
            rows.reverse()
        position = None
        if stream.position == "offset":
            skip = int(query.position or "0")
            rows = rows[skip : skip + cap]
        elif stream.position == "page":
            page = int(query.position or "0") - int(stream.position_first or "0")
            rows = rows[page * cap : (page + 1) * cap]
        elif stream.position == "after_id":
            rows = [row for row in rows if query.position is None or row.number > int(query.position)][:cap]
        elif stream.position == "cursor":
            rows, position = self._by_cursor(rows, query.position, cap)
        else:
            rows = self._cut(rows, cap)
        if stream.order == "any" and not stream.unstable:
            self.chance.shuffle(rows)
        return self._fetched(query, rows, position)

    def _cut(self, rows: list[Row], cap: int) -> list[Row]:
        """As many rows as an answer holds: the first in its order, or the newest."""
        if self.made.keeps == "first" or self.made.stream.order == "descending":
            return rows[:cap]
        return rows[-cap:]

    def _by_cursor(self, rows: list[Row], cursor: str | None, cap: int) -> tuple[list[Row], str | None]:
        up = self.made.stream.order == "ascending"
        if cursor is not None:
            time_ns, number, _ = (int(part) for part in cursor.split("."))
            after = (time_ns, number)
            keys = [(row, (row.time_ns, row.number)) for row in rows]
            rows = [row for row, key in keys if (key > after if up else key < after)]
        if not self.made.stream.empty_ends and self.chance.random() < 0.15 and rows:
            past = cursor.rsplit(".", 1)[0] if cursor else ("0.0" if up else f"{1 << 70}.0")
            return [], f"{past}.{self.calls}"
        here = rows[:cap]
        more = len(rows) > cap or (here and self.chance.random() < 0.3)
        return here, f"{here[-1].time_ns}.{here[-1].number}.0" if more else None

    def _inside(self, row: Row, query: Query) -> bool:
        """Whether the bounds let it through. They are cut to the precision, and so may the rows be, or not."""
        stream, precision = self.made.stream, self.made.cell_ns
        time_ns = row.time_ns // precision * precision if self.made.whole_cells else row.time_ns
        since_ns, until_ns = query.since_ns, query.until_ns
        span_ns = (stream.default_window_s or 0) * SECOND_NS
        if span_ns and since_ns is None and until_ns is not None:
            since_ns = until_ns - span_ns
        if span_ns and until_ns is None and since_ns is not None and stream.until == "absent":
            return (
                since_ns <= time_ns < since_ns + span_ns
                if stream.since == "inclusive"
                else (since_ns < time_ns <= since_ns + span_ns)
            )
        if since_ns is not None and (time_ns < since_ns or (stream.since == "exclusive" and time_ns == since_ns)):
            return False
        return until_ns is None or time_ns < until_ns or (stream.until == "inclusive" and time_ns == until_ns)

    def _check(self, query: Query) -> None:
        """Refuses what this exchange refuses."""
        stream = self.made.stream
        assert (query.since_ns is None) == (stream.since == "absent"), "a bound that the route takes is always sent"
        assert (query.until_ns is None) == (stream.until == "absent"), "a bound that the route takes is always sent"
        assert not stream.keyed or query.where.get(stream.keyed) in SYMBOLS, "every question names its symbol"
        for bound_ns in (query.since_ns, query.until_ns):
            assert bound_ns is None or bound_ns % stream.precision_ns == 0, "bounds are cut to the precision"
        if query.since_ns is not None and query.until_ns is not None and stream.window_s is not None:
            assert query.until_ns - query.since_ns <= stream.window_s * SECOND_NS, "the window is too long"
        assert self.calls < 20_000, "does not end"

    def _meanwhile(self) -> None:
        made = self.made
        if self.moves and self.chance.random() < 0.3:
            moved = self.moves.pop()
            self.ranks[moved] = (1 << 70, self.calls)
            self.stirred.append(self.calls)
        if self.chance.random() < made.new:
            last_ns = max(made.until_ns, self.rows[-1].time_ns if self.rows else 0)
            self._arrive(last_ns + self.chance.randrange(3) * SECOND_NS)
        if len(self.arrived) < 30 and self.chance.random() < made.late:
            self._arrive(self.chance.randrange(made.since_ns, made.until_ns))

    def _arrive(self, time_ns: int) -> None:
        time_ns -= time_ns % min(self.made.cell_ns, 1_000_000)
        number = 100_000 + self.calls * 10 + len(self.arrived) % 10
        row = _row(self.chance, number, time_ns, None, native=self.made.stream.native_ids)
        bisect.insort(self.rows, row)
        self.ranks[row.number] = (row.time_ns, row.number)
        self.arrived.append(row)
        self.stirred.append(self.calls)

    def _fetched(self, query: Query, rows: list[Row], position: str | None) -> Fetched:
        page = Page(
            exchange="simulated", dialect="", capability="fills", stream="history", route="fills", request="",
            query=query, sent_ns=self.calls, received_ns=self.calls, status=200, headers={}, body=b"",
        )  # fmt: skip
        facts = [row.fact for row in rows]
        if not self.made.stream.timed:  # as a reader reads it: somewhere in the window asked for
            facts = [msgspec.structs.replace(fact, effective_ns=query.since_ns) for fact in facts]
        return Fetched(page, facts, position)
