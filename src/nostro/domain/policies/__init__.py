"""The policies of the exchanges: which formula each says its figures follow, and what its printing hides. They decide
what is claimed of whom, with its source; whether it is kept is measured (``domain/policy.py``), and
docs/figures-margin.md lists what came of every figure that was published or recorded.

Where sources disagree about a figure, each formula is claimed under its own reading; `policy.verdicts` takes the one
that ties. *Doubtful* are those that nobody could verify.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nostro.domain.policies.bingx import BINGX, BINGX_V1
from nostro.domain.policies.bitmex import BITMEX
from nostro.domain.policies.grvt import GRVT
from nostro.domain.policies.kraken_futures import KRAKEN_FUTURES
from nostro.domain.policy import Policy

POLICIES: Final[Mapping[str, Policy]] = {
    policy.name: policy for policy in (KRAKEN_FUTURES, GRVT, BINGX_V1, BINGX, BITMEX)
}  # fmt: skip
