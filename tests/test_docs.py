"""Shows that the documents do not lie where a machine can tell: links lead somewhere, the files, commands and make
targets that they name exist, their Python is Python, and what builds run is what the README says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import click
import pytest

import nostro
from nostro.cli.program import nostro as main

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
# A file that a document names: in backticks, with a folder or an ending of ours.
NAMED = re.compile(r"`([\w./-]+(?:\.py|\.md|\.lock|\.toml|\.svg|/))`")
TARGETS = frozenset(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def broken_links(document: Path, text: str) -> list[str]:
    return [link for link in LINK.findall(text) if not (document.parent / link).exists()]


def missing_files(text: str) -> list[str]:
    """Paths that stand neither at the root nor below ``src/nostro``; a star stands for any exchange."""
    homes = (ROOT, ROOT / "src/nostro", ROOT / "docs")
    return [path for path in NAMED.findall(text) if not any((home / path).exists() for home in homes)]


def code(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> set[str]:
    """What follows ``nostro`` where a document shows a command: ``nostro order place`` gives ``order place``."""
    inline = re.findall(r"`nostro ([a-z][a-z |-]*)", text)
    shown = [match for block in code(text, "") for match in re.findall(r"^nostro ([a-z][a-z -]*)", block, re.MULTILINE)]
    return {re.sub(r"\s+-.*", "", command).strip() for command in [*inline, *shown]}


def unknown_commands(text: str) -> list[str]:
    return [command for command in commands(text) if not exists(main, command.split())]


def exists(command: click.Command, words: list[str]) -> bool:
    """Whether every word is a command of the group before it; ``a|b`` is both, words after a command are arguments."""
    if not words or not isinstance(command, click.Group):
        return True
    found = [command.get_command(click.Context(command), word) for word in words[0].split("|")]
    return all(each is not None and exists(each, words[1:]) for each in found)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_document_names_what_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    assert not broken_links(document, text)
    assert not missing_files(text)
    assert not unknown_commands(text)
    assert set(re.findall(r"`make ([a-z]+)", text)) <= TARGETS
    for block in code(text, "python"):
        compile(block, name(document), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert set(re.findall(r"\bnostro\.(\w+)", block)) <= set(nostro.__all__)


def test_a_planted_lie_is_found() -> None:
    lie = "[There](no.md), `link/nowhere.py`, `nostro nowhere --x`, `nostro order nowhere`\n```\nnostro nothing\n```\n"
    assert broken_links(ROOT / "README.md", lie) == ["no.md"]
    assert missing_files(lie) == ["link/nowhere.py"]
    assert set(unknown_commands(lie)) == {"nowhere", "order nowhere", "nothing"}


def test_builds_run_the_commands_that_the_readme_gives() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    run = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    for command in ("make test", "make check"):
        assert command in readme
        assert command in run


def test_the_index_lists_every_document() -> None:
    index = (ROOT / "docs/index.md").read_text("utf-8")
    listed = [name(page).removeprefix("docs/") for page in DOCUMENTS if page.parent.name in ("docs", "exchanges")]
    assert len(listed) > 3
    assert not [page for page in listed if page != "index.md" and f"({page})" not in index]


def test_every_invariant_that_code_names_is_written_down() -> None:
    listed = set(re.findall(r"^(?:\| )?([BER]\d+)\b", (ROOT / "docs/invariants.md").read_text("utf-8"), re.MULTILINE))
    code = [path.read_text("utf-8") for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    named = {number for text in code for number in re.findall(r"\b([BE]\d{1,2})\b(?=[ ,:)]| to)", text)}
    assert len(listed) > 20
    assert named <= listed


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(page.name[:4]) for page in ROOT.glob("docs/decisions/*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_locks_name_every_dependency_with_hashes_and_no_host() -> None:
    for lock in (ROOT / "requirements.lock", ROOT / "requirements-dev.lock"):
        text = lock.read_text("utf-8")
        assert "://" not in text
        pinned = re.findall(r"^([\w.-]+)==\S+.*?((?:\\\n +--hash=sha256:[0-9a-f]{64} ?)+)$", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[\w.-]+", text, re.MULTILINE)) > 30
