"""A signal ends a command in one line that says how to go on, and leaves nothing half done."""

import json
import platform
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from support.checkout import change, run
from support.commands import WARNED, stopped
from support.services import answers, free_ports
from support.waiting import eventually

from ukr_letters.release.runs import Run

GOES_ON = "ukr_stage: stopped: the same command goes on after the last epoch that was kept, or begins again\n"
LONG = {"epochs": 1000, "samples_per_epoch": 1000}  # longer than any of these tests waits, in short epochs


@pytest.fixture
def place(checkout: Path, tmp_path: Path) -> Path:
    "A copy of the checkout, because these tests leave it in disorder."
    return shutil.copytree(checkout, tmp_path / "checkout", symlinks=True)


def left(place: Path) -> list[str]:
    "Processes that work in a checkout."
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if process.info["cwd"] == str(place):
            found.append(" ".join(process.info["cmdline"]))
    return found


def newest(place: Path) -> Path:
    "The folder of the run that began last."
    return max((place / "runs").glob("2*-*"))


def assert_killed(place: Path) -> None:
    "The run says how it ended, MLflow hears of it, and no process is left."
    facts = json.loads((newest(place) / "facts.json").read_text())
    assert facts["status"] == "killed" and facts["ended"]
    assert eventually(lambda: (newest(place) / "mlflow.json").exists(), 60)
    assert eventually(lambda: not left(place), 60), left(place)


@pytest.mark.parametrize(
    ("processes", "by", "status"), [("1", signal.SIGINT, 130), ("2", signal.SIGINT, 130), ("1", signal.SIGTERM, 143)]
)
def test_a_training_stops_and_goes_on(place: Path, processes: str, by: signal.Signals, status: int) -> None:
    "In one process and in two, by Ctrl+C and by `kill`; its checkpoint stays."
    change(place, "train", **LONG)
    told = []
    for _ in range(2):
        ask = dict(folder=place, by=by, UKR_LETTERS_PROCESSES=processes)
        ended, said, seconds = stopped("ukr_stage", "train", sign=f"Epoch(number={3 + len(told)},", **ask)
        assert ended == status and said.endswith(GOES_ON) and seconds < 15, said
        told.append(said.removesuffix(GOES_ON).splitlines())
    assert_killed(place)
    assert re.match(r"train.checkpoint is of this training: it goes on after epoch \d+$", told[1].pop(0))
    assert all(line.startswith("Epoch(") for line in told[0] + told[1]), told
    assert told[0][:2] == told[1][:2]  # told again, to the microsecond, and not trained again


def test_dvc_is_stopped_without_a_traceback(place: Path) -> None:
    "Ctrl+C reaches DVC and the stage; what is done already is not done again."
    change(place, "pretrain", **LONG)
    ended, said, _ = stopped("dvc", "repro", sign="Epoch(number=1,", folder=place)
    assert ended and GOES_ON in said and "Traceback" not in said, said
    assert_killed(place)
    change(place, "pretrain", epochs=2, samples_per_epoch=1000)
    again = run(place, "dvc", "repro", "pretrain")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("seconds", [0.2, 0.8, 1.6, 2.4])
def test_a_stage_that_is_only_starting_stops_too(place: Path, seconds: float) -> None:
    "While it imports, and while its kernel does."
    ask = f"(sleep {seconds}; echo now) & exec ukr_stage preprocess"
    ended, said, _ = stopped("sh", "-c", ask, sign="now", folder=place)
    assert (ended, said) == (130, f"now\n{GOES_ON}")


def test_a_search_stops_and_goes_on(place: Path) -> None:
    "With its workers, which say nothing."
    ask = ("ukr_tune", "--workers", "2", "--trials", "50")
    ended, said, _ = stopped(*ask, sign="trial 0", folder=place)
    assert ended == 130 and "Traceback" not in said, said
    assert said.splitlines()[-1] == "ukr_tune: stopped: the same command goes on, and tries unfinished trials again"
    assert eventually(lambda: not left(place), 20), left(place)


def test_who_follows_the_champion_stops(place: Path, tmp_path: Path) -> None:
    registered = run(place, "ukr_release", "register")
    assert registered.returncode == 0 and not WARNED.findall(registered.stdout + registered.stderr), registered
    ask = ("ukr_release", "fetch", "--every", "1", "--into", str(tmp_path / "model"))
    ended, said, _ = stopped(*ask, sign="holds", folder=place)
    assert ended == 130 and said.splitlines()[1:] == [
        "ukr_release: stopped: `ukr_release history` says which network is the champion"
    ]


def test_the_pages_of_mlflow_need_two_processes_and_stop(place: Path) -> None:
    "The server and its one worker, and nothing for language models; a port that is taken is said."
    (port,) = free_ports(1)
    served: list[str] = []
    taken: list[subprocess.CompletedProcess] = []

    def visit() -> None:
        "Wait until the pages answer, and count who serves them."
        eventually(lambda: answers(f"http://127.0.0.1:{port}/version"), 90)
        served.extend(left(place))
        taken.append(run(place, "ukr_track", "--pages", "--port", str(port)))

    ask = ("ukr_track", "--pages", "--port", str(port))
    ended, said, _ = stopped(*ask, sign="until Ctrl+C", folder=place, then=visit)
    assert ended == 130 and not left(place), said
    first, *rest, last = said.splitlines()
    assert first.startswith(f"the runs are at http://127.0.0.1:{port}/#/experiments/1") and len(rest) <= 1, said
    assert last == "ukr_track: stopped: the same command sends what MLflow does not have yet"
    assert len(served) == 3, served  # and our own command
    assert taken[0].returncode == 1 and f"if port {port} is taken, name another one" in taken[0].stderr, taken


