"""The lite encoding: the same structures with short names. It decides those names, by the rule, and gives for each
structure its lite twin, whose members have the same Python names, so that nobody who reads or answers need know which
of the two travelled.

Source: the exchange's ``api-spec``; the rule reproduces 757 of its 758 names, `EXCEPTIONS` has the other. Values are
the same in both encodings, the names of enumerations' members too (all samples of the documentation).
"""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, Union, get_args, get_origin

import msgspec

EXCEPTIONS: Final[Mapping[tuple[str, str], str]] = {("InstrumentDisplay", "settlement_period"): "sp1"}


def names(structure: str, members: tuple[str, ...]) -> dict[str, str]:
    """The lite name of each member, in the order of the specification: the first letters of the first two words, and
    from the second use of a name on its number less one."""
    used: Counter[str] = Counter()
    found = {}
    for member in members:
        short = "".join(word[0] for word in member.split("_")[:2])
        found[member] = EXCEPTIONS.get((structure, member)) or f"{short}{used[short] or ''}"
        used[short] += 1
    return found


@cache
def lite(kind: Any) -> Any:
    """The type whose JSON is the lite form of ``kind``'s."""
    origin = get_origin(kind)
    if _is_structure(kind) or _is_structure(origin):
        return _twin(kind)
    if origin is list:
        return list[lite(get_args(kind)[0])]  # type: ignore[misc]
    if origin in (Union, types.UnionType):
        return Union[tuple(lite(each) for each in get_args(kind))]  # noqa: UP007 - made of a tuple
    return kind


def in_lite(message: Any) -> Any:
    """The same values in the lite twin of their structure, at every depth."""
    if isinstance(message, msgspec.Struct):
        members = {name: in_lite(getattr(message, name)) for name in message.__struct_fields__}
        return lite(type(message))(**members)
    return [in_lite(each) for each in message] if isinstance(message, list) else message


def _is_structure(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _twin(kind: Any) -> type[msgspec.Struct]:
    structure: type[msgspec.Struct] = get_origin(kind) or kind
    return msgspec.defstruct(
        f"Lite{structure.__name__}",
        list(_members(kind)),
        rename=names(structure.__name__, structure.__struct_fields__),
        frozen=True,
        kw_only=True,
        omit_defaults=True,
    )


def _members(kind: Any) -> Iterator[tuple[str, Any] | tuple[str, Any, Any]]:
    for member in msgspec.structs.fields(kind):
        if member.required:
            yield member.name, lite(member.type)
        else:
            yield member.name, lite(member.type), member.default
