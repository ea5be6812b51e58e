"""One contract for all stores, kept by a folder and by a real S3 server: whole, once, for good, and judged by rules."""

import subprocess
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from support.checkout import ROOT
from support.samples import GOOD, example, said
from support.services import S3Server

from ukr_letters.core.storage import DamagedError, StoreError
from ukr_letters.samples.sample import SampleError
from ukr_letters.samples.store import Standing, Store, open_store, sample_name, standing, verdicts_name

TESTS = str(ROOT / "tests")


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    "The address of an empty store of each kind."
    return str(tmp_path / "samples") if request.param == "folder" else request.getfixturevalue("bucket")


@pytest.fixture
def store(url: str) -> Store:
    "An empty store of each kind."
    return open_store(url)


def damage(store: Store, name: str, content: bytes) -> None:
    "Change what stands under a name, as no reader or writer of ours would."
    store.storage.remove(name)
    store.storage.put(name, content)


# Kept whole, once


def test_added_and_found_again(store):
    ids = [store.add(example(number)) for number in range(5)]
    assert ids == [example(number).id for number in range(5)]
    assert list(store) == sorted(ids) and len(store) == 5
    assert sorted(sample.id for sample in store.samples()) == sorted(ids)
    assert store.get(ids[3]) == example(3)
    store.probe()


def test_adding_twice_is_adding_once(store):
    assert store.add(GOOD) == store.add(example()) == GOOD.id and len(store) == 1
    assert not store.storage.put(sample_name(GOOD.id), GOOD.to_json().encode())


def test_a_sample_does_not_follow_the_pad(store):
    "The pad goes on drawing on its own lists after a sample was taken."
    strokes = [[[10, 20, 0]]]
    sample = replace(GOOD, ink=strokes)
    id = sample.id
    strokes[0].append([30, 40, 9])
    assert sample.id == id == store.add(sample)


def test_more_than_a_page_of_names(bucket):
    "A server lists a thousand at a time, and reads are asked for in batches."
    store = open_store(bucket)
    names = [f"inbox/00/{sha256(bytes([a, b])).hexdigest()}.json" for a in range(5) for b in range(210)]
    for name in names:
        store.storage.put(name, b"ink")
    assert list(store.storage.names("inbox")) == sorted(names) and len(store) == len(names)
    assert list(store.storage.read_all(["inbox/00/none.json", *names])) == [(name, b"ink") for name in names]


# What a writer process does: add and judge, and print an id only after the call returned.
WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from support.samples import example
from support.samples import said
from ukr_letters.samples.store import open_store
store = open_store(sys.argv[2])
store.probe()
first, last = int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
for number in range(first, last):
    id = store.add(example(number))
    print(id, store.judge(said("accept", "ї", sample=id, judge=sys.argv[5])), flush=True)