def test_what_a_person_must_change_is_said_in_one_line(place: Path) -> None:
    "Before anything runs: a wrong parameter, a stage that is none, a mirror that is nowhere, a file that is no YAML."
    runs = len(list((place / "runs").glob("2*-*")))
    asked = {
        "has no section 'trian': did you mean train?": ("trian", {}),
        "UKR_LETTERS_MIRROR names '/nowhere', which is not a folder": ("evaluate", {"UKR_LETTERS_MIRROR": "/nowhere"}),
        "UKR_LETTERS_PROCESSES is 'two'": ("evaluate", {"UKR_LETTERS_PROCESSES": "two"}),
    }
    for reason, (stage, environment) in asked.items():
        settings = [f"{name}={value}" for name, value in environment.items()]
        done = run(place, "env", *settings, "ukr_stage", stage)
        assert done.returncode == 1 and not done.stdout, done.stdout
        assert done.stderr.startswith("ukr_stage: ") and reason in done.stderr and done.stderr.count("\n") == 1
    (place / "params.yaml").write_text("train: {epochs: 3\n")
    done = run(place, "ukr_stage", "train")
    assert (
        done.returncode == 1
        and done.stderr.startswith("ukr_stage: params.yaml, line 2 is no YAML: ")
        and done.stderr.count("\n") == 1
    )
    assert len(list((place / "runs").glob("2*-*"))) == runs


def test_another_architecture_is_named(place: Path) -> None:
    "The failing cell is shown once, and what to do at its end."
    for stage in ("pretrain", "train"):
        change(place, stage, architecture="letternet_w16_s3")
    done = run(place, "ukr_stage", "train")  # and not pretrain before it
    assert done.returncode == 1 and done.stderr.startswith("stage train failed in this cell")
    assert done.stderr.count("pretrained.npz does not fit this network: body.0.0.weight has 8 x 1 x 5 x 5") == 1
    assert done.stderr.count("Traceback") == 1


def test_a_kernel_that_is_killed_is_named(place: Path) -> None:
    "As the system does when memory runs out."
    change(place, "pretrain", **LONG)
    found = run(place, "sh", "-c", KILLED)
    said = (place / "said").read_text()
    assert "ukr_stage: pretrain: its kernel was killed, perhaps because memory ran out" in said, said
    assert "Traceback" not in said and found.returncode == 1


KILLED = """
ukr_stage pretrain >said 2>&1 &
until grep -q Epoch said || ! kill -0 $!; do sleep 0.2; done
pkill -9 -P $! -f ipykernel_launcher
wait $!
"""


def test_a_stage_does_not_begin_beside_one_that_was_left_alone(place: Path) -> None:
    "DVC is killed and its stage goes on: nothing that touches its files begins until it is stopped as the text says."
    change(place, "pretrain", **LONG)
    killed, _, _ = stopped("dvc", "repro", sign="Epoch(number=1,", folder=place, by=signal.SIGKILL, whole=False)
    assert killed == -signal.SIGKILL and Run(newest(place)).alive()
    left_alone, runs = newest(place).name, len(list((place / "runs").glob("2*-*")))
    for ask in (("dvc", "repro", "pretrain"), ("ukr_stage", "preprocess"), ("ukr_stage", "train")):
        refused = run(place, *ask)
        assert refused.returncode and f"cannot begin: run {left_alone} works on " in refused.stderr, refused.stderr
        assert "Traceback" not in refused.stderr
    assert len(list((place / "runs").glob("2*-*"))) == runs
    assert run(place, "ukr_stage", "evaluate").returncode == 0  # works on none of its files
    (number,) = re.findall(r"stop it with `kill (\d+)`", refused.stderr)
    assert run(place, "kill", number).returncode == 0
    assert eventually(lambda: not Run(place / "runs" / left_alone).alive(), 20)
    change(place, "pretrain", epochs=2, samples_per_epoch=1000)
    again = run(place, "dvc", "repro", "pretrain")
    assert again.returncode == 0, again.stderr


def test_a_run_of_another_machine_is_in_nobodys_way(place: Path) -> None:
    "Its lock is not seen here, so a folder that several machines share tells nothing of it."
    folder = place / "runs/20260101T000000Z-evaluate-abcdef"
    folder.mkdir()
    facts = json.loads((newest(place) / "facts.json").read_text())
    with FileLock(folder / "lock"):
        for host, text in (("elsewhere", ""), (platform.node(), f"run {folder.name} works on MODEL_CARD.md")):
            (folder / "facts.json").write_text(json.dumps(facts | {"status": "running", "host": host}))
            found = run(place, sys.executable, "-c", RIVAL)
            assert text in found.stdout and bool(found.stdout.strip()) == bool(text), found


RIVAL = "from ukr_letters.release.stage import rival; print(rival('evaluate'))"
