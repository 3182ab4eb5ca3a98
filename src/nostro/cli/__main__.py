"""``python -m nostro.cli``: the command line where no script is installed."""

from __future__ import annotations

from nostro.cli import main

if __name__ == "__main__":
    main()
