"""The command line: one file per group of commands. It decides nothing itself; ``program.py`` says which commands
there are."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command of this process's arguments, and ends the process with its exit status."""
    try:
        from nostro.cli.program import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # while it was loaded, or after it had ended: nothing was under way
        status = 130
    sys.exit(status)
