"""Makes the past of a new paper exchange: the people of its profile and months of what they did. It decides when they
act; what they do is ``bots.py``'s and ``traders.py``'s, and the market they do it in ``makers.py``'s.

Everything happens through the venue's own commands, in order of time, so that the past obeys the same rules as the
present.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.errors import Conflict
from nostro.link.commands import Accepted
from nostro.paper.borrower import Borrower
from nostro.paper.bots import Bot
from nostro.paper.draws import below, one_of
from nostro.paper.gambler import Gambler
from nostro.paper.makers import House
from nostro.paper.prices import Prices
from nostro.paper.profiles import opening
from nostro.paper.profiles.people import Person
from nostro.paper.traders import Trader
from nostro.paper.venue.commands import CreateUser
from nostro.paper.venue.operations import Desk
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue

MONTH_DAYS: Final = 30
SESSIONS_PER_DAY: Final = 6  # at most; a session is some minutes of activity on one instrument
ACTS_PER_QUOTE: Final = 25  # of the bots, between two ladders of the house; so many seconds the prices move
ACTS_PER_FILL_MAX: Final = 12  # beyond this a session ends without its fills
_MARK: Final = "history"


def generate(
    venue: Venue,
    *,
    until_ns: int,
    seed: int | None = None,
    months: int = 6,
    rows: int = 3_000,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fills a new venue with the people of its profile and their history, which ends at ``until_ns``; a venue that has
    it is left as it is, and one whose making was interrupted begins again. ``rows``: about how many fills the trader
    gets, 0: the logins alone. ``seed``: None: the venue's. ``progress(done, of)`` counts the trader's fills. Raises
    `Conflict` where the venue was used without a history."""
    state = venue.noted(_MARK)
    if state == "made":
        return
    if state is None and venue.engine.users:
        message = "this paper exchange was used already, and has no history"
        raise Conflict(message, hint="make the history first, in a new one")
    if state is not None:
        venue.erase()
    venue.note(_MARK, "begun")
    with venue.batch():
        _Past(venue, Random(f"history {venue.seed if seed is None else seed}"), until_ns, rows, progress).make(months)
    venue.note(_MARK, "made")


class _Active(NamedTuple):
    """A bot, its part of the trader's activity in percent, and in how many sessions it once moves money."""

    bot: Bot
    share: int
    sessions: int


