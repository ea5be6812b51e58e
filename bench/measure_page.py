"""How fast the drawing page is in a real browser, and what Voilà and a canvas do by themselves."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection

from playwright.sync_api import Browser, Page
from support.browser import LAPTOP
from support.pages import DRAWING
from support.pointer import Pointer
from support.services import free_ports
from support.strokes import TURNS
from support.waiting import eventually

from ukr_letters.serve.voila import DASHBOARDS

VISITS = 5  # page openings, each with an empty browser cache
REFILL = 5  # seconds in which the pool fills again and then leaves the processor alone
WATCH = """() => {
  window.lags = { drawn: [], painted: [] };
  document.querySelector('.ukr-pad-layer').addEventListener('pointermove', (event) => {
    if (!event.buttons) return;
    lags.drawn.push(performance.now() - event.timeStamp);
    requestAnimationFrame(() => setTimeout(() => lags.painted.push(performance.now() - event.timeStamp)));
  });
}"""
# The least that a browser can do: a line to where the pointer is, and nobody to tell of it.
BARE = """<div class="ukr-page" data-ready="yes" data-strokes="0"><canvas class="ukr-pad-layer" width="400" height="400"></canvas></div>
<script>
  const page = document.querySelector(".ukr-page"), canvas = page.firstChild, pen = canvas.getContext("2d");
  canvas.onpointerdown = (event) => { pen.beginPath(); pen.moveTo(event.offsetX, event.offsetY); };
  canvas.onpointermove = (event) => { if (event.buttons) { pen.lineTo(event.offsetX, event.offsetY); pen.stroke(); } };
  canvas.onpointerup = () => { page.dataset.strokes++; };
  document.onkeydown = () => { pen.clearRect(0, 0, 400, 400); page.dataset.strokes = 0; };
</script>"""


def listens(port: int) -> bool:
    "Whether somebody listens on this port."
    try:
        with create_connection(("127.0.0.1", port)):
            return True
    except ConnectionRefusedError:
        return False


@contextmanager
def plain_voila(folder: Path) -> Iterator[str]:
    "The address of the drawing page as Voilà serves it by itself, as soon as it listens."
    [port] = free_ports(1)
    command = [sys.executable, "-m", "voila", str(DASHBOARDS / "draw.ipynb"), "--no-browser", f"--port={port}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env={**os.environ, "UKR_LETTERS_SAMPLES": str(folder)}, **quiet)
    try:
        assert eventually(lambda: listens(port), 60), "Voilà did not begin to listen within a minute"
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(timeout=20)


def open_page(browser: Browser, url: str) -> tuple[Page, float]:
    "A page of a new visitor, and how many ms after the request it could be drawn on."
    page = browser.new_context(**LAPTOP).new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(DRAWING, timeout=30_000)
    return page, page.evaluate("performance.getEntriesByName('ukr-ready')[0].startTime")


def openings(browser: Browser, url: str) -> list[float]:
    "Milliseconds until the page is drawable, for visitors one after another."
    times = []
    for _ in range(VISITS):
        page, ready = open_page(browser, url)
        times.append(ready)
        page.close(run_before_unload=True)
        time.sleep(REFILL)
    return times


def bare_page(browser: Browser) -> Page:
    "A canvas to draw on, and nothing else."
    page = browser.new_context(**LAPTOP).new_page()
    page.set_content(BARE)
    return page


def lags(page: Page) -> dict[str, list[float]]:
    "Milliseconds from each movement of the pointer to ink, `drawn` and `painted`, for every symbol of the tests, twice."
    page.evaluate(WATCH)
    hand = Pointer(page)
    for char in [*TURNS, *TURNS]:
        hand.draw(char)
        page.keyboard.press("Escape")
        page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
    return page.evaluate("lags")


def answers(page: Page) -> list[float]:
    "Milliseconds from pen up to the answer on the screen, for all strokes so far."
    return page.evaluate("performance.getEntriesByName('ukr-answer').map((entry) => entry.duration)")
