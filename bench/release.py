"""How long a new champion takes to reach the people who draw, on one tracking server: `make bench ONLY=release`."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.networks import leaning
from support.services import MlflowServer, PostgresServer, S3Server

from ukr_letters.core.deploy import HotReload
from ukr_letters.core.recognizer import CHAMPION, Recognizer
from ukr_letters.learn.dataset import assemble, save
from ukr_letters.release.registry import Registry

TURNS, EVERY = 9, 1.0  # champions made, seconds between two looks of the follower
LETTER = [[[20, 20], [55, 60], [20, 100]], [[60, 20], [60, 100]], [[100, 20], [65, 60], [100, 100]]]


def milliseconds(action) -> float:
    "How long an action takes."
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def served(newest: HotReload, version: str, seconds: float = 60) -> None:
    "Return as soon as the recogniser that a page would ask is this network's."
    end = time.monotonic() + seconds
    while newest.get().version != version:
        assert time.monotonic() < end, f"{version} was not served within {seconds} s"
        time.sleep(0.01)
    newest.get().recognize(LETTER)


def measure(folder: Path, uri: str) -> dict[str, list[float]]:
    "Times of each step, in milliseconds."
    save(assemble(["digits8"], limit=400), folder / "dataset.npz")
    registry, times = Registry(uri, folder / "dataset.npz", CHAMPION), {}
    tell = lambda name, action: times.setdefault(name, []).append(milliseconds(action))
    for number in range(TURNS):
        leaning(folder / str(number), "ж", number / 1000)
        tell("register", lambda: registry.register(folder / str(number)))  # noqa: B023
    follow = f"from pathlib import Path; from ukr_letters.release.registry import Registry; Registry().follow(Path({str(folder / 'served')!r}), {EVERY})"
    follower = subprocess.Popen(
        [sys.executable, "-c", follow], env={**os.environ, "MLFLOW_TRACKING_URI": uri}, stdout=subprocess.PIPE
    )
    try:
        follower.stdout.readline()  # it holds the champion that came with the package
        newest = HotReload(folder / "served", CHAMPION, Recognizer)
        for version in reversed(registry.versions()[:TURNS]):
            tell("promote, with the gate on a small gold set", lambda: registry.promote(version.number))  # noqa: B023
            tell(f"promoted to served, by a follower every {EVERY:g} s", lambda: served(newest, version.network))  # noqa: B023
            tell(
                "promoted to served, fetched at once",
                lambda: (registry.fetch(folder / "at once"), Recognizer(folder / "at once")),
            )
        tell("roll back to served, by the same follower", lambda: served(newest, registry.rollback("measured").network))
    finally:
        follower.kill()
        follower.wait()
    unchanged = [milliseconds(newest.get) for _ in range(1000)]
    return times | {"a look whether there is a new one, before a drawing": unchanged}


def main() -> None:
    "Measure on PostgreSQL and S3, and print one table."
    with tempfile.TemporaryDirectory() as name:
        folder, postgres = Path(name), PostgresServer()
        s3 = S3Server(folder / "s3")
        postgres.start()
        s3.start()
        server = MlflowServer(folder / "mlflow", postgres.create(), s3)
        server.start()
        try:
            times = measure(folder, server.url)
        finally:
            for stop in (server.stop, s3.stop, postgres.remove):
                stop()
    print(f"| {'measured':<52} | median, ms | largest, ms |    n |\n|---|---|---|---|")
    for name, values in times.items():
        print(f"| {name:<52} | {statistics.median(values):10.3f} | {max(values):11.3f} | {len(values):4} |")


if __name__ == "__main__":
    main()
