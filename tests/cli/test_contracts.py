"""Shows margin, positions, funding and history on the command line, of books that were filled from paper exchanges: the
same rows in every form, with both clocks, and one clear word for what is mistyped."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from cli.home import Folder
from collect.contracts import contracts
from collect.scene import START_NS, run
from nostro.domain.values import DAY_NS, format_time


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("home")
    with contracts(path, "grvt", rows=25) as world, world.book() as book:
        run(world.collected(book, polls=1))
    return Folder(path)


NOUNS = (("margin",), ("positions",), ("funding",), ("history",))


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_says_the_same_in_every_form(home: Folder, noun: tuple[str, ...]) -> None:
    told = home.run(*noun).json
    assert told["rows"]
    lines = list(csv.DictReader(io.StringIO(home.run(*noun, "-o", "csv").out)))
    assert len(lines) == len(told["rows"])
    for field in ("size", "equity", "amount", "native_id", "effective"):
        if field in lines[0]:
            assert [line[field] for line in lines] == [row[field] or "" for row in told["rows"]]
    table = home.run(*noun, "-o", "table").out
    assert max(map(len, table.splitlines())) <= 80, table


def test_figures_are_told_one_by_one(home: Folder) -> None:
    told = home.run("margin").json
    outcomes = {line["outcome"] for line in told["figures"]}
    assert "ties" in outcomes and "does not tie" not in {
        line["outcome"] for line in told["figures"] if not line["doubtful"]
    }
    assert "ties" in home.run("margin", "-o", "table").out


def test_the_history_that_is_meant_can_be_said(home: Folder) -> None:
    told = home.run("history").json
    assert told["noun"] == "snapshots"
    assert home.run("history", "--rows", "3").json["rows"] == told["rows"][-3:]
    for what, noun in (("positions", "closed_positions"), ("events", "position_events")):
        told = home.run("history", "--of", what).json
        assert told["noun"] == noun and bool(told["rows"]) == (what == "positions")


def test_both_clocks_are_asked(home: Folder) -> None:
    early = format_time(START_NS - 10 * DAY_NS)
    assert home.run("positions", "--as-of", early).json["rows"] == []
    assert home.run("funding", "--known-at", early).json["rows"] == []
    earlier = home.run("funding", "--as-of", early).json["rows"]
    assert 0 < len(earlier) < len(home.run("funding").json["rows"])


def test_what_is_mistyped_gets_the_nearest_name(home: Folder) -> None:
    known = home.run("positions").json["rows"][0]["instrument"]
    assert {row["instrument"] for row in home.run("positions", "--instrument", known).json["rows"]} == {known}
    done = home.run("positions", "--instrument", known[:-1])
    assert done.status == 2 and "did you mean" in done.error["hint"]


def test_an_export_has_a_file_of_each(home: Folder, tmp_path: Path) -> None:
    assert home.run("export", str(tmp_path / "export"), "mine").status == 0
    files = set(json.loads((tmp_path / "export" / "about.json").read_text())["files"])
    assert {"margin", "positions", "funding", "snapshots", "closed_positions", "position_events"} <= files
