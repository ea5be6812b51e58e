"""A network's way to the people who draw: registered, judged, promoted, rolled back, fetched, and served without a restart."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlparse

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Param
from mlflow.entities import Run as Tracked
from mlflow.models import Model
from support.browser import LAPTOP
from support.checkout import ROOT
from support.networks import leaning
from support.pages import DRAWING, serving
from support.pointer import Pointer
from support.waiting import eventually

from ukr_letters.cli import ukr_release
from ukr_letters.core.bundle import BundleError, open_bundle
from ukr_letters.core.deploy import NAMES, HotReload, smoke_test
from ukr_letters.core.recognizer import CHAMPION, Recognizer
from ukr_letters.learn.dataset import assemble, save
from ukr_letters.release.backend import RELEASES, connect, experiment
from ukr_letters.release.registry import Refused, Registry, RegistryError, gaps

pytestmark = pytest.mark.slow  # MLflow alone takes seconds to load


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "A data set with a test part."
    path = tmp_path_factory.mktemp("gold") / "data/prepared/dataset.npz"
    save(assemble(["digits8"], limit=400), path)
    return path


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    "A network as good as the champion, one that sees a 4 in everything, one that sees a щ, and test figures."
    folder = tmp_path_factory.mktemp("candidates")
    leaning(folder / "good")
    leaning(folder / "bad", "4", 100)
    leaning(folder / "stubborn", "щ", 100)
    figure = {"value": 97.5, "low": 96, "high": 98, "n": 400}
    (folder / "metrics.json").write_text(json.dumps({"digits8": {"auto": figure, "digits": figure}}))
    return {name: folder / name for name in ("good", "bad", "stubborn", "metrics.json")}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "A database in a file where MLflow has made its tables, which takes seconds, and nothing else."
    path = tmp_path_factory.mktemp("tables") / "mlflow.db"
    connect(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def local(tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    "An empty registry in a folder of its own."
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{shutil.copy2(tables, tmp_path)}"


@pytest.fixture(params=["local", "server"])
def uri(request: pytest.FixtureRequest, local: str) -> str:
    "An empty registry: a file of its own, or the server on PostgreSQL and S3, where no other test registers anything."
    return local if request.param == "local" else request.getfixturevalue("mlflow_server").url


def test_from_candidate_to_champion_and_back(uri: str, gold: Path, candidates: dict, tmp_path: Path) -> None:
    "The whole way, and another client sees every step of it."
    desk, elsewhere = Registry(uri, gold, CHAMPION), Registry(uri, gold)
    good = desk.register(candidates["good"], candidates["metrics.json"])
    assert desk.register(candidates["good"], candidates["metrics.json"]) == good == elsewhere.find()
    first = elsewhere.holder("champion")
    promoted = desk.promote(why="reads the same", who="olena")
    assert promoted.gate.startswith("PASSED") and elsewhere.holder("champion") == good
    bad = desk.register(candidates["bad"], candidates["metrics.json"])
    with pytest.raises(Refused, match=r"REFUSED: .*digits8 from [\d.]+ to [\d.]+ %"):
        elsewhere.promote()
    assert desk.holder("champion") == good
    forced = elsewhere.promote(despite="to see it fail", who="taras")
    assert desk.holder("champion") == bad and desk.holder("previous") == good
    assert forced.gate.startswith("REFUSED") and forced.despite == "to see it fail"
    bundle, fresh = elsewhere.fetch(tmp_path / "served")
    assert fresh and bundle.version == bad.network and bundle.metrics["test"]["digits8"]["digits"]["value"] == 97.5
    desk.rollback("everything is a 4", who="olena")
    assert elsewhere.holder("champion") == good and elsewhere.holder("previous") == first
    elsewhere.rollback("and further")
    with pytest.raises(RegistryError, match="no champion to go back to"):
        desk.rollback("and further still")
    actions = [(one.action, one.who, one.number) for one in elsewhere.history()][1:4]
    assert actions == [
        ("promote", "olena", good.number),
        ("promote", "taras", bad.number),
        ("roll back", "olena", good.number),
    ]
    assert elsewhere.history() == desk.history() and not gaps(desk.history())
    runs = [run for run in desk._runs() if "entry" in run.data.tags]
    assert all(run.info.status == "FINISHED" for run in runs) and len(runs) == 5


def test_an_altered_history_is_noticed(local: str, gold: Path, candidates: dict) -> None:
    registry = Registry(local, gold, CHAMPION)
    registry.register(candidates["good"])
    registry.promote()
    run = next(run for run in registry._runs() if json.loads(run.data.tags.get("entry", "{}")).get("action") == "begin")
    registry.client.set_tag(run.info.run_id, "entry", run.data.tags["entry"].replace("package", "parcel"))
    assert [one.action for one in gaps(registry.history())] == ["promote"]


def test_what_does_not_work_is_not_registered_and_not_served(
    local: str, gold: Path, candidates: dict, tmp_path: Path
) -> None:
    registry = Registry(local, gold, CHAMPION)
    shutil.copytree(candidates["good"], tmp_path / "torn")
    (tmp_path / "torn/model.onnx").write_bytes((candidates["good"] / "model.onnx").read_bytes()[:-1])
    with pytest.raises(BundleError, match="not the network"):
        registry.register(tmp_path / "torn")
    good = registry.register(candidates["good"])
    registry.fetch(tmp_path / "served", good.number)
    bad = registry.register(candidates["bad"])
    stored = Path(urlparse(bad.source).path) / "model.onnx"
    stored.write_bytes(b"swapped")
    with pytest.raises(BundleError, match="not the network"):
        registry.fetch(tmp_path / "served", bad.number)
    assert smoke_test(tmp_path / "served").version == good.network
    assert {path.name for path in (tmp_path / "served").iterdir()} == {"model.onnx", "bundle.json"}
    assert not [
        path for path in (tmp_path / "mlartifacts").rglob("*") if path.suffix in (".pkl", ".pickle", ".pt", ".pth")
    ]


def test_a_reader_never_meets_half_a_bundle(candidates: dict, tmp_path: Path) -> None:
    "Two networks change places all the time while another process opens whatever lies there."
    code = (
        "import sys; from pathlib import Path; from ukr_letters.core.deploy import NAMES, deploy_bundle\n"
        "place, *sources = map(Path, sys.argv[1:])\n"
        "for turn in range(60): deploy_bundle({n: (sources[turn % 2] / n).read_bytes() for n in NAMES}, place)"
    )
    place, names = tmp_path / "served", {kind: open_bundle(candidates[kind])[0].version for kind in ("good", "bad")}
    shutil.copytree(candidates["good"], place)
    newest, seen = HotReload(place, CHAMPION, lambda folder: open_bundle(folder)[0].version), set()
    writer = subprocess.Popen([sys.executable, "-c", code, place, candidates["good"], candidates["bad"]], cwd=ROOT)
    while writer.poll() is None:
        assert all((place / name).exists() for name in NAMES)
        seen.add(newest.get())
    assert writer.returncode == 0 and seen <= set(names.values()) and newest.get() == names["bad"]


@pytest.fixture
def command(local: str, run_command: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple]:
    "Run `ukr_release` in the folder of a registry."
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return partial(run_command, ukr_release)


def test_the_command_tells_what_it_did(command: Callable, gold: Path, candidates: dict, tmp_path: Path) -> None:
    shutil.copy2(ROOT / "settings.ini", tmp_path)
    shutil.copytree(gold.parents[1], tmp_path / "data")
    figures = f"--metrics={candidates['metrics.json']}"
    assert command("register", f"--candidate={candidates['bad']}", figures)[1].endswith(
        f"is version 2: the run of its training is not at sqlite:///{tmp_path}/mlflow.db\n"
    )
    status, told, why = command("promote", "--dry-run")
    assert status == 1 and "REFUSED" in why and "digits8" in told
    command("promote", "--despite", "a trial")
    assert "served holds" in command("fetch", "--into", "served")[1] and smoke_test(tmp_path / "served")
    status, told, _ = command("rollback", "--why", "it sees only a 4", "--who", "olena")
    assert status == 0 and "2 → 1" in told
    told = command("history")[1]
    assert "REFUSED: it reads worse" in told and ": a trial" in told and "olena: it sees only a 4" in told
    assert (
        len(told.splitlines()) == 4 and max(map(len, told.splitlines())) < 200
    )  # begin, promote with the gate, roll back
    assert "despite: a trial" in (full := command("history", "--full")[1]) and len(full) > len(told)
    status, _, why = command("promote", "9")
    assert status == 2 and "choose one of 2, 1" in why


def test_the_page_answers_with_the_new_champion(
    new_context, local: str, candidates: dict, gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    "A visitor draws, a network is fetched, and the same page reads the next drawing with it; a bad one changes nothing."
    registry, place = Registry(local, gold, CHAMPION), tmp_path / "served"
    stubborn = registry.register(candidates["stubborn"])
    registry.fetch(place)
    monkeypatch.setenv("UKR_LETTERS_MODEL", str(place))
    monkeypatch.chdir(ROOT)
    with serving(tmp_path / "samples", pool=1) as server:
        page = new_context(**LAPTOP).new_page()
        page.goto(server.url, wait_until="commit")
        page.wait_for_selector(DRAWING, timeout=60_000)

        def drawn() -> str:
            "What is kept of a drawing of А: the network that read it, and what it said."
            before = {sample.id for sample in server.samples()}
            Pointer(page).draw("А")
            page.keyboard.press("Escape")
            page.wait_for_selector(f"{DRAWING}[data-strokes='0']")
            [kept] = eventually(lambda: [one for one in server.samples() if one.id not in before], 20)
            return kept.model, kept.guess["top"][0][0]

        assert drawn() == (Recognizer().version, "а")
        registry.fetch(place, stubborn.number)
        assert drawn() == (stubborn.network, "щ")
        (place / "model.onnx").write_bytes(b"no network")
        assert drawn() == (stubborn.network, "щ")
        registry.fetch(place)
        assert drawn() == (Recognizer().version, "а")


def trained(client: MlflowClient, network: str) -> Tracked:
    "A run of the train stage in MLflow that made a network, as a sender leaves it."
    tags = {"ukr.run": "20261124T090000Z-train-0a1b2c", "ukr.stage": "train", "mlflow.source.git.commit": "4" * 40}
    run = client.create_run(experiment(client), tags=tags, run_name="train 4444444 lr 0.01")
    values = {"model": network, "learning_rate": "0.01", "epochs": "64"}
    client.log_batch(run.info.run_id, params=[Param(*value) for value in values.items()])
    data = Dataset("data/prepared/dataset.npz", "9" * 32, "local", "{}")
    client.log_inputs(run.info.run_id, [DatasetInput(data, [])])
    client.set_terminated(run.info.run_id)
    return client.get_run(run.info.run_id)


def test_a_version_leads_to_the_training_that_made_it(uri: str, gold: Path, candidates: dict, tmp_path: Path) -> None:
    "Its run, commit and data, in MLflow and in the bundle; its page says why it was let in, and what followed."
    registry, client = Registry(uri, gold, CHAMPION), connect(uri)
    training = trained(client, open_bundle(candidates["bad"])[0].version)
    good = registry.register(candidates["good"], candidates["metrics.json"])
    bad = registry.register(candidates["bad"], candidates["metrics.json"])
    assert registry.register(candidates["bad"], candidates["metrics.json"]) == bad
    assert (good.run, bad.run) == ("", "20261124T090000Z-train-0a1b2c")
    registry.promote(despite="a trial", who="taras")
    registry.rollback("everything is a 4", who="olena")
    version = client.get_model_version("ukr-letters", bad.number)
    assert version.run_id == training.info.run_id
    assert (version.tags["commit"], version.tags["data"]) == ("4" * 40, "9" * 32)
    assert version.tags["decided_by"] == "taras" and version.tags["gate"].startswith("REFUSED")
    [model] = client.search_logged_models([experiment(client)], f"tags.bundle = '{bad.bundle}'")
    assert model.source_run_id == training.info.run_id
    figures = {metric.key: (metric.value, metric.dataset_digest) for metric in model.metrics}
    assert figures == dict.fromkeys(("digits", "scans"), (97.5, "9" * 32))
    for told in (f"runs/{training.info.run_id})", "learning_rate 0.01", "| digits8 |", model.model_id, "a trial"):
        assert told in version.description
    assert "REFUSED" in version.description and "followed by version 1 (roll back)" in version.description
    assert "not in this store" in client.get_model_version("ukr-letters", good.number).description
    bundle = registry.fetch(tmp_path / "served", bad.number)[0]
    assert bundle.made_by == {"commit": "4" * 40, "run": bad.run, "data": "9" * 32}
    assert registry.fetch(tmp_path / "served", good.number)[0].made_by is None
    model_file = client.get_model_version_download_uri("ukr-letters", bad.number)
    assert model_file == bad.source and version.status == "READY"


def test_the_champion_of_the_package_comes_with_its_figures(local: str, gold: Path, candidates: dict) -> None:
    "Into a store that knows nothing of its training; and with signature and example, as every version."
    registry, client = Registry(local, gold, CHAMPION), connect(local)
    registry.register(candidates["good"])
    network = open_bundle(CHAMPION)[0].version
    [model] = client.search_logged_models([experiment(client, RELEASES)], f"tags.network = '{network}'")
    assert {"digits", "letters", "case", "sure", "scans", "calibration"} <= {metric.key for metric in model.metrics}
    stored = Model.load(urlparse(model.artifact_location).path)
    assert stored.signature.inputs.input_names() == ["glyphs", "sizes"] and stored.saved_input_example_info
    page = client.get_model_version("ukr-letters", registry.holder("champion").number).description
    assert re.search(r"from commit `(\w{7})` and data `\w{7}`; .* `git show \1:params.yaml` has its recipe", page), page


def test_a_follower_asks_once_while_nothing_changes(
    local: str, candidates: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, asked = Registry(local, shipped=CHAMPION), []
    registry.register(candidates["good"])
    assert registry.fetch(tmp_path / "served")[1]
    real = registry.client.get_model_version_by_alias
    monkeypatch.setattr(
        registry, "client", SimpleNamespace(get_model_version_by_alias=lambda *a: (asked.append(a), real(*a))[1])
    )
    assert not registry.fetch(tmp_path / "served")[1] and asked == [("ukr-letters", "champion")]
