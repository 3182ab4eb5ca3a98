"""Shows that Ctrl-C ends the command line quietly from its first moment on."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from nostro.cli import main


def test_ctrl_c_while_it_is_loaded_leaves_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    loading = ModuleType("nostro.cli.program")

    def interrupted(name: str) -> None:
        raise KeyboardInterrupt(name)

    monkeypatch.setattr(loading, "__getattr__", interrupted, raising=False)
    monkeypatch.setitem(sys.modules, "nostro.cli.program", loading)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
