"""``nostro paper``: an exchange of our own on this machine. It decides how it is started, funded and thrown away;
what it does is ``paper/``'s. ``serve`` prints one line of JSON on stdout when it is ready, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from nostro.cli.session import Session, session, shared, shown
from nostro.errors import BadValue, Conflict, Refused

if TYPE_CHECKING:
    from nostro.link.declare import Exchange
    from nostro.link.http import HttpAnswer, HttpRequest
    from nostro.paper.faults import Faults
    from nostro.paper.host import PaperExchange

MARKET_PAUSE_S: Final = 1.0  # between two steps of the paper market
FUND_PATH: Final = "/nostro/fund"
OTHER_NAMES: Final = {"bingx": "bingx_v1"}  # the only BingX that is spoken to here; its live wire is another's
SECRET_HEADER: Final = "X-Paper-Secret"  # noqa: S105 - a header's name; only who reads the home folder knows its value


@click.group(short_help="A paper exchange: nothing that happens there is real.")
def paper() -> None:
    """A paper exchange on this machine: nothing that happens there is real."""


# ── serve ────────────────────────────────────────────────────────────────────────────────────────────────────────


@paper.command()
@click.argument("exchange")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port of 127.0.0.1 [default: 0, any free one].")
@click.option("--seed", type=click.IntRange(min=0), help="Makes its keys and its history [default: 7].")
@click.option("--history", type=click.IntRange(min=0), metavar="ROWS", help="Fills that a first start makes up.")
@click.option("--dialect", help="One of the exchange's dialects [default: its first].")
@click.option("--faults", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="JSON: what goes wrong.")
@click.option("--tls", is_flag=True, help="Serve it encrypted too, under a certificate of its own.")
@click.option("--until-stdin-closes", is_flag=True, hidden=True, help="End when whoever started it has ended.")
@shared
def serve(
    exchange: str,
    *,
    port: int | None,
    seed: int | None,
    history: int | None,
    dialect: str | None,
    faults: Path | None,
    tls: bool,
    until_stdin_closes: bool,
) -> None:
    """Serve EXCHANGE over its real wire until Ctrl-C. When it is ready, one line of JSON says where, and with which
    keys."""
    from nostro.link.transport import SystemClock
    from nostro.paper.certificate import certificate
    from nostro.paper.host import DEFAULT_ROWS, PaperExchange

    here = session()
    settings = here.settings.paper
    spoken = _spoken(exchange, dialect)
    here.home.create()
    rows = DEFAULT_ROWS if settings.history is None else settings.history
    with PaperExchange(
        here.paper_folder(spoken.id), spoken, now_ns=SystemClock().now_ns,
        seed=settings.seed if seed is None else seed,
        rows=rows if history is None else history, faults=_faults(faults), progress=_told(sys.stderr, spoken.id),
    ) as running:  # fmt: skip
        chain = certificate(running.folder) if tls else None
        port = settings.port if port is None else port
        asyncio.run(_serve(running, port, chain=chain, until_stdin_closes=until_stdin_closes))


def _spoken(name: str, dialect: str | None = None) -> Exchange:
    """The exchange that people mean by a name when they mean a paper one. Raises `ExchangeUnknown`."""
    from nostro.exchanges import exchange

    return exchange(OTHER_NAMES.get(name.strip().lower(), name), dialect)


def _faults(path: Path | None) -> Faults | None:
    if path is None:
        return None
    from nostro.paper.faults import Faults, parse_plan

    return Faults(parse_plan(path.read_bytes(), str(path)))


def _told(stream: Any, exchange_id: str) -> Callable[[int, int], None]:
    """Says on stderr how far the history of a first start is: one line that changes on a terminal, ten lines
    elsewhere."""
    said = -1

    def told(done: int, of: int) -> None:
        nonlocal said
        percent = 100 if of == 0 else done * 100 // of
        step = percent if stream.isatty() else percent - percent % 10
        if step == said or of == 0:
            return
        said = step
        ending = "\r" if stream.isatty() and done < of else "\n"
        stream.write(f"making up history of {exchange_id}: {step:3d} % of {of:,} fills{ending}")
        stream.flush()

    return told


async def _serve(running: PaperExchange, port: int, *, chain: Path | None, until_stdin_closes: bool) -> None:
    from nostro.paper.certificate import context
    from nostro.paper.listen import listen

    tls = None if chain is None else context(chain)
    try:
        listener = await listen(
            _with_funding(running), together=running.venue.batch, hub=running.hub, port=port, tls=tls
        )  # fmt: skip
    except OSError as error:
        raise Conflict(f"port {port} cannot be used: {error.strerror}", hint="give another --port, or 0") from None
    try:
        ready = running.announce(listener.origin, listener.tls_origin)
        sys.stdout.write(json.dumps(ready | ({} if chain is None else {"certificate": str(chain)})) + "\n")
        sys.stdout.flush()
        await _market(running, until_stdin_closes=until_stdin_closes)
    finally:
        await listener.close()


async def _market(running: PaperExchange, *, until_stdin_closes: bool) -> None:
    """Lets the market and the transfers catch up with the clock, for ever, or until whoever started us has ended."""
    closed = asyncio.Event()
    if until_stdin_closes:
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), _watch_stdin, closed)
    while not closed.is_set():
        running.advance()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closed.wait(), MARKET_PAUSE_S)


def _watch_stdin(closed: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        closed.set()


# ── fund ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Funding(msgspec.Struct, frozen=True, kw_only=True):
    """What `paper fund` asks of a running exchange: credit a login's wallet at once ("": the usual one)."""

    account: str
    asset: str
    amount: str
    wallet: str


