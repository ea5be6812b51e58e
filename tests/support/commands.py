"""Our console commands, run inside the process of a test."""

import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str, str]]:
    "Run a command where the test is: its exit status, and what it says on both streams."

    def run(program: Callable, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [program.__name__, *arguments])
        status = 0
        try:
            program()
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return run
