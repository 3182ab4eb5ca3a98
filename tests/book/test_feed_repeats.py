"""Shows that states which frames repeat, but for what follows from the mark price, can be passed over: random frames
and answers, in pages of any length and in any order, make the same rows with the short way and without it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from book import fed, world
from book.fed import answered, frame, heard
from book.world import held
from nostro.book.observed import States
from nostro.link.declare import Page

RUNS = 60


def position(chance: random.Random, name: str) -> dict[str, Any]:
    """Mostly the mark moves; now and then the size does, or something is not said."""
    size = chance.choice(["1"] * 12 + ["2"])
    marked = {"unrealized_pnl": str(chance.randrange(90)), "mark_price": str(chance.randrange(1, 90))}
    if chance.random() < 0.04:
        marked.pop(chance.choice(sorted(marked)))
    said = {"instrument": name, "side": "both", "size": size, "wallet": "futures"} | marked
    return said | ({"entry_price": chance.choice("34")} if chance.random() < 0.1 else {})


def balance(chance: random.Random, name: str) -> dict[str, Any]:
    return {"asset": name, "total": chance.choice(["5"] * 15 + ["6"]), "wallet": "spot"}


def said(chance: random.Random) -> tuple[str, list[dict[str, Any]], bool]:
    """A stream, some or all of its states, and whether that is all."""
    stream, names = chance.choice([("positions", "xyz"), ("balances", "uv")])
    made, whole = (position if stream == "positions" else balance), chance.random() < 0.5
    named = chance.sample(names, k=len(names) - (chance.random() < (0.05 if whole else 0.5)))
    return stream, [made(chance, name) for name in named], whole


def pages(chance: random.Random) -> Iterator[Page]:
    at_s = 0.0
    for _ in range(chance.randrange(2, 7)):
        at_s += chance.choice((1, 1, 30, 70))
        if chance.random() < 0.2:
            stream, rows, _ = said(chance)
            yield answered(stream, *rows, sent_s=at_s, took_s=chance.choice((0.1, 3)))
            continue
        frames = []
        for _ in range(chance.randrange(1, 30)):
            at_s += chance.choice((0.01, 0.1, 2))
            stream, rows, whole = said(chance)
            frames.append((at_s, frame(stream, *rows, whole=whole)))
        yield heard(*frames)


def kept(path: Path, told: list[Page]) -> tuple[str, int]:
    with world.open_book(path, registry=fed.exchange) as book:
        lease = held(book)
        repeated = sum(book.append(lease, [page]).repeated for page in told)
        assert len(fed.versions(book, "position")) + len(fed.versions(book, "balance")) > 0
        return book.state_hash(), repeated


def test_what_is_passed_over_would_have_changed_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed_over, repeats = 0, States.repeats

    def counted(self: States, *given: Any) -> bool:
        nonlocal passed_over
        found = repeats(self, *given)
        passed_over += found
        return found

    for seed in range(RUNS):
        chance = random.Random(seed)
        told = list(pages(chance))
        if seed % 3 == 0:
            chance.shuffle(told)  # a segment that was stored late
        monkeypatch.setattr(States, "repeats", counted)
        short = kept(tmp_path / f"{seed}.db", told)
        monkeypatch.setattr(States, "repeats", lambda *_: False)
        assert kept(tmp_path / f"{seed} whole.db", told) == short, seed
    assert passed_over > 3 * RUNS, passed_over
