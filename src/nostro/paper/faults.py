"""What goes wrong on the paper exchange's wire, on purpose and from a seed. It decides which requests and which frames
of a feed are struck and how (what becomes of a frame that is struck, ``feeds.py`` knows); it only does what a real
exchange's wire does, and never makes up what is said.

A plan is a list of faults, each with a share of the requests or frames that it fits. The same plan and the same
requests in the same order are struck alike, and so are frames. Every fault counts how often it fired: a test of a fault
that never fired shows nothing.
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Final, Protocol, TypeVar

import msgspec

from nostro.domain.values import SECOND_NS
from nostro.errors import BadValue, Unanswered
from nostro.link.declare import Route
from nostro.link.http import HttpAnswer, HttpRequest, header


class Kind(StrEnum):
    """``refused`` to ``expired_token`` and ``dropped_before``: the command is not carried out. ``failed_after``,
    ``truncated``, ``empty`` and ``dropped_after``: it is, and its answer is lost. ``delayed``: nothing is lost.
    ``stale``: the answer is the one that the same question got before, if that is no older than ``delay_s``; of reads
    alone."""

    REFUSED = "refused"  # 429 with Retry-After
    FAILED = "failed"  # 500
    MAINTENANCE = "maintenance"  # 503
    HTML = "html"  # 200 with a page of HTML: a gateway's or a hotel's
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - 401, though the token's time is not over
    DROPPED_BEFORE = "dropped_before"
    FAILED_AFTER = "failed_after"  # 500, though it was carried out
    TRUNCATED = "truncated"  # the first half of the answer, as if it were whole
    EMPTY = "empty"  # the status without its body
    DROPPED_AFTER = "dropped_after"
    DELAYED = "delayed"
    STALE = "stale"


LOSES_ANSWER: Final = frozenset({Kind.FAILED_AFTER, Kind.TRUNCATED, Kind.EMPTY, Kind.DROPPED_AFTER})
NOT_CARRIED_OUT: Final = frozenset(Kind) - LOSES_ANSWER - {Kind.DELAYED, Kind.STALE}
ANSWERS_KEPT: Final = 200  # of which a stale one may be given: of some dozens of accounts

PAGE: Final = b"<!DOCTYPE html><html><head><title>One moment</title></head><body>Checking your browser</body></html>"

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``share``: of the requests that fit, 0 to 1. ``routes``: names of the routes that fit, all where empty. ``at``:
    strikes these of the requests that fit, counted from 1, besides its share. ``most``: it strikes at most so often,
    0 for no end. ``retry_after_s`` of a 429 and ``delay_s`` of a delay: seconds."""

    kind: Kind
    share: Share = 0.0
    routes: tuple[str, ...] = ()
    at: tuple[int, ...] = ()
    most: Annotated[int, msgspec.Meta(ge=0)] = 0
    retry_after_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 1
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 1.0


class FrameKind(StrEnum):
    """``cut``: the connection ends without a farewell before the frame; ``torn``: within it, at any of its bytes.
    ``delayed_frame``: it is held back, and all that follow it on that connection. ``reordered``: it comes behind the
    next one, or a second late. ``repeated_late``: it comes, and once more ``delay_s`` later, as if it were news: a
    snapshot that is older than what was told since. ``doubled`` and ``flood``: it comes twice, or ``times`` times.
    ``silent``: from it on for ``for_s``, nothing is told any more, and pings and requests are answered all the same.
    ``half_open``: nothing at all comes or is answered any more, and the connection stays. ``restarted``: the numbers of
    all that this connection hears begin again at 1 (of a wire that numbers nothing, nothing happens)."""

    CUT = "cut"
    TORN = "torn"
    DELAYED = "delayed_frame"
    REORDERED = "reordered"
    REPEATED_LATE = "repeated_late"
    DOUBLED = "doubled"
    FLOOD = "flood"
    DROPPED = "dropped"
    SILENT = "silent"
    HALF_OPEN = "half_open"
    RESTARTED = "restarted"


class FrameFault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault of a feed, as `Fault` is one of requests: ``share`` and ``at`` of the frames that are sent and in which
    the text ``holding`` stands (of all, where it is empty; a silence then is one of these alone). ``delay_s`` of a
    delay, ``for_s`` of a silence (0: for good): seconds."""

    kind: FrameKind
    share: Share = 0.0
    holding: str = ""
    at: tuple[int, ...] = ()
    most: Annotated[int, msgspec.Meta(ge=0)] = 0
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 1.0
    for_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1_000


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where several faults strike one request or one frame, the first of its list does."""

    seed: int = 0
    faults: tuple[Fault, ...] = ()
    frames: tuple[FrameFault, ...] = ()


def parse_plan(text: bytes, name: str) -> FaultPlan:
    """The plan in a file's bytes, TOML or (where ``name`` ends in .json) JSON. Raises `BadValue`."""
    decode = msgspec.json.decode if name.endswith(".json") else msgspec.toml.decode
    try:
        return decode(text, type=FaultPlan)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        kinds = ", ".join((*Kind, *FrameKind))
        raise BadValue(f"{name} is not a plan of faults: {error}", hint=f"the kinds are {kinds}") from None


FaultT = TypeVar("FaultT", Fault, FrameFault)


class ErrorAnswer(Protocol):
    """The server's error answer in the exchange's own form."""

    def __call__(self, status: int, message: str, *, headers: dict[str, str] | None = None) -> HttpAnswer: ...


