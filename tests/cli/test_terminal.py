"""Shows that what is written fits where it goes: no command is a question for help, a terminal that wants no colours
gets none, one whose encoding lacks a sign gets a plain one in its place, and files are UTF-8 wherever."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.home import Folder

POOR = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # a terminal of 128 signs


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_no_command_is_one_error_for_a_program_and_the_help_for_a_person(folder: Folder) -> None:
    done = folder.run()
    assert (done.status, done.out, done.error["message"]) == (2, "", "no command was given")
    assert done.error["hint"] == "see nostro --help"
    shown = folder.on_terminal()
    assert (shown.status, "error" in shown.out) == (2, False)
    assert "Commands:\r\n  up " in shown.out


def test_every_line_of_the_help_is_whole_at_80_columns(folder: Folder) -> None:
    for group in ((), ("paper",), ("order",), ("accounts",), ("breaks",)):
        commands = folder.run(*group, "--help").out.partition("Commands:")[2]
        assert commands.strip()
        assert "..." not in commands


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_an_error_has_no_colours_where_none_are_wanted(folder: Folder, environ: dict[str, str]) -> None:
    assert "\x1b" in folder.on_terminal("balances").out
    shown = folder.on_terminal("balances", **environ)
    assert shown.out.startswith("error: there is no book")
    assert "\x1b" not in shown.out


def test_a_terminal_without_the_signs_of_a_table_gets_plain_ones(folder: Folder) -> None:
    rich = folder.on_terminal("exchanges").out
    assert "───" in rich
    poor = folder.on_terminal("exchanges", **POOR)
    assert poor.status == 0
    assert poor.out == rich.replace("─", "-")
    assert "\n  > nostro up" in folder.on_terminal("balances", **POOR).out


def test_a_file_is_utf_8_wherever(folder: Folder) -> None:
    done = folder.run("exchanges", "alp", "-o", "table", **POOR)
    assert (done.status, done.err) == (0, "")
    assert "───" in done.out
