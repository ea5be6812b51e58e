"""The pipeline under DVC: walked on embedded data, repeatable, and honest about what it depends on."""

import ast
import json
import shutil
from pathlib import Path
from urllib.parse import urlparse

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run as Tracked
from support.checkout import ROOT, change, run
from support.commands import WARNED
from support.imports import NAMES, lists_of, modules_of, reached

from ukr_letters.learn.evaluate import HEADLINE, RENDERINGS, headline

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
del STAGES["tune"]  # see test_tune.py


def test_walks_repeats_and_reproduces(checkout: Path) -> None:
    metrics = json.loads((checkout / "reports/details.json").read_text())
    assert list(json.loads((checkout / "reports/metrics.json").read_text())) == list(headline(metrics))
    special = {
        "fonts size known",
        "out of distribution",
        "calibration",
        "calibration of the case",
        "certainty",
        *(f"digits8 {rendering}" for rendering in RENDERINGS),
    }
    pairs = {name for name in metrics if name.startswith("pair ")}
    assert pairs and set(metrics) - pairs == {"fonts", "digits8"} | special and metrics["digits8"]["digits"]["n"] > 0
    model_card = (checkout / "MODEL_CARD.md").read_text()
    assert "---\n# Model card" in model_card and f"{metrics['fonts']['letters']['value']:.1f} (" in model_card
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


def client_of(checkout: Path) -> tuple[MlflowClient, str]:
    "The store of a checkout, and the experiment of its runs."
    client = MlflowClient(f"sqlite:///{checkout}/mlflow.db")
    return client, client.get_experiment_by_name("ukr-letters").experiment_id