class _Past:
    def __init__(
        self, venue: Venue, random: Random, until_ns: int, rows: int, progress: Callable[[int, int], None] | None
    ) -> None:
        self._venue = venue
        self._random = random
        self._until_ns = until_ns
        self._rows = rows
        self._progress = progress
        self._prices = Prices(venue.profile, random)
        self._desk = Desk(venue)
        self._fills: dict[int, int] = {}

    def make(self, months: int) -> None:
        days = months * MONTH_DAYS if self._rows else 0
        start_ns = self._until_ns - days * DAY_NS - SECOND_NS
        self._house = House(self._venue, self._prices, random=self._random, at_ns=start_ns)
        people = opening(self._venue.profile.name).people
        hands: dict[str, Bot] = {}
        for person in people:
            user = self._enters(person, start_ns)
            if person.share is not None and self._rows:
                hands[person.name] = bot = self._bot(user, person.master)
                bot.deposit_start(at_ns=start_ns, fills=self._rows * person.share // 100)
        if hands:
            self._stories = self._told(hands)
            bots = [
                _Active(hands[each.name], each.share, 12 if self._withdraws(each, people) else 40)
                for each in people
                if each.share
            ]
            self._live(bots, start_ns + DAY_NS, days)
        self._beat(self._until_ns)

    def _enters(self, person: Person, at_ns: int) -> int:
        """The user of a person; with a key where it has one."""
        email, parent = f"{person.name}@paper.example", self._venue.user_named(person.master) if person.master else None
        created = CreateUser(name=person.name, email=email, parent=parent, portfolio=person.portfolio)
        answer = self._venue.carry_out(created, at_ns=at_ns).answer
        assert isinstance(answer, Accepted)
        if person.permissions is not None:
            self._venue.create_key(answer.ids[0], person.name, permissions=person.permissions)
        return answer.ids[0]

    def _bot(self, user: int, master: str) -> Bot:
        if self._venue.profile.collateral:
            bank = self._venue.user_named(master) if master else None
            return Trader(self._venue, user, prices=self._prices, random=self._random, bank=bank)
        return Bot(self._venue, user, prices=self._prices, random=self._random)

    def _told(self, hands: dict[str, Bot]) -> Borrower | Gambler:
        """What the one does whom margin matters to: the last person that acts, and whose sub-account it is."""
        last = list(hands.values())[-1]
        if isinstance(last, Trader):
            return Gambler(self._venue, last, house=self._house, prices=self._prices, random=self._random)
        return Borrower(self._venue, master=hands["margin"], sub=last, house=self._house, random=self._random)

    @staticmethod
    def _withdraws(person: Person, people: Sequence[Person]) -> bool:
        """Whether its key, or that of its master, may withdraw."""
        names = (person.name, person.master)
        return any("withdraw" in (each.permissions or ()) for each in people if each.name in names)

    def _live(self, bots: list[_Active], start_ns: int, days: int) -> None:
        """The sessions, evenly spread with some chance, until the end; then what stays open."""
        sessions = max(1, min((days - 1) * SESSIONS_PER_DAY, self._rows))
        pace_ns = (self._until_ns - start_ns) // sessions
        before_ns = start_ns - DAY_NS
        for number in range(sessions):
            at_ns = start_ns + number * pace_ns + below(self._random, pace_ns // 2)
            self._desk.advance(at_ns)
            self._prices.step((at_ns - before_ns) // SECOND_NS)
            before_ns = at_ns
            self._count(self._house.show_prices(at_ns=at_ns))
            symbol = self._symbol()
            for bot, share, _ in bots:
                target = self._rows * share * (number + 1) // (100 * sessions)
                self._session(bot, symbol, target=target, at_ns=at_ns, end_ns=at_ns + pace_ns // 2)
            for bot, _, _ in bots:
                self._count(bot.rest(symbol, at_ns=at_ns + pace_ns // 2))
            self._count(self._stories.act(number, sessions, at_ns=at_ns))
            self._money(bots, at_ns=at_ns)
            if at_ns >= self._until_ns - DAY_NS:
                self._beat(at_ns)
            if self._progress is not None:
                self._progress(self._fills.get(bots[0].bot.user, 0), self._rows)
        self._desk.advance(self._until_ns)
        self._count(self._stories.leave_open(self._until_ns))
        for bot, _, _ in bots:
            for instrument in self._venue.instruments()[:2]:
                self._count(bot.leave_open(instrument.symbol, at_ns=self._until_ns))
            bot.deposit_some(at_ns=self._until_ns)
            bot.withdraw_some(at_ns=self._until_ns)

    def _session(self, bot: Bot, symbol: str, *, target: int, at_ns: int, end_ns: int) -> None:
        """Acts until the bot has its fills, with the house's ladder renewed now and then."""
        missing = target - self._fills.get(bot.user, 0)
        self._count(bot.prepare(at_ns=at_ns))
        for act in range(missing * ACTS_PER_FILL_MAX):
            if self._fills.get(bot.user, 0) >= target:
                return
            if act % ACTS_PER_QUOTE == 0:
                self._prices.step(ACTS_PER_QUOTE)
                self._count(self._house.quote(symbol, at_ns=at_ns))
            self._count([bot.act(symbol, at_ns=at_ns)])
            if below(self._random, 2):
                self._count([self._house.flow(symbol, at_ns=at_ns)])
            # some acts share their instant, as a program's do, most are seconds or milliseconds apart
            step_ns = one_of(self._random, (0, 0, 7_000_000, SECOND_NS, 20 * SECOND_NS))
            at_ns = min(end_ns, at_ns + step_ns)

    def _money(self, bots: list[_Active], *, at_ns: int) -> None:
        """Deposits and withdrawals: a few each month, and more for the one that may withdraw by its key."""
        for bot, _, sessions in bots:
            if below(self._random, sessions) == 0:
                bot.withdraw_some(at_ns=at_ns)
            if below(self._random, sessions) == 0:
                bot.deposit_some(at_ns=at_ns)

    def _beat(self, at_ns: int) -> None:
        """Every instrument is quoted and traded: on the last day, so that tickers and charts have something to show."""
        for instrument in self._venue.instruments():
            self._count(self._house.quote(instrument.symbol, at_ns=at_ns))
            self._count([self._house.flow(instrument.symbol, at_ns=at_ns)])

    def _symbol(self) -> str:
        """The first instruments are traded most."""
        instruments = self._venue.instruments()
        return instruments[min(below(self._random, len(instruments)) for _ in range(2))].symbol

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            for fill in outcome.fill_rows:
                self._fills[fill[2]] = self._fills.get(fill[2], 0) + 1
