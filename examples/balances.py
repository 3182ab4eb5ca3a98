"""What an account holds, from a paper exchange that this program starts itself. No key, no network."""

from __future__ import annotations

import nostro

with nostro.open_account("alp", test_mode=True) as account:
    balances = account.balances()
    for balance in balances:
        print(f"{balance.asset:5} total {balance.total}  free {balance.free}  used {balance.used}")
    print("one answer with", len(balances), "balances, from", balances.pages, "page")
