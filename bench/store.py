"""How quick a store is, in a folder and on a real S3 server, one after the other: `make bench ONLY=store`."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from support.samples import example, said
from support.services import BUCKET, S3Server

from ukr_letters.samples.store import Store, open_store

NUMBER = 1000  # drawings in each store


def milliseconds(action: Callable[[object], object], things: list) -> float:
    "The median time of doing something with each thing."
    times = []
    for thing in things:
        start = time.perf_counter()
        action(thing)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def per_second(listing: Callable[[], object]) -> float:
    "Drawings per second of going through all of them once."
    start = time.perf_counter()
    assert sum(1 for _ in listing()) == NUMBER
    return NUMBER / (time.perf_counter() - start)


def measure(name: str, store: Store) -> None:
    "Fill a store, judge what is in it, read it, and print how long each takes."
    samples = [example(notice=str(number)) for number in range(NUMBER)]
    verdicts = [said("accept", "ї", sample=sample.id) for sample in samples]
    print(
        f"{name}: add {milliseconds(store.add, samples):.1f} ms, judge {milliseconds(store.judge, verdicts):.1f} ms (medians)"
    )
    rates = {
        "ids": lambda: iter(store),
        "samples": store.samples,
        "verdicts": store.verdicts,
        "accepted": store.accepted,
    }
    print(f"{name}: " + ", ".join(f"{what} {per_second(listing):,.0f}/s" for what, listing in rates.items()))


def main() -> None:
    "Measure both on the disk where temporary files lie."
    with tempfile.TemporaryDirectory() as folder:
        measure("folder", open_store(f"{folder}/samples"))
        server = S3Server(Path(folder) / "s3")
        server.start()
        os.environ |= server.environment
        try:
            measure("S3", open_store(f"s3://{BUCKET}/samples"))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
