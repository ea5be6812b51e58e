"""The pipeline in a copy of the checkout, on embedded data: one walk for all tests that look at what it leaves."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from support.tiers import starts

ROOT = Path(__file__).parents[2]
# Long enough that the network does not change its mind when it is made small in eight bits.
TINY = {
    "architecture": "letternet_w8_s2",
    "epochs": 2,
    "samples_per_epoch": 6000,
    "batch": 100,
    "learning_rate": 0.01,
    "seed": 0,
}
# What a training gives depends on how many numbers a processor adds at once; those with AVX-512 do as the others do.
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


@cache
def is_wide() -> bool:
    "Whether torch would compute with AVX-512 here."
    from torch.backends.cpu import get_cpu_capability  # here: most tests train nothing, and torch takes long to import

    return get_cpu_capability() == "AVX512"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess:
    "Run a command of this environment in a folder, on the code that lies there."
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "UKR_LETTERS_MIRROR"}
    environment |= {"PATH": path, "PYTHONPATH": str(folder)} | (AVX2 if is_wide() else {})
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def change(folder: Path, stage: str, **parameters: object) -> None:
    "Give a stage of a checkout other parameters."
    sections = yaml.safe_load((folder / "params.yaml").read_text())
    sections[stage] |= parameters
    (folder / "params.yaml").write_text(yaml.safe_dump(sections))


def make(folder: Path) -> None:
    "Copy what the pipeline needs into a folder, with parameters that choose embedded data and tiny networks."
    folder.mkdir(parents=True)
    for name in ("nbs", "ukr_letters", "settings.ini", "dvc.yaml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    (folder / "data/collected").mkdir(parents=True)
    (folder / "data/collected/.gitkeep").touch()  # git keeps no empty folder
    sections = {
        "preprocess": {"sources": "embedded", "limit": 300, "hands": 1},
        "pretrain": TINY,
        "train": TINY
        | {
            "source_weights": {"fonts": 2.0},
            "size_weights": {},
            "ood_label_weight": 0.5,
            "overrides": {"weight_decay": 0.01},
        },
        "evaluate": {"worst": 10},
        "pipeline": {"searches": []},
        "tune": {
            "searched": ["learning_rate"],
            "trials": 2,
            "epochs": 1,
            "samples_per_epoch": 2000,
            "judged": 100,
            "workers": 1,
            "seed": 0,
        },
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(sections))
    for command in (("git", "init", "-q"), ("dvc", "init", "-q"), ("dvc", "repro")):
        done = run(folder, *command)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
@starts("the pipeline")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "A checkout in which the pipeline has run; it runs once in a test run, and each worker has a copy of its own."
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    with FileLock(shared / "pipeline.lock"):
        if not (shared / "pipeline.done").exists():  # never moved afterwards: MLflow keeps absolute paths
            make(shared / "pipeline")
            (shared / "pipeline.done").touch()
    return shutil.copytree(shared / "pipeline", tmp_path_factory.mktemp("pipeline") / "checkout", symlinks=True)
