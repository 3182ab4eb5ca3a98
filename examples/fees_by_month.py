"""What a year of trading cost, month by month: the history is read page by page, and no window or page limit shows."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import nostro

paid: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
with nostro.open_account("alp", test_mode=True) as account:
    fills = account.fills()
    for fill in fills:
        month = datetime.fromtimestamp(fill.effective_ns // 10**9, UTC).strftime("%Y-%m")
        paid[month, fill.fee_asset] += fill.fee
    print("missing:", ", ".join(map(str, fills.coverage)) or "nothing")

for (month, asset), fee in sorted(paid.items()):
    print(f"{month}  {fee} {asset}")
