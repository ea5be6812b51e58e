"""Our console commands, run inside the process of a test, or stopped by a signal as in a terminal."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from support.tiers import starts
from support.waiting import eventually

from ukr_letters.core.settings import root

# What nobody explains; Jupyter's own warning names no warning.
WARNED = re.compile(r".*(?:warning|without encryption).*", re.IGNORECASE)
LATE = 1.5  # seconds in which a kernel that is left behind notices it, and says so


@starts("a command")
def stopped(
    *command: str,
    sign: str,  # in the line after which the signal comes
    folder: Path | None = None,  # a checkout; default: this one
    by: signal.Signals = signal.SIGINT,
    whole: bool = True,  # the signal goes to the group of the command, as from a terminal, or to the command alone
    then: Callable[[], None] = lambda: None,  # what else happens before the signal
    **environment: str,
) -> tuple[int, str, float]:
    "Run a command until it prints a sign, and send it a signal: exit status, output, seconds to the end."
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = os.environ | {"PATH": path, "PYTHONPATH": str(folder or root()), "PYTHONUNBUFFERED": "1"} | environment
    heard = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  # a test run may have it ignored
    with NamedTemporaryFile() as output:  # and no pipe, which would break for who goes on without the command
        streams = {"stdout": output.fileno(), "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, cwd=folder, env=own, start_new_session=True, preexec_fn=heard, **streams)
        said = lambda: Path(output.name).read_text()  # noqa: E731
        eventually(lambda: sign in said() or process.poll() is not None, 120)
        then()
        begun = time.monotonic()
        (os.killpg if whole else os.kill)(process.pid, by)
        status, took = process.wait(60), time.monotonic() - begun
        time.sleep(LATE)
        return status, said(), took


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
