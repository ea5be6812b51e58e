"A site that was made at d04006e goes on under this code: everything that people gave and said is still there."

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.checkout import ROOT
from support.waiting import eventually

from ukr_letters.core.bundle import RENAMED, open_bundle
from ukr_letters.core.recognizer import CHAMPION
from ukr_letters.samples.backlog import Backlog, Filters
from ukr_letters.samples.collect import BEFORE, COPY, plan
from ukr_letters.samples.index import desk_folder
from ukr_letters.samples.intake import Collector
from ukr_letters.samples.shards import read_shards
from ukr_letters.samples.store import open_store

SITE = (
    ROOT / "tests/golden/site"
)  # its store, outbox, unsent verdict, indexes and shard, as the code of d04006e wrote them
LOCKS = ("wanted.lock", "follower.lock")  # empty files, which that code locked


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    "The store of a copy of the site, which the environment names as well."
    site = shutil.copytree(SITE, tmp_path / "site")
    for name in ("samples", "outbox", "desk"):
        monkeypatch.setenv(f"UKR_LETTERS_{name.upper()}", str(site / name))
    url = str(site / "samples")
    (site / "desk").rename(site / "unsent")
    shutil.move(site / "unsent", desk_folder(url))
    for name in LOCKS:
        (desk_folder(url) / name).touch()
    for dump in (site / "index").glob("*.sql"):
        with closing(sqlite3.connect(desk_folder(url) / f"{dump.stem}.sqlite")) as index:
            index.execute("PRAGMA journal_mode=WAL")
            index.executescript(dump.read_text())
    return url


def indexes(url: str) -> list[str]:
    "Names of the files in which that code kept drawings."
    return sorted(path.name for path in desk_folder(url).iterdir() if path.name.startswith(("wanted", "review-")))


@pytest.fixture
def working(url: str) -> Iterator[Backlog]:
    "The desk of that site at work, as the review page opens it."
    assert indexes(url) == ["review-81a3fa8ada66.sqlite", "wanted.lock", "wanted.sqlite"]
    backlog = Backlog(url)
    backlog.start()
    yield backlog
    backlog.leave()


def test_what_was_given_and_said_is_read(url: str):
    store = open_store(url)
    assert len(store) == 4 and len(store.withdrawn()) == 1
    [(_, sample, stands)] = store.accepted()
    assert (sample.label, sample.uppercase, stands.judges) == ("а", True, ("olena",))
    assert [one.decision for one in store.verdicts()] == ["accept", "reject", "undo"]


def test_a_verdict_that_waited_is_sent_and_the_index_is_made_again(url: str):
    "The indexes of before are removed, because they hold drawings that may be taken back."
    backlog = Backlog(url)
    assert backlog.counts("taras")["unsent"] == 1
    backlog.send()
    backlog.follow()
    counts = backlog.counts("taras")
    assert (counts["unsent"], counts["accepted"], counts["waiting"], counts["withdrawn"]) == (0, 2, 1, 1)
    assert backlog.coverage() == {"А": [2, 0], "7": [0, 1]}
    assert not indexes(url)


def test_a_desk_goes_on_by_itself(working: Backlog):
    "Its old index and lock stop nobody: what waited is sent, and each judge meets what is left."
    verdicts = working.store.verdicts

    def settled() -> bool:
        "Whether everything has been sent and read."
        counts = working.counts("taras")
        return (counts["unsent"], counts["accepted"], counts["waiting"], counts["withdrawn"]) == (0, 2, 1, 1)

    assert eventually(lambda: len(list(verdicts())) == 4 and settled(), 10), working.troubles
    assert set(working.troubles.values()) == {""}
    assert [one["verdict"]["char"] for one in working.history("taras")] == ["А"]
    assert [one["said"] for one in working.page(Filters(), "taras")] == ["7"]


def test_a_drawing_that_waited_is_sent(url: str):
    collector = Collector(url, lambda number, status: None)
    eventually(lambda: len(open_store(url)) == 5 and not collector.outbox.names(), 10)
    collector.leave()


def test_a_shard_is_read_and_the_next_one_goes_on_from_it(url: str):
    folder = Path(url).with_name("collected")
    [shard] = read_shards(folder)
    assert [(row.label, row.uppercase, row.judges) for row in shard.rows] == [("а", True, ["olena"])]
    backlog = Backlog(url)
    backlog.send()
    harvest = plan(open_store(url), folder=folder)
    assert harvest.left_out == {BEFORE: 1, COPY: 1} and not harvest.gone and harvest.number == 2  # the same А, moved


def test_a_bundle_is_opened_by_its_former_names(tmp_path: Path):
    folder = shutil.copytree(CHAMPION, tmp_path / "bundle")
    now, model = open_bundle(folder)
    former = {new: old for old, new in RENAMED.items()}
    fields = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({former.get(name, name): value for name, value in fields.items()}))
    assert open_bundle(folder) == (now, model)