def _with_funding(running: PaperExchange) -> Callable[[HttpRequest], HttpAnswer]:
    """The exchange's own ``handle``, and besides it one path of ours for whoever may read the home folder."""

    def handle(request: HttpRequest) -> HttpAnswer:
        if request.path != FUND_PATH or request.method != "POST":
            return running.handle(request)
        return _funded(running, request)

    return handle


def _funded(running: PaperExchange, request: HttpRequest) -> HttpAnswer:
    import hmac

    from nostro.link.http import HttpAnswer, header

    try:
        wish = msgspec.json.decode(request.body, type=Funding)
    except msgspec.DecodeError as error:
        return HttpAnswer(400, {}, json.dumps({"message": str(error)}).encode())
    login = next((each for each in running.logins() if each.name == wish.account), None)
    given = (header(request.headers, SECRET_HEADER) or "").encode()
    if login is None or not hmac.compare_digest(given, login.secret.encode()):
        return HttpAnswer(403, {}, json.dumps({"message": f"no login {wish.account!r} with that secret"}).encode())
    try:
        credit(running, wish)
    except (BadValue, Refused) as error:
        return HttpAnswer(400, {}, json.dumps({"message": error.message}).encode())
    return HttpAnswer(200, {}, b"{}")


def credit(running: PaperExchange, wish: Funding) -> None:
    """Credits the wallet. Raises `BadValue` for what is no amount, `Refused` where the venue refuses."""
    from nostro.domain.values import Malformed, decimal
    from nostro.link.commands import Rejected

    user = next(each.user for each in running.logins() if each.name == wish.account)
    try:
        amount = decimal(wish.amount, "amount")
    except Malformed as error:
        raise BadValue(str(error)) from None
    answer = running.venue.fund(user, wish.asset, amount=amount, wallet=wish.wallet or running.funded)
    if isinstance(answer, Rejected):
        raise Refused(answer.detail, hint="nothing was credited")


