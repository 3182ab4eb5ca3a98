"""How stories of margin begin: two users with money, and one of them with a position. The form is ``scenario.py``'s."""

from __future__ import annotations

START = """
    user alice
    user bob
    fund alice COIN 100
    fund bob APPLE 20
    fund bob COIN 200
"""

# alice has 99 coins in her cross wallet and owes 5 apples; last: order 2
SHORT = """
    alice add COIN 50 cross
    bob buy 5 APPLE at 10
    alice sell 5 APPLE market cross borrowing
    alice cross COIN 99
    alice cross owes APPLE 5
"""

# alice has 20 apples in her cross wallet and owes 100 coins; last: order 2
LONG = """
    fund alice APPLE 10.2
    alice add APPLE 10.2 cross
    alice borrow COIN 100 cross
    bob sell 10 APPLE at 10
    alice buy 10 APPLE at 10 cross
    alice cross APPLE 20
    alice cross owes COIN 100
"""
