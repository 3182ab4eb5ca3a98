"""Runs inside the environment of the exchange's own client, which it uses unmodified: only the URL is set. It calls
every method once or more, and writes what came back as JSON, one entry a call.

Reads its orders from standard input: ``{"url", "key", "secret", "user", "reader": [key, secret], "master": [key,
secret], "desk", "now", "address", "folder"}``.
It judges nothing; test_alpcom_api.py does.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from alpcom_api import cache, dto, factories
from alpcom_api.errors import ApiError, ApiFormError, AuthError

told = json.load(sys.stdin)
url, now = told["url"], datetime.fromtimestamp(told["now"], UTC)
answers = {}


def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "model_fields"):  # its own dump breaks on a time that is missing
        return {name: plain(each) for name, each in dict(value).items()}
    return value


def call(name, method, *args, **kwargs):
    assert name not in answers, name
    try:
        answers[name] = plain(method(*args, **kwargs))
        return answers[name]
    except ApiFormError as error:
        answers[name] = ["ApiFormError", plain(error.detail)]
    except AuthError as error:
        answers[name] = ["AuthError", plain(error.args[0])]
    except ApiError as error:
        answers[name] = ["ApiError", plain(error.args[0])]
    except requests.HTTPError as error:
        answers[name] = ["HTTPError", error.response.status_code]
    return None


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────────

call("wrong secret", factories.get_private_api, told["key"], "wrong", url=url)
token_file = cache.FileCache(Path(told["folder"], "token"))
assert "wrong secret" in answers
api = factories.get_private_api(told["key"], told["secret"], url=url, token_cache=token_file)
first = token_file.get()
again = factories.get_private_api(told["key"], told["secret"], url=url, token_cache=token_file)
answers["token is kept"] = token_file.get() == first and first.count(".") == 2
token_file.set(first[:-1] + ("A" if first[-1] != "A" else "B"))
spoiled = factories.get_private_api(told["key"], told["secret"], url=url, token_cache=token_file)
call("spoiled token", spoiled.accounts().balances)
reader = factories.get_private_api(*told["reader"], url=url)
call("version", api.version)

# ── trading: what is written comes first, so that all that is read afterwards is the end ────────────────────────

trading, sell, buy = api.trading(), dto.OrderSide.SELL, dto.OrderSide.BUY
limit = dto.LimitOrderRequest(pair="BTC_USDT", order_side=sell, base_amount=0.01, limit_price=70000)
one = call("place limit", trading.place_order, limit)
two = call("place limit again", trading.place_order, limit)  # with the same client_order_id "1"
call(
    "place ioc",
    trading.place_order,
    dto.LimitOrderRequest(
        pair="BTC_USDT",
        order_side=buy,
        base_amount=0.01,
        limit_price=1000,
        tif=dto.TimeInForce.IMMEDIATE_OR_CANCEL,
        expire_after=now + timedelta(days=3),
        valid_till=now + timedelta(days=2),
        client_order_id="mine",
    ),
)
three = call(
    "place aon",
    trading.place_order,
    dto.LimitOrderRequest(
        pair="BTC_USDT",
        order_side=buy,
        base_amount=0.03,
        limit_price=1000,
        tif=dto.TimeInForce.ALL_OR_NONE,
        expire_after=now + timedelta(days=3),
    ),
)
call("place market", trading.place_order, dto.MarketOrderRequest(pair="BTC_USDT", order_side=buy, quote_amount=641))
call(
    "place market by base",
    trading.place_order,
    dto.MarketOrderRequest(pair="BTC_USDT", order_side=sell, base_amount=0.01),
)
four = call(
    "place stop",
    trading.place_order,
    dto.StopLimitOrderRequest(
        pair="BTC_USDT",
        order_side=sell,
        base_amount=0.01,
        limit_price=50000,
        stop_price=50500,
        stop_operator=dto.StopOperator.LTE,
    ),
)
call(
    "place in isolated margin",
    trading.place_order,
    dto.LimitOrderRequest(
        pair="BTC_USDT",
        order_side=sell,
        base_amount=0.01,
        limit_price=70000,
        wallet_type=dto.WalletType.MARGIN_ISOLATED,
    ),
)
call(
    "place too much",
    trading.place_order,
    dto.LimitOrderRequest(pair="BTC_USDT", order_side=sell, base_amount=99, limit_price=70000),
)
call(
    "place nothing",
    trading.place_order,
    dto.LimitOrderRequest(pair="BTC_USDT", order_side=sell, base_amount=0, limit_price=70000),
)
call(
    "place nowhere",
    trading.place_order,
    dto.LimitOrderRequest(pair="XXX_USDT", order_side=sell, base_amount=1, limit_price=70000),
)
call("place by the reader", reader.trading().place_order, limit)
call("cancel", trading.cancel_order, one)
call("cancel again", trading.cancel_order, one)
call("cancel some", trading.cancel_orders, [two, 999999])
call("cancel of a pair", trading.cancel_orders_of_pair, "ETH_USDT")
five = call("place for the end", trading.place_order, limit)
call("cancel all", trading.cancel_all_orders)
six = call("place what stays", trading.place_order, limit)
withdraws = api.withdraws()
request = dto.WithdrawRequest(amount=25, method=4, attributes={"address": told["address"]}, client_order_id="w 1")
call("withdraw", withdraws.create, request)
call("withdraw to nowhere", withdraws.create, dto.WithdrawRequest(amount=25, method=4, attributes={"address": "é"}))
call("withdraw by the reader", reader.withdraws().create, request)

# ── margin ───────────────────────────────────────────────────────────────────────────────────────────────────────

margin, own = api.margin(), told["user"]
CROSS, ISOLATED, FUNDING = dto.WalletType.MARGIN_CROSS, dto.WalletType.MARGIN_ISOLATED, dto.WalletType.FUNDING
ADD, SUB = dto.MarginDirection.ADD, dto.MarginDirection.SUB


def moved(account_id, wallet_type, direction, amount, currency, **more):
    return dto.MarginTransferRequest(
        account_id=account_id, wallet_type=wallet_type, direction=direction, amount=amount, currency=currency, **more
    )


def borrowed(amount, currency, wallet_type=CROSS, account_id=own, **more):
    return dto.BorrowRequest(account_id=account_id, borrow=amount, currency=currency, wallet_type=wallet_type, **more)


def repaid(amount, currency, wallet_type=CROSS, account_id=own, **more):
    return dto.RepayRequest(account_id=account_id, amount=amount, currency=currency, wallet_type=wallet_type, **more)


call("transfer", margin.transfer, moved(own, CROSS, ADD, 1000.5, "USDT"))
call("transfer back", margin.transfer, moved(own, CROSS, SUB, 250, "USDT", note="half of é"))
call("transfer isolated", margin.transfer, moved(own, ISOLATED, ADD, 2000, "USDT", pair="ETH_USDT", note=""))
call("transfer from funding", margin.transfer, moved(own, FUNDING, SUB, 2.5, "EUR"))
call("transfer too much", margin.transfer, moved(own, CROSS, ADD, 10**9, "USDT"))
call("transfer of another's", margin.transfer, moved(told["desk"], CROSS, ADD, 1, "USDT"))
call("transfer without a pair", margin.transfer, moved(own, ISOLATED, ADD, 1, "USDT"))
call("transfer of what it does not hold", margin.transfer, moved(own, ISOLATED, ADD, 1, "SOL", pair="ETH_USDT"))
call("transfer nothing", margin.transfer, moved(own, CROSS, ADD, 0, "USDT"))
call("transfer by the reader", reader.margin().transfer, moved(own, CROSS, ADD, 1, "USDT"))
call("borrow", margin.borrow, borrowed(100.25, "USDT"))
call("borrow isolated", margin.borrow, borrowed(0.2, "ETH", ISOLATED, pair="ETH/USDT"))
call("borrow automatically", margin.borrow, borrowed(1, "SOL", type=dto.LoanType.AUTO))
call("borrow beyond the limit", margin.borrow, borrowed(10**6, "USDT"))
call("borrow what nobody has", margin.borrow, borrowed(10**8, "USDT"))
call("borrow into spot", margin.borrow, borrowed(1, "USDT", dto.WalletType.SPOT))
call("borrow nothing known", margin.borrow, borrowed(1, "XXX"))
call("borrow by the reader", reader.margin().borrow, borrowed(1, "USDT"))
call("repay", margin.repay, repaid(50, "USDT"))
call("repay more than owed", margin.repay, repaid(51, "USDT"))
call("repay by the reader", reader.margin().repay, repaid(1, "USDT"))
lend = dto.LimitOrderRequest(
    pair="BTC_USDT",
    order_side=sell,
    base_amount=0.3,
    limit_price=69000,
    wallet_type=CROSS,
    side_effect=dto.SideEffect.AUTO_BORROW,
)
call("place and borrow", trading.place_order, lend)
pay = dto.MarketOrderRequest(
    pair="ETH_USDT", order_side=buy, quote_amount=100, wallet_type=ISOLATED, side_effect=dto.SideEffect.AUTO_REPLAY
)
call("place and repay", trading.place_order, pay)
call(
    "place short",
    trading.place_order,
    dto.MarketOrderRequest(pair="ETH_USDT", order_side=sell, base_amount=0.15, wallet_type=ISOLATED),
)
call("close", margin.close_position, own, ISOLATED, pair="ETH_USDT")
call("close again", margin.close_position, own, ISOLATED, pair="ETH_USDT")
call("close another's", margin.close_position, told["desk"], CROSS)
call("close by the reader", reader.margin().close_position, own, CROSS)
call("loans", margin.loans, cross_margin=True)
call("loans isolated", margin.loans, isolated_margin=True)
for asset in ("BTC", "ETH", "SOL", "USDT"):
    call(f"borrows {asset}", margin.borrows, asset)
    call(f"repays {asset}", margin.repays, asset)
    call(f"interests {asset}", margin.interests, asset)
call("transfers", margin.transfers, "USDT")
call("transfers of a pair", margin.transfers, "USDT", pair="ETH_USDT")
call(
    "transfers before", margin.transfers, "USDT", start_time=now - timedelta(days=40), end_time=now - timedelta(days=30)
)
call("borrows open", margin.borrows, "USDT", open_only=True)
call("repays of a pair", margin.repays, "ETH", pair="ETH_USDT")
call(
    "interests of an hour",
    margin.interests,
    "BTC",
    start_time=now - timedelta(days=20),
    end_time=now - timedelta(days=20, hours=-1),
)
call("liquidations", margin.liquidations, "ETH")
call("liquidations open", margin.liquidations, "ETH", open_only=True)
call("liquidations elsewhere", margin.liquidations, "ETH", pair="BTC_USDT")
call("loans by the reader", reader.margin().loans, cross_margin=True)
call("liquidations of nothing", margin.liquidations, "XXX")
master = factories.get_private_api(*told["master"], url=url)
desk = told["desk"]
call("master: transfer", master.margin().transfer, moved(desk, CROSS, ADD, 5, "USDT"))
call("master: borrow", master.margin().borrow, borrowed(1.5, "USDT", account_id=desk))
call("master: repay", master.margin().repay, repaid(0.5, "USDT", account_id=desk))
call("master: another's", master.margin().borrow, borrowed(1, "USDT", account_id=own))
call("master: loans", master.margin().loans, cross_margin=True)
call("master: borrows", master.margin().borrows, "USDT")
call("master: balances", master.accounts().balances)
call("master: trades", master.accounts().trades, "BTC_USDT")
call("master: orders", master.accounts().orders, "BTC_USDT")
call("master: accounts", master.accounts().accounts)
call("master: all accounts", master.accounts().accounts, include_subaccounts=True)

# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────

accounts, start, end = api.accounts(), now - timedelta(days=30), now
call("accounts", accounts.accounts)
call("accounts with subaccounts", accounts.accounts, include_subaccounts=True)
call("balances", accounts.balances)
call("balances of one", accounts.balances, currency="BTC")
call("balances of nothing", accounts.balances, currency="XXX")
call("fees", accounts.fees)
call("orders", accounts.orders, "BTC_USDT")
call("orders open", accounts.orders, "BTC_USDT", open_only=True)
call("orders sold", accounts.orders, "BTC_USDT", side=sell)
call("orders before", accounts.orders, "BTC_USDT", start_time=start - timedelta(days=10), end_time=start)
call("orders of another", accounts.orders, "ETH_USDT")
call("orders of nothing", accounts.orders, "XXX_YYY")
call("account trades", accounts.trades, "BTC_USDT")
call("account trades bought", accounts.trades, "BTC_USDT", side=buy)
call("account trades before", accounts.trades, "BTC_USDT", start_time=start - timedelta(days=10), end_time=start)
call("account trades backwards", accounts.trades, "BTC_USDT", start_time=end, end_time=start)
call("history", accounts.history, "USDT")
call("history before", accounts.history, "USDT", start_time=start - timedelta(days=10), end_time=start)
deposits = api.deposits()
call("deposit methods", deposits.methods, currency="USDT")
call("deposits", deposits.history)
call("deposits of one", deposits.history, currency="BTC")
call("withdraw methods", withdraws.methods, currency="USDT")
call("withdrawals", withdraws.history, currency="USDT")
call("withdrawals by the reader", reader.withdraws().history)
call("withdraw methods by the reader", reader.withdraws().methods, currency="USDT")

# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────

public = factories.get_public_api(url=url)
call("currencies", public.currencies)
call("pairs", public.pairs)
call("pairs of ETH", public.pairs, currency1="ETH", currency2="BTC")
call("ticker", public.ticker, pair="BTC_USDT")
call("ticker by id", public.ticker, pair_id=1)
call("tickers", public.tickers)
call("tickers cut", public.tickers, limit=1, offset=1)
call("orderbook", public.orderbook, "BTC_USDT", group=1, limit_buy=5, limit_sell=1)
call("orderbook whole", public.orderbook, "BTC/USDT")
call("orderbook of nothing", public.orderbook, "XXX_YYY")
for interval in dto.ChartInterval:
    call(f"charts {interval.value}", public.charts, "BTC_USDT", interval, since=told["now"] - 10 * 86400)
call(
    "charts cut",
    public.charts,
    "BTC_USDT",
    dto.ChartInterval.HOUR,
    since=told["now"] - 40 * 86400,
    until=told["now"],
    limit=1,
)
call("trades", public.trades, pair="BTC_USDT", limit=3, offset=1)
call("trades of all", public.trades)

json.dump(answers, sys.stdout)
