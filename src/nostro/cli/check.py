"""What ``nostro accounts check`` asks: one question of every kind that reads, and nothing that writes."""

from __future__ import annotations

from nostro import errors
from nostro.cli.connect import source
from nostro.cli.session import Session
from nostro.config import AccountSettings
from nostro.domain.values import SECOND_NS
from nostro.link.transport import SystemClock
from nostro.link.wire import WireSource
from nostro.views.accounts import CheckLine

STATES = ("server_time", "sub_accounts", "balances", "fees")
LOOK_BACK_NS = 3600 * SECOND_NS  # of a history: enough to see whether it may be read


async def probe(here: Session, name: str, *, account: AccountSettings) -> list[CheckLine]:
    """What came of each question. Raises `Unauthorized` where the key or the secret is wrong, `LinkError` where nobody
    answers: then there is nothing else to tell."""
    asked = source(here, name, account=account)
    try:
        lines = [await _state(asked, each) for each in STATES if asked.exchange.asks_for(each)]
        lines += [await _history(asked, stream.name) for stream in asked.exchange.streams]
    finally:
        await asked.close()
    lines += [
        CheckLine(account=name, question=each, result="unsupported", detail="") for each in asked.exchange.unsupported
    ]
    granted = ", ".join(account.grants) or "nothing"
    lines.append(CheckLine(account=name, question="writes", result="not tried", detail=f"the settings grant {granted}"))
    return lines


async def _state(asked: WireSource, capability: str) -> CheckLine:
    try:
        reply = await asked.ask(capability, {})
    except (errors.Unauthorized, errors.LinkError):
        raise
    except errors.NostroError as error:
        return _failed(asked, capability, error)
    offset_s = asked.offset_ns(reply.pages[-1]) / SECOND_NS
    skewed = f", its clock is {offset_s:+.0f} s from ours" if offset_s else ""
    return CheckLine(account=asked.account, question=capability, result="ok", detail=f"{len(reply.facts)} rows{skewed}")


async def _history(asked: WireSource, stream: str) -> CheckLine:
    now_ns = SystemClock().now_ns()
    rows = 0
    try:
        async for step in asked.sweep(stream, now_ns - LOOK_BACK_NS, now_ns, {}):
            rows += len(step.facts)
            causes = [claim.cause for claim in step.claims if claim.status == "unavailable"]
            if causes:
                return CheckLine(account=asked.account, question=stream, result=causes[0], detail="unavailable")
    except (errors.Unauthorized, errors.LinkError):
        raise
    except errors.NostroError as error:
        return _failed(asked, stream, error)
    return CheckLine(account=asked.account, question=stream, result="ok", detail=f"{rows} rows in the last hour")


def _failed(asked: WireSource, question: str, error: errors.NostroError) -> CheckLine:
    result = "forbidden" if isinstance(error, errors.Forbidden) else "failed"
    return CheckLine(account=asked.account, question=question, result=result, detail=error.message)
