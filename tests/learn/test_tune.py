"""The search for a better recipe: many workers, dead workers, other hosts, and what a person gets to see of it."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import psutil
import pytest
import yaml
from optuna.study import Study, create_study
from optuna.trial import TrialState, create_trial
from support.checkout import ROOT
from support.commands import WARNED
from support.imports import NAMES, modules_of, reached
from support.pages import launched
from support.processes import name_of_run
from support.services import PostgresServer, free_ports
from support.tiers import starts
from support.waiting import eventually

from ukr_letters.learn.dataset import assemble, save
from ukr_letters.learn.model import create, save_weights
from ukr_letters.learn.search import (
    DATA,
    PRETRAINED,
    WorkerPool,
    ended,
    open_storage,
    open_study,
    plan_of,
    values_of,
    work,
)

BIN = Path(sys.executable).parent
REPORT = {"trials.csv", "best_trial.json", "history.png", "importance.png", "choice.png"}
PARAMS = """# Tiny, for tests.
train:
  architecture: letternet_w8_s2  # the smallest
  batch: 64
  learning_rate: 1.0e-2  # the peak
  epochs: 3
  samples_per_epoch: 960
  seed: 0
  source_weights: {}
  size_weights: {}
  ood_label_weight: 0.5
  overrides: {}  # more fields

tune:
  searched: [learning_rate, weight_decay, p_no_augment]
  trials: 6
  epochs: 3
  samples_per_epoch: 960
  judged: 100
  workers: 2
  seed: 0
