"""Data and networks go from one clone to another, and an experiment shows what it changed, without any network."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from support.checkout import ROOT, run
from support.services import BUCKET, S3Server

PREPARED = "data/prepared/dataset.npz"
CHANGES = ("-S", "pretrain.epochs=3", "-S", "pretrain.learning_rate=0.00004")


def told(folder: Path, *command: str) -> str:
    "What a command says when it succeeds."
    done = run(folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path, message: str) -> None:
    "Put everything that git keeps into a commit."
    told(folder, "git", "add", "--all")
    told(folder, "git", "-c", "user.name=tester", "-c", "user.email=", "commit", "-q", "-m", message)


@pytest.fixture(scope="module")
def first(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    "A checkout under git where the pipeline has run, with our own configuration of DVC."
    folder = tmp_path_factory.mktemp("clones") / "first"
    shutil.copytree(checkout, folder, ignore=shutil.ignore_patterns("runs", "mlflow.db", "mlruns"))
    shutil.copy2(ROOT / ".gitignore", folder)
    shutil.copy2(ROOT / ".dvc/config", folder / ".dvc/config")
    commit(folder, "Walk the pipeline")
    return folder


def clone(first: Path, name: str) -> Path:
    "Another person's clone, beside the first one, with nothing that DVC keeps."
    told(first.parent, "git", "clone", "-q", str(first), name)
    assert not (first.parent / name / PREPARED).exists()
    return first.parent / name


def arrived(first: Path, second: Path) -> bool:
    "Whether the second clone is complete: the same bytes, and no stage of the pipeline is left to run; no search ever ran."
    same = (first / PREPARED).read_bytes() == (second / PREPARED).read_bytes()
    return same and "up to date" in told(second, "dvc", "status", "dvc.yaml")


def test_a_folder_beside_the_checkout_is_the_remote_by_default(first: Path) -> None:
    told(first, "dvc", "push")
    second = clone(first, "second")
    told(second, "dvc", "pull")
    assert arrived(first, second) and (first.parent / "ukr-letters.dvc").is_dir()


def test_an_s3_server_is_a_remote_by_two_lines_of_configuration(
    first: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    "Those of the README; the keys come from the environment, so that nothing of them lies in git."
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, s3.environment[name])
    third = clone(first, "third")
    for folder in (first, third):
        told(folder, "dvc", "remote", "add", "--local", "--default", "team", f"s3://{BUCKET}/dvc")
        told(folder, "dvc", "remote", "modify", "--local", "team", "endpointurl", s3.url)
    told(first, "dvc", "push")
    assert not told(first, "git", "status", "--porcelain")
    shutil.rmtree(first.parent / "ukr-letters.dvc", ignore_errors=True)  # nothing may come from there
    told(third, "dvc", "pull")
    assert arrived(first, third)


def test_an_experiment_shows_what_it_changed(first: Path) -> None:
    "More and smaller steps, in a clone of their own: other parameters, other figures, longer curves, one over the other."
    folder = clone(first, "experiment")
    shutil.copytree(first / ".dvc/cache", folder / ".dvc/cache")
    told(folder, "dvc", "checkout")
    told(folder, "dvc", "exp", "run", "--name", "longer", "--single-item", *CHANGES, "pretrain")
    changed = json.loads(told(folder, "dvc", "params", "diff", "--json"))["params.yaml"]
    assert changed == {
        "pretrain.epochs": {"old": 2, "new": 3, "diff": 1},
        "pretrain.learning_rate": {"old": 0.01, "new": 4e-05, "diff": pytest.approx(-0.00996)},
    }
    diff = ("dvc", "metrics", "diff", "--targets", "reports/pretrain.json")
    figures = json.loads(told(folder, *diff, "--json"))["reports/pretrain.json"]
    assert figures["digits"]["diff"] != 0 and "digits" in told(folder, *diff, "--md")
    with open(folder / "reports/pretrain.csv", encoding="utf-8") as table:
        assert [row["epoch"] for row in csv.DictReader(table)] == ["1", "2", "3"]
    assert "longer" in told(folder, "dvc", "exp", "show", "--csv")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("ukr-letters").experiment_id])
    [parent] = [run for run in runs if run.info.run_name == "longer"]
    [child] = [run for run in runs if run.data.tags.get("ukr.stage") == "pretrain"]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id and parent.info.status == "FINISHED"


def test_an_experiment_in_a_temporary_copy_leaves_its_run_in_the_checkout(first: Path) -> None:
    "DVC removes the copy with all that is in it; the run, its pictures and MLflow's file are kept."
    folder = clone(first, "aside")
    shutil.copytree(first / ".dvc/cache", folder / ".dvc/cache")
    told(
        folder, "dvc", "exp", "run", "--temp", "--name", "aside", "--single-item", "-S", "pretrain.epochs=1", "pretrain"
    )
    [kept] = folder.glob("runs/*-pretrain-*")
    facts = json.loads((kept / "facts.json").read_text())
    assert facts["status"] == "finished" and facts["checkout"].startswith(".dvc/tmp/exps/")
    assert not (folder / facts["checkout"]).exists() and (kept / "artifacts/pretrain.png").exists()
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("ukr-letters").experiment_id])
    assert "aside" in {run.info.run_name for run in runs} and "aside" in told(folder, "dvc", "exp", "list")


def test_plots_need_no_network(first: Path) -> None:
    "The page lays the curves over each other; the pictures beside them are shown without its script from the web."
    folder = first.parent / "experiment"
    page = Path(told(folder, "dvc", "plots", "diff", "HEAD").strip().removeprefix("file://"))
    html = page.read_text(encoding="utf-8")
    assert "reports/pretrain.csv" in html and '"rev": "workspace"' in html and '"rev": "HEAD"' in html
    pictures = {path.name.partition("_")[0] for path in page.parent.rglob("*pretrain.png")}
    assert {"HEAD", "workspace"} <= pictures


def test_an_edit_that_changes_nothing_costs_nothing_after_dvc_commit(first: Path) -> None:
    "A comment in a stage's notebook would run it and all after it again; the command of the README says that it need not."
    folder = first.parent / "experiment"
    told(folder, "git", "checkout", "-q", "--force", ".")
    told(folder, "dvc", "checkout", "-q", "--force")
    notebook = folder / "nbs/pipeline/30_train.ipynb"
    notebook.write_text(
        notebook.read_text().replace("# relative weight of each source inside", "# weight of each source inside")
    )
    assert "Running stage 'train'" in told(folder, "dvc", "repro", "--dry")
    told(folder, "dvc", "commit", "-f", "train")
    assert "Running stage" not in told(folder, "dvc", "repro", "--dry")


@pytest.mark.slow  # DVC alone takes seconds
def test_the_shipped_figures_are_shown_without_complaint() -> None:
    "All files that dvc.yaml calls metrics or plots are in git; what is not published is neither."
    shown = run(ROOT, "dvc", "metrics", "show")
    assert shown.returncode == 0 and "letters_named" in shown.stdout and "failed" not in shown.stderr, shown.stderr
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    listed = [entry for stage in stages for part in ("metrics", "plots") for entry in stage.get(part, [])]
    assert listed and all((ROOT / next(iter(entry))).is_file() for entry in listed)
