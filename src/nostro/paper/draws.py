"""Chances of the paper market, in whole numbers. A history draws some dozens of them for every fill, and
`Random.randrange` costs four times as much; the bias that this leaves is one in 2^64 over the bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def below(random: Random, bound: int) -> int:
    """From 0 to ``bound`` - 1, each as likely."""
    return random.getrandbits(64) * bound >> 64


def between(random: Random, bounds: tuple[int, int]) -> int:
    """From the first to one below the second of ``bounds``, each as likely."""
    low, high = bounds
    return low + (random.getrandbits(64) * (high - low) >> 64)


def one_of(random: Random, options: Sequence[T]) -> T:
    return options[random.getrandbits(64) * len(options) >> 64]
