"""How quick reviewing is with a full store, measured with real parts: `make bench ONLY=review [drawings]`."""

import math
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from playwright.sync_api import sync_playwright
from support.browser import LAPTOP, QUIET, find_browser
from support.pages import serving
from support.strokes import TURNS, letter

from ukr_letters.samples.backlog import Backlog, Filters
from ukr_letters.samples.sample import canonical
from ukr_letters.samples.store import open_store, sample_name
from ukr_letters.serve.pad import LINES, SIZE

COUNT = 100_000
VERDICTS = 200
JUDGING = ".ukr-review[data-id]:not([data-id=''])"


def row(name: str, values: list[float], unit: str) -> str:
    "One line of the table."
    high = sorted(values)[int(0.95 * len(values))]
    return f"| {name:<42} | {statistics.median(values):8.1f} | {high:8.1f} | {len(values):4} | {unit} |"


def placed(strokes: list[np.ndarray], chance: random.Random) -> list:
    "A letter in another hand: turned, stretched, moved and trembling, with times."
    turn, wide, high = chance.gauss(0, 0.1), chance.uniform(0.7, 1.2), chance.uniform(0.8, 1.1)
    matrix = np.array([[wide * math.cos(turn), -math.sin(turn)], [math.sin(turn), high * math.cos(turn)]])
    noise = np.random.default_rng(chance.getrandbits(32))
    ink, clock = [], 0
    for points in strokes:
        there = (points - (200, 296)) @ matrix.T + (200, 296) + noise.normal(0, 2, points.shape)
        clock += 200
        ink.append([[x, y, clock + 12 * i] for i, (x, y) in enumerate(there.round(1).tolist())])
        clock = ink[-1][-1][2]
    return ink


def records(count: int) -> Iterator[dict]:
    "Drawings as the page keeps them; of ten, one has no label and a few a wrong one."
    chance = random.Random(0)
    letters = {char: [np.asarray(stroke) for stroke in letter(char)] for char in TURNS}
    canvas = {"width": SIZE, "height": SIZE, **LINES}
    for number in range(count):
        drawn = chance.choice(list(letters))
        said = drawn if chance.random() < 0.95 else chance.choice(list(letters))
        label = said.lower() if chance.random() < 0.9 else None
        yield {
            "ink": placed(letters[drawn], chance),
            "label": label,
            "uppercase": said.isupper() if label and label.isalpha() else None,
            "guess": {"mode": "auto", "top": [[drawn.lower(), 0.9]], "uppercase_probability": None},
            "model": "bench",
            "renderer": "1",
            "writer": f"{number % 997:032x}",
            "device": chance.choice(("mouse", "touch", "pen")),
            "canvas": canvas,
            "created": f"2026-11-{1 + number % 20:02}T08:00:00.000+00:00",
            "notice": "2026-11",
        }


def fill(folder: Path, count: int) -> None:
    "Put drawings into a store as they would lie there, without waiting for the disk after each."
    for record in records(count):
        content = canonical(record).encode()
        path = folder / sample_name(sha256(content).hexdigest())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    sample = next(iter(open_store(str(folder)).samples()))
    assert sample.id == path.parent.parent.joinpath(sample.id[:2], f"{sample.id}.json").stem


def timed(action: Callable[[], object]) -> float:
    "Milliseconds that it takes."
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def pages(backlog: Backlog) -> list[float]:
    "Times of pages of 100 with several filters, each asked for by a judge who has judged before."
    asked = [Filters(), Filters(symbol="ж"), Filters(case="capital", device="pen"), Filters(suspicion="duplicate")]
    asked += [
        Filters(state="second"),
        Filters(agreed=True, symbol="я"),
        Filters(since="2026-11-10", until="2026-11-12"),
    ]
    return [timed(lambda: backlog.page(filters, "bench")) for filters in asked * 5]  # noqa: B023


def verdicts(backlog: Backlog) -> list[float]:
    "Times until a verdict is on the disk, while the store is followed in the background."
    ids = [item["id"] for _ in range(2) for item in backlog.page(Filters(), "bench", VERDICTS)]
    return [timed(lambda: backlog.judge(id, "bench", "accept", "А")) for id in ids[:VERDICTS]]  # noqa: B023


def in_browser(folder: Path) -> tuple[float, list[float]]:
    "Milliseconds until the first drawing is shown, and from key presses until their verdicts are on the disk."
    with serving(folder, "review", judge="bench-browser") as server, sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=find_browser(), args=QUIET).new_context(**LAPTOP).new_page()
        start = time.perf_counter()
        page.goto(server.url)
        page.wait_for_selector(JUDGING, timeout=60_000)
        opened = 1000 * (time.perf_counter() - start)
        for _ in range(VERDICTS):
            page.keyboard.press("Enter")
            page.wait_for_selector(".ukr-review[data-unheard='0']")
        return opened, page.evaluate("performance.getEntriesByName('ukr-verdict').map((entry) => entry.duration)")


def main(count: int) -> None:
    "Measure everything and print one table."
    with TemporaryDirectory() as place:
        folder = Path(place) / "samples"
        os.environ["UKR_LETTERS_DESK"] = f"{place}/samples-desk"
        filled = timed(lambda: fill(folder, count))
        backlog = Backlog(str(folder))
        built = timed(backlog.follow)
        again = timed(backlog.follow)
        backlog.start()
        found, judged = pages(backlog), verdicts(backlog)
        counted = [timed(lambda: backlog.counts("bench")) for _ in range(10)]
        backlog.leave()
        opened, pressed = in_browser(folder)
    print(f"{count} drawings, made in {filled / 1000:.0f} s")
    print("| measured                                   |   median |      p95 |    n | unit |")
    print("|---|---|---|---|---|")
    print(row("index built from nothing", [built / 1000], "s"))
    print(row("a round when nothing is new", [again], "ms"))
    print(row("page of 100 drawings", found, "ms"))
    print(row("counts of all states", counted, "ms"))
    print(row("verdict on the disk, in the kernel", judged, "ms"))
    print(row("review page opened, first drawing shown", [opened], "ms"))
    print(row("key pressed to verdict on the disk", pressed, "ms"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else COUNT)
