"""How fast the drawing page is, measured in a real browser: `python tests/bench_draw.py`."""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from conftest import LAPTOP, QUIET, Serving, find_browser, serving
from hand import READY, TURNS, Hand
from playwright.sync_api import Browser, Page, sync_playwright

VISITS = 5  # page openings per row, each with an empty browser cache
WATCH = """() => {
  window.lags = { drawn: [], painted: [] };
  document.querySelector('.ukr-pad-layer').addEventListener('pointermove', (event) => {
    if (!event.buttons) return;
    lags.drawn.push(performance.now() - event.timeStamp);
    requestAnimationFrame(() => setTimeout(() => lags.painted.push(performance.now() - event.timeStamp)));
  });
}"""


def open_page(browser: Browser, server: Serving) -> tuple[Page, float]:
    "A page of a new visitor, and how many ms after the request it could be drawn on."
    page = browser.new_context(**LAPTOP).new_page()
    page.goto(server.url, wait_until="commit")
    page.wait_for_selector(READY, timeout=30_000)
    return page, page.evaluate("performance.getEntriesByName('ukr-ready')[0].startTime")


def openings(browser: Browser, pool: int) -> list[float]:
    "Milliseconds until the page is drawable, for visitors one after another."
    with TemporaryDirectory() as folder, serving(Path(folder), pool=pool) as server:
        times = []
        for _ in range(VISITS):
            page, ready = open_page(browser, server)
            times.append(ready)
            page.close(run_before_unload=True)
            time.sleep(5)  # the kernel that takes this one's place is warm again
        return times


def drawing(browser: Browser) -> dict[str, list[float]]:
    "Lags of one visitor who draws every symbol of the tests twice."
    with TemporaryDirectory() as folder, serving(Path(folder)) as server:
        page, _ = open_page(browser, server)
        time.sleep(5)  # the pool has filled again and leaves the processor alone
        page.evaluate(WATCH)
        hand = Hand(page)
        for char in [*TURNS, *TURNS]:
            hand.draw(char)
            page.keyboard.press("Escape")
            page.wait_for_selector(f"{READY}[data-strokes='0']")
        lags = page.evaluate("lags")
        answers = page.evaluate("performance.getEntriesByName('ukr-answer').map((entry) => entry.duration)")
        kernels = [child.memory_full_info().uss / 1e6 for child in psutil.Process(server.process.pid).children()]
    return {"ink drawn": lags["drawn"], "ink on screen": lags["painted"], "answer": answers, "memory": kernels}


def row(name: str, values: list[float], unit: str) -> str:
    "One line of the table."
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"| {name:<42} | {statistics.median(values):8.1f} | {high:8.1f} | {len(values):4} | {unit} |"


def main() -> None:
    "Measure everything and print one table."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=QUIET)
        cold, warm, lags = openings(browser, 0), openings(browser, 2), drawing(browser)
        browser.close()
    print("| measured                                   |   median |      p95 |    n | unit |")
    print("|---|---|---|---|---|")
    print(row("page drawable, cold kernel", cold, "ms"))
    print(row("page drawable, preheated kernel", warm, "ms"))
    print(row("pointer moved to ink drawn", lags["ink drawn"], "ms"))
    print(row("pointer moved to ink on the screen", lags["ink on screen"], "ms"))
    print(row("pen up to answer on the screen", lags["answer"], "ms"))
    print(row("memory of a visitor's kernel (USS)", [max(lags["memory"])], "MB"))


if __name__ == "__main__":
    main()
