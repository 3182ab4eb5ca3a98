"""The house rules (STYLE.md) as functions from one source to its violations, each a line number and a sentence. They
decide what a violation is; `test_tidy.py` holds every file to them, and plants a fault for each.

The ratchets name what is still allowed to break a rule; they may only get shorter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60

# Lowest first: each may import its own row and the rows above it.
LAYERS = (
    ("errors", "limits", "postgres", "sqlite"),
    ("domain",),
    ("link",),
    ("exchanges",),
    ("paper",),
    ("config", "keys"),
    ("account", "blocking"),
    ("book",),
    ("collect",),
    ("views",),
    ("open",),
    ("cli",),
)
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}
APART = ({"paper", "book"}, {"paper", "collect"})

SOCKETS_IN = (
    "link/transport.py",
    "paper/listen.py",
    "postgres.py",
    "book/engine_postgres.py",
    "exchanges/ccxt/",
    "gateway/",
)
CLOCKS_IN = ("link/transport.py", "open.py")
RANDOM_IN = ("open.py",)
AMOUNTS_IN = ("domain/", "exchanges/", "book/", "paper/", "collect/")

# Ratchets, as path::name.
POSITIONAL = frozenset(
    {
        "src/nostro/book/judgement.py::BookLedger.covered",
        "src/nostro/cli/accounts.py::complete_account",
        "src/nostro/cli/logs.py::line",
        "src/nostro/domain/values.py::Malformed.__init__",
        "src/nostro/link/declare.py::Auth.sign",
        "src/nostro/link/declare.py::Auth.verify",
        "src/nostro/link/declare.py::WireRefusal.__init__",
        "src/nostro/link/source.py::Source.sweep",
        "src/nostro/link/wire.py::WireSource.sweep",
        "src/nostro/link/writes.py::carry_out",
        "src/nostro/open.py::OpenBook.entries",
        "src/nostro/open.py::OpenBook.fills",
        "src/nostro/open.py::OpenBook.orders",
        "src/nostro/open.py::OpenBook.transfers",
    }
)
# What a declaration holds, and the link calls by position: `Auth`, `Exchange.errors`, `Feed.ask`.
CALLED = ("sign", "verify", "errors_of", "ask")
SIDE_BY_SIDE = frozenset({"src/nostro/domain/values.py::quotient"})

Found = Iterator[tuple[int, str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """One file: its path from the root, its text, and its tree where it is Python."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return parsed(self.text) if self.path.endswith(".py") else ast.Module([], [])

    @property
    def module(self) -> str:
        """The path below ``src/nostro/``, or "" outside it."""
        return self.path.removeprefix("src/nostro/") if self.path.startswith("src/nostro/") else ""

    @property
    def folder(self) -> str:
        """What the import order calls it."""
        return self.module.split("/")[0].removesuffix(".py")


