"""A `Source` over one of our wires: one account of one `Exchange` through one `Transport`. It decides signing in, what
is asked again and how long to wait, and that every answer becomes a page; reading and paging are declared elsewhere.

A read is repeated after failures that allow it, with doubled and jittered pauses; a write is sent once. After two
refusals of the key the source stops asking: exchanges lock accounts out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from nostro import errors, limits
from nostro.domain.records import Fact
from nostro.domain.values import SECOND_NS
from nostro.link import writes
from nostro.link.claims import remembered, remembered_since_ns
from nostro.link.commands import Command
from nostro.link.declare import (
    Ask,
    Claim,
    Credentials,
    Do,
    Exchange,
    Fetched,
    Given,
    Page,
    Query,
    Route,
    SignIn,
    Signing,
    Stream,
)
from nostro.link.http import HttpAnswer, HttpRequest, header
from nostro.link.pager import sweep
from nostro.link.source import Reply, Step, Waiting, stamp_all, unheard
from nostro.link.transport import Clock, Transport

ResultT = TypeVar("ResultT")

KEPT_HEADERS: Final = ("content-type", "date", "retry-after", "rate-limit-reset")
# What a refusal that came as a success means; any other is a bad request.
REFUSED_AS: Final = (
    (errors.Unauthorized, 401), (errors.Forbidden, 403), (errors.NotFound, 404), (errors.RateLimited, 429),
    (errors.Failing, 500),
)  # fmt: skip
SUB_ACCOUNT: Final = "sub_account"
# How the values of a condition are listed: the capability, and the member of its facts that names one.
LISTED_BY: Final[Mapping[str, tuple[str, str]]] = {
    "instrument": ("instruments", "instrument"), "asset": ("currencies", "asset"),
    SUB_ACCOUNT: ("sub_accounts", "native_id"),
}  # fmt: skip


class WireSource:
    """``account`` is the name its facts carry; ``credentials`` None asks public routes only; ``url`` the base URL."""

    def __init__(
        self,
        exchange: Exchange,
        transport: Transport,
        *,
        account: str,
        credentials: Credentials | None,
        url: str,
        clock: Clock,
        randomness: random.Random,
    ) -> None:
        self.exchange = exchange
        self.account = account
        self.clock = clock
        self.randomness = randomness
        self._transport = transport
        self._credentials = credentials
        self._url = url
        self._bases = {host: _base(exchange.url_of(host, url)) for host in ("", *exchange.hosts)}
        self._token = ""
        self._token_ends_ns = 0
        self._auth_failures = 0
        self._quiet_until_ns = 0
        self._quiet_why = ""
        self.heard: Callable[[Waiting], None] = unheard  # who is told of a pause that a person would notice
        self.ahead_ns = 0  # by how much the exchange's clock is ahead of ours (`offset_ns`), as last seen
        self._listed: dict[str, tuple[int, list[str]]] = {}  # when it was asked, and what
        self._needed: dict[str, tuple[Fact, ...]] = {}  # what writes need to know, by capability
        self._signing_in = asyncio.Lock()

    # ── questions ────────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, capability: str, where: Mapping[str, str]) -> Reply:
        asks = self.exchange.asks_for(capability)
        if not asks:
            raise self._unsupported(capability)
        query = _query(where)
        answers = [await self._fetch(ask, query) for ask in asks]
        return Reply(
            tuple(answer.page for answer in answers), tuple(fact for answer in answers for fact in answer.facts),
            tuple(answer.read for answer in answers),
        )  # fmt: skip

    async def sweep(
        self, stream: str, since_ns: int, until_ns: int, where: Mapping[str, str], *, newest_first: bool = False
    ) -> AsyncIterator[Step]:
        ask = self.exchange.ask(stream)
        if ask is None or ask.stream is None:
            raise self._unsupported(stream)
        if ask.stream.keyed == SUB_ACCOUNT:
            where = self._of_own(where)
        steps = sweep(
            ask.stream, partial(self._fetch, ask), since_ns=since_ns, until_ns=until_ns, where=where,
            values=partial(self._values, ask.stream, until_ns), newest_first=newest_first,
        )  # fmt: skip
        try:
            async for step in steps:
                yield _remembered(step, ask.stream)
        except errors.Forbidden as refusal:
            if not ask.route.permission or not isinstance(refusal.page, Page):
                raise
            claim = Claim("unavailable", since_ns, until_ns, "forbidden")
            yield Step(msgspec.structs.replace(refusal.page, claims=(claim,)), ())

    async def do(self, capability: str, command: Command) -> Reply:
        do = self.exchange.do(capability)
        if do is None:
            raise self._unsupported(capability)
        return await writes.carry_out(self, do, command)

    async def close(self) -> None:
        await self._transport.close()

    # ── its feed ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def feed_url(self) -> str:
        """Where the feed of this account is: the live one for the live base URL, else at the same host; "" where the
        exchange has none."""
        feed = self.exchange.feed
        if feed is None:
            return ""
        if self._url.rstrip("/") == self.exchange.url.rstrip("/"):
            return feed.url
        scheme, _, rest = self._bases[""][0].partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}{feed.paths[0]}"

    async def feed_signing(self) -> Signing:
        """What signs its feed in, with a token that does not end within `limits.TOKEN_MARGIN_S`. Raises `Unauthorized`
        without a key, and as a read does."""
        if self._credentials is None:
            raise self._no_key("feed")
        token = await self._repeat(partial(self._valid_token, "feed", self._credentials))
        return Signing(self._credentials, token, self.clock.now_ns())

    async def feed_facts(self) -> tuple[Fact, ...]:
        """What `Feed.watched` and `Feed.own` want to know: of a key of one sub-account, that one. Raises as a read."""
        feed = self.exchange.feed
        if feed is None or not feed.needs:
            return ()
        facts = (await self.ask(feed.needs, {})).facts
        own = self._of_own({}).get(SUB_ACCOUNT)
        return tuple(fact for fact in facts if own is None or fact.native_id == own)

    @property
    def token_ends_ns(self) -> int | None:
        """When the present token ends, our clock; None where there is none."""
        return self._token_ends_ns if self._token else None

    def refuse_token(self) -> None:
        """The feed did not take the token: the next sign-in gets another."""
        self._token = ""

    def _of_own(self, where: Mapping[str, str]) -> dict[str, str]:
        """The conditions of a question: a key of one sub-account asks for that one's, unless they say another."""
        own = self._credentials.extra.get("sub_account_id") if self._credentials is not None else None
        return {SUB_ACCOUNT: own, **where} if own else dict(where)

    # ── one question ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _fetch(self, ask: Ask, query: Query) -> Fetched:
        message = ask.request(msgspec.structs.replace(query, where=self._of_own(query.where)))
        send = partial(self._once, ask.route, message, capability=ask.capability, stream=ask.name, query=query)
        page = await self._repeat(send)
        if ask.stream is not None and len(page.body) > limits.HISTORY_BYTES_MAX and _can_halve(ask.stream, query):
            raise errors.TooLarge(f"{self.exchange.name} answered {ask.name} with {len(page.body)} bytes")
        if page.status != 200:  # accepted, partial, without content: whatever it is, it is not the whole answer
            said = f"{self.exchange.name} {ask.route.name}: status {page.status} is no whole answer"
            raise self._with_page(errors.Undecodable(said, exchange=self.exchange.id), page)
        answer = self._decoded(ask.route, page)
        try:
            read = tuple(ask.read(query, answer))
        except ValueError as error:
            raise self._with_page(
                errors.Undecodable(f"{self.exchange.name} {ask.route.name}: {error}", exchange=self.exchange.id), page
            ) from error
        facts = stamp_all(
            read, exchange=self.exchange.id, account=self.account, observed_ns=page.received_ns
        )  # fmt: skip
        return Fetched(page, facts, ask.position(answer) if ask.position else None, read)

    async def write(self, do: Do, command: Command) -> Reply:
        """Sends a write once and reads its acknowledgement. Raises as `writes.carry_out` says; does not look up."""
        query = Query(where={"command": type(command).__name__})
        await self._repeat(partial(self._signed_in, do.route))
        given = Given(
            now_ns=self.clock.now_ns(), nonce=self.randomness.getrandbits(32), credentials=self._credentials,
            facts=await self._facts_for(do),
        )  # fmt: skip
        message = do.request(command, given)
        page = await self._once(do.route, message, capability=do.capability, stream=do.capability, query=query)
        facts = tuple(do.read(command, self._decoded(do.route, page)))
        return Reply(
            (page,),
            stamp_all(facts, exchange=self.exchange.id, account=self.account, observed_ns=page.received_ns),
        )

    async def _facts_for(self, do: Do) -> tuple[Fact, ...]:
        """What the write needs to know. Raises `NotSent` where it cannot be had."""
        if do.needs and do.needs not in self._needed:
            try:
                self._needed[do.needs] = (await self.ask(do.needs, {})).facts
            except (errors.Failing, errors.LinkError, errors.WireError) as error:
                raise self._not_sent(do.route.name, error, because=f"{do.needs} could not be read") from error
        return self._needed.get(do.needs, ())

    def _decoded(self, route: Route, page: Page) -> Any:
        try:
            return self.exchange.decode(route, page.body)
        except errors.Undecodable as error:
            raise self._with_page(error, page) from error

    async def _values(self, stream: Stream, until_ns: int, condition: str) -> list[str]:
        """What a condition of a history can be: every instrument, or every asset, that the exchange lists. What it was
        told is used again for sweeps that end before the question and leave out what settles: what is listed since has
        no row in them."""
        asked_ns, known = self._listed.get(condition, (0, []))
        now_ns = self.clock.now_ns()
        if until_ns <= asked_ns <= now_ns <= asked_ns + stream.settle_s * SECOND_NS:
            return known
        capability, member = LISTED_BY[condition]
        reply = await self.ask(capability, {})
        listed = [str(getattr(fact, member, "")) for fact in reply.facts]
        self._listed[condition] = (now_ns, listed)
        return listed

    # ── repeating ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _repeat(self, send: Callable[[], Awaitable[ResultT]]) -> ResultT:
        pause_s = limits.BACKOFF_FIRST_S
        for _ in range(limits.RETRIES_MAX):
            try:
                return await send()
            except errors.NostroError as error:
                if not error.repeat or self._quiet_s() > limits.RETRY_AFTER_MAX_S:
                    raise
                why = error.message
            await self._pause(min(pause_s * (0.5 + self.randomness.random()), limits.BACKOFF_MAX_S), why)
            pause_s *= 2
        return await send()

    async def _pause(self, pause_s: float, why: str) -> None:
        if pause_s >= limits.PAUSE_TOLD_S:
            until_ns = self.clock.now_ns() + int(pause_s * SECOND_NS)
            self.heard(Waiting(account=self.account, until_ns=until_ns, why=why))
        await self.clock.sleep(pause_s)

    def _quiet_s(self) -> float:
        """How long the exchange still wants to hear nothing from us, seconds."""
        return max(0, self._quiet_until_ns - self.clock.now_ns()) / SECOND_NS

    async def _send(self, request: HttpRequest) -> HttpAnswer:
        """Sends once; not before the time that a 429 named, whoever of us got it."""
        quiet_s = self._quiet_s()
        if quiet_s > limits.RETRY_AFTER_MAX_S:
            raise errors.RateLimited(
                f"{self.exchange.name} wants no requests for {quiet_s:.0f} s; nothing was sent",
                retry_after_s=quiet_s, hint="ask again then", exchange=self.exchange.id,
            )  # fmt: skip
        if quiet_s:
            await self._pause(quiet_s, self._quiet_why)
        try:
            return await self._transport.send(request)
        except errors.LinkError as error:  # the transport knows addresses, not whose question it was
            error.exchange, error.account = self.exchange.id, self.account
            raise

    async def _once(
        self, route: Route, message: msgspec.Struct | None, *, capability: str, stream: str, query: Query
    ) -> Page:
        """One request, signed, sent once; a token that the exchange no longer takes is renewed once."""
        for renewed in (False, True):
            token = await self._signed_in(route)
            page, _ = await self._exchange(route, message, token, capability=capability, stream=stream, query=query)
            if self._accepted(page):
                return page
            refusal = self._refusal(page)
            if isinstance(refusal, errors.Unauthorized) and token and not renewed:
                self._token = ""
                continue
            raise refusal
        raise AssertionError("unreachable")

    async def _exchange(
        self,
        route: Route,
        message: msgspec.Struct | None,
        token: str,
        *,
        capability: str,
        stream: str,
        query: Query,
    ) -> tuple[Page, Mapping[str, str]]:
        """The page of one request, whatever its status, and all headers of the answer."""
        request, shown = self._request(route, message, token)
        sent_ns = self.clock.now_ns()
        answer = await self._send(request)
        kept = {name: value for name in KEPT_HEADERS if (value := header(answer.headers, name)) is not None}
        page = Page(
            exchange=self.exchange.id, dialect=self.exchange.dialect, capability=capability, stream=stream,
            route=route.name, request=shown, query=query, sent_ns=sent_ns, received_ns=self.clock.now_ns(),
            status=answer.status, headers=kept, body=answer.body, secret=route.secret,
        )  # fmt: skip
        self.ahead_ns = self.offset_ns(page)
        return page, answer.headers

    def _accepted(self, page: Page) -> bool:
        return page.status < 300 and not self.exchange.refused(page.body)

    def _refusal(self, page: Page) -> errors.NostroError:
        error = self.exchange.errors(page.status, page.headers, page.body)
        if page.status < 300:
            means = next((status for kind, status in REFUSED_AS if isinstance(error, kind)), 400)
            headers = page.headers | {"status": str(page.status)}
            page = msgspec.structs.replace(page, status=means, headers=headers)
        error.exchange = error.exchange or self.exchange.id
        error.account = self.account
        if isinstance(error, errors.Unauthorized):
            self._auth_failures += 1
        if isinstance(error, errors.RateLimited) and error.retry_after_s:
            self._quiet_until_ns = page.received_ns + int(error.retry_after_s * SECOND_NS)
            self._quiet_why = error.message
        return self._with_page(error, page)

    def _with_page(self, error: errors.NostroError, page: Page) -> errors.NostroError:
        error.page = page
        error.account = self.account
        return error

    # ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _signed_in(self, route: Route) -> str:
        if route.auth == "none" or self.exchange.auth.sign_in is None:
            return ""
        if self._credentials is None:
            raise self._no_key(route.name)
        return await self._valid_token(route.name, self._credentials)

    async def _valid_token(self, name: str, credentials: Credentials) -> str:
        """The token with which what is called so is asked for; "" where every request is signed by itself."""
        sign_in = self.exchange.auth.sign_in
        if sign_in is None:
            return ""
        async with self._signing_in:
            if not self._token or self.clock.now_ns() > self._token_ends_ns - limits.TOKEN_MARGIN_S * SECOND_NS:
                try:
                    await self._sign_in(sign_in, credentials)
                except (errors.Failing, errors.LinkError, errors.WireError) as error:
                    raise self._not_sent(name, error, because="signing in failed") from error
        return self._token

    def _no_key(self, name: str) -> errors.Unauthorized:
        return errors.Unauthorized(
            f"{self.exchange.name} {name} needs a key", hint="open the account with key= and secret="
        )

    def _not_sent(self, name: str, error: errors.NostroError, *, because: str) -> errors.NotSent:
        """Without what comes first nothing was asked: whatever became of that, this did not happen."""
        failure = errors.NotSent(
            f"{self.exchange.name} {name} was not sent, because {because}: {error.message}",
            hint=error.hint or "ask again later", exchange=self.exchange.id, account=self.account,
        )  # fmt: skip
        failure.page = error.page
        return failure

    async def _sign_in(self, sign_in: SignIn, credentials: Credentials) -> None:
        route = sign_in.route
        if self._auth_failures >= limits.AUTH_FAILURES_MAX:
            raise errors.Unauthorized(
                f"{self.exchange.name} refused this key {self._auth_failures} times; it is not tried again",
                hint="check key and secret, then open the account anew",
                exchange=self.exchange.id,
                account=self.account,
            )
        page, headers = await self._exchange(
            route, sign_in.request(credentials), "", capability=route.name, stream=route.name, query=Query()
        )
        if not self._accepted(page):
            raise self._refusal(page)
        try:
            self._token, ends_ns = sign_in.token(self._decoded(route, page), headers)
        except ValueError as error:
            raise errors.Undecodable(f"{self.exchange.name} answered the sign-in with no token: {error}") from None
        # The token's end is the exchange's time; ours may be off by minutes.
        self._token_ends_ns = ends_ns - self.offset_ns(page)
        self._auth_failures = 0

    # ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _request(self, route: Route, message: msgspec.Struct | None, token: str) -> tuple[HttpRequest, str]:
        """The request as it is sent, and what of it may be kept: its line and body before they were signed. Raises
        `BadValue` for text that is none: a command line may hold bytes that are no UTF-8."""
        try:
            carried = self.exchange.encode_request(route, message)
        except UnicodeEncodeError:  # it holds the text, which may be a secret
            said = f"what is asked of {self.exchange.name} {route.name} has characters that are no text"
            raise errors.BadValue(said, hint="nothing was sent: give it in UTF-8", exchange=self.exchange.id) from None
        origin, base_path = self._bases[route.host]
        unsigned = HttpRequest(
            method=route.method, origin=origin, path=f"{base_path}/{carried.path or route.path}", query=carried.query,
            headers={"Content-Type": carried.content_type} if carried.content_type else {}, body=carried.body,
        )  # fmt: skip
        body = "" if route.secret or not carried.body else f"\n{carried.body.decode()}"
        signing = Signing(self._credentials, token, self.clock.now_ns())
        return self.exchange.auth.sign(route, unsigned, signing), f"{route.method} {unsigned.target}{body}"

    @staticmethod
    def offset_ns(page: Page) -> int:
        """By how much the exchange's clock is ahead of ours, from the ``Date`` of an answer (whole seconds, so off by
        up to one second and the time under way); 0 where the answer has none."""
        text = page.headers.get("date")
        if text is None:
            return 0
        try:
            theirs_ns = int(parsedate_to_datetime(text).timestamp()) * SECOND_NS
        except ValueError:
            return 0
        if page.sent_ns - SECOND_NS <= theirs_ns <= page.received_ns:
            return 0
        return theirs_ns + SECOND_NS // 2 - (page.sent_ns + page.received_ns) // 2

    def _unsupported(self, capability: str) -> errors.NotSupported:
        return errors.NotSupported(
            f"functionality not available for this exchange: {self.exchange.name} has no {capability}",
            hint=f"nostro exchanges {self.exchange.id} shows what it has",
            exchange=self.exchange.id,
        )


