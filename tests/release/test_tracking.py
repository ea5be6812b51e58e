"""Runs and MLflow, as real programs: seen while they work, never lost while MLflow is away, never there twice."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import chdir, closing, suppress
from pathlib import Path
from time import monotonic

import nbformat
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run as Tracked
from support.checkout import ROOT
from support.commands import WARNED
from support.services import MlflowServer
from support.waiting import eventually

from ukr_letters.release.backend import connect, experiment
from ukr_letters.release.runlog import write_json
from ukr_letters.release.runs import Run, begin, runs_folder, until_ended
from ukr_letters.release.tracking import Sender, measured

pytestmark = pytest.mark.slow  # MLflow alone takes seconds to load
LONG = 120  # seconds within which everything happens, even on a busy machine
STEPS = """
import time
from ukr_letters.core.settings import root
from ukr_letters.release.runlog import log_artifacts, log_metrics, log_params

log_params({"width": 3})
for step in range(1, worst + 1):
    while not (root() / f"go{step}").exists():
        time.sleep(0.05)
    log_metrics({"value": step / 2, "nothing": float("nan")}, step)
(root() / "picture.txt").write_text("seen")
log_artifacts(root() / "picture.txt")
"""


class Checkout:
    "A small checkout with one stage, which takes its steps when the test lets it."

    def __init__(self, folder: Path, steps: int, tracking: str = "", **environment: str):
        pipeline = folder / "nbs/pipeline"
        pipeline.mkdir(parents=True)
        notebook = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}
        )
        declared = nbformat.v4.new_code_cell("worst = 0", metadata={"tags": ["parameters"]})
        notebook.cells = [declared, nbformat.v4.new_code_cell(STEPS)]
        nbformat.write(notebook, pipeline / "40_evaluate.ipynb")
        (folder / "params.yaml").write_text(yaml.safe_dump({"evaluate": {"worst": steps}}))
        (folder / "settings.ini").write_text("[DEFAULT]\nlib_name = ukr_letters\n")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "MLFLOW_TRACKING_URI": tracking,
            **environment,
        }
        self.environment.pop("UKR_LETTERS_RUN", None)

    def start(self, *command: str) -> subprocess.Popen:
        "A command of ours at work in this checkout."
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, **pipes)

    def track(self, *options: str) -> tuple[int, str]:
        "Exit status and answer of `ukr_track`."
        process = self.start("ukr_track", *options)
        answer = "".join(process.communicate(timeout=LONG))
        assert not WARNED.findall(answer), answer
        return process.returncode, answer

    def go(self, step: int) -> None:
        "Let the stage take a step."
        (self.folder / f"go{step}").touch()

    @property
    def run(self) -> Run:
        "The only run here, once it has begun."
        (facts,) = self.folder.glob("runs/*/facts.json")
        return Run(facts.parent)

    def record(self, files: int = 1) -> Run:
        "A run that ended while nobody followed it."
        with chdir(self.folder):
            run = begin("walk", {"steps": 3})
            with until_ended(run):
                (run.folder / "artifacts").mkdir()
                for number in range(files):
                    (run.folder / f"artifacts/{number}.txt").write_text(str(number))
                lines = (
                    f'{{"time": {1795510800 + step}, "step": {step}, "metrics": {{"value": {step / 2}}}}}\n'
                    for step in (1, 2, 3)
                )
                (run.folder / "metrics.jsonl").write_text("".join(lines))
        return run


class Seen:
    "What a store knows of a run."

    def __init__(self, uri: str):
        self.client: MlflowClient = connect(uri)

    def all(self, run: Run) -> list[Tracked]:
        "Every copy of a run; there must never be two."
        return self.client.search_runs([experiment(self.client)], f"tags.`ukr.run` = '{run.name}'")

    def one(self, run: Run) -> Tracked:
        "The only copy of a run."
        (found,) = self.all(run)
        return found

    def values(self, run: Run) -> list[tuple[int, float]]:
        "Steps and values that were logged, in order, doubles included."
        history = [self.client.get_metric_history(found.info.run_id, "curve/value") for found in self.all(run)]
        return [(metric.step, metric.value) for metrics in history for metric in metrics]

    def files(self, run: Run) -> set[str]:
        "Names of the artifacts."
        return {item.path for found in self.all(run) for item in self.client.list_artifacts(found.info.run_id)}


@pytest.fixture
def seen(mlflow_server: MlflowServer) -> Seen:
    "What the tracking server knows."
    return Seen(mlflow_server.url)


def begun(checkout: Checkout) -> bool:
    "Whether the stage has made its run."
    return bool(list(checkout.folder.glob("runs/*/facts.json")))


def at_work(folder: Path, server: MlflowServer, seen: Seen) -> tuple[Checkout, subprocess.Popen]:
    "A stage of two steps in the middle of its work, when the server has heard of the first."
    checkout = Checkout(folder, 2, server.url)
    stage = checkout.start("ukr_stage", "evaluate")
    checkout.go(1)
    assert eventually(lambda: begun(checkout) and seen.values(checkout.run) == [(1, 0.5)], LONG)
    return checkout, stage


def test_a_run_is_seen_while_it_works(tmp_path: Path, mlflow_server: MlflowServer, seen: Seen) -> None:
    "Parameters, each step, the ending, and files through the server's own door."
    checkout, stage = at_work(tmp_path, mlflow_server, seen)
    live = seen.one(checkout.run)
    assert live.info.status == "RUNNING" and live.data.params == {"worst": "2", "width": "3"}
    checkout.go(2)
    output = stage.communicate(timeout=LONG)
    assert stage.returncode == 0, output
    done = seen.one(checkout.run)
    assert done.info.status == "FINISHED" and seen.values(checkout.run) == [(1, 0.5), (2, 1.0)]
    assert done.info.end_time >= done.info.start_time and done.info.artifact_uri.startswith("mlflow-artifacts:")
    assert seen.files(checkout.run) == {"facts.json", "picture.txt", "evaluate.ipynb"}
    picture = seen.client.download_artifacts(done.info.run_id, "picture.txt", str(tmp_path))
    assert Path(picture).read_text() == "seen"
    assert "ukr_track" not in output[1] and checkout.track()[1].startswith("0 runs")


def test_a_killed_stage_is_told_so(tmp_path: Path, mlflow_server: MlflowServer, seen: Seen) -> None:
    "Its follower notices, sends what there is, and leaves."
    checkout, stage = at_work(tmp_path, mlflow_server, seen)
    stage.send_signal(signal.SIGKILL)
    assert eventually(lambda: seen.one(checkout.run).info.status == "KILLED", LONG)
    assert eventually((checkout.run.folder / "mlflow.json").exists, LONG)
    assert checkout.run.status() == "killed" and seen.values(checkout.run) == [(1, 0.5)]
    stage.communicate(timeout=LONG)


def test_a_training_outlives_its_server(tmp_path: Path, mlflow_server: MlflowServer, seen: Seen) -> None:
    "The server dies in the middle: the stage ends well, says where its run is, and the run is sent once the server is back."
    checkout = Checkout(tmp_path, 2, mlflow_server.url, MLFLOW_HTTP_REQUEST_TIMEOUT="5")
    stage = checkout.start("ukr_stage", "evaluate")
    checkout.go(1)
    assert eventually(lambda: begun(checkout) and seen.values(checkout.run) == [(1, 0.5)], LONG)
    mlflow_server.stop()
    try:
        checkout.go(2)
        output = stage.communicate(timeout=LONG)
        status, answer = checkout.track()
    finally:
        mlflow_server.start()
    assert stage.returncode == 0 and "`ukr_track` sends it" in output[1] and checkout.run.name in output[1]
    assert status == 1 and mlflow_server.url in answer and "Traceback" not in answer
    assert checkout.run.status() == "finished" and seen.one(checkout.run).info.status == "RUNNING"
    assert checkout.track() == (0, f"{checkout.run.name}: sent\n1 runs for {mlflow_server.url}\n")
    assert seen.one(checkout.run).info.status == "FINISHED" and "evaluate.ipynb" in seen.files(checkout.run)
    assert seen.values(checkout.run) == [(1, 0.5), (2, 1.0)]


def test_a_server_that_hangs_holds_nothing_up(tmp_path: Path) -> None:
    "It takes connections and never answers; the stage ends well, and soon."
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        checkout = Checkout(tmp_path, 1, address, MLFLOW_HTTP_REQUEST_TIMEOUT="1", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
        checkout.go(1)
        start = monotonic()
        stage = checkout.start("ukr_stage", "evaluate")
        output = stage.communicate(timeout=LONG)
    assert stage.returncode == 0 and "`ukr_track` sends it" in output[1] and monotonic() - start < LONG
    assert checkout.run.status() == "finished"


def test_a_sender_killed_in_the_middle_leaves_no_doubles(
    tmp_path: Path, mlflow_server: MlflowServer, seen: Seen
) -> None:
    "What it had begun is completed by the next one."
    checkout = Checkout(tmp_path, 3, mlflow_server.url)
    run = checkout.record(files=150)
    sender = checkout.start("ukr_track")
    assert eventually(lambda: seen.files(run), LONG)
    sender.send_signal(signal.SIGKILL)
    sender.communicate(timeout=LONG)
    assert len(seen.files(run)) < 151 and seen.one(run).info.status == "RUNNING"
    assert checkout.track()[0] == 0
    assert len(seen.files(run)) == 151 and seen.one(run).info.status == "FINISHED"
    assert seen.values(run) == [(1, 0.5), (2, 1.0), (3, 1.5)]


def test_two_senders_make_one_copy(tmp_path: Path, mlflow_server: MlflowServer, seen: Seen) -> None:
    "Whoever comes second finds the first one's run, or finds it done."
    checkout = Checkout(tmp_path, 3, mlflow_server.url)
    runs = [checkout.record() for _ in range(3)]
    senders = [checkout.start("ukr_track") for _ in range(2)]
    for sender in senders:
        sender.communicate(timeout=LONG)
    assert checkout.track()[0] == 0
    for run in runs:
        assert seen.one(run).info.status == "FINISHED" and len(seen.values(run)) == 3


def test_without_a_server_runs_lie_in_the_checkout(tmp_path: Path, mlflow_server: MlflowServer, seen: Seen) -> None:
    "In one sqlite file and one folder; a team that moves to a server takes its older runs along when it asks for it."
    checkout = Checkout(tmp_path, 3)
    run = checkout.record()
    assert checkout.track()[0] == 0
    local = Seen(f"sqlite:///{tmp_path}/mlflow.db")
    assert local.one(run).info.artifact_uri.startswith((tmp_path / "mlartifacts").as_uri())
    assert local.files(run) == {"0.txt", "facts.json"} and not seen.all(run)
    checkout.environment["MLFLOW_TRACKING_URI"] = mlflow_server.url
    assert checkout.track("--dry-run")[1].startswith("0 runs") and "waits" in checkout.track("--all", "--dry-run")[1]
    assert checkout.track("--all")[0] == 0
    assert seen.values(run) == local.values(run) == [(1, 0.5), (2, 1.0), (3, 1.5)]


def test_one_damaged_folder_stops_no_other(tmp_path: Path) -> None:
    "It is named with the reason, the rest is sent."
    checkout = Checkout(tmp_path, 3)
    good, bad, worse = (checkout.record() for _ in range(3))
    write_json(bad.folder / "facts.json", {"status": "finished"})
    (worse.folder / "facts.json").write_text("{")
    status, answer = checkout.track()
    assert status == 1 and f"{good.name}: sent" in answer and "Traceback" not in answer
    assert f"{bad.name}: " in answer and f"{worse.name}: " in answer
    assert Seen(f"sqlite:///{tmp_path}/mlflow.db").one(good).info.status == "FINISHED"


def test_a_run_that_never_began_waits_for_nobody(tmp_path: Path) -> None:
    "Killed before it noted anything: a folder without facts."
    checkout = Checkout(tmp_path, 3)
    with chdir(tmp_path):
        (runs_folder() / "20261124T090000Z-walk-000000").mkdir(parents=True)
    assert checkout.track()[1].startswith("0 runs")


def test_a_deleted_parent_is_made_anew_for_all_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    "And its description tells of them again."
    monkeypatch.setenv("DVC_EXP_NAME", "steeper")
    checkout = Checkout(tmp_path, 3)
    runs = [checkout.record(), checkout.record()]
    assert checkout.track()[0] == 0
    seen = Seen(f"sqlite:///{tmp_path}/mlflow.db")
    former = seen.one(runs[0]).data.tags["mlflow.parentRunId"]
    seen.client.delete_run(former)
    for run in runs:
        (run.folder / "mlflow.json").unlink()
    assert checkout.track()[0] == 0
    [parent] = {seen.one(run).data.tags["mlflow.parentRunId"] for run in runs}
    told = seen.client.get_run(parent)
    assert parent != former and told.info.run_name == "steeper" and told.info.status == "FINISHED"
    assert "| walk |" in told.data.tags["mlflow.note.content"]


@pytest.mark.parametrize(
    "place", ["postgresql://u:secret@127.0.0.1:1/x", "http://u:secret@127.0.0.1:9", "foo://x", "sqlite:///{}"]
)
def test_a_store_that_cannot_be_opened_is_told_without_its_password(tmp_path: Path, place: str) -> None:
    checkout = Checkout(tmp_path, 3, place.format(tmp_path))  # the last is a folder
    checkout.record()
    status, answer = checkout.track()
    assert status == 1 and answer.startswith("ukr_track: MLflow ") and "Traceback" not in answer, answer
    assert "secret" not in answer


TRIAL = {
    "number": 3,
    "state": "COMPLETE",
    "started": "2026-11-24T09:00:00+00:00",
    "ended": "2026-11-24T09:01:00+00:00",
    "params": {"learning_rate": 0.01},
    "metrics": {"score": 98.1, "case": 90.5},
    "steps": {"1": 97.0, "2": 98.1},
}


def test_trials_are_children_of_their_search(tmp_path: Path, mlflow_server: MlflowServer, seen: Seen) -> None:
    "Each once, also if a sender comes again, with its values, its score by step, and how it ended."
    checkout = Checkout(tmp_path, 3, mlflow_server.url)
    run = checkout.record()
    pruned = TRIAL | {"number": 4, "state": "PRUNED", "metrics": {}, "steps": {"1": 60.0}}
    failed = TRIAL | {"number": 5, "state": "FAIL", "started": None, "params": {}, "metrics": {}, "steps": {}}
    lines = [json.dumps(trial) + "\n" for trial in (TRIAL, pruned, failed)]
    (run.folder / "trials.jsonl").write_text("".join(lines) + '{"number": 6, "sta')
    assert checkout.track()[0] == 0
    (run.folder / "mlflow.json").unlink()
    assert checkout.track()[0] == 0
    place, parent = experiment(seen.client), seen.one(run).info.run_id
    found = seen.client.search_runs([place], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert {child.info.run_name: child.info.status for child in found} == {
        "trial 3": "FINISHED",
        "trial 4": "KILLED",
        "trial 5": "FAILED",
    }
    [best] = [child for child in found if child.info.run_name == "trial 3"]
    assert best.data.params == {"learning_rate": "0.01"} and best.data.metrics == {"score": 98.1, "case": 90.5}
    assert best.data.tags["ukr.run"] == f"{run.name}/trial 3" and best.info.end_time - best.info.start_time == 60_000
    history = seen.client.get_metric_history(best.info.run_id, "score")
    assert [(one.step, one.value) for one in history] == [(1, 97.0), (2, 98.1)]


def test_a_new_file_survives_several_first_contacts(tmp_path: Path) -> None:
    "Four programs at once, one of them MLflow's own, which knows no lock of ours: one makes the tables, the others wait."
    checkout = Checkout(tmp_path, 3)
    checkout.record()
    foreign = f"from mlflow import MlflowClient; MlflowClient('sqlite:///{tmp_path}/mlflow.db'); print(1)"
    first = "from ukr_letters.release.backend import connect, experiment; print(experiment(connect()))"
    programs = [checkout.start(sys.executable, "-c", program) for program in (foreign, first, first, first)]
    said = [program.communicate(timeout=LONG) for program in programs]
    assert [program.returncode for program in programs] == [0] * 4, said
    assert {out.strip() for out, _ in said} == {"1"} and checkout.track()[0] == 0


def test_a_file_that_was_left_half_made_is_named(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, 3)
    checkout.record()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as half:
        half.execute("CREATE TABLE experiments (name TEXT)")
        half.execute("CREATE TABLE _alembic_tmp_endpoints (name TEXT)")
        half.commit()
    os.utime(tmp_path / "mlflow.db", (0, 0))  # nobody is at work on it
    status, answer = checkout.track()
    assert status == 1 and f"MLflow cannot open sqlite:///{tmp_path}/mlflow.db" in answer and "Traceback" not in answer
    assert "move it away and call `ukr_track`; otherwise it is damaged" in answer
    (tmp_path / "mlflow.db").unlink()
    assert checkout.track()[0] == 0


def test_stages_of_one_pipeline_have_one_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    "Its status and end are those of its stages; a stage that a person started has no parent."
    checkout = Checkout(tmp_path, 3)
    alone = checkout.record()
    monkeypatch.setenv("DVC_EXP_NAME", "broad-pens")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "4" * 40)
    children = [checkout.record() for _ in range(2)]
    with chdir(tmp_path):
        broken = begin("stumble", {})
        with suppress(ZeroDivisionError), until_ended(broken):
            raise ZeroDivisionError("division by zero")
    senders = [checkout.start("ukr_track") for _ in range(2)]
    for sender in senders:
        sender.communicate(timeout=LONG)
    assert checkout.track()[0] == 0
    local = Seen(f"sqlite:///{tmp_path}/mlflow.db")
    [parent] = local.client.search_runs([experiment(local.client)], "attributes.run_name = 'broad-pens'")
    assert parent.info.status == "FAILED" and parent.info.end_time == local.one(broken).info.end_time
    for child in (*children, broken):
        assert local.one(child).data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert "mlflow.parentRunId" not in local.one(alone).data.tags


def test_an_experiment_of_before_opens_as_training(tmp_path: Path) -> None:
    "Its kind is set, unless a person has chosen another; so is its description."
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    place = client.create_experiment("ukr-letters")
    client.set_experiment_tag(place, "mlflow.experimentKind", "genai_development_inferred")
    assert experiment(client) == place
    tags = client.get_experiment(place).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development" and tags["mlflow.note.content"]
    client.set_experiment_tag(place, "mlflow.experimentKind", "finetuning")
    experiment(client)
    assert client.get_experiment(place).tags["mlflow.experimentKind"] == "finetuning"


def test_a_monitor_that_fails_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no processor")

    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    sender = Sender(Checkout(tmp_path, 3).record(), client)
    monkeypatch.setattr("ukr_letters.release.tracking.SystemMetricsMonitor", fail)
    with measured(sender):
        pass
