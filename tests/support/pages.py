"""The drawing page and the review page, served for real."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import Browser, Page
from support.browser import LAPTOP
from support.tiers import starts
from support.waiting import eventually

from ukr_letters.core.settings import root
from ukr_letters.samples.store import open_store

DRAWING = ".ukr-page[data-ready=yes]"  # the page can be drawn on
JUDGING = ".ukr-review[data-ready=yes]"  # the page can be judged on


class Serving:
    "A running server: its address, its process, and the folders where it keeps drawings."

    def __init__(self, url: str, process: subprocess.Popen, folder: Path):
        self.url, self.process, self.folder = url, process, folder
        self.desk = folder.with_name(f"{folder.name}-desk")  # what its kernels make of them

    def samples(self) -> list:
        "Every drawing kept so far."
        return list(open_store(str(self.folder)).samples())

    def drawn_by(self, writer: str, count: int = 0) -> list:
        "Drawings kept of a writer in the order they were made, waited for until there are so many."
        own = lambda: [sample for sample in self.samples() if sample.writer == writer]  # noqa: E731
        eventually(lambda: len(own()) >= count, 20)
        return sorted(own(), key=lambda sample: sample.created)


class Windows:
    "Browser windows on a server, kept open because a page in a warm window costs half."

    def __init__(self, browser: Browser, url: str, ready: str = DRAWING):
        self.browser, self.url, self.ready, self.pages = browser, url, ready, {}

    def visit(self, window: str = "first", url: str = "", **context: object) -> Page:
        "The page, or that of another server, for a new visitor; who was in that window before is forgotten."
        key = json.dumps([window, context], sort_keys=True)
        page = self.pages.get(key)
        if page is None or page.is_closed():
            page = self.pages[key] = self.browser.new_context(**(context or LAPTOP)).new_page()
        else:
            page.evaluate("localStorage.clear()")
            page.goto("about:blank")  # what the old page still asks for would bring its cookies back
            page.context.clear_cookies()
        page.goto(url or self.url, wait_until="commit")
        page.wait_for_selector(self.ready, timeout=60_000)
        return page

    def leave(self) -> None:
        "Leave all pages, which ends their kernels; the windows stay."
        for page in self.pages.values():
            page.goto(urljoin(self.url, "/nowhere"))

    def close(self) -> None:
        "Close all windows."
        for page in self.pages.values():
            page.context.close()


def answer(page: Page) -> str:
    "The symbol that the page shows; of two, the likelier one."
    return page.locator(".ukr-char").inner_text().partition(" ")[0]


def code(page: Page) -> str:
    "The writer that the page's browser is known as."
    return page.evaluate("localStorage.getItem('ukr-letters.writer')")


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
    before: str = "",  # Python that is run first, with `voila` as the module
    within: tuple[str, ...] = (),  # a command that runs the server
    settings: dict[str, str] | None = None,  # more of its environment
    **options: object,  # of `serve` or `review`
) -> Iterator[Serving]:
    "Serve a page on a free port."
    command = f"from ukr_letters.serve import voila\n{before}\nvoila.{page}(port=0, **{options!r})"
    desk = folder.with_name(f"{folder.name}-desk")
    own = {"UKR_LETTERS_SAMPLES": samples or str(folder), "UKR_LETTERS_DESK": str(desk)} | (settings or {})
    with launched([*within, sys.executable, "-c", command], env=os.environ | own) as (url, process):
        yield Serving(url, process, folder)