# ── reading a tree ───────────────────────────────────────────────────────────────────────────────────────────────


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def imported(tree: ast.Module) -> Found:
    """(line, dotted name) of everything imported anywhere in the file; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an attribute chain, "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (left := dotted(node.value)):
        return f"{left}.{node.attr}"
    return ""


def called(tree: ast.AST) -> Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := dotted(node.func)):
            yield node.lineno, name


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, Function, bool]]:
    """(qualified name, function, whether it is a method) of every function that is not inside another."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield f"{inside}{node.name}", node, bool(inside)
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{inside}{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            yield from functions(node, inside)


def public(source: Source) -> Iterator[tuple[str, Function, list[ast.arg]]]:
    """(path::name, function, its positional parameters without self or cls) of every public function of ``src``."""
    if not source.module:
        return
    for name, function, method in functions(source.tree):
        if any(part.startswith("_") and part != "__init__" for part in name.split(".")):
            continue
        decorators = {dotted(getattr(each, "func", each)).split(".")[-1] for each in function.decorator_list}
        if decorators & {"command", "group", "option", "argument"}:
            continue  # the command line calls it, by name
        static = "staticmethod" in decorators
        positional = [*function.args.posonlyargs, *function.args.args]
        yield f"{source.path}::{name}", function, positional[1:] if method and not static else positional


# ── the rules ────────────────────────────────────────────────────────────────────────────────────────────────────


def order(source: Source) -> Found:
    """A folder imports only those before it; paper and book never import each other."""
    if not source.module or source.module == "__init__.py":
        return
    if source.folder not in RANK:
        yield 1, f"{source.folder} has no place in the import order"
        return
    for line, name in imported(source.tree):
        if not name.startswith("nostro."):
            continue
        other = name.split(".")[1]
        if RANK.get(other, -1) > RANK[source.folder]:
            yield line, f"{source.folder} imports {other}, which comes after it"
        if {source.folder, other} in APART:
            yield line, f"{source.folder} and {other} know nothing of each other"


def relative(source: Source) -> Found:
    """Imports name their whole path."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "a relative import"


def amounts(source: Source) -> Found:
    """No float where amounts are: seconds (``_s``) may be floats, nothing else."""
    if not source.module.startswith(AMOUNTS_IN):
        return
    tree = source.tree
    seconds = set(floats_of_seconds(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) == "float" and node not in seconds:
            yield node.lineno, "float(...) where amounts are"
        if isinstance(node, ast.Call) and dotted(node.func).endswith("Decimal"):
            floats = (ast.unparse(part) for part in node.args if isinstance(getattr(part, "value", None), float))
            yield from ((node.lineno, f"a Decimal made of the float {part}") for part in floats)
        for name, annotation in annotated(node):
            floats = any(dotted(part) == "float" for part in ast.walk(annotation))
            if floats and not name.endswith("_s"):
                yield annotation.lineno, f"{name} is a float, and no number of seconds"


def floats_of_seconds(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node of what is named ``_s``: assigned to it, passed as it, or inside the function that gives it."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        named = getattr(node, "name", None) or getattr(node, "arg", None) or (targets[0] and dotted(targets[0]))
        if named and named.endswith("_s"):
            yield from ast.walk(node)


def annotated(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.arg) and node.annotation:
        yield node.arg, node.annotation
    elif isinstance(node, ast.AnnAssign):
        yield dotted(node.target).split(".")[-1], node.annotation
    elif isinstance(node, Function) and node.returns:
        yield node.name, node.returns


SOCKET_MODULES = ("socket", "aiohttp", "http.client", "urllib.request", "requests", "httpx", "websockets", "psycopg")
SOCKET_CALLS = ("open_connection", "start_server", "open_unix_connection", "start_unix_server", "create_server")


def sockets(source: Source) -> Found:
    """Sockets are held in few places."""
    if not source.module or source.module.startswith(SOCKETS_IN):
        return
    for line, name in imported(source.tree):
        if any(f"{name}.".startswith(f"{module}.") for module in SOCKET_MODULES):
            yield line, f"{name} outside the places that hold sockets"
    for line, name in called(source.tree):
        if name.split(".")[-1] in SOCKET_CALLS:
            yield line, f"{name} outside the places that hold sockets"


CLOCK = re.compile(r"(time|monotonic|perf_counter|process_time)(_ns)?|now|utcnow|today")


def clocks(source: Source) -> Found:
    """The time is an argument."""
    if not source.module or source.module.startswith(CLOCKS_IN):
        return
    for node in ast.walk(source.tree):
        home, _, name = dotted(node).rpartition(".") if isinstance(node, ast.Attribute) else ("", "", "")
        if home.split(".")[-1] in ("time", "datetime", "date") and CLOCK.fullmatch(name):
            yield node.lineno, f"{home}.{name} reads a clock"
    for line, name in imported(source.tree):
        if re.fullmatch(rf"time\.({CLOCK.pattern})", name):
            yield line, f"{name} reads a clock"


def randomness(source: Source) -> Found:
    """Randomness is an argument: a `random.Random`, or the bytes."""
    if not source.module or source.module.startswith(RANDOM_IN):
        return
    module = "random" in (name for _, name in imported(source.tree))  # else ``random`` is somebody's argument
    for line, name in called(source.tree):
        home, _, rest = name.partition(".")
        if module and home == "random" and rest not in ("Random", ""):
            yield line, f"{name} has no seed of ours"
        if home == "secrets" or name in ("os.urandom", "uuid.uuid4", "uuid.uuid1", "random.Random.seed"):
            yield line, f"{name} has no seed of ours"
    for line, name in imported(source.tree):
        if name.startswith("random.") and name != "random.Random":
            yield line, f"{name} has no seed of ours"


def excepts(source: Source) -> Found:
    """An except names what it expects, unless it cleans up and raises the same again, or the process ends with it."""
    ends = {
        handler
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Try) and node.finalbody and "os._exit" in ast.unparse(node.finalbody[-1])
        for handler in node.handlers
    }
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or node in ends:
            continue
        names = {dotted(part) for part in ast.walk(node.type)} if node.type else {"everything"}
        again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if (broad := names & {"everything", "Exception", "BaseException"}) and not again:
            yield node.lineno, f"catches {broad.pop()} and goes on"


def lengths(source: Source) -> Found:
    """Files and functions have an end."""
    if not source.path.endswith(".py"):
        return
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield lines, f"{lines} lines, {FILE_LINES_MAX} at most"
    for name, function, _ in functions(source.tree):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield function.lineno, f"{name} has {lines} lines, {FUNCTION_LINES_MAX} at most"


def opening(source: Source) -> Found:
    """A module opens by saying what it decides, a test file what it shows."""
    if source.path.endswith(".py") and not ast.get_docstring(source.tree):
        yield 1, "does not open with a docstring"


NAMELESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


def names(source: Source) -> Found:
    """What has no name has no place: no file, folder or class is called by what everything is."""
    if not source.path.endswith(".py"):
        return
    for part in re.split(r"[/_]", source.path.removesuffix(".py")):
        if part in NAMELESS:
            yield 1, f"{source.path} is named {part}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            for word in re.findall(r"[A-Z][a-z]+", node.name):
                if word.lower() in NAMELESS:
                    yield node.lineno, f"class {node.name} is named {word}"


def keywords(source: Source) -> Found:
    """Public functions take at most two arguments by position."""
    for name, function, positional in public(source):
        called = "/exchanges/" in name and name.rpartition("::")[2].rpartition(".")[2] in CALLED
        if len(positional) > 2 and name not in POSITIONAL and not called:
            yield function.lineno, f"{name} takes {positional[2].arg} by position"


def side_by_side(source: Source) -> Found:
    """Two amounts side by side are given by name."""
    for name, function, positional in public(source):
        decimals = [dotted(arg.annotation).endswith("Decimal") if arg.annotation else False for arg in positional]
        if any(map(all, pairwise(decimals))) and name not in SIDE_BY_SIDE:
            yield function.lineno, f"{name} takes two amounts side by side by position"


def assertions(source: Source) -> Found:
    """No test asserts a constant, and every test can fail."""
    if not Path(source.path).name.startswith("test_"):
        return
    tree = source.tree
    for node in ast.walk(tree):
        tests = node.test.values if isinstance(node, ast.Assert) and isinstance(node.test, ast.BoolOp) else [node]
        for test in tests:
            value = test.test if isinstance(test, ast.Assert) else test
            if isinstance(node, ast.Assert) and isinstance(value, ast.Constant):
                yield node.lineno, f"asserts the constant {value.value!r}"
    for name, function, _ in functions(tree):
        proofs = (isinstance(node, ast.Assert | ast.Call) for node in ast.walk(function))
        if name.split(".")[-1].startswith("test_") and not any(proofs):
            yield function.lineno, f"{name} asserts nothing"


SHARED_WORDS = (
    "nostro.link.view.",
    "nostro.link.commands.",
    "nostro.link.contracts.",
    "nostro.link.declare.",
    "nostro.domain.records.",
    "nostro.domain.values.EXACT",
)


def oracles(source: Source) -> Found:
    """A naive oracle knows nothing of the code under test: of nostro it may import the words that both sides share."""
    if not re.match(r"tests/(.*/)?naive", source.path):
        return
    for line, name in imported(source.tree):
        if name.split(".")[0] == "nostro" and not name.startswith(SHARED_WORDS):
            yield line, f"an oracle imports {name}"


PLACES = re.compile(
    r"(?<![\w.])/(home|root|Users|work|opt|mnt|srv|tmp|var|dev/shm)/\w|\bpypi\.org|pythonhosted|--(extra-)?index-url|--find-links"
)
MARKS = re.compile(r"\b(TODO|FIXME|HACK|TBD|WIP)\b|# *XXX|(?i:\blorem ipsum\b)")
CREDITS = re.compile(r"(?i)co-authored-by|language model|\bLLMs?\b|\bchatbot")


def places(source: Source) -> Found:
    """No path of one machine, and no host of one registry."""
    yield from matches(source, PLACES)


def marks(source: Source) -> Found:
    """What is not done stands in an issue or in ARCHITECTURE.md, not in a mark."""
    yield from matches(source, MARKS)


def tools(source: Source) -> Found:
    """The text speaks of nostro, not of what it was written with."""
    yield from matches(source, CREDITS)


def matches(source: Source, pattern: re.Pattern[str]) -> Found:
    if source.path in ("tests/test_tidy.py", "tests/tidy/rules.py"):
        return
    for number, line in enumerate(source.text.splitlines(), 1):
        if match := pattern.search(line):
            yield number, f"says {match.group()!r}"
