"""The one run of the exchange's own client that its tests look at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from clients.alpcom_run import Run, drive
from conformance.real_venue import SECOND, Scene


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The client compares a kept token's end with the machine's clock, so the venue's time is today's."""
    folder = tmp_path_factory.mktemp("alpcom")
    scene = Scene(folder, time.time_ns() // SECOND * SECOND)
    yield asyncio.run(drive(scene, folder))
    scene.close()
