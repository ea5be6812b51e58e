"""The drawing page, served for real, and a real browser to look at it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hand import READY
from playwright.sync_api import BrowserContext, Page
from services import bucket, database, mlflow_server, postgres, s3  # noqa: F401, fixtures for all
from walked import checkout  # noqa: F401, a fixture for all

from ukr_letters.config import root
from ukr_letters.store import open_store

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2}
LAPTOP = {"viewport": {"width": 1280, "height": 800}}


def find_browser() -> str:
    "The system's Chromium; raises `FileNotFoundError` that says how to get it."
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise FileNotFoundError("no browser to look at the page with: apt-get install chromium")
    return found


def pytest_addoption(parser: pytest.Parser) -> None:
    "Let the golden master be recorded."
    parser.addoption(
        "--write-golden", action="store_true", help="record the golden master instead of comparing with it"
    )


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    "The system's Chromium, for pytest-playwright."
    return {**browser_type_launch_args, "executable_path": find_browser(), "args": QUIET}


class Serving:
    "A running server: its address, its process, and the folder where it keeps drawings."

    def __init__(self, url: str, process: subprocess.Popen, folder: Path):
        self.url, self.process, self.folder = url, process, folder

    def samples(self) -> list:
        "Every drawing kept so far."
        return list(open_store(str(self.folder)).samples())


@contextmanager
def launched(command: list[str], **how: object) -> Iterator[tuple[str, subprocess.Popen]]:
    "Run the command of a server, and give its address as soon as it says it; `how` is for `Popen`."
    process = subprocess.Popen(command, cwd=root(), stdout=subprocess.PIPE, text=True, **how)
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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "One server for all tests that do not harm it."
    with serving(tmp_path_factory.mktemp("samples"), seats=60) as running:
        yield running


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext], server: Serving) -> Callable[..., Page]:
    "Open the page as a new visitor and wait until it can be drawn on."

    def open_page(url: str | None = None, **context: object) -> Page:
        page = new_context(**(context or LAPTOP)).new_page()
        page.goto(url or server.url, wait_until="commit")
        page.wait_for_selector(READY, timeout=20_000)
        return page

    return open_page


def eventually(holds: Callable[[], object], seconds: float = 6.0) -> object:
    "The first true value of `holds()`, asked again until it comes; the last value when it does not."
    end = time.monotonic() + seconds
    while not (value := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return value
