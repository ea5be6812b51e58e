"""How long visitors wait who draw at the same time: `python tests/bench_visitors.py [how many at most]`.

Every visitor has a kernel and a wire of its own and says what the page's scripts would say (tests/wire.py),
so that a hundred megabytes of browser for each do not stand in the way. The visitors run on the same processors
as the server; how much of them they take is a column of the table. What a browser adds is in bench_draw.py.
"""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Barrier

import psutil
from conftest import Serving, serving
from hand import TURNS, letter
from wire import Visitor

STROKES = 40  # of each visitor
PAUSE = (0.4, 1.2)  # seconds in which a hand draws the next stroke; nothing is sent meanwhile
BETWEEN = 1.0  # seconds between two symbols
OPENINGS = 5  # pages opened one after another


def high(values: list[float], share: float = 0.95) -> float:
    "The value below which this share lies."
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


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


def seconds(processes: list[psutil.Process]) -> float:
    "Processor time of these processes so far."
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def crowd(count: int, hurried: bool) -> tuple[list[float], str]:
    "Milliseconds until each of so many visitors, coming at once, may draw; and the line of the table."
    with TemporaryDirectory() as folder, serving(Path(folder) / "samples", seats=count + 5) as server, ThreadPoolExecutor(count) as people:
        came = list(people.map(lambda number: arrive(server, number), range(count)))
        time.sleep(5)  # the pool has filled again and leaves the processors alone
        visitors = [visitor for visitor, _ in came]
        host, here = psutil.Process(server.process.pid), psutil.Process()
        theirs, start = [host, *host.children()], Barrier(count)
        before, begun = (seconds(theirs), seconds([here])), time.perf_counter()
        waits = sum(people.map(lambda visitor: draw(visitor, start, hurried), visitors), [])
        took, cores = time.perf_counter() - begun, psutil.cpu_count()
        shares = [100 * (seconds(who) - then) / took / cores for who, then in zip((theirs, [here]), before, strict=True)]
        seated = [one for one in host.children() if any(visitor.kernel in " ".join(one.cmdline()) for visitor in visitors)]
        memory = [one.memory_full_info() for one in seated]
        for visitor in visitors:
            visitor.close()
    figures = [median(waits), high(waits), max(waits)]
    sizes = [median([getattr(one, kind) / 1e6 for one in memory]) for kind in ("pss", "uss")]
    line = f"| {count:2} | {'none' if hurried else 'of a hand'} | {len(waits)} | " + " | ".join(f"{value:.1f}" for value in figures)
    return [ready for _, ready in came], line + f" | {sizes[0]:.0f} | {sizes[1]:.0f} | {shares[0]:.0f} % | {shares[1]:.0f} % |"


def openings(pool: int) -> list[float]:
    "Milliseconds until visitors who come one after another may draw."
    with TemporaryDirectory() as folder, serving(Path(folder) / "samples", pool=pool) as server:
        times = []
        for _ in range(OPENINGS):
            visitor, ready = arrive(server)
            times.append(ready)
            visitor.close()
            time.sleep(5)  # the kernel that takes this one's place is warm again
        return times


def main() -> None:
    "Measure everything and print two tables."
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    ready = {"one visitor, cold kernel": openings(0), "one visitor, preheated kernel": openings(2)}
    lines = []
    for count, hurried in ((1, False), (most, False), (1, True), (most, True)):
        came, line = crowd(count, hurried)
        lines.append(line)
        if count > 1:
            ready[f"{count} visitors at the same moment"] = came
    shown = ["visitors", "pauses", "answers", "pen up to answer: median, ms", "p95", "longest", "memory of a kernel: PSS, MB", "USS"]
    print("|", " | ".join([*shown, "processors: server and kernels", "visitors"]), "|")
    print("|---|---|---|---|---|---|---|---|---|---|", *lines, sep="\n")
    print("\n| page asked for until it could be drawn on | median, ms | p95 | n |\n|---|---|---|---|")
    for name, times in ready.items():
        print(f"| {name} | {median(times):.0f} | {high(times):.0f} | {len(times)} |")


if __name__ == "__main__":
    main()
