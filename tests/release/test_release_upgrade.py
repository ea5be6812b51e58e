"""MLflow of a site that was made at d04006e: its networks, its history and its runs go on under this code."""

import gzip
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from support.checkout import ROOT

from ukr_letters.cli import ukr_release, ukr_track
from ukr_letters.core.deploy import smoke_test
from ukr_letters.learn.dataset import assemble, save
from ukr_letters.learn.params import ParamsError, read_params
from ukr_letters.release.backend import connect, experiment
from ukr_letters.release.registry import Registry, gaps
from ukr_letters.release.runs import all_runs, begin, until_ended
from ukr_letters.release.stage import notebook_of
from ukr_letters.release.tracking import sent_to

pytestmark = pytest.mark.slow  # MLflow alone takes seconds to load
SITE = ROOT / "tests/golden/site/tracked"  # what that code wrote; @SITE@ stands for the checkout in which it ran
SENT, UNSENT = "20261129T112713Z-teach-33cd62", "20261129T112720Z-teach-998ed6"  # two runs of the stage `teach`
HISTORY = [
    ("begin", "1", "olena@vm", "it came with the package", ""),
    ("promote", "2", "olena", "читає ш і щ", "a trial"),
    ("promote", "3", "taras", "reads the same", ""),
    ("roll back", "2", "olena", "reads ш badly", ""),
]


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "A data set with a test part."
    path = tmp_path_factory.mktemp("gold") / "dataset.npz"
    save(assemble(["digits8"], limit=400), path)
    return path


