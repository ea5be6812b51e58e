"""How many drawings a second one and two processes train, and what tracking adds to an epoch: `make bench ONLY=train`."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ukr_letters.learn.dataset import assemble, load, save
from ukr_letters.learn.model import create
from ukr_letters.learn.recipe import Recipe
from ukr_letters.learn.train import Epoch, fit
from ukr_letters.release.runlog import log_epoch

EPOCHS, SAMPLES = 4, 12_800
LINES = 200  # epochs logged, to time one


def train(prepared: str, architecture: str) -> None:
    "Train, and print the median number of drawings a second; the first epoch warms up."
    dataset, seconds = load(Path(prepared)), []
    recipe = Recipe(architecture, EPOCHS, SAMPLES, batch=256)
    fit(
        create(architecture),
        dataset.part("train"),
        dataset.part("valid"),
        recipe,
        on_epoch=lambda epoch: seconds.append(epoch.seconds),
    )
    print(SAMPLES / statistics.median(seconds[1:]))


def drawings_per_second(prepared: Path, architecture: str, processes: int, threads: int) -> float:
    "What `train` prints in a fresh process, or in several."
    work = [__file__, str(prepared), architecture]
    start = (
        [sys.executable]
        if processes == 1
        else [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    )
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    said = subprocess.run([*start, *work], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(said.split()[-1])


def milliseconds_of_tracking() -> float:
    "What telling an epoch to the folder of a run takes; sending it to MLflow is another process's work."
    times, epoch = [], Epoch(1, loss=0.5, seconds=1.0, valid_label=0.9, valid_case=0.9)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UKR_LETTERS_RUN"] = folder
        for _ in range(LINES):
            start = time.perf_counter()
            log_epoch(epoch)
            times.append(1000 * (time.perf_counter() - start))
        del os.environ["UKR_LETTERS_RUN"]
    return statistics.median(times)


def main() -> None:
    "Print the table."
    tracking = milliseconds_of_tracking()
    print("| measured | value |\n|---|---|")
    print(f"| telling an epoch to its run | {tracking:.2f} ms |")
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "dataset.npz"
        save(assemble("embedded", limit=1500), prepared)
        for architecture in ("letternet_w16_s3", "letternet_w32_s2"):
            for processes, threads in ((1, 1), (1, 2), (2, 1)):
                rate = drawings_per_second(prepared, architecture, processes, threads)
                print(
                    f"| {architecture}, processes {processes}, threads of each {threads} | {rate:,.0f} drawings/s |",
                    flush=True,
                )


if __name__ == "__main__":
    train(*sys.argv[1:]) if sys.argv[1:] else main()
