"""A store that is down loses nothing and stops nobody; a flood of one writer does not drown the others."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import pytest
from support.checkout import ROOT
from support.pages import serving
from support.samples import GOOD, example
from support.services import BUCKET, KEYS, S3Server
from support.strokes import letter
from support.waiting import eventually
from support.websocket import Visitor

from ukr_letters.core.settings import root
from ukr_letters.samples.intake import (
    DAY,
    PER_DAY,
    PER_MINUTE,
    SHARED,
    Collector,
    Outbox,
    Quota,
    note_visitor,
    outbox_folder,
)
from ukr_letters.samples.sample import Sample
from ukr_letters.samples.store import open_store

SOON = (0.05,)  # seconds between attempts
TESTS = str(ROOT / "tests")


class Page:
    "Somebody who draws: a collector and what it said of each drawing."

    def __init__(self, url: str, **options: object):
        self.heard: list[tuple[int, str]] = []
        self.collector = Collector(url, lambda *news: self.heard.append(news), **{"pauses": SOON, **options})

    def draw(self, *samples: Sample) -> None:
        "Finish these drawings, numbered from 0."
        for number, sample in enumerate(samples):
            self.collector.keep(number, sample)

    def says(self, number: int, status: str) -> bool:
        "Whether this was said of a drawing, sooner or later."
        return bool(eventually(lambda: (number, status) in self.heard, 20))


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    "The outbox of all collectors in a test."
    monkeypatch.setenv("UKR_LETTERS_OUTBOX", str(tmp_path / "outbox"))
    return tmp_path / "outbox"


def waiting(outbox: Path) -> set[str]:
    "Ids of the drawings in an outbox."
    return {path.stem for path in outbox.glob("waiting/*.json")}


@pytest.fixture(scope="module")
def stopping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    "An S3 server for the tests that stop it."
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def shaky(stopping: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    "An S3 server that may be stopped; the keys to it are in the environment."
    for name, value in stopping.environment.items():
        monkeypatch.setenv(name, value)
    yield stopping
    if not stopping.answers():
        stopping.stop()
        stopping.start()


@pytest.fixture
def bucket() -> str:
    "The address of an empty store in a bucket."
    return f"s3://{BUCKET}/{token_hex(8)}"


# A server that comes and goes


def test_a_server_that_is_down_loses_nothing(shaky, bucket, outbox):
    "Drawings wait on this machine, each is told so, and all arrive when the server is back."
    page = Page(bucket)
    page.draw(example(0))
    assert page.says(0, "saved") and not eventually(lambda: waiting(outbox), 0.1)
    shaky.stop()
    samples = [example(number) for number in range(1, 4)]
    page.collector.keep(1, samples[0])
    assert page.says(1, "waiting")
    for number in (2, 3):
        page.collector.keep(number, samples[number - 1])
        assert page.says(number, "waiting")  # although the first one is tried first
    assert waiting(outbox) == {sample.id for sample in samples}
    shaky.start()
    assert all(page.says(number, "saved") for number in (1, 2, 3))
    page.collector.leave()
    assert not waiting(outbox) and len(open_store(bucket)) == 4


# A page whose kernel is killed as soon as its drawings are taken.
KERNEL = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from support.samples import example
from ukr_letters.samples.intake import Collector
collector = Collector(sys.argv[2], lambda *news: print(*news, flush=True))
for number in range(3):
    collector.keep(number, example(number))
time.sleep(60)
"""


def test_a_kernel_killed_while_the_server_is_down(shaky, bucket, outbox):
    "The next page has drawn nothing yet, but its start empties the outbox."
    shaky.stop()
    command = [sys.executable, "-c", KERNEL, TESTS, bucket]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout.readline() == "0 waiting\n"
        ids = {example(number).id for number in range(3)}
        assert eventually(lambda: waiting(outbox) == ids)
        kernel.kill()
    shaky.start()
    page = Page(bucket)
    assert eventually(lambda: not waiting(outbox), 20) and not page.heard
    page.collector.leave()
    assert set(open_store(bucket)) == ids


def test_a_page_left_while_the_server_does_not_answer(bucket, outbox, monkeypatch):
    "A server that accepts and then says nothing holds a leaving visitor up no longer than allowed."
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        for name, value in {**KEYS, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}.items():
            monkeypatch.setenv(name, value)
        page = Page(bucket)
        page.draw(example(0), example(1))
        page.collector.leave(seconds=1)
    assert waiting(outbox) == {example(0).id, example(1).id} and not page.heard