"""
WORKER = (
    "from sys import argv; from ukr_letters.learn import search; search.HEARTBEAT = 2; search.work(argv[1], argv[2], 6)"
)


@pytest.fixture(scope="module")
@starts("a search")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "What the stages before leave behind, of digits alone and with a body that knows nothing."
    folder = tmp_path_factory.mktemp("prepared")
    save(assemble(["digits8"], limit=400), folder / DATA)
    save_weights(create("letternet_w8_s2"), folder / PRETRAINED)
    return folder


@pytest.fixture
def checkout(prepared: Path, tmp_path: Path) -> Path:
    "A checkout that can be searched in."
    folder = tmp_path / "checkout"
    shutil.copytree(prepared, folder)
    shutil.copy2(ROOT / "settings.ini", folder)
    (folder / "params.yaml").write_text(PARAMS)
    return folder


def environment(folder: Path, storage: str | Path = "") -> dict[str, str]:
    "Of a process that works in a checkout."
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    study = {"UKR_LETTERS_STUDY": str(storage or folder / "studies/journal.log")}
    return os.environ | study | {"PATH": path, "PYTHONPATH": str(ROOT)}


def ukr_tune(folder: Path, *options: str, storage: str = "") -> str:
    "Output of the command, which must succeed."
    known = {"cwd": folder, "env": environment(folder, storage), "capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run([BIN / "ukr_tune", *options], **known)
    assert done.returncode == 0 and not WARNED.findall(done.stdout + done.stderr), done.stdout + done.stderr
    return done.stdout


def study_of(folder: Path, storage: str = "") -> Study:
    "The study that the command finds there, begun when there is none."
    sections = yaml.safe_load((folder / "params.yaml").read_text())
    plan, present = plan_of(sections["tune"], sections["train"], folder)
    return open_study(open_storage(storage or str(folder / "studies/journal.log")), plan, present)


def acknowledged(study: Study) -> dict[int, tuple]:
    "What is known of the trials that ended."
    return {trial.number: (trial.state, trial.values, values_of(trial)) for trial in ended(study)}


def runs_of(folder: Path) -> list[tuple[dict, list[dict]]]:
    "Facts and trials of each run of a checkout, the oldest first."
    read = lambda path: [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    known = sorted(folder.glob("runs/*-tune-*/facts.json"), key=lambda path: json.loads(path.read_text())["started"])
    return [(json.loads(path.read_text()), read(path.parent / "trials.jsonl")) for path in known]


def artifacts_of(folder: Path) -> set[str]:
    "Names of the files that the only run of a checkout has kept."
    [kept] = folder.glob("runs/*-tune-*/artifacts")
    return {path.name for path in kept.iterdir()}


def kill_a_worker(study: Study) -> int:
    "Kill a worker in the midst of a trial, as a power cut would; returns the trial's number."

    def killed() -> int | None:
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            if "worker" not in trial.user_attrs or len(trial.params) < 3:
                continue
            process = int(trial.user_attrs["worker"].split()[-1])
            os.kill(process, signal.SIGSTOP)  # so that the trial cannot end between the look and the blow
            still = study.get_trials()[trial.number].state == TrialState.RUNNING
            os.kill(process, signal.SIGKILL if still else signal.SIGCONT)
            if still:
                return trial.number + 1  # zero would not be true
        return None

    assert (number := eventually(killed, 180)), "no trial was ever running"
    return number - 1


def assert_retried(study: Study, number: int) -> None:
    "Another trial came to its end with the values of one that was killed."
    trial = study.trials[number]
    assert trial.state == TrialState.FAIL
    again = [other for other in ended(study) if number in other.system_attrs.get("retry_history", [])]
    assert [values_of(other) for other in again] == [values_of(trial)]


def test_workers_share_a_journal_and_repeat_nothing(checkout: Path) -> None:
    said = ukr_tune(checkout)
    study = study_of(checkout)
    first = acknowledged(study)
    assert 6 <= len(first) <= 9 and "6 of 6" in said
    assert values_of(study.trials[0]) == {
        "learning_rate": 0.01,
        "weight_decay": 0.02,
        "p_no_augment": 0.15,
    }  # the present recipe
    tried = [tuple(values_of(trial).values()) for trial in ended(study)]
    assert len(set(tried)) == len(tried)
    assert len({trial.user_attrs["worker"] for trial in ended(study)}) > 1
    assert "@@" in said or "says already" in said
    assert (checkout / "params.yaml").read_text() == PARAMS  # offered, not written
    [(facts, trials)] = runs_of(checkout)
    assert (facts["status"], facts["parameters"]["trials"], facts["parameters"]["study"]) == (
        "finished",
        6,
        study.study_name,
    )
    assert artifacts_of(checkout) == REPORT
    assert first.keys() <= {trial["number"] for trial in trials} and len({trial["number"] for trial in trials}) == len(
        trials
    )
    for trial in trials:
        state, values, params = first.get(trial["number"], (TrialState.FAIL, None, trial["params"]))
        assert (trial["state"], trial["params"]) == (state.name, params)
        assert trial["metrics"] == ({"score": values[0]} if state == TrialState.COMPLETE else {})
        assert list(trial["steps"]) == ["1", "2", "3"][: len(trial["steps"])]
    ukr_tune(checkout)  # it has enough: nothing is searched, and no run begins
    assert len(runs_of(checkout)) == 1
    more = len(first) + 2
    ukr_tune(checkout, "--trials", str(more), "--workers", "1")
    grown = acknowledged(study_of(checkout))
    assert more <= len(grown) <= more + 3 and first.items() <= grown.items()
    assert len({tuple(values.values()) for _, _, values in grown.values()}) == len(grown)
    _, (facts, trials) = runs_of(checkout)
    assert {trial["number"] for trial in trials} >= grown.keys() - first.keys()
    assert not first.keys() & {trial["number"] for trial in trials} and facts["parameters"]["workers"] == 1


def test_metrics_have_names_also_in_studies_of_old(checkout: Path, database: str) -> None:
    "One aim or two, in a journal or in a database; a study of old has a trial, and nothing but its plan."
    sections = yaml.safe_load(PARAMS)
    for storage in (open_storage(str(checkout / "studies/journal.log")), open_storage(database)):
        for searched in (["learning_rate"], ["shape.large"]):
            plan, present = plan_of(sections["tune"] | {"searched": searched}, sections["train"], checkout)
            aims = ["maximize", "minimize"][: 1 + plan.weighs_time]
            old = create_study(storage=storage, study_name=plan.name, directions=aims)
            old.set_user_attr("plan", vars(plan))
            old.add_trial(create_trial(values=[95, 0.1][: len(aims)]))
            study = open_study(storage, plan, present)
            assert study.metric_names == ["score, %", "time, ms"][: len(aims)]
            assert [trial.values for trial in ended(study)] == [[95, 0.1][: len(aims)]]


def asked(url: str) -> dict:
    "What a server answers."
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.parametrize("kind", ["journal", "postgresql"])
def test_optunas_dashboard_shows_all_studies(kind: str, checkout: Path, request: pytest.FixtureRequest) -> None:
    "With the names of their metrics, also of a study of old; and only to this machine."
    storage = request.getfixturevalue("database") if kind == "postgresql" else str(checkout / "studies/journal.log")
    command = [BIN / "ukr_tune", "--dashboard", "--port", str(free_ports(1)[0])]
    known = {"cwd": checkout, "env": environment(checkout, storage)}
    nothing = subprocess.run(command, capture_output=True, text=True, **known)
    assert nothing.returncode == 1 and "begin one with `ukr_tune`" in nothing.stderr
    assert not (checkout / "studies").exists()
    study = study_of(checkout, storage)
    old = create_study(storage=open_storage(storage), study_name="old", directions=["maximize", "minimize"])
    old.set_user_attr("plan", {})
    old.add_trial(create_trial(values=[95, 0.1]))
    with launched(command, **known) as (url, process):
        found = {study["study_name"]: study["study_id"] for study in asked(f"{url}/api/studies")["study_summaries"]}
        names = {name: asked(f"{url}/api/studies/{key}?after=0")["objective_names"] for name, key in found.items()}
        listening = {one.laddr.ip for one in psutil.Process(process.pid).net_connections() if one.status == "LISTEN"}
        taken = subprocess.run(command, capture_output=True, text=True, **known)
    assert names == {study.study_name: ["score, %"], "old": ["score, %", "time, ms"]}
    assert listening == {"127.0.0.1"} and taken.returncode == 1 and "--port" in taken.stderr


def test_the_winner_is_an_edit_that_keeps_comments(checkout: Path) -> None:
    work(str(checkout / "studies/journal.log"), study_of(checkout).study_name, 4, checkout)
    best = max(ended(study_of(checkout))[1:], key=lambda trial: trial.value)  # of those that are not the present recipe
    applied = ukr_tune(checkout, "--apply", "--trial", str(best.number))
    assert "-  learning_rate: 1.0e-2  # the peak" in applied and "+  overrides: {weight_decay: " in applied
    text = (checkout / "params.yaml").read_text()
    train = yaml.safe_load(text)["train"]
    assert {name: train.get(name, train["overrides"].get(name)) for name in values_of(best)} == values_of(best)
    assert [line.partition("#")[2] for line in text.splitlines()] == [
        line.partition("#")[2] for line in PARAMS.splitlines()
    ]
    assert "says already" in ukr_tune(checkout, "--apply", "--trial", str(best.number))
    assert not runs_of(checkout)  # nothing was searched
    assert len(study_of(checkout).trials) == 4  # the study goes on, and what it tried is not tried again


def test_a_killed_worker_loses_nothing(checkout: Path, database: str) -> None:
    study = study_of(checkout, database)
    crew = subprocess.Popen(
        [BIN / "ukr_tune"], cwd=checkout, env=environment(checkout, database), stdout=subprocess.PIPE, text=True
    )
    try:
        assert eventually(lambda: len(ended(study)) >= 2, 180)
        known, number = acknowledged(study), kill_a_worker(study)
        said = crew.communicate(timeout=300)[0]
    finally:
        crew.terminate()
    assert crew.returncode == 0, said
    assert known.items() <= acknowledged(study).items() and len(ended(study)) >= 6
    assert_retried(study, number)


def test_a_search_that_is_interrupted_leaves_no_worker_and_goes_on(checkout: Path) -> None:
    "Ctrl+C reaches the command and its workers alike, as in a terminal."
    study = study_of(checkout)
    known = {"cwd": checkout, "env": environment(checkout), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    crew = subprocess.Popen([BIN / "ukr_tune", "--trials", "999"], text=True, start_new_session=True, **known)
    at_work = lambda: [
        trial.user_attrs["worker"]
        for trial in study.trials
        if trial.state == TrialState.RUNNING
        and "worker" in trial.user_attrs  # a trial begins before it says whose it is
    ]
    try:
        assert eventually(lambda: len(ended(study)) >= 2 and len(at_work()) == 2, 180)
        os.killpg(crew.pid, signal.SIGINT)
        said = crew.communicate(timeout=60)[1]
    finally:
        crew.kill()
    workers = {int(trial.user_attrs["worker"].split()[-1]) for trial in study.trials if "worker" in trial.user_attrs}
    assert crew.returncode and len(workers) == 2 and not any(psutil.pid_exists(worker) for worker in workers)
    assert said.count("Traceback") <= 1, said  # none of a worker
    states = [trial.state for trial in study.trials]
    assert TrialState.RUNNING not in states and states.count(TrialState.FAIL) == states.count(TrialState.WAITING) >= 1
    [(facts, trials)] = runs_of(checkout)
    assert facts["status"] == "killed" and {trial["state"] for trial in trials} >= {"COMPLETE", "FAIL"}
    waiting = [values_of(trial) for trial in study.trials if trial.state == TrialState.WAITING]
    # One more, because two workers that begin at once may both find that a trial is missing.
    ukr_tune(checkout, "--trials", str(len(ended(study)) + len(waiting) + 1))
    assert all(values in [values_of(trial) for trial in ended(study)] for values in waiting)


def told_by(folder: Path) -> list[str]:
    "Accelerators that processes of a pool saw, in the order of their starts."
    return [path.read_text() for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)]


def test_each_worker_keeps_an_accelerator_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    "Processes that say what they see instead of training, because no machine of ours has two accelerators."
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    say = f"import os, time; open(f'{tmp_path}/{{os.getpid()}}', 'w').write(os.environ['CUDA_VISIBLE_DEVICES'])"
    with WorkerPool("journal.log", "recipe", 1, 2) as pool:
        pool.command = [sys.executable, "-c", f"{say}; time.sleep(60)"]
        pool.refill()
        assert eventually(lambda: sorted(told_by(tmp_path)) == ["2", "3"], 20)
        pool.processes[1].kill()
        pool.processes[1].wait()
        pool.refill()
        assert eventually(lambda: len(told_by(tmp_path)) == 3 and told_by(tmp_path)[-1] == "3", 20)
        pool.processes[0].kill()
        pool.processes[0].wait()
        pool.refill()
        assert eventually(lambda: len(told_by(tmp_path)) == 4 and told_by(tmp_path)[-1] == "2", 20)


def ip(*words: str) -> None:
    "Change a network; raises `CalledProcessError`."
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def lay_cable(ends: tuple[str, str], addresses: tuple[str, str]) -> None:
    "Connect two network namespaces, each end under an address of its own."
    near, far = (f"ukr{token_hex(4)}{end}" for end in "nf")
    ip("-n", ends[0], "link", "add", near, "type", "veth", "peer", "name", far, "netns", ends[1])
    for name, device, address in zip(ends, (near, far), addresses):
        ip("-n", name, "address", "add", f"{address}/30", "dev", device)
        ip("-n", name, "link", "set", device, "up")


@contextmanager
def hosts(number: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Names of network namespaces that stand for hosts: a server's, and others with the address at which each sees it.

    The network of this machine stays as it is, because a browser of another test gives up a page when that changes.
    """
    if os.getuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root, and `ip` from iproute2")
    made, addresses = [name_of_run("server"), *(name_of_run(str(place)) for place in range(number))], []
    try:
        try:
            for place, name in enumerate(made):
                ip("netns", "add", name)
                if place:
                    addresses.append(f"10.9.{place}.1")
                    lay_cable((made[0], name), (addresses[-1], f"10.9.{place}.2"))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield made[0], list(zip(made[1:], addresses))
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)  # and its cables with it


