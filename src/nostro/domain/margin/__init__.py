"""The formulas of derivatives: pure functions from amounts to amounts. ``profit.py`` has what a position gains,
``averaging.py`` what trades make of it, ``collateral.py`` what an account has and needs, ``portfolio.py`` what
positions need together, ``liquidation.py`` where it ends.

They decide what a formula gives; whether what an exchange reports agrees with it is measured in ``domain/ties.py``, and
which formula is which exchange's stands in ``domain/policies``.

Words that hold for all of them. A size is signed, a short position's is negative. A contract is *linear*
(``multiplier`` base units each, settled in the quote asset), *inverse* (``multiplier`` quote units each, settled in
the base asset) or *quanto* (``multiplier`` settle units each and whole of price, settled in a third asset). Profit is
positive when it is ours, a fee when it is paid, funding when it is received. Sums and products are exact; a division
names its `Places`. What cannot be computed, because a divisor is zero or no such price exists, is None: not known,
never zero. Amounts that exact arithmetic does not hold raise what `decimal` raises.
"""
