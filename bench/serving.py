"""What serving costs, end to end, each figure beside a baseline of the same run: `make bench ONLY=serving [start] [page] [visitors] [api]`."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from jupyter_client.manager import start_new_kernel
from measure_api import load, memory
from measure_page import REFILL, answers, bare_page, lags, open_page, openings, plain_voila
from measure_visitors import crowd
from playwright.sync_api import sync_playwright
from review import timed
from support.api import opened
from support.browser import QUIET, find_browser
from support.pages import serving
from support.strokes import TURNS, letter

from ukr_letters.core.recognizer import Recognizer

CROWD, BATCH, STARTS, ROUNDS = 20, 64, 3, 5


@dataclass(frozen=True)
class Row:
    "A measured thing beside its baseline."

    name: str
    unit: str
    values: list[float]  # half of them lie below the first figure, 95 of 100 below the second
    baseline: str
    others: list[float]

    def __str__(self) -> str:
        "A line of the table."
        ours, theirs = median(self.values), median(self.others)
        high = f"{sorted(self.values)[int(0.95 * len(self.values))]:,.1f}" if len(self.values) >= 20 else ""
        return f"| {self.name} | {ours:,.1f} {self.unit} | {high} | {len(self.values)} | {self.baseline} | {theirs:,.1f} | {ours / theirs:.2f} |"


def recognition() -> list[float]:
    "Milliseconds in which the recogniser alone answers the strokes of a drawing, for every symbol of the tests."
    recognizer = Recognizer()
    return [timed(lambda: recognizer.recognize(letter(char))) for char in [*TURNS, *TURNS]]  # noqa: B023


def page() -> Iterator[Row]:
    "One visitor with a browser."
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser, place = playwright.chromium.launch(executable_path=find_browser(), args=QUIET), Path(folder)
        with plain_voila(place / "plain") as url:
            plain = openings(browser, url)
        for name, pool in (("cold", 0), ("preheated", 2)):
            with serving(place / name, pool=pool) as server:
                yield Row(
                    f"page asked for until drawable, kernel {name}",
                    "ms",
                    openings(browser, server.url),
                    "plain Voilà",
                    plain,
                )
        with serving(place / "drawn") as server:
            ours, _ = open_page(browser, server.url)
            time.sleep(REFILL)
            ink, least = lags(ours), lags(bare_page(browser))
            yield Row("pointer moved to ink drawn", "ms", ink["drawn"], "bare canvas", least["drawn"])
            yield Row("pointer moved to ink on the screen", "ms", ink["painted"], "bare canvas", least["painted"])
            yield Row("pen up to answer on the screen", "ms", answers(ours), "recognition alone", recognition())
        browser.close()


def bare_kernel() -> float:
    "MB that a kernel has for itself before it runs anything."
    manager, client = start_new_kernel(stderr=subprocess.DEVNULL)
    try:
        return psutil.Process(manager.provisioner.pid).memory_full_info().uss / 1e6
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def visitors() -> Iterator[Row]:
    "Many visitors at once, without browsers."
    one, many, hurry, rush = crowd(1), crowd(CROWD), crowd(1, hurried=True), crowd(CROWD, hurried=True)
    yield Row(
        f"{CROWD} arrive at once: page asked for until drawable",
        "ms",
        many.ready,
        "one arrives, kernel preheated",
        one.ready,
    )
    yield Row(f"{CROWD} draw at once: pen up to answer", "ms", many.waits, "one draws", one.waits)
    yield Row(f"{CROWD} draw and never pause: pen up to answer", "ms", rush.waits, "one never pauses", hurry.waits)
    yield Row("memory of a visitor's kernel (USS)", "MB", many.memory, "empty kernel", [bare_kernel()])


def started(server: AbstractContextManager) -> float:
    "Seconds from the command to the address."
    begun = time.perf_counter()
    with server:
        return time.perf_counter() - begun


def starts() -> Iterator[Row]:
    "Both servers, before anybody comes."
    with TemporaryDirectory() as folder:
        place = Path(folder)
        pages, plain, doors = (
            [started(server(place)) for _ in range(STARTS)]
            for server in (lambda at: serving(at / "page"), plain_voila, opened)
        )
    needed = [sys.executable, "-c", "import fastapi, granian, onnxruntime"]
    imports = [timed(lambda: subprocess.run(needed, check=True)) / 1000 for _ in range(STARTS)]
    yield Row("start of the page server, a kernel preheated", "s", pages, "plain Voilà, none preheated", plain)
    yield Row("start of the HTTP API", "s", doors, "its imports alone", imports)


def api() -> Iterator[Row]:
    "Programs that ask over HTTP; the client, wrk, takes its share of the same processors."
    drawings = [{"ink": letter(char), "mode": "letters"} for char in TURNS]
    batch = {"drawings": (drawings * BATCH)[:BATCH]}
    with TemporaryDirectory() as folder, opened(Path(folder), rate=0) as api:
        load(api, "/recognize", drawings)  # warm
        asked = [("/health", [{}]), ("/recognize", drawings), ("/recognize", [batch], 4)]
        nothing, one, many = zip(*[[load(api, *what) for what in asked] for _ in range(ROUNDS)], strict=True)
        own = memory(api)
    for place, (name, unit) in enumerate([("a second", "requests"), ("half within", "ms"), ("99 of 100 within", "ms")]):
        ours, least = ([figures[place] for figures in rounds] for rounds in (one, nothing))
        yield Row(f"one drawing in a request: {name}", unit, ours, "recognising nothing", least)
    batches, singles = [BATCH * rate for rate, *_ in many], [rate for rate, *_ in one]
    yield Row(f"{BATCH} drawings in a request: a second", "drawings", batches, "one in a request", singles)
    yield Row("memory of one of its processes (USS)", "MB", [own], "empty kernel", [bare_kernel()])


PARTS = {"start": starts, "page": page, "visitors": visitors, "api": api}


def main() -> None:
    "Measure what was asked for, everything by default, and print one table; what is being measured goes to the error channel."
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"nothing to measure is called {', '.join(unknown)}: choose among {', '.join(PARTS)}")
    rows = []
    for name in chosen:
        for row in PARTS[name]():
            print(row.name, file=sys.stderr)
            rows.append(row)
    print("| measured | median | 95 % within | n | baseline | its median | ratio |\n|---|---|---|---|---|---|---|")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