def family(client: MlflowClient, place: str) -> tuple[Tracked, dict[str, Tracked]]:
    "The oldest run of the pipeline, and its stages."
    parent = client.search_runs([place], "tags.`ukr.pipeline` LIKE '%'", order_by=["start_time ASC"])[0]
    children = client.search_runs([place], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return parent, {child.data.tags["ukr.stage"]: child for child in children}


def test_every_stage_run_is_an_mlflow_run(checkout: Path) -> None:
    "With its parameters, DVC's hashes of its data and outputs, the numbers of each epoch, its own files and the machine's load."
    client, place = client_of(checkout)
    parent, stages = family(client, place)
    assert set(stages) == set(STAGES)
    assert {found.info.status for found in (parent, *stages.values())} == {"FINISHED"}
    locked = yaml.safe_load((checkout / "dvc.lock").read_text())["stages"]
    for stage, found in stages.items():
        read, made = ({one["path"]: one["md5"] for one in locked[stage].get(part, [])} for part in ("deps", "outs"))
        data = {path: hash for path, hash in read.items() if not path.endswith((".py", ".ipynb"))}
        assert {item.dataset.name: item.dataset.digest for item in found.inputs.dataset_inputs} == data
        assert {path: found.data.tags[f"ukr.out.{path}"] for path in made} == made
        assert found.data.tags["mlflow.user"]
    train, evaluate = stages["train"], stages["evaluate"]
    assert train.data.params["learning_rate"] == "0.01" and train.data.params["model"] == evaluate.data.params["model"]
    assert [
        (metric.step, metric.value >= 0) for metric in client.get_metric_history(train.info.run_id, "curve/label")
    ] == [
        (1, True),
        (2, True),
    ]
    assert "fonts.letters" in evaluate.data.metrics
    # MLflow shows the tests' `case`, in percent, beside the numbers of the epochs: no two curves have one name.
    assert evaluate.data.metrics["case"] > 1 and not {"label", "case"} & set(train.data.metrics)
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= set(train.data.metrics)


def test_a_run_holds_the_files_that_its_stage_made_and_no_others(checkout: Path) -> None:
    client, place = client_of(checkout)
    measured = ("accuracy.png", "confusions.png", "confusions.csv", "mistakes.png", "reliability.png")
    measured += ("metrics.json", "details.json")
    own = {"preprocess": {"card.json"}, "evaluate": {"MODEL_CARD.md", *measured}}
    own |= {stage: {f"{stage}.png"} for stage in ("pretrain", "train")}
    for stage, found in family(client, place)[1].items():
        kept = {item.path for item in client.list_artifacts(found.info.run_id)}
        assert kept == own[stage] | {"facts.json", f"{stage}.ipynb"}


def test_the_runs_of_a_pipeline_are_linked(checkout: Path) -> None:
    "The parent leads to its stages, and each stage to those that made what it read."
    client, place = client_of(checkout)
    parent, stages = family(client, place)
    whole = parent.data.tags["mlflow.note.content"]
    assert parent.info.run_name == "repro" and parent.info.end_time == max(one.info.end_time for one in stages.values())
    assert all(f"runs/{found.info.run_id})" in whole for found in stages.values())
    sources = {
        "pretrain": ["preprocess"],
        "train": ["preprocess", "pretrain"],
        "evaluate": ["preprocess", "train"],
    }
    for stage, makers in sources.items():
        note = stages[stage].data.tags["mlflow.note.content"]
        assert all(f"runs/{stages[maker].info.run_id})" in note for maker in makers)
    data = {item.dataset.name: item for item in stages["train"].inputs.dataset_inputs}["data/prepared/dataset.npz"]
    assert json.loads(data.dataset.profile)["run"] == stages["preprocess"].info.run_id
    assert [(tag.key, tag.value) for tag in data.tags] == [("mlflow.data.context", "training")]
    names = {stage: found.info.run_name for stage, found in stages.items()}
    assert names["preprocess"] == "preprocess embedded" and names["train"] == "train lr 0.01"
    assert names["evaluate"] == f"evaluate {stages['train'].data.params['model'][:7]}"


def test_the_network_is_a_model_of_its_training(checkout: Path, tmp_path: Path) -> None:
    "With the bundle, inputs, outputs, an example, and what the training and the evaluation measured on which data."
    client, place = client_of(checkout)
    stages = family(client, place)[1]
    same = client.search_logged_models([place], f"tags.network = '{stages['train'].data.params['model']}'")
    [model] = [one for one in same if one.source_run_id == stages["train"].info.run_id]
    assert model.params["learning_rate"] == "0.01"
    [read] = client.get_run(stages["evaluate"].info.run_id).inputs.model_inputs
    assert read.model_id == model.model_id
    folder = Path(urlparse(model.artifact_location).path)
    for name in ("model.onnx", "bundle.json"):
        assert (folder / name).read_bytes() == (checkout / "models/candidate" / name).read_bytes()
    assert {"MLmodel", "requirements.txt", "input_example.json"} < {path.name for path in folder.iterdir()}
    data = {item.dataset.name: item.dataset.digest for item in stages["train"].inputs.dataset_inputs}
    # Equal trainings give equal networks: another run may have measured it, too.
    evaluation = stages["evaluate"].info.run_id
    figures = {one.key: one for one in model.metrics if one.run_id == evaluation or one.key.startswith("valid.")}
    assert {"valid.label", "digits", "letters", "case", "ood", "calibration"} <= set(figures)
    assert figures["digits"].dataset_digest == data["data/prepared/dataset.npz"]
    assert not [name for name in figures if "size known" in name or "pen" in name]


def test_a_stage_that_dvc_skips_is_linked_to_the_run_that_made_its_outputs(checkout: Path, tmp_path: Path) -> None:
    "Another learning rate of the last training: everything before it stays, and leads to the first pipeline."
    folder = shutil.copytree(checkout, tmp_path / "checkout", symlinks=True)
    client, place = client_of(folder)
    first, before = family(client, place)
    change(folder, "train", learning_rate=0.02)
    done = run(folder, "dvc", "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    parent = client.search_runs([place], "tags.`ukr.pipeline` LIKE '%'")[0]
    children = client.search_runs([place], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert parent.info.run_id != first.info.run_id and parent.info.status == "FINISHED"
    assert {child.data.tags["ukr.stage"] for child in children} == {"train", "evaluate"}
    note = parent.data.tags["mlflow.note.content"]
    assert note.count("skipped") == 2 and set(parent.data.metrics) == {*HEADLINE} - {"photographs"}
    assert all(f"runs/{before[stage].info.run_id})" in note for stage in ("preprocess", "pretrain"))


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
    lists = {dep for dep in deps if dep.startswith("ukr_letters/") and not dep.endswith(".py")}
    assert lists == lists_of(listed), f"{stage} lists other files than its modules read"


def earlier(stage: str) -> list[str]:
    "Stages before this one."
    names = list(STAGES)
    return names[: names.index(stage)]