def test_hosts_share_a_study_and_outlive_each_other(checkout: Path) -> None:
    "Each worker in a network namespace of its own; nobody watches them, so silence alone tells of a death."
    with hosts(2) as (own, made):
        server = PostgresServer(tuple(address for _, address in made), namespace=own)
        server.start()
        workers = []
        try:
            study = study_of(checkout, server.url())
            for name, address in made:
                command = [
                    *("ip", "netns", "exec", name),
                    sys.executable,
                    "-c",
                    WORKER,
                    server.url(address=address),
                    study.study_name,
                ]
                workers.append(subprocess.Popen(command, cwd=checkout, env=environment(checkout)))
            number = kill_a_worker(study)
            for worker in workers:
                worker.wait(timeout=300)
            assert sorted(worker.returncode for worker in workers) == [-signal.SIGKILL, 0]
            assert len(ended(study)) >= 6
            assert_retried(study, number)
        finally:
            for worker in workers:
                worker.kill()
            server.remove()


def test_the_stage_stands_beside_the_pipeline(checkout: Path) -> None:
    "Plain `dvc repro` never starts a search; named in params.yaml, the stage leaves a report behind."
    for name in ("nbs", "ukr_letters"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy2(ROOT / "dvc.yaml", checkout)
    for name in ("data/collected", "models/candidate"):
        (checkout / name).mkdir()
    for name in ("models/candidate/model.onnx", "data/prepared/card.json"):
        (checkout / name).touch()  # a dry run only looks whether they are there
    known = {
        "cwd": checkout,
        "env": environment(checkout) | {"PYTHONPATH": str(checkout)},
        "capture_output": True,
        "text": True,
    }
    sections = yaml.safe_load(PARAMS)
    sections["tune"] |= {"trials": 4, "workers": 2}
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text())
    shipped["pretrain"]["architecture"] = sections["train"]["architecture"]
    (checkout / "params.yaml").write_text(yaml.safe_dump(shipped | sections))
    for command in ("git init -q", "dvc init -q"):
        subprocess.run(command.split(), check=True, **known)
    plain = subprocess.run(["dvc", "repro", "--dry"], **known)
    assert "'evaluate'" in plain.stdout and "tune" not in plain.stdout, plain.stderr
    (checkout / "params.yaml").write_text(yaml.safe_dump(shipped | sections | {"pipeline": {"searches": ["once"]}}))
    done = subprocess.run(["dvc", "repro", "--single-item", "tune@once"], **known)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads((checkout / "reports/tune/best_trial.json").read_text())
    assert facts["trials"] >= 4 and facts["score"] >= facts["present"]
    assert {path.name for path in (checkout / "reports/tune").iterdir()} == REPORT
    [(run, trials)] = runs_of(checkout)
    assert run["status"] == "finished" and len(trials) >= 4 and "data/prepared/dataset.npz" in run["inputs"]
    assert artifacts_of(checkout) == {*REPORT, "tune.ipynb"}


def test_the_stage_depends_on_what_its_notebook_uses() -> None:
    cells = json.loads((ROOT / "nbs/pipeline/35_tune.ipynb").read_text())["cells"]
    nodes = [
        node for cell in cells if cell["cell_type"] == "code" for node in ast.walk(ast.parse("".join(cell["source"])))
    ]
    used = reached({node.module for node in nodes if isinstance(node, ast.ImportFrom)} & NAMES.keys())
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    tune = stages["tune"]["do"]
    through = set().union(*(modules_of(stages[name]) for name in ("preprocess", "pretrain")))
    listed = modules_of(tune)
    assert listed <= used and used - through <= listed
