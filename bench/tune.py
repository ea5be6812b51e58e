"""How many trials an hour one machine gets through, by the number of workers: `make bench ONLY=tune`."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from support.services import PostgresServer

from ukr_letters.learn.dataset import assemble, save
from ukr_letters.learn.model import create, save_weights
from ukr_letters.learn.search import DATA, PRETRAINED

ROOT = Path(__file__).parents[1]
TRIALS = 16  # after one for each worker, which pays for its start
PARAMS = """
train:
  architecture: letternet_w8_s2
  batch: 64
  learning_rate: 1.0e-2
  epochs: 2
  samples_per_epoch: 6400
  seed: 0
  source_weights: {}
  size_weights: {}
  ood_label_weight: 0.5
  overrides: {}
tune:
  searched: [weight_decay, case_weight, p_no_augment]
  trials: 1
  epochs: 2
  samples_per_epoch: 6400
  judged: 200
  workers: 1
  seed: SEED
"""


def trials_per_hour(folder: Path, storage: str, workers: int) -> float:
    "Of a crew that is at work already: from the moment when each worker could have ended a trial."
    (folder / "params.yaml").write_text(PARAMS.replace("SEED", str(1000 * workers)))  # a study of its own
    command = [Path(sys.executable).parent / "ukr_tune", f"--workers={workers}", f"--trials={workers + TRIALS}"]
    environment = os.environ | {"UKR_LETTERS_STUDY": storage, "OMP_NUM_THREADS": "1"}
    crew = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    times = [time.monotonic() for line in crew.stdout if line.startswith("trial ")]
    assert crew.wait() == 0
    return 3600 * (len(times) - workers) / (times[-1] - times[workers - 1])


def main() -> None:
    "Print the table."
    server = PostgresServer()
    server.start()
    try:
        with TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copy2(ROOT / "settings.ini", folder)
            save(assemble("embedded", limit=300), folder / DATA)
            save_weights(create("letternet_w8_s2"), folder / PRETRAINED)
            print("| workers | trials an hour, journal | trials an hour, PostgreSQL |\n|---|---|---|")
            for workers in (1, 2, 4):
                rates = [
                    trials_per_hour(folder, storage, workers)
                    for storage in (str(folder / "studies/journal.log"), server.url())
                ]
                print(f"| {workers} | {rates[0]:,.0f} | {rates[1]:,.0f} |", flush=True)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