@paper.command()
@click.argument("account")
@click.argument("asset")
@click.argument("amount")
@click.option("--exchange", default="alp", show_default=True, help="Which paper exchange.")
@click.option("--wallet", default="", help="Which wallet [default: where the exchange keeps what is not traded with].")
@shared
def fund(account: str, asset: str, amount: str, *, exchange: str, wallet: str) -> None:
    """Credit AMOUNT of ASSET to the paper login ACCOUNT."""
    from nostro.paper.host import endpoint

    here = session()
    exchange = _spoken(exchange).id
    wish = Funding(account=account, asset=asset.upper(), amount=amount, wallet=wallet)
    found = endpoint(here.paper_folder(exchange))
    if found is None:
        with _opened(here, exchange) as running:
            _check_login(account, [login.name for login in running.logins()])
            credit(running, wish)
    else:
        _check_login(account, [each["name"] for each in found["accounts"]])
        asyncio.run(_send_funding(found, wish))
    click.echo(f"credited {amount} {wish.asset} to {account}'s {wallet or 'usual'} wallet", err=True)


def _check_login(account: str, known: list[str]) -> None:
    from nostro.config import suggestion

    if account not in known:
        raise BadValue(f"the paper exchange has no login {account!r}", hint=suggestion(account, known, what="logins"))


async def _send_funding(found: dict[str, Any], wish: Funding) -> None:
    from urllib.parse import urlsplit

    from nostro.link.http import HttpRequest
    from nostro.link.transport import AiohttpTransport

    parts = urlsplit(found["urls"]["rest"])
    secret = next(each["secret"] for each in found["accounts"] if each["name"] == wish.account)
    transport = AiohttpTransport()
    try:
        answer = await transport.send(
            HttpRequest(
                method="POST", origin=f"{parts.scheme}://{parts.netloc}", path=FUND_PATH, query="",
                headers={SECRET_HEADER: secret}, body=msgspec.json.encode(wish),
            )
        )  # fmt: skip
    finally:
        await transport.close()
    if answer.status != 200:
        raise Refused(json.loads(answer.body).get("message", "refused"), hint="nothing was credited")


# ── accounts, reset ──────────────────────────────────────────────────────────────────────────────────────────────


def _opened(here: Session, exchange: str) -> PaperExchange:
    """The paper exchange of this home, where nobody serves it now. Raises `BadValue` where there is none."""
    from nostro.link.transport import SystemClock
    from nostro.paper.host import PaperExchange

    folder = here.paper_folder(exchange)
    if not (folder / "venue.db").exists():
        raise BadValue(f"there is no paper exchange in {here.home.folder}", hint="nostro up starts one")
    return PaperExchange(folder, _spoken(exchange), now_ns=SystemClock().now_ns, rows=0)


@paper.command("accounts", short_help="The logins of the paper exchange, with their keys.")
@click.option("--exchange", default="alp", show_default=True, help="Which paper exchange.")
@shown
def list_logins(exchange: str) -> None:
    """The logins of the paper exchange, with their keys: they are no secrets."""
    from nostro.paper.host import endpoint
    from nostro.views.paper import logins

    here = session()
    exchange = _spoken(exchange).id
    found = endpoint(here.paper_folder(exchange))
    if found is not None:
        here.show(logins(found["accounts"], found["urls"]["rest"]))
    else:
        with _opened(here, exchange) as running:
            here.show(logins(running.ready("")["accounts"], ""))


@paper.command(short_help="Throw the paper exchange away, but no book.")
@click.option("--exchange", default="alp", show_default=True, help="Which paper exchange.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared
def reset(exchange: str, *, yes: bool) -> None:
    """Throw the paper exchange of this home away: the next start makes a new one. Books of its accounts stay as they
    are."""
    from nostro.paper.host import discard

    here = session()
    folder = here.paper_folder(_spoken(exchange).id)
    if not yes:
        if not here.interactive:
            raise BadValue("resetting throws the paper exchange's history away", hint="give --yes to do it")
        click.confirm(f"Throw away the paper exchange in {folder}?", abort=True, err=True)
    if folder.exists():
        discard(folder)
    click.echo(f"the paper exchange in {folder} is gone", err=True)
