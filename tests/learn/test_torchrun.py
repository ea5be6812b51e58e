"""Several processes train what one would: the same accuracy within the interval, also when one of them is killed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from support.tiers import starts

from ukr_letters.core.settings import root
from ukr_letters.learn.dataset import assemble, load, save
from ukr_letters.learn.model import create, load_weights, save_weights
from ukr_letters.learn.train import predict

SMALL = {
    "architecture": "letternet_w8_s2",
    "epochs": 4,
    "samples_per_epoch": 6000,
    "batch": 100,
    "learning_rate": 0.01,
    "seed": 0,
}
EPOCH = re.compile(r"Epoch\(number=(\d+), .*\)")


def command(folder: Path, stage: str, processes: int) -> dict:
    "How a stage is started in a checkout."
    environment = {**os.environ, "PYTHONPATH": str(folder), "UKR_LETTERS_PROCESSES": str(processes)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    ask = [sys.executable, "-c", f"from ukr_letters.release.stage import run_stage; run_stage({stage!r})"]
    return {
        "args": ask,
        "cwd": folder,
        "env": environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }


def stage(folder: Path, name: str, processes: int = 1) -> str:
    "Run a stage to its end and return what it said."
    done = subprocess.run(**command(folder, name, processes))
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
@starts("a training")
def checkout(tmp_path_factory) -> Path:
    "A copy of the checkout with embedded data, and a body that knows nothing yet."
    folder = tmp_path_factory.mktemp("torchrun") / "checkout"
    folder.mkdir()
    for name in ("nbs", "ukr_letters"):
        shutil.copytree(root() / name, folder / name)
    for name in ("settings.ini", "dvc.yaml"):
        shutil.copy2(root() / name, folder / name)
    others = {"source_weights": {}, "size_weights": {}, "ood_label_weight": 0.5, "overrides": {}}
    (folder / "params.yaml").write_text(yaml.safe_dump({"train": SMALL | others}))
    save(assemble("embedded", limit=400), folder / "data/prepared/dataset.npz")
    save_weights(create(SMALL["architecture"]), folder / "models/pretrained.npz")
    return folder


def trained(folder: Path) -> dict[str, np.ndarray]:
    "The weights that the train stage left."
    with np.load(folder / "models/weights.npz") as weights:
        return dict(weights)


def right(folder: Path) -> np.ndarray:
    "Which glyphs of the validation part the trained network knows."
    dataset = load(folder / "data/prepared/dataset.npz").part("valid")
    dataset = dataset.where(dataset.label < 43)
    network = create(SMALL["architecture"])
    load_weights(network, folder / "models/weights.npz")
    return predict(network, dataset)[0].argmax(1) == dataset.label


@pytest.fixture(scope="module")
def shared(checkout: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    "Weights and answers of two processes that trained together in peace."
    said = stage(checkout, "train", processes=2)
    assert [match[1] for match in EPOCH.finditer(said)] == ["1", "2", "3", "4"]  # one of them speaks
    assert len(list((checkout / "runs").glob("*-train-*"))) == 1  # and one is on record
    return trained(checkout), right(checkout)


def test_two_processes_reach_what_one_does(checkout: Path, shared) -> None:
    "The difference of paired answers is within its 99 % interval, or within two points where both are nearly always right."
    stage(checkout, "train")
    difference = shared[1].astype(float) - right(checkout)
    margin = 2.58 * difference.std() / np.sqrt(len(difference))
    assert shared[1].mean() > 0.5 and abs(difference.mean()) <= max(margin, 0.02)


def test_a_killed_process_costs_at_most_an_epoch(checkout: Path, shared) -> None:
    "All start again at the checkpoint, and end with the very weights of those that trained in peace."
    with subprocess.Popen(**command(checkout, "train", 2)) as running:
        said = []
        for line in running.stdout:
            said.append(line)
            if "number=1," in line and line not in said[:-1]:
                kernel = [
                    one
                    for one in psutil.Process(running.pid).children(recursive=True)
                    if "ipykernel_launcher" in " ".join(one.cmdline())
                ]
                next(one for one in kernel if one.environ()["RANK"] == "1").kill()
    assert running.returncode == 0, "".join(said)
    told = [match[0] for match in EPOCH.finditer("".join(said))]
    assert told.count(told[0]) == 2  # to the millisecond the same epoch, told again and not trained again
    again = trained(checkout)
    assert all(np.array_equal(value, again[name]) for name, value in shared[0].items())


def test_a_stage_that_does_not_train_is_not_shared(checkout: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "RANK": "1", "WORLD_SIZE": "2"}
    ask = [sys.executable, "-c", "from ukr_letters.release.stage import run_stage; run_stage('preprocess')"]
    done = subprocess.run(ask, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "run it in one process" in done.stderr