class _Draws:
    """Which of a list of faults strikes next. Every one that fits counts and draws, whether or not another one strikes,
    so that each is reproducible."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)
        self._seen: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()

    def strike(self, faults: Sequence[FaultT], fits: Callable[[FaultT], bool]) -> FaultT | None:
        chosen: FaultT | None = None
        for number, fault in enumerate(faults):
            if not fits(fault):
                continue
            self._seen[number] += 1
            drawn = self._random.random() < fault.share
            if chosen is not None or (fault.most and self._struck[number] >= fault.most):
                continue
            if drawn or self._seen[number] in fault.at:
                self._struck[number] += 1
                chosen = fault
        return chosen


class Faults:
    """A plan at work. ``fired``: how often each kind has struck."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.fired: Counter[Kind | FrameKind] = Counter()
        self._requests = _Draws(plan.seed)
        self._frames = _Draws(f"frames {plan.seed}")
        self._bytes = random.Random(f"bytes {plan.seed}")
        self._before: OrderedDict[tuple[str, ...], tuple[int, HttpAnswer]] = OrderedDict()  # when, and what
        self._keeps = any(fault.kind is Kind.STALE for fault in plan.faults)

    def frame(self, text: str = "") -> FrameFault | None:
        """What strikes the next frame of a feed. That numbers began again is counted by who could do it."""
        fault = self._frames.strike(self.plan.frames, lambda each: each.holding in text)
        if fault is not None and fault.kind is not FrameKind.RESTARTED:
            self.fired[fault.kind] += 1
        return fault

    def within(self, size: int) -> int:
        """How many bytes of so many go out before a link breaks: from none to all but one."""
        return self._bytes.randrange(max(1, size))

    def around(
        self, route: Route | None, answer: Callable[[], HttpAnswer], *, error: ErrorAnswer, request: HttpRequest,
        now_ns: int,
    ) -> HttpAnswer:  # fmt: skip
        """The answer to a request for ``route`` (None: there is no such route), struck or not. Raises `Unanswered`
        where the connection is dropped."""
        fault = self._requests.strike(self.plan.faults, lambda each: _fits(each, route))
        if self._keeps and route is not None and not route.writes:
            return self._perhaps_stale(fault, answer, error=error, asked=_question(request), now_ns=now_ns)
        return self._struck(fault, answer, error=error)

    def _perhaps_stale(
        self, fault: Fault | None, answer: Callable[[], HttpAnswer], *, error: ErrorAnswer, asked: tuple[str, ...],
        now_ns: int,
    ) -> HttpAnswer:  # fmt: skip
        before = self._before.get(asked)
        if fault is not None and fault.kind is Kind.STALE:
            if before is not None and now_ns - before[0] <= fault.delay_s * SECOND_NS:
                self.fired[fault.kind] += 1
                return before[1]
            fault = None
        given = self._struck(fault, answer, error=error)
        if fault is None and given.rest is None:
            self._before[asked] = now_ns, given
            while len(self._before) > ANSWERS_KEPT:
                self._before.popitem(last=False)
        return given

    def _struck(self, fault: Fault | None, answer: Callable[[], HttpAnswer], *, error: ErrorAnswer) -> HttpAnswer:
        if fault is None:
            return answer()
        if fault.kind in NOT_CARRIED_OUT:
            self.fired[fault.kind] += 1
            return _instead(fault, error)
        given = answer()
        if fault.kind in (Kind.TRUNCATED, Kind.EMPTY) and not given.body:
            return given  # nothing is there to lose
        self.fired[fault.kind] += 1
        return _spoiled(fault, given, error)


def _question(request: HttpRequest) -> tuple[str, ...]:
    """What was asked, and by whom; not what signs it."""
    whose = (header(request.headers, name) or "" for name in ("Authorization", "APIKey", "Cookie"))
    return (request.method, request.path, request.query, request.body.decode("latin-1"), *whose)


def _fits(fault: Fault, route: Route | None) -> bool:
    if fault.kind is Kind.EXPIRED_TOKEN and (route is None or route.auth == "none"):
        return False
    if fault.kind is Kind.STALE and (route is None or route.writes):
        return False
    return not fault.routes or (route is not None and route.name in fault.routes)


def _instead(fault: Fault, error: ErrorAnswer) -> HttpAnswer:
    if fault.kind is Kind.REFUSED:
        return error(429, "too many requests", headers={"Retry-After": str(fault.retry_after_s)})
    if fault.kind is Kind.FAILED:
        return error(500, "internal error")
    if fault.kind is Kind.MAINTENANCE:
        return error(503, "maintenance")
    if fault.kind is Kind.EXPIRED_TOKEN:
        return error(401, "the token has expired")
    if fault.kind is Kind.HTML:
        return HttpAnswer(200, {"Content-Type": "text/html; charset=utf-8"}, PAGE)
    raise Unanswered("the paper exchange dropped the connection before the request was carried out")


def _spoiled(fault: Fault, given: HttpAnswer, error: ErrorAnswer) -> HttpAnswer:
    if fault.kind is Kind.FAILED_AFTER:
        return error(500, "internal error")
    if fault.kind is Kind.TRUNCATED:
        return HttpAnswer(given.status, given.headers, given.body[: len(given.body) // 2])
    if fault.kind is Kind.EMPTY:
        return HttpAnswer(given.status, given.headers, b"")
    if fault.kind is Kind.DELAYED:
        return msgspec.structs.replace(given, delay_s=fault.delay_s)
    raise Unanswered("the paper exchange dropped the connection after the request was carried out")