def _base(url: str) -> tuple[str, str]:
    """Origin and path of a base URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def _query(where: Mapping[str, str]) -> Query:
    """The question with these conditions; bounds and limit have members of their own."""
    conditions = dict(where)
    since_ns, until_ns, limit = (conditions.pop(name, None) for name in ("since_ns", "until_ns", "limit"))
    return Query(
        since_ns=None if since_ns is None else int(since_ns), until_ns=None if until_ns is None else int(until_ns),
        limit=None if limit is None else int(limit), where=conditions,
    )  # fmt: skip


def _remembered(step: Step, stream: Stream) -> Step:
    """The step, whose claims prove nothing of what the exchange may have forgotten by the end of its answer."""
    if stream.retention_s is None or not step.claims:
        return step
    oldest_ns = remembered_since_ns(stream.retention_s, step.page.received_ns)
    claims = remembered(step.claims, since_ns=oldest_ns)
    return msgspec.structs.replace(step, page=msgspec.structs.replace(step.page, claims=claims))


def _can_halve(stream: Stream, query: Query) -> bool:
    """Whether a narrower window can be asked for instead."""
    if stream.page_size is not None or query.since_ns is None or query.until_ns is None:
        return False
    return query.until_ns - query.since_ns > 2 * stream.precision_ns
