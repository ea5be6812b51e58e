"""The pipeline under DVC: walked on embedded data, repeatable, and honest about what it depends on."""

import ast
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from support.checkout import ROOT, change, run
from support.imports import NAMES, modules_of, reached

from ukr_letters.learn.evaluate import RENDERINGS, headline

WARNED = re.compile(r".*(?:warning|without encryption).*", re.IGNORECASE)
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
del STAGES["tune"]  # see test_tune.py


def test_walks_repeats_and_reproduces(checkout: Path) -> None:
    metrics = json.loads((checkout / "reports/details.json").read_text())
    assert list(json.loads((checkout / "reports/metrics.json").read_text())) == list(headline(metrics))
    special = {
        "fonts size known",
        "out of distribution",
        "calibration",
        *(f"digits8 {rendering}" for rendering in RENDERINGS),
    }
    assert set(metrics) == {"fonts", "digits8"} | special and metrics["digits8"]["digits"]["n"] > 0
    model_card = (checkout / "MODEL_CARD.md").read_text()
    assert model_card.startswith("# Model card") and f"{metrics['fonts']['letters']['value']:.1f} (" in model_card
    bundle = json.loads((checkout / "models/candidate/bundle.json").read_text())
    assert set(bundle["sources"]) == {"fonts", "digits8", "scribbles"} and (checkout / "reports/train.ipynb").exists()
    lock = (checkout / "dvc.lock").read_text()
    second = run(checkout, "dvc", "repro")
    assert "Running stage" not in second.stdout and "up to date" in second.stdout + second.stderr
    # What preprocess makes is the same to the bit on every machine: tests/house/test_golden.py.
    third = run(checkout, "dvc", "repro", "--force", "--downstream", "train")
    assert third.returncode == 0 and "Epoch(number=1" in third.stdout + third.stderr  # progress is seen while it trains
    assert (checkout / "dvc.lock").read_text() == lock
    assert not WARNED.findall(third.stdout + third.stderr)


def test_every_stage_run_is_an_mlflow_run(checkout: Path) -> None:
    "With its parameters, DVC's hashes of its data, the numbers of each epoch, pictures, card and executed notebook."
    client = MlflowClient(f"sqlite:///{checkout}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("ukr-letters").experiment_id])
    latest = {found.data.tags["ukr.stage"]: found for found in reversed(runs)}
    assert set(latest) == set(STAGES) and {found.info.status for found in runs} == {"FINISHED"}
    locked = yaml.safe_load((checkout / "dvc.lock").read_text())["stages"]
    for stage, found in latest.items():
        hashes = {
            dep["path"]: dep["md5"] for dep in locked[stage]["deps"] if not dep["path"].endswith((".py", ".ipynb"))
        }
        assert {item.dataset.name: item.dataset.digest for item in found.inputs.dataset_inputs} == hashes
        assert f"{stage}.ipynb" in {item.path for item in client.list_artifacts(found.info.run_id)}
    train, evaluate = latest["train"], latest["evaluate"]
    assert "train.png" in {item.path for item in client.list_artifacts(train.info.run_id)}
    assert train.data.params["learning_rate"] == "0.01" and train.data.params["model"] == evaluate.data.params["model"]
    assert [(metric.step, metric.value >= 0) for metric in client.get_metric_history(train.info.run_id, "label")] == [
        (1, True),
        (2, True),
    ]
    pictures = {"confusions.png", "mistakes.png", "reliability.png", "MODEL_CARD.md"}
    assert (
        pictures < {item.path for item in client.list_artifacts(evaluate.info.run_id)}
        and "fonts.letters" in evaluate.data.metrics
    )


def changed(checkout: Path, folder: Path, stage: str, **parameters: object) -> Path:
    "A copy of the checkout without what the stages made, where the parameters of a stage are others."
    shutil.copytree(checkout, folder, ignore=shutil.ignore_patterns(".git", ".dvc", "data", "models", "runs"))
    change(folder, stage, **parameters)
    return folder


def test_a_failing_cell_is_shown(checkout: Path, tmp_path: Path) -> None:
    "There is no data set, and the error says so once."
    result = run(changed(checkout, tmp_path / "checkout", "pretrain", seed=1), "ukr_stage", "pretrain")
    assert result.returncode == 1 and result.stderr.count("Traceback") == 1, result.stderr
    assert "stage pretrain failed in this cell" in result.stderr and "dataset.npz" in result.stderr


def test_a_stage_runs_on_the_interpreter_of_its_command(checkout: Path, tmp_path: Path, foreign_kernel: None) -> None:
    "Whatever kernels Jupyter finds; and it warns of nothing."
    result = run(changed(checkout, tmp_path / "checkout", "preprocess", limit=50), "ukr_stage", "preprocess")
    assert result.returncode == 0, result.stderr
    assert not WARNED.findall(result.stdout + result.stderr)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_what_its_notebook_uses(stage: str) -> None:
    deps = STAGES[stage]["deps"]
    (notebook,) = (ROOT / dep for dep in deps if dep.endswith(".ipynb"))
    code = [
        "".join(cell["source"]) for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"
    ]
    nodes = [node for cell in code for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.ImportFrom)]
    direct = {node.module for node in nodes} & NAMES.keys()
    listed = modules_of(STAGES[stage])
    # A module whose product comes to the stage as a file, such as the data set, is a dependency through that file.
    through = set().union(*(modules_of(STAGES[other]) for other in earlier(stage)))
    assert listed <= reached(direct), f"{stage} lists modules that it does not use"
    assert reached(direct) - through <= listed, f"{stage} uses modules that it does not list"


def earlier(stage: str) -> list[str]:
    "Stages before this one."
    names = list(STAGES)
    return names[: names.index(stage)]
