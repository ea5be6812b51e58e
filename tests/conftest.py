"""What the tests of all folders share: servers, a checkout and a browser."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support.browser import LAPTOP, QUIET, find_browser
from support.pages import DRAWING, Serving, Windows, serving

pytest_plugins = [
    "support.commands",
    "support.kernels",
    "support.processes",
    "support.parallel",
    "support.tiers",
    "support.services",
    "support.checkout",
    "support.site",
]
expect.set_options(timeout=20_000)  # ms; a machine that runs several tests at once is slow at times


def pytest_addoption(parser: pytest.Parser) -> None:
    "Let the golden master be recorded."
    parser.addoption(
        "--write-golden", action="store_true", help="record the golden master instead of comparing with it"
    )


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    "The system's Chromium, for pytest-playwright."
    return {**browser_type_launch_args, "executable_path": find_browser(), "args": QUIET}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    "One server for all tests that do not harm it."
    with serving(tmp_path_factory.mktemp("samples"), seats=60) as running:
        yield running


@pytest.fixture
def visit(request: pytest.FixtureRequest, new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    "Open the page as a new visitor in a window of its own and wait until it can be drawn on."

    def open_page(url: str | None = None, **context: object) -> Page:
        page = new_context(**(context or LAPTOP)).new_page()
        page.goto(url or request.getfixturevalue("server").url, wait_until="commit")
        page.wait_for_selector(DRAWING)
        return page

    return open_page


@pytest.fixture(scope="module")
def windows(browser: Browser, server: Serving) -> Iterator[Windows]:
    "Windows on the server that the tests of a file share."
    windows = Windows(browser, server.url)
    yield windows
    windows.close()