def test_the_page_goes_on_while_the_server_is_down(shaky, bucket, outbox, tmp_path):
    "A drawing is recognised, told to wait, and saved in the bucket when the server is back."
    with serving(tmp_path / "samples", samples=bucket, pool=0) as running:
        visitor = Visitor(running.url).sit_down()
        shaky.stop()
        assert [visitor.stroke(stroke) for stroke in letter("5")][-1]["named"] == ["5"]
        visitor.tell(visitor.page, kind="choose", char="5")
        assert visitor.told("waiting") and len(waiting(outbox)) == 1
        shaky.start()
        assert visitor.told("saved")
        visitor.close()
    assert len(list((outbox / "times").glob("address-*"))) == 1  # the server told the kernel who is there
    assert [sample.label for sample in open_store(bucket).samples()] == ["5"]


# The outbox


@pytest.fixture
def broken(tmp_path: Path, outbox: Path) -> Path:
    "A folder for samples where a file is in the way; two drawings already wait for it."
    folder = tmp_path / "samples"
    folder.write_text("in the way")
    page = Page(str(folder))
    page.draw(example(0), example(1))
    page.collector.leave()
    assert waiting(outbox) == {example(0).id, example(1).id}
    return folder


def test_many_pages_empty_one_outbox(broken, outbox):
    "All at the same time; each drawing arrives once."
    broken.unlink()
    pages = [Page(str(broken)) for _ in range(4)]
    assert eventually(lambda: not waiting(outbox))
    for page in pages:
        page.collector.leave()
    assert set(open_store(str(broken))) == {example(0).id, example(1).id}


def test_a_damaged_drawing_stays_and_stops_nobody(broken, outbox, caplog):
    (outbox / "waiting" / f"{example(0).id}.json").write_text("half a dra")
    broken.unlink()
    page = Page(str(broken))
    assert eventually(lambda: waiting(outbox) == {example(0).id}) and "was changed" in caplog.text
    page.collector.leave()
    assert list(open_store(str(broken))) == [example(1).id]


def test_what_was_taken_back_meanwhile_is_not_sent(broken, outbox):
    broken.unlink()
    open_store(str(broken)).delete(example(0).writer)
    page = Page(str(broken))
    assert eventually(lambda: not waiting(outbox))
    page.collector.leave()
    assert list(open_store(str(broken))) == [example(1).id]


def test_a_full_disk_leaves_drawings_in_memory(tmp_path, monkeypatch):
    "Neither counted nor sheltered, but delivered while the page lives; a file in the way is as good as a full disk."
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox" / "waiting").touch()
    (tmp_path / "outbox" / "times").touch()
    monkeypatch.setenv("UKR_LETTERS_OUTBOX", str(tmp_path / "outbox"))
    page = Page(str(tmp_path / "samples"))
    page.draw(example(0), example(1))
    assert page.says(0, "saved") and page.says(1, "saved")
    page.collector.leave()
    assert len(open_store(str(tmp_path / "samples"))) == 2


def test_a_refused_drawing_is_not_kept_anywhere(tmp_path, outbox):
    page = Page(str(tmp_path / "samples"))
    page.draw(replace(GOOD, device="brush"), example(1))
    assert page.says(0, "refused") and page.says(1, "saved")
    page.collector.leave()
    assert list(open_store(str(tmp_path / "samples"))) == [example(1).id] and not waiting(outbox)


def test_where_the_outbox_lies(tmp_path, monkeypatch):
    "Beside the samples, at the root for a bucket, or where the operator wants it."
    monkeypatch.delenv("UKR_LETTERS_OUTBOX", raising=False)
    assert outbox_folder(f"{tmp_path}/kept/here") == tmp_path / "kept" / "here-outbox"
    assert outbox_folder((tmp_path / "мої зразки").as_uri()) == tmp_path / "мої зразки-outbox"
    assert outbox_folder("s3://bucket/samples") == root() / "samples-outbox"
    monkeypatch.setenv("UKR_LETTERS_OUTBOX", str(tmp_path / "elsewhere"))
    assert outbox_folder("s3://bucket/samples") == tmp_path / "elsewhere"


# Limits


class Clock:
    "Time that goes on when it is told to."

    def __init__(self):
        self.seconds = time.time()

    def __call__(self) -> float:
        return self.seconds