"""


def start_writer(url: str, first: int, last: int, judge: str = "olena") -> subprocess.Popen:
    "A process that adds the drawings first..last-1 and judges each."
    command = [sys.executable, "-c", WRITER, TESTS, url, str(first), str(last), judge]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def all_is_whole(store: Store) -> bool:
    "Each content is what its name says."
    contents = [entry for part in ("inbox", "verdicts") for entry in store.storage.read_all(store.storage.names(part))]
    return all(name.endswith(f"/{sha256(content).hexdigest()}.json") for name, content in contents)


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_loses_nothing_acknowledged(url, seed):
    "Two writers are killed at a random moment: every printed id is there, and nothing is there by half."
    writers = [start_writer(url, first, first + 10**6) for first in (0, 10**6)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    printed = [writer.stdout.readline() for writer in writers]
    time.sleep(Random(seed).uniform(0.01, 0.3))
    for writer in writers:
        writer.kill()
        printed += writer.communicate()[0].splitlines()
    store = open_store(url)
    acknowledged = [line.split() for line in printed if len(line.strip()) == 129]  # the last line may be cut
    assert len(acknowledged) >= 2
    for id, verdict in acknowledged:
        assert store.get(id).id == id and [found.id for found in store.verdicts(id)] == [verdict]
    assert all_is_whole(store) and len(acknowledged) <= len(store) <= len(acknowledged) + len(writers)


@pytest.mark.slow
def test_four_writers_of_the_same_samples(url):
    "Four processes send the same drawings at once: each is kept once, and every verdict of every judge."
    writers = [start_writer(url, 0, 25, f"judge-{number}") for number in range(4)]
    answers = [writer.communicate(timeout=120)[0].splitlines()[1:] for writer in writers]
    store = open_store(url)
    assert [writer.returncode for writer in writers] == [0] * 4
    assert sorted(line.split()[0] for line in answers[0]) == list(store) and len(store) == 25
    assert sorted(line.split()[1] for answer in answers for line in answer) == sorted(v.id for v in store.verdicts())
    assert all_is_whole(store) and len(list(store.accepted())) == 25


# Damage


@pytest.mark.parametrize(
    "content", [b"", b"{}", GOOD.to_json().encode()[:-9], GOOD.to_json().encode() + b"\n", b"\xff"]
)
def test_a_damaged_sample_is_reported_and_skipped(store, content):
    "Truncated, emptied or edited: `get` says so, readers of many warn and go on, adding again restores it."
    ids = [store.add(example(number)) for number in range(3)]
    for id in ids:
        store.judge(said("accept", "ї", sample=id))
    damage(store, sample_name(ids[1]), content)
    with pytest.raises(DamagedError, match="was changed after it was written"):
        store.get(ids[1])
    with pytest.warns(UserWarning, match=ids[1]):
        assert len(list(store.samples())) == 2
    with pytest.warns(UserWarning, match=ids[1]):
        assert sorted(id for id, _, _ in store.accepted()) == sorted(ids[::2])
    with pytest.warns(UserWarning, match="restored"):
        store.add(example(1))
    assert store.get(ids[1]) == example(1)


def test_a_damaged_verdict_has_no_voice(store):
    store.add(GOOD)
    store.judge(said("accept", "ї"))
    wrong = store.judge(said("reject", judge="taras"))
    name = next(name for name in store.storage.names("verdicts") if wrong in name)
    damage(store, name, said("reject", judge="ivanna").to_json().encode())
    with pytest.warns(UserWarning, match=wrong):
        assert [stands.judges for _, _, stands in store.accepted()] == [("olena",)]


@pytest.mark.parametrize(
    "verdict, reason",
    [
        (said("accept", "ї", judge="taras", sample=example(1).id), "is another than its folder says"),
        (said("accepted", judge="taras"), "decision: 'accepted' is not one of"),
        (said("accept", "ї", judge="taras", created="soon"), "created: 'soon' is not an ISO time"),
    ],
)
def test_a_verdict_that_judge_would_refuse_has_no_voice(store, verdict, reason):
    "Somebody put it there by hand, under its right hash."
    store.add(GOOD)
    store.judge(said("accept", "ї"))
    store.storage.put(f"{verdicts_name(GOOD.id)}/{verdict.id}.json", verdict.to_json().encode())
    with pytest.warns(UserWarning, match=f"is not a verdict .*{reason}"):
        assert [stands.judges for _, _, stands in store.accepted()] == [("olena",)]
    with pytest.warns(UserWarning, match=reason):
        assert len(list(store.verdicts(GOOD.id))) == 1


def test_the_right_hash_makes_no_sample(store):
    "Foreign content under a fitting name is still not a sample."
    content = b'{"label": "x"}'
    id = sha256(content).hexdigest()
    store.storage.put(sample_name(id), content)
    with pytest.raises(DamagedError, match="is not a sample"):
        store.get(id)


def test_foreign_names_are_no_samples(store):
    "What a file manager or an editor leaves behind is not listed."
    store.add(GOOD)
    store.judge(said("accept", "ї"))
    for name in (".DS_Store", "notes.json", f"{GOOD.id}.json~", f"{GOOD.id.upper()}.json"):
        for folder in (f"inbox/{GOOD.id[:2]}", f"verdicts/{GOOD.id[:2]}/{GOOD.id}", "inbox"):
            store.storage.put(f"{folder}/{name}", b"x")
    assert list(store) == [GOOD.id] and len(store) == len(list(store.verdicts())) == len(list(store.accepted())) == 1


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "0" * 63, "0" * 64 + "\n", "A" * 64])
def test_only_ids_are_looked_up(store, id):
    "A string that is no id never becomes a name."
    with pytest.raises(KeyError, match="is not a sample id"):
        store.get(id)
    with pytest.raises(KeyError, match="is not a sample id"):
        list(store.verdicts(id))


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "inbox/../../x", "..", "partial/x"])
def test_no_name_leaves_its_place(store, name):
    for action in (store.storage.read, store.storage.remove, lambda name: store.storage.put(name, b"x")):
        with pytest.raises(ValueError, match="is not a name inside the storage"):
            action(name)


def test_an_unknown_id(store):
    with pytest.raises(KeyError, match="there is no inbox"):
        store.get("0" * 64)
    with pytest.raises(KeyError, match="there is no inbox"):
        store.judge(said("skip", sample="0" * 64))
    assert not list(store.verdicts("0" * 64))


# Verdicts


def test_verdicts_are_only_ever_added(store):
    "Sent twice they are kept once; a change of mind is one more; they come in the order they were given."
    store.add(GOOD)
    given = [
        said("accept", "ї"),
        said("undo", second=1),
        said("reject", second=2),
        said("skip", judge="taras", second=3),
    ]
    for verdict in [*reversed(given), given[0]]:
        assert store.judge(verdict) == verdict.id
    assert list(store.verdicts(GOOD.id)) == list(store.verdicts()) == given


def test_a_bad_verdict_is_not_kept(store):
    store.add(GOOD)
    with pytest.raises(SampleError, match="^judge: "):
        store.judge(said("skip", judge="Olena Pchilka"))
    assert not list(store.verdicts())


ACCEPT, REJECT = said("accept", "ї"), said("reject")
LATER = replace(ACCEPT, created="2026-11-24T08:00:01Z")
ACCEPTED, REJECTED = Standing("accepted", "ї", False, ("olena",)), Standing("rejected", judges=("olena",))
WRONG = said("accept", "і")  # contradicts the writer and the model

STANDINGS = {
    "nobody": ([], Standing("waiting")),
    "only a skip": ([said("skip")], Standing("waiting")),
    "one accepts": ([ACCEPT], ACCEPTED),
    "one rejects": ([REJECT], REJECTED),
    "undone": ([ACCEPT, said("undo", second=1)], Standing("waiting")),
    "undone in the same moment": ([said("undo"), ACCEPT], Standing("waiting")),
    "nothing to undo": ([said("undo"), LATER], ACCEPTED),
    "a second undo takes back the one before": (
        [REJECT, LATER, said("undo", second=2), said("undo", second=3)],
        Standing("waiting"),
    ),
    "undo takes back the latest": ([REJECT, LATER, said("undo", second=2)], REJECTED),
    "undo takes back a skip first": ([REJECT, said("skip", second=1), said("undo", second=2)], REJECTED),
    "nobody undoes for another": ([ACCEPT, said("undo", judge="taras", second=1)], ACCEPTED),
    "a change of mind": ([ACCEPT, said("reject", second=1)], REJECTED),
    "a skip is no change of mind": ([ACCEPT, said("skip", second=1)], ACCEPTED),
    "two disagree": ([ACCEPT, said("reject", judge="taras")], Standing("second", judges=("olena", "taras"))),
    "reasons do not matter": (
        [REJECT, said("reject", judge="taras", reason="abuse"), said("accept", "ї", judge="ivan")],
        Standing("rejected", judges=("olena", "taras")),
    ),
    "two of three": (
        [ACCEPT, said("reject", judge="taras"), said("accept", "ї", judge="ivan")],
        Standing("accepted", "ї", False, ("ivan", "olena")),
    ),
    "two of four": (
        [ACCEPT, said("accept", "ї", judge="ivan"), said("reject", judge="taras"), said("reject", judge="lesia")],
        Standing("second", judges=("ivan", "lesia", "olena", "taras")),
    ),
    "cases disagree": (
        [ACCEPT, said("accept", "ї", judge="taras", uppercase=True)],
        Standing("second", judges=("olena", "taras")),
    ),
    "alone against writer and model": ([WRONG], Standing("second", judges=("olena",))),
    "the same judge twice is still alone": (
        [WRONG, said("accept", "і", second=1)],
        Standing("second", judges=("olena",)),
    ),
    "two against writer and model": (
        [WRONG, said("accept", "і", judge="taras")],
        Standing("accepted", "і", False, ("olena", "taras")),
    ),
    "three labels": (
        [ACCEPT, said("accept", "і", judge="taras"), said("accept", "й", judge="ivan")],
        Standing("second", judges=("ivan", "olena", "taras")),
    ),
}


@pytest.mark.parametrize("given, stands", STANDINGS.values(), ids=STANDINGS)
def test_where_a_sample_stands(tmp_path, given, stands):
    "The rules, from verdicts that were kept in any order."
    store = open_store(str(tmp_path))
    store.add(GOOD)
    for verdict in given:
        store.judge(verdict)
    assert standing(GOOD, store.verdicts(GOOD.id)) == stands
    assert [entry[2] for entry in store.accepted()] == [stands] * (stands.state == "accepted")


# Taking back


def test_withdrawn_samples_are_not_accepted(store):
    "Nothing of a writer counts from that moment, and the others are left alone."
    for number in range(2):
        store.judge(said("accept", "ї", sample=store.add(example(number))))
    store.withdraw(example(0).writer)
    store.withdraw(example(0).writer)
    assert store.withdrawn() == {example(0).writer}
    assert [sample for _, sample, _ in store.accepted()] == [example(1)] and len(store) == 2


def test_deleted_samples_are_gone_for_good(store):
    "Damaged ones too; what was still on its way, or lies in a copy, is refused from now on."
    own = [example(0, notice=str(number)) for number in range(3)]
    for sample in [*own, example(1)]:
        store.judge(said("accept", "ї", sample=store.add(sample)))
    damage(store, sample_name(own[1].id), own[1].to_json().encode() + b" ")
    assert store.delete(own[0].writer) == 3 and store.delete(own[0].writer) == 0
    with pytest.raises(SampleError, match="^writer: has taken all drawings back"):
        store.add(own[2])
    assert list(store) == [example(1).id] == [id for id, _, _ in store.accepted()]
    assert len(list(store.verdicts())) == 4  # they hold no ink


@pytest.mark.parametrize("writer", ["", "Taras Shevchenko", "../../inbox", None])
def test_a_bad_writer_takes_nothing_back(store, writer):
    store.add(GOOD)
    with pytest.raises(SampleError, match="^writer: "):
        store.delete(writer)
    assert len(store) == 1 and not store.withdrawn()


# Opening


def test_a_folder_and_its_url_are_one_store(tmp_path):
    "A path, a file address, and a folder with a space and a Cyrillic name."
    folder = tmp_path / "мої зразки"
    open_store(str(folder)).add(GOOD)
    assert list(open_store(folder.as_uri())) == [GOOD.id]


def test_stores_in_one_bucket_do_not_meet(bucket):
    open_store(f"{bucket}/a").add(GOOD)
    assert len(open_store(f"{bucket}/a/")) == 1
    assert not list(open_store(f"{bucket}/ab")) and not list(open_store(bucket))


@pytest.mark.parametrize("url", ["https://example.org/x", "memory://x", "S3://bucket"])
def test_other_addresses_are_refused(url):
    with pytest.raises(ValueError, match="not at .*mend UKR_LETTERS_SAMPLES"):
        open_store(url)


@pytest.mark.parametrize("url", ["file://", "file://elsewhere/samples"])
def test_a_file_address_names_a_folder_here(url):
    with pytest.raises(ValueError, match="three slashes"):
        open_store(url)


ODD = ("s3://", "s3://a", "s3://Bucket/x", "s3://key:secret@host/x", "s3://bucket/a?b", "s3://bucket/../c")


@pytest.mark.parametrize("url", ODD)
def test_an_odd_bucket_is_refused(url):
    with pytest.raises(ValueError, match="write s3://bucket"):
        open_store(url)


@pytest.mark.parametrize(
    "changes, advice",
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}, "is the server running"),
    ],
    ids=["wrong key", "no key", "no server"],
)
def test_a_bucket_that_cannot_be_used_says_why(bucket, monkeypatch, tmp_path, changes, advice):
    monkeypatch.setenv("HOME", str(tmp_path))  # no keys of the person who runs the tests
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    store = open_store(bucket)
    for action in (store.probe, lambda: store.add(GOOD), lambda: store.get(GOOD.id), lambda: list(store.samples())):
        with pytest.raises(StoreError, match=advice):
            action()


def test_keys_that_may_only_read_are_noticed_by_the_probe(bucket, monkeypatch):
    open_store(bucket).add(GOOD)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    store = open_store(bucket)
    assert store.get(GOOD.id) == GOOD and len(store) == 1
    with pytest.raises(StoreError, match="what they may do in this bucket"):
        store.probe()


def test_a_bucket_that_does_not_exist(bucket):
    store = open_store("s3://nowhere-to-be-found/samples")
    for action in (store.probe, lambda: store.get(GOOD.id), lambda: len(store)):
        with pytest.raises(StoreError, match="make the bucket, or correct its name"):
            action()


def test_without_the_extra_the_message_names_it():
    "A default installation, played by a Python that finds no s3fs."
    script = "import sys; sys.modules['s3fs'] = None; from ukr_letters.samples.store import open_store; open_store('s3://bucket')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1 and "pip install 'ukr-letters[s3]'" in done.stderr.splitlines()[-1]


def test_what_the_server_acknowledged_survives_its_crash(tmp_path, monkeypatch):
    "The server is killed while we write, and started again: every acknowledged drawing is there."
    server = S3Server(tmp_path / "s3")
    server.start()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    store = open_store("s3://drawings/crash")
    kept = [store.add(example(number)) for number in range(20)]
    server.stop()
    with pytest.raises(StoreError, match="is the server running"):
        store.add(example(20))
    server.start()
    assert list(store) == sorted(kept) and len(list(store.samples())) == 20
    server.stop()
