"""How long visitors wait who draw at the same time.

Every visitor has a kernel and a wire of its own and says what the page's scripts would say (tests/wire.py),
so that a hundred megabytes of browser for each do not stand in the way. The visitors run on the same processors
as the server. What a browser adds is in measure_page.py.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

import psutil
from measure_page import REFILL
from support.pages import Serving, serving
from support.strokes import TURNS, letter
from support.websocket import Visitor

STROKES = 40  # of each visitor
PAUSE = (0.4, 1.2)  # seconds in which a hand draws the next stroke; nothing is sent meanwhile
BETWEEN = 1.0  # seconds between two symbols


@dataclass(frozen=True)
class Crowd:
    "What was measured of visitors who came at the same time."

    ready: list[float]  # ms from asking for the page until it could be drawn on
    waits: list[float]  # ms from pen up to answer, of all strokes
    memory: list[float]  # MB that each visitor's kernel has for itself (USS)


def arrive(server: Serving, number: int = 0) -> tuple[Visitor, float]:
    "A visitor who may draw, and how many ms after asking for the page."
    begun = time.perf_counter()
    visitor = Visitor(server.url).sit_down(f"{number:032x}")
    return visitor, 1000 * (time.perf_counter() - begun)


def draw(visitor: Visitor, start: Barrier, hurried: bool) -> list[float]:
    "Milliseconds from pen up to answer, for each stroke of a visitor."
    waits, dice = [], random.Random(visitor.kernel)
    start.wait()
    while True:
        char = dice.choice(list(TURNS))
        for stroke in letter(char):
            time.sleep(0 if hurried else dice.uniform(*PAUSE))
            begun = time.perf_counter()
            visitor.stroke(stroke)
            waits.append(1000 * (time.perf_counter() - begun))
            if len(waits) == STROKES:
                return waits
        visitor.finish(char)
        time.sleep(0 if hurried else BETWEEN)


def crowd(count: int, hurried: bool = False) -> Crowd:
    "So many visitors, who come and draw at once; who is hurried never pauses."
    with (
        TemporaryDirectory() as folder,
        serving(Path(folder) / "samples", seats=count + 5) as server,
        ThreadPoolExecutor(count) as people,
    ):
        came = list(people.map(lambda number: arrive(server, number), range(count)))
        time.sleep(REFILL)
        visitors, start = [visitor for visitor, _ in came], Barrier(count)
        waits = sum(people.map(lambda visitor: draw(visitor, start, hurried), visitors), [])
        kernels = [
            one
            for one in psutil.Process(server.process.pid).children()
            if any(visitor.kernel in " ".join(one.cmdline()) for visitor in visitors)
        ]
        memory = [one.memory_full_info().uss / 1e6 for one in kernels]
        for visitor in visitors:
            visitor.close()
    return Crowd([ready for _, ready in came], waits, memory)
