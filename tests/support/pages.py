"""The drawing page and the review page, served for real."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.tiers import starts

from ukr_letters.config import root
from ukr_letters.store import open_store

DRAWING = ".ukr-page[data-ready=yes]"  # the page can be drawn on
JUDGING = ".ukr-review[data-ready=yes]"  # the page can be judged on


class Serving:
    "A running server: its address, its process, and the folder where it keeps drawings."

    def __init__(self, url: str, process: subprocess.Popen, folder: Path):
        self.url, self.process, self.folder = url, process, folder

    def samples(self) -> list:
        "Every drawing kept so far."
        return list(open_store(str(self.folder)).samples())


@starts("a server")
@contextmanager
def launched(command: list[str], **how: object) -> Iterator[tuple[str, subprocess.Popen]]:
    "Run the command of a server, and give its address as soon as it says it; `how` is for `Popen`."
    process = subprocess.Popen(command, **{"cwd": root(), "stdout": subprocess.PIPE, "text": True, **how})
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server ended with {process.wait()} before it was ready: {line}"
        yield found[0], process
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def serving(
    folder: Path,
    page: str = "serve",  # or `review`
    samples: str = "",  # a bucket in place of the folder
    before: str = "",  # Python that is run first, with `serve` as the module
    within: tuple[str, ...] = (),  # a command that runs the server
    **options: object,  # of `serve` or `review`
) -> Iterator[Serving]:
    "Serve a page on a free port."
    command = f"from ukr_letters import serve\n{before}\nserve.{page}(port=0, **{options!r})"
    desk = folder.with_name(f"{folder.name}-desk")
    environment = {**os.environ, "UKR_LETTERS_SAMPLES": samples or str(folder), "UKR_LETTERS_DESK": str(desk)}
    with launched([*within, sys.executable, "-c", command], env=environment) as (url, process):
        yield Serving(url, process, folder)
