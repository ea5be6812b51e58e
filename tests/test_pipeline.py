"""The pipeline under DVC: walked on embedded data, repeatable, and honest about what it depends on."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ukr_letters.evaluate import RENDERINGS

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
TINY = {"architecture": "letternet_tiny", "epochs": 1, "samples_per_epoch": 2000, "batch": 100, "learning_rate": 0.01, "seed": 0}


def run(folder: Path, *command: str) -> subprocess.CompletedProcess:
    "Run a command of this environment in a folder, on the code that lies there."
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "UKR_LETTERS_MIRROR"}
    return subprocess.run(command, cwd=folder, env=environment | {"PATH": path, "PYTHONPATH": str(folder)}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    "A copy of the checkout whose parameters choose embedded data and tiny networks."
    folder = tmp_path_factory.mktemp("pipeline") / "checkout"
    for name in ("nbs", "ukr_letters", "settings.ini", "dvc.yaml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        folder.mkdir(exist_ok=True)
        copy(ROOT / name, folder / name)
    (folder / "data/collected").mkdir(parents=True)
    sections = {
        "preprocess": {"sources": "embedded", "limit": 300},
        "pretrain": TINY,
        "teach": TINY | {"source_mass": {"fonts": 2.0}},
        "train": TINY | {"teacher": "letternet_tiny", "source_mass": {"fonts": 2.0}, "plain_kind": 0.2, "scanned": 0.1, "size_mass": {}, "doubt": 0.5},
        "evaluate": {"worst": 10, "guard": "digits8"},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(sections))
    for command in (("git", "init", "-q"), ("dvc", "init", "-q")):
        assert run(folder, *command).returncode == 0
    return folder


def test_walks_repeats_and_reproduces(checkout: Path) -> None:
    first = run(checkout, "dvc", "repro")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Epoch(number=1" in first.stdout + first.stderr  # progress is seen while it trains
    metrics = json.loads((checkout / "metrics.json").read_text())
    special = {"fonts size known", "not ours", "calibration", *(f"digits8 {rendering}" for rendering in RENDERINGS)}
    assert set(metrics) == {"fonts", "digits8"} | special and metrics["digits8"]["digits"]["n"] > 0
    model_card = (checkout / "MODEL_CARD.md").read_text()
    assert model_card.startswith("# Model card") and f"{metrics['fonts']['letters']['value']:.1f} (" in model_card
    bundle = json.loads((checkout / "models/candidate/bundle.json").read_text())
    assert set(bundle["sources"]) == {"fonts", "digits8", "scribbles"} and (checkout / "reports/train.ipynb").exists()
    lock = (checkout / "dvc.lock").read_text()
    second = run(checkout, "dvc", "repro")
    assert "Running stage" not in second.stdout and "up to date" in second.stdout + second.stderr
    assert run(checkout, "dvc", "repro", "--force").returncode == 0
    assert (checkout / "dvc.lock").read_text() == lock


def test_a_misspelt_parameter_stops_the_stage(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git", ".dvc", "data", "models"))
    sections = yaml.safe_load((copy / "params.yaml").read_text())
    sections["train"]["epoch"] = 3
    (copy / "params.yaml").write_text(yaml.safe_dump(sections))
    result = run(copy, "ukr_stage", "train")
    assert result.returncode != 0 and "epoch" in result.stderr


def test_a_failing_cell_is_shown(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git", ".dvc", "data", "models"))
    result = run(copy, "ukr_stage", "evaluate")  # there is no data set in this copy
    assert result.returncode == 1
    assert "stage evaluate failed in this cell" in result.stderr and "dataset.npz" in result.stderr


def imported(module: Path) -> set[str]:
    "Modules of ours that a module imports."
    nodes = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)]
    return {node.module for node in nodes if node.level == 1}  # nbdev writes imports of ours as relative ones


def reached(names: set[str]) -> set[str]:
    "Modules with all that they import in turn."
    found, queue = set(), set(names)
    while queue:
        name = queue.pop()
        found.add(name)
        queue |= imported(ROOT / "ukr_letters" / f"{name}.py") - found
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_what_its_notebook_uses(stage: str) -> None:
    deps = STAGES[stage]["deps"]
    (notebook,) = (ROOT / dep for dep in deps if dep.endswith(".ipynb"))
    code = ["".join(cell["source"]) for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    nodes = [node for cell in code for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.ImportFrom)]
    direct = {node.module.split(".")[1] for node in nodes if (node.module or "").startswith("ukr_letters.")}
    listed = {Path(dep).stem for dep in deps if dep.startswith("ukr_letters/")}
    # A module whose product comes to the stage as a file, such as the data set, is a dependency through that file.
    through = set().union(*({Path(dep).stem for dep in STAGES[other]["deps"] if dep.startswith("ukr_letters/")} for other in earlier(stage)))
    assert listed <= reached(direct), f"{stage} lists modules that it does not use"
    assert reached(direct) - through <= listed, f"{stage} uses modules that it does not list"


def earlier(stage: str) -> list[str]:
    "Stages before this one."
    names = list(STAGES)
    return names[: names.index(stage)]