@pytest.fixture
def site(tmp_path: Path, gold: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    "A checkout with the MLflow store and the runs of that site, in which we work."
    folder = shutil.copytree(SITE, tmp_path / "site", ignore=shutil.ignore_patterns("*.gz"))
    for path in filter(Path.is_file, folder.rglob("*")):
        path.write_bytes(path.read_bytes().replace(b"@SITE@", bytes(folder)))
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        dump = gzip.decompress((SITE / "mlflow.sql.gz").read_bytes()).decode()
        store.executescript(dump.replace("@SITE@", str(folder)))
    shutil.copy2(ROOT / "settings.ini", folder)
    (folder / "data/prepared").mkdir(parents=True)
    shutil.copy2(gold, folder / "data/prepared")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("UKR_LETTERS_RUN", raising=False)
    return folder


@pytest.fixture
def command(site: Path, run_command: Callable) -> Callable[..., tuple]:
    "Run a command in that checkout."
    return run_command


def told(registry: Registry) -> list[tuple]:
    "The history in short."
    return [(one.action, one.number, one.who, one.why, one.despite) for one in registry.history()]


def test_the_history_is_told_as_it_was(command: Callable) -> None:
    registry = Registry()
    assert told(registry) == HISTORY and not gaps(registry.history())
    assert [row.number for row in registry.versions()] == ["3", "2", "1"]
    assert (registry.holder("champion").number, registry.holder("previous").number) == ("2", "1")
    status, text, _ = command(ukr_release, "history")
    assert status == 0 and "REFUSED: it reads worse" in text and "despite: a trial" in text and "reads ш badly" in text
    assert "changed or removed" not in text and "by hand" not in text
    evidence = [item.path for run in registry._runs() for item in registry.client.list_artifacts(run.info.run_id)]
    assert evidence.count("gate.txt") == 2 and evidence.count("model") == 3


@pytest.mark.parametrize(
    ("which", "number", "architecture"),
    [
        ("previous", "1", "letternet_small"),
        ("champion", "2", "letternet_light"),
        ("newest", "3", "letternet_swift"),
    ],
)
def test_each_network_is_fetched_as_it_was_registered(
    command: Callable, site: Path, which: str, number: str, architecture: str
) -> None:
    "Byte for byte, with the names of its fields and its architecture of then, and it answers."
    version = Registry().find(number)
    assert f"served holds {version.network}" in command(ukr_release, "fetch", which, "--into", "served")[1]
    assert sha256((site / "served/bundle.json").read_bytes()).hexdigest() == version.bundle
    bundle = smoke_test(site / "served")
    assert (bundle.version, bundle.architecture) == (version.network, architecture)
    assert (bundle.calibration_temperature, bundle.ood_threshold, bundle.ood_label_weight) == (1.1, 0.9, 0.75)
    figures = {"digits8": {"digits": {"value": 10.5, "low": 8, "high": 14, "n": 400}}}
    assert bundle.metrics == ({} if number == "1" else {"test": figures})
    assert "already" in command(ukr_release, "fetch", which, "--into", "served")[1]


def test_the_champion_moves_on_from_where_it_stands(command: Callable, site: Path) -> None:
    "Judged, rolled back, promoted and registered: what that code wrote stays before it."
    status, text, why = command(ukr_release, "promote", "--dry-run")
    assert status == 0 and "version 3 may become the champion" in text, why
    assert command(ukr_release, "rollback", "--why", "still worse", "--who", "taras")[0] == 0
    assert Registry().holder("previous") is None
    assert command(ukr_release, "promote", "3", "--why", "as good", "--who", "olena")[0] == 0
    registry = Registry()
    added = [("roll back", "1", "taras", "still worse", ""), ("promote", "3", "olena", "as good", "")]
    assert told(registry) == HISTORY + added and not gaps(registry.history())
    assert (registry.holder("champion").number, registry.holder("previous").number) == ("3", "1")
    registry.fetch(site / "candidate", "2")
    again = registry.register(site / "candidate")
    assert (again.number, again.network) == ("4", registry.find("2").network)


def test_runs_are_kept_sent_and_followed_by_new_ones(command: Callable, site: Path) -> None:
    "A run of `teach` that MLflow has is there once, the one that waited is sent, and a run of today stands beside them."
    client = connect()
    [before] = client.search_runs([experiment(client)], "tags.`ukr.stage` = 'teach'")
    assert before.data.tags["ukr.run"] == SENT and [run.name for run in all_runs()] == [SENT, UNSENT]
    fresh = begin("train", {"epochs": 3, "overrides": {"p_binarize": 0.25}})
    with until_ended(fresh):
        pass
    status, text, _ = command(ukr_track)
    assert status == 0 and text == f"{UNSENT}: sent\n{fresh.name}: sent\n2 runs for sqlite:///{site}/mlflow.db\n"
    found = {run.data.tags["ukr.run"]: run for run in client.search_runs([experiment(client)])}
    assert set(found) == {SENT, UNSENT, fresh.name} and found[SENT].to_dictionary() == before.to_dictionary()
    for name, called, seed in ((SENT, "teach", "0"), (UNSENT, "teach d04006e lr 0.008", "1")):
        run = found[name]
        assert (run.info.run_name, run.info.status, run.data.params["seed"]) == (called, "FINISHED", seed)
        assert run.data.params["source_mass"] == '{"fonts": 2.0}' and run.data.params["heat"] == "1.5"
        history = client.get_metric_history(run.info.run_id, "loss" if name == SENT else "curve/loss")
        assert [metric.step for metric in history] == [1, 2] and history[1].value < history[0].value
        assert {item.path for item in client.list_artifacts(run.info.run_id)} == {"facts.json", "teach.ipynb"}
        assert {one.dataset.name for one in run.inputs.dataset_inputs} == {
            "data/prepared/dataset.npz",
            "models/pretrained.npz",
        }
        facts = Path(client.download_artifacts(run.info.run_id, "facts.json"))
        assert facts.read_bytes() == (site / "runs" / name / "facts.json").read_bytes()
    assert found[fresh.name].info.run_name == "train" and command(ukr_track)[1].startswith("0 runs")
    assert all(sent_to(run) for run in all_runs())


def mistakes_in(path: Path) -> str:
    "What the check says of a parameter file; empty where it passes."
    try:
        read_params(path)
    except ParamsError as error:
        return str(error)
    return ""


def test_parameters_of_before_are_renamed_one_by_one(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    "Each former name in params.yaml ends in an error with the new one; what has none is told to be removed, and then it passes."
    path, renamed = site / "params.yaml", set()
    while pairs := re.findall(r"(\w+)'?(?: is not known| has no range)?: it is now called (\w+)", mistakes_in(path)):
        for old, new in pairs:
            assert old not in renamed or pairs.count((old, new)) > 1
            path.write_text(re.sub(rf"\b{old}\b", new, path.read_text()))
        renamed |= {old for old, _ in pairs}
    assert {"source_mass", "doubt", "further", "almost", "letternet_light"} <= set(renamed)
    gone = set(re.findall(r"(\w+)'?(?: is not known| has no range): there is no teacher any more", mistakes_in(path)))
    assert gone == {"teach", "teacher", "heat", "teaching"} and "guard is not known" in mistakes_in(path)
    sections = yaml.safe_load(path.read_text())
    del sections["teach"], sections["train"]["teacher"], sections["train"]["overrides"]["heat"]
    del sections["evaluate"]["guard"]  # sources say it themselves
    sections["tune"]["searched"] = [name for name in sections["tune"]["searched"] if name not in gone]
    path.write_text(yaml.safe_dump(sections))
    assert len(mistakes_in(path).splitlines()) == 3
    assert "preprocess.hands is missing: add it" in mistakes_in(path) and "name one in both" in mistakes_in(path)
    sections["preprocess"]["hands"] = 0
    sections["train"]["architecture"] = sections["pretrain"]["architecture"]
    path.write_text(yaml.safe_dump(sections))
    assert not mistakes_in(path)
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match="no stage 'teach': choose one of .*pretrain, train, "):
        notebook_of("teach")
