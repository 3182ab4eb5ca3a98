"""Sets up the exchanges' own clients, each in an environment of its own, because their pins clash with ours. It
decides which version of which package stands where; the tests beside it run them.

Run as a program it makes what is missing and says what it did. Where no fitting Python is found it says so and ends
well: the tests of that client are then skipped, with the reason.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2] / ".clients"


class Client(NamedTuple):
    """``package`` from the package index, the Python versions that its pinned dependencies have wheels for, and what it
    imports without saying so."""

    name: str
    package: str
    pythons: tuple[tuple[int, int], ...]
    undeclared: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return ROOT / self.name

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    @property
    def done(self) -> Path:
        """Written last: an environment without it is not whole."""
        return self.folder / ".installed"


ALPCOM = Client("alpcom-1.0.1", "alpcom-api==1.0.1", ((3, 11), (3, 12)))
BINGX = Client("bingx-0.0.7", "bingX-connector==0.0.7", ((3, 11), (3, 12), (3, 13)), ("requests==2.32.5",))
GRVT = Client("grvt-0.2.1", "grvt-pysdk==0.2.1", ((3, 10), (3, 11), (3, 12), (3, 13)))
CLIENTS = (ALPCOM, BINGX, GRVT)


def interpreter(client: Client) -> str | None:
    """A Python that the client's pins can be installed for: this one if it fits, else one on the path."""
    if sys.version_info[:2] in client.pythons:
        return sys.executable
    names = (f"python{major}.{minor}" for major, minor in client.pythons)
    return next((found for name in names if (found := shutil.which(name))), None)


def install(client: Client) -> str:
    """Makes the environment unless it is there; answers what was done."""
    if client.done.exists():
        return f"{client.package} is there"
    python = interpreter(client)
    if python is None:
        wanted = " or ".join(f"{major}.{minor}" for major, minor in client.pythons)
        return f"{client.package} needs Python {wanted}, which is not here: its tests will be skipped"
    subprocess.run([python, "-m", "venv", "--clear", str(client.folder)], check=True)
    pip = [str(client.python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    subprocess.run([*pip, client.package, *client.undeclared], check=True)
    client.done.write_text(f"{client.package}\n", "utf-8")
    return f"installed {client.package} into {client.folder.relative_to(ROOT.parent)}"


def main() -> int:
    for client in CLIENTS:
        print(f"clients: {install(client)}", flush=True)  # noqa: T201 - a program
    return 0


if __name__ == "__main__":
    sys.exit(main())
