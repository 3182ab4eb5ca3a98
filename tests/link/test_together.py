"""Works that belong together end together, and the error is that of the one that failed first."""

from __future__ import annotations

import asyncio

import pytest

from nostro.link.together import every, first


async def ends(ended: list[str], name: str) -> None:
    ended.append(name)


async def lasts(ended: list[str], name: str, *, error: Exception | None = None) -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        ended.append(name)
        if error is not None:
            raise error


async def fails(error: Exception) -> None:
    raise error


def test_where_one_ends_the_others_have_ended_too() -> None:
    ended: list[str] = []
    asyncio.run(first(lasts(ended, "long"), ends(ended, "short")))
    assert sorted(ended) == ["long", "short"]


def test_all_of_them_are_waited_for() -> None:
    ended: list[str] = []
    asyncio.run(every(ends(ended, "one"), ends(ended, "other")))
    assert sorted(ended) == ["one", "other"]
    asyncio.run(every())


@pytest.mark.parametrize("together", [first, every])
def test_the_error_is_of_the_one_that_failed_first(together) -> None:
    ended: list[str] = []
    with pytest.raises(LookupError):
        asyncio.run(together(lasts(ended, "long", error=OSError()), fails(LookupError())))
    assert ended == ["long"]


def test_who_is_canceled_ends_them_all() -> None:
    ended: list[str] = []

    async def canceled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(every(lasts(ended, "one"), lasts(ended, "other")), 0.01)

    asyncio.run(canceled())
    assert sorted(ended) == ["one", "other"]
