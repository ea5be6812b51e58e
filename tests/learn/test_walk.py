"""The walk of the README: the shipped pipeline on embedded data, from parameters to an answer and to MLflow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from support.checkout import ROOT, run
from support.commands import WARNED, stopped
from support.tiers import starts


@pytest.fixture(scope="module")
@starts("the pipeline")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    "The folder that the walk makes, and what it prints."
    folder = tmp_path_factory.mktemp("walk") / "walk"
    command = [sys.executable, str(ROOT / "tests/house/walk.py"), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return folder, done.stdout


def test_it_ends_with_an_answer_and_runs(walked: tuple[Path, str]) -> None:
    folder, printed = walked
    assert "drawing.json: ї (" in printed and "digits" in printed and not WARNED.findall(printed)
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("ukr-letters").experiment_id])
    stages = {found.data.tags.get("ukr.stage") for found in runs}
    assert {"preprocess", "pretrain", "train", "evaluate"} <= stages
    assert {found.info.status for found in runs} == {"FINISHED"}


def test_a_clone_is_clean_after_dvc_pull(walked: tuple[Path, str]) -> None:
    "No stage is left to run and no command complains of what is not there."
    folder, _ = walked
    clone = folder.parent / "clone"
    for command in (("dvc", "push", "-q"), ("git", "clone", "-q", str(folder), str(clone))):
        assert run(folder, *command).returncode == 0
    assert (
        "Running stage" not in run(clone, "dvc", "repro", "--dry", "--allow-missing").stdout
    )  # nothing is fetched yet
    pulled = run(clone, "dvc", "pull", "-q")
    assert pulled.returncode == 0 and not pulled.stderr, pulled.stderr
    status = run(clone, "dvc", "status", "-q")
    assert status.returncode == 0, run(clone, "dvc", "status").stdout
    assert "up to date" in run(clone, "dvc", "repro", "--dry").stdout
    for command in (("metrics", "diff"), ("params", "diff"), ("plots", "diff", "HEAD"), ("metrics", "show")):
        done = run(clone, "dvc", *command)
        assert done.returncode == 0 and "failed" not in done.stderr, done.stderr
    assert not run(clone, "git", "status", "--porcelain").stdout


def test_experiments_fit_a_terminal(walked: tuple[Path, str]) -> None:
    "What was changed, and the headline, in 120 columns."
    folder, _ = walked
    assert run(folder, "dvc", "exp", "run", "-q", "-n", "fewer", "-S", "evaluate.worst=5").returncode == 0
    shown = run(ROOT, "env", "COLUMNS=120", "make", "-s", "-o", ".venv/developing", "experiments", f"IN={folder}")
    assert shown.returncode == 0 and max(map(len, shown.stdout.splitlines())) <= 120
    for name in ("fewer", "evaluate.worst", "digits", "letters", "case", "sure", "ood", "calibration"):
        assert name in shown.stdout


def test_the_code_of_the_checkout_is_what_runs(walked: tuple[Path, str]) -> None:
    "Also where the environment holds the package of another checkout: DVC records the hashes of this one."
    folder, _ = walked
    module = folder / "ukr_letters/learn/evaluate.py"
    text = module.read_text()
    module.write_text(f"{text}\nraise RuntimeError('the code of this checkout')\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": path}
    done = subprocess.run(["ukr_stage", "evaluate"], cwd=folder, env=environment, capture_output=True, text=True)
    module.write_text(text)
    assert done.returncode == 1 and "the code of this checkout" in done.stderr


def test_it_never_writes_over_a_folder(walked: tuple[Path, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/house/walk.py"), str(walked[0])], capture_output=True, text=True
    )
    assert done.returncode == 1 and "exists: delete it" in done.stderr


def test_it_stops_in_one_line(tmp_path: Path) -> None:
    "After the stage has stopped in its own way."
    ended, said, _ = stopped(sys.executable, "tests/house/walk.py", str(tmp_path / "walk"), sign="rendering")
    assert ended == 130 and "Traceback" not in said, said
    assert said.splitlines()[-1] == "walk: stopped: delete its folder, and the same command begins again"