def of_one(writer: str, number: int) -> Sample:
    "A drawing of this writer."
    return example(number, writer=writer)


def test_a_flood_is_refused_and_others_are_not(tmp_path, outbox):
    "Opening the page anew does not help; a minute later the writer is welcome again."
    clock, folder = Clock(), str(tmp_path / "samples")
    page = Page(folder, clock=clock)
    page.draw(*(of_one("somebody", number) for number in range(PER_MINUTE + 5)))
    assert page.says(PER_MINUTE + 4, "limited")
    page.collector.leave()
    again = Page(folder, clock=clock)
    again.draw(of_one("somebody", 90), of_one("another-hand", 0))
    assert again.says(0, "limited") and again.says(1, "saved")
    clock.seconds += 60
    again.collector.keep(2, of_one("somebody", 91))
    assert again.says(2, "saved")
    again.collector.leave()
    writers = [sample.writer for sample in open_store(folder).samples()]
    assert (writers.count("somebody"), writers.count("another-hand")) == (PER_MINUTE + 1, 1) and not waiting(outbox)


@pytest.mark.slow
def test_a_flood_under_many_names_is_refused(tmp_path, outbox, monkeypatch):
    "A script that calls itself another writer each time still sends from one address."
    monkeypatch.setenv("UKR_LETTERS_VISITORS", str(tmp_path))
    monkeypatch.setattr("ukr_letters.samples.intake.own_kernel", lambda: "kernel")
    note_visitor("kernel", "192.0.2.7")
    clock, most = Clock(), SHARED * PER_MINUTE
    page = Page(str(tmp_path / "samples"), clock=clock)
    page.draw(*(of_one(f"name-{number:04}", number) for number in range(most + 1)))
    assert page.says(most, "limited") and page.says(most - 1, "saved")
    note_visitor("kernel", "192.0.2.8")
    page.collector.keep(most + 1, of_one("name-next", most + 1))
    assert page.says(most + 1, "saved")
    page.collector.leave()
    assert not any("192.0.2" in path.name for path in (outbox / "times").iterdir())


def test_an_honest_writer_meets_no_limit(tmp_path):
    "A drawing every two seconds, for ten minutes."
    clock = Clock()
    quota = Quota(tmp_path, clock)
    for _ in range(300):
        assert quota.grant("honest-hand")
        clock.seconds += 2


def test_a_day_has_a_limit_too(tmp_path):
    "Somebody who has been busy since the morning."
    clock = Clock()
    quota = Quota(tmp_path, clock)
    (tmp_path / "busy-hand").write_text("".join(f"{clock() - 3 * ago}\n" for ago in range(PER_DAY, 21, -1)))
    granted = [quota.grant("busy-hand") for _ in range(25)]
    assert granted == [True] * 21 + [False] * 4 and quota.grant("another-hand")
    clock.seconds += DAY
    assert quota.grant("busy-hand")


def test_pages_of_one_writer_count_together(tmp_path):
    "Forty drawings at the same moment, from eight pages."
    clock = Clock()
    pages = [Quota(tmp_path, clock) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda number: pages[number % 8].grant("same-hand"), range(40)))
    assert sum(granted) == PER_MINUTE


def test_old_counts_are_tidied_up(tmp_path):
    Quota(tmp_path).grant("old-hand-1")
    yesterday = (tmp_path / "old-hand-1").stat().st_mtime - DAY - 60
    os.utime(tmp_path / "old-hand-1", (yesterday, yesterday))
    Quota(tmp_path).grant("new-hand-1")
    assert [path.name for path in tmp_path.iterdir()] == ["new-hand-1"]


@pytest.mark.parametrize("content", ["not a time\n", "\n\n"])
def test_a_damaged_count_is_forgiven(tmp_path, outbox, content):
    (outbox / "times").mkdir(parents=True)
    (outbox / "times" / GOOD.writer).write_text(content)
    page = Page(str(tmp_path / "samples"))
    page.draw(GOOD)
    assert page.says(0, "saved")
    page.collector.leave()


def test_an_outbox_is_as_safe_as_a_store(tmp_path):
    "What was put is there for the next process, whole."
    Outbox(tmp_path, Sample).put(GOOD)
    outbox = Outbox(tmp_path, Sample)
    assert list(outbox.records(outbox.names())) == [GOOD]
    outbox.remove(GOOD)
    assert not outbox.names()
