"""The noun ``paper accounts``: the logins of a paper exchange. Their keys are shown, because they are no secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from nostro.views.view import Column, View


class LoginLine(msgspec.Struct, frozen=True, kw_only=True):
    """One login of a paper exchange, and what its key may do there. ``extra``: what its wire needs besides."""

    name: str
    permissions: tuple[str, ...]
    key: str
    secret: str
    extra: dict[str, str]


COLUMNS: Final = (
    Column(name="name", heading="login"),
    Column(name="permissions", heading="its key may"),
    Column(name="key", heading="key", rank=1),
    Column(name="secret", heading="secret", short=True, rank=2),
)


def logins(accounts: Sequence[Mapping[str, Any]], url: str) -> View:
    """The logins, as a running exchange announces them; ``url`` "" where it does not run."""
    rows = [
        LoginLine(
            name=each["name"], permissions=tuple(each["permissions"]), key=each["key"], secret=each["secret"],
            extra={name: value for name, value in each.items() if name not in LoginLine.__struct_fields__},
        )
        for each in accounts
    ]  # fmt: skip
    return View(
        noun="logins", columns=COLUMNS, rows=rows, kind=LoginLine,
        notes=(f"served at {url}" if url else "not served now",),
        more={"url": url or None},
    )  # fmt: skip
