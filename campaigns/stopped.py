"""Stops a paper exchange that runs in a process of its own (SIGSTOP), while an account there is followed with the
bounds that hold everywhere, and prints after how many seconds that was said, and after how many it was heard again:
exit status 0 only where the first is at most 30.

    python campaigns/stopped.py
    python campaigns/stopped.py --exchange grvt
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from link.stopping import stopped
from nostro import limits


@click.command()
@click.option("--exchange", "wires", multiple=True, default=("alp", "kraken_futures", "grvt"), show_default=True)
def main(wires: tuple[str, ...]) -> None:
    late = False
    for wire in wires:
        with tempfile.TemporaryDirectory(prefix="nostro-stopped-") as home:
            found = stopped(wire, Path(home), within_s=120)
        late = late or found.noticed_s > limits.FEED_SILENCE_S
        figures = {"noticed_s": round(found.noticed_s, 1), "resumed_s": round(found.resumed_s, 1), "why": found.why}
        click.echo(json.dumps({"exchange": wire, **figures}))
    sys.exit(1 if late else 0)


if __name__ == "__main__":
    main()
