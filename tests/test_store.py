"""The store keeps its promise: acknowledged means kept, whole, once, and nonsense stays out."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ukr_letters.alphabet import CLASSES, DIGITS, LETTERS
from ukr_letters.sample import (
    ALTERNATIVES,
    DEVICES,
    MARGIN,
    MAX_BYTES,
    MAX_POINTS,
    MAX_SIDE,
    MAX_STROKES,
    MAX_TIME,
    MODES,
    Sample,
    SampleError,
    check,
    now,
)
from ukr_letters.store import STALE, DamagedError, StoreError, open_store

CANVAS = {"width": 320, "height": 300, "cap": 60, "x_height": 110, "baseline": 220, "descender": 270}
GUESS = {"mode": "auto", "top": [["ї", 0.91], ["і", 0.06]], "uppercase_probability": 0.2}


def drawing(number: int = 0, points: int = 60) -> Sample:
    "A sample of usual size; each number gives another drawing."
    strokes = [[[100 + i, 120 + number % 97 + i / 10, 8 * i] for i in range(points)], [[90.5, 95, 8 * points]]]
    return Sample(
        ink=strokes, label="ї", uppercase=False, guess=GUESS, model="3f9c2a7d", renderer="1",
        writer=f"writer-{number:06d}", device="touch", canvas=CANVAS,
        created="2026-11-23T09:45:12.345+00:00", notice="1",
    )


GOOD = drawing()


def stored_files(folder: Path) -> list[Path]:
    "Every file below the inbox, whatever its name."
    return [path for path in (folder / "inbox").rglob("*") if path.is_file()]


def assert_all_valid(folder: Path) -> None:
    "Each file in the inbox is one whole sample under its own name."
    for path in stored_files(folder):
        content = path.read_bytes()
        assert path.name == f"{sha256(content).hexdigest()}.json"
        check(Sample.from_json(content.decode()))


# What a writer process does: add for ever (or N drawings), print each id only after `add` returned.
WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from test_store import drawing
from ukr_letters.store import open_store
store = open_store(sys.argv[2])
first, last = int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
for number in range(first, last):
    print(store.add(drawing(number)), flush=True)
"""


def start_writer(folder: Path, first: int, last: int, **options) -> subprocess.Popen:
    "A process that adds the drawings first..last-1."
    command = [sys.executable, "-c", WRITER, str(Path(__file__).parent), str(folder), str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


# Crashes


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_loses_nothing_acknowledged(tmp_path, seed):
    "Two writers are killed at a random moment: every printed id is there, and no half sample is."
    writers = [start_writer(tmp_path, first, first + 10**6) for first in (0, 10**6)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    time.sleep(random.Random(seed).uniform(0.01, 0.4))
    acknowledged = []
    for writer in writers:
        writer.kill()
        acknowledged += writer.communicate()[0].split()
    store = open_store(str(tmp_path))
    assert acknowledged and len(set(acknowledged)) == len(acknowledged)
    for id in acknowledged:
        check(store.get(id))
    assert_all_valid(tmp_path)
    assert len(acknowledged) <= len(store) <= len(acknowledged) + len(writers)  # one in flight each
    assert len(list((tmp_path / "partial").iterdir())) <= len(writers)


def test_the_order_of_the_steps_survives_a_power_cut(tmp_path, monkeypatch):
    "Bytes are synced before they get their name, the name before `add` returns; new folders are synced in their parents."
    steps = []
    sync, link = os.fsync, os.link
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append(Path(os.readlink(f"/proc/self/fd/{handle}"))), sync(handle)))
    monkeypatch.setattr(os, "link", lambda source, final: (steps.append("link"), link(source, final)))
    store = open_store(str(tmp_path / "samples"))
    final = store.path(store.add(GOOD))
    before, after = steps[: steps.index("link")], steps[steps.index("link") + 1 :]
    assert {tmp_path, store.folder, store.inbox} <= set(before) and before[-1].parent == store.partial
    assert after == [final.parent]
    steps.clear()
    open_store(str(store.folder)).add(GOOD)  # another writer may not have come to its own syncs yet
    assert store.inbox in steps[: steps.index("link")] and steps[-1] == final.parent


# Each step of `add` may be the last one: the process dies by SIGKILL right before the call is made.
KILLED_AT = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_store import drawing
from ukr_letters.store import open_store
store = open_store(sys.argv[2])
store.add(drawing(0))
def die(event, arguments):
    if event == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "fsync":  # fsync raises no audit event
    os.fsync = lambda handle: die("fsync", ())
else:
    sys.addaudithook(die)
store.add(drawing(1))
"""


@pytest.mark.parametrize("step, kept", [("open", 1), ("fsync", 1), ("os.link", 1), ("os.remove", 2)])
def test_kill_9_at_each_step(tmp_path, step, kept):
    "Before the link the new sample is absent, after it the sample is whole; the next try succeeds."
    command = [sys.executable, "-c", KILLED_AT, str(Path(__file__).parent), str(tmp_path), step]
    assert subprocess.run(command).returncode == -9
    store = open_store(str(tmp_path))
    assert_all_valid(tmp_path)
    assert len(store) == kept
    store.add(drawing(1))
    assert len(store) == 2


def test_leftovers_are_invisible_and_swept(tmp_path):
    "Partial files are no samples; those of an hour ago go when the store is opened, fresh ones stay."
    store = open_store(str(tmp_path))
    store.add(GOOD)
    old, fresh = (tmp_path / "partial" / name for name in ("old", "fresh"))
    for path in (old, fresh):
        path.write_text('{"ink": [[[1')
    an_hour_ago = time.time() - STALE - 60
    os.utime(old, (an_hour_ago, an_hour_ago))
    again = open_store(str(tmp_path))
    assert list(again) == [GOOD.id] and fresh.exists() and not old.exists()


# Many writers


def test_four_writers_of_the_same_samples(tmp_path):
    "Four processes add the same 60 drawings at once: each is kept exactly once, all get the same ids."
    writers = [start_writer(tmp_path, 0, 60) for _ in range(4)]
    answers = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert all(answer == answers[0] for answer in answers)
    assert sorted(answers[0][1:]) == list(open_store(str(tmp_path)))
    assert len(stored_files(tmp_path)) == 60 and not list((tmp_path / "partial").iterdir())
    assert_all_valid(tmp_path)


def test_adding_twice_is_adding_once(tmp_path):
    "The same content has one id and one file, and a second send leaves the file as it was."
    store = open_store(str(tmp_path))
    id = store.add(GOOD)
    before = store.path(id).stat()
    assert store.add(drawing()) == id == GOOD.id
    after = store.path(id).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns) and len(store) == 1


def test_content_decides_the_id():
    "Every field counts; the order of keys, tuples for lists and a hundredth of a pixel do not."
    other = {**vars(GOOD), "canvas": dict(reversed(CANVAS.items())), "guess": {**GUESS, "top": tuple(GUESS["top"])}}
    other["ink"] = [[(x + 0.004, y, t) for x, y, t in stroke] for stroke in GOOD.ink]
    assert Sample(**other).id == GOOD.id
    assert replace(GOOD, ink=[[[-0.01, 0]]]).id == replace(GOOD, ink=[[[0, 0]]]).id  # no minus zero
    changes = dict(
        ink=[[[1, 2]]], label="і", uppercase=True, guess={**GUESS, "mode": "letters"}, model="other", renderer="2",
        writer="another-one", device="pen", canvas={**CANVAS, "cap": 61}, created=now(), notice="2",
    )
    assert set(changes) == set(vars(GOOD))
    assert len({GOOD.id, *(replace(GOOD, **{name: value}).id for name, value in changes.items())}) == len(changes) + 1


def test_a_sample_does_not_follow_the_pad(tmp_path):
    "The pad goes on drawing on its own lists after a sample was taken."
    strokes = [[[10, 20, 0]]]
    sample = replace(GOOD, ink=strokes)
    id = sample.id
    strokes[0].append([30, 40, 9])
    assert sample.id == id == open_store(str(tmp_path)).add(sample)


# Damage


@pytest.mark.parametrize("damage", [b"", b"{}", GOOD.to_json().encode()[:-9], GOOD.to_json().encode() + b"\n", b"\xff"])
def test_a_damaged_file_is_reported_and_skipped(tmp_path, damage):
    "Truncated, emptied or edited: `get` says so, `samples` warns and goes on, adding again restores it."
    store = open_store(str(tmp_path))
    ids = [store.add(drawing(number)) for number in range(3)]
    store.path(ids[1]).write_bytes(damage)
    with pytest.raises(DamagedError, match="was changed after it was written"):
        store.get(ids[1])
    with pytest.warns(UserWarning, match=ids[1]):
        assert len(list(store.samples())) == 2
    with pytest.warns(UserWarning, match="restored"):
        store.add(drawing(1))
    assert store.get(ids[1]) == drawing(1)


def test_a_file_with_the_right_hash_that_is_no_sample(tmp_path):
    "A foreign file under a fitting name is still not a sample."
    store = open_store(str(tmp_path))
    content = b'{"label": "x"}'
    id = sha256(content).hexdigest()
    store.path(id).parent.mkdir()
    store.path(id).write_bytes(content)
    with pytest.raises(DamagedError, match="is not a sample"):
        store.get(id)


def test_foreign_files_are_no_samples(tmp_path):
    "What a file manager or an editor leaves behind is not listed."
    store = open_store(str(tmp_path))
    path = store.path(store.add(GOOD))
    for name in (".DS_Store", "notes.json", f"{path.stem}.json~", f"{path.stem.upper()}.json"):
        path.with_name(name).write_text("x")
    (store.inbox / "README").write_text("x")
    assert list(store) == [GOOD.id] and len(store) == 1


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "0" * 63, "0" * 64 + "\n", "A" * 64])
def test_only_ids_are_looked_up(tmp_path, id):
    "A string that is no id never becomes a path."
    with pytest.raises(KeyError, match="is not a sample id"):
        open_store(str(tmp_path)).get(id)


def test_an_unknown_id(tmp_path):
    with pytest.raises(KeyError, match="there is no sample"):
        open_store(str(tmp_path)).get("0" * 64)


# When it cannot write

FULL = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from test_store import drawing
from ukr_letters.store import StoreError, open_store
store = open_store(sys.argv[2])
if sys.argv[3] == "limit":
    kept = [store.add(drawing(0))]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
else:
    kept = []
try:
    for number in range(1, 1000):
        kept.append(store.add(drawing(number)))
    raise SystemExit("the disk was never full")
except StoreError as error:
    reason = str(error)
left = [path.name for path in store.partial.iterdir()]
readable = [sample.id for sample in store.samples()]
print(json.dumps([reason, left, sorted(kept) == sorted(readable), len(kept)]))
"""


def run_until_full(folder: Path, kind: str, *prefix: str) -> list:
    "Add until the disk is full: the reason, leftovers, whether exactly the acknowledged ones are kept, how many."
    command = [*prefix, sys.executable, "-c", FULL, str(Path(__file__).parent), str(folder), kind]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_limit_on_file_sizes(tmp_path):
    "A write that stops half-way ends in advice and leaves nothing behind."
    reason, left, exact, kept = run_until_full(tmp_path, "limit")
    assert "file sizes is reached: raise it" in reason and not left and exact and kept == 1


def test_a_full_disk(tmp_path):
    "A real file system of 400 kB, mounted in a namespace of its own that ends with the process."
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=400k tmpfs "$0" && exec "$@"']
    try:
        possible = subprocess.run([*mount, str(tmp_path), "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        possible = False
    if not possible:
        pytest.skip("this machine lets nobody mount a small file system")
    reason, left, exact, kept = run_until_full(tmp_path, "disk", *mount, str(tmp_path))
    assert "the disk is full: free some space" in reason and not left and exact and kept > 10


def test_a_file_in_the_way(tmp_path):
    "A folder cannot be made below a file; the message says what to choose."
    (tmp_path / "note").write_text("x")
    with pytest.raises(StoreError, match="choose another folder"):
        open_store(str(tmp_path / "note" / "samples"))


def test_a_folder_removed_under_a_running_server(tmp_path):
    "Somebody tidies up: the store makes its folders again, at the latest for the next try."
    store = open_store(str(tmp_path / "samples"))
    store.add(GOOD)
    (tmp_path / "samples").rename(tmp_path / "moved")
    with pytest.raises(StoreError, match="cannot keep a sample"):
        store.add(GOOD)
    assert store.add(GOOD) == GOOD.id and store.get(GOOD.id) == GOOD


# Opening


def test_a_folder_and_its_url_are_one_store(tmp_path):
    "A path, a file address, and a folder with a space and a Cyrillic name."
    folder = tmp_path / "мої зразки"
    open_store(str(folder)).add(GOOD)
    assert list(open_store(folder.as_uri())) == [GOOD.id]


@pytest.mark.parametrize("url", ["s3://bucket/samples", "https://example.org/x", "memory://x"])
def test_other_addresses_are_refused(url):
    with pytest.raises(ValueError, match=f"not at {url.split('://')[0]}://"):
        open_store(url)


@pytest.mark.parametrize("url", ["file://", "file://elsewhere/samples"])
def test_a_file_address_names_a_folder_here(url):
    with pytest.raises(ValueError, match="three slashes"):
        open_store(url)


# Limits


def guess(**changes) -> dict:
    "A good guess with some of its entries changed."
    return {**GUESS, **changes}


def canvas(**changes) -> dict:
    "A good canvas with some of its entries changed."
    return {**CANVAS, **changes}


EDGE = CANVAS["width"] + MARGIN * CANVAS["width"]  # the last x that is not too far off the pad
SOON = (datetime.now(timezone.utc) + timedelta(days=2)).isoformat()
LONG = [[[-4000.5, 12000.5, MAX_TIME]] * MAX_POINTS]  # few enough points, but long numbers

REFUSED = {
    "no ink": (dict(ink=[]), "ink: is empty"),
    "stroke without points": (dict(ink=[[]]), "ink: stroke 1 has no points"),
    "strokes": (dict(ink=[[[1, 1, 0]]] * (MAX_STROKES + 1)), f"ink: {MAX_STROKES + 1} strokes are more"),
    "points": (dict(ink=[[[1, 1, 0]] * (MAX_POINTS + 1)]), f"ink: {MAX_POINTS + 1} points are more"),
    "size": (dict(ink=LONG, canvas=canvas(width=MAX_SIDE, height=MAX_SIDE)), "size: .* bytes are more"),
    "not a number": (dict(ink=[[[1, float("nan")]]]), "ink: .*not finite"),
    "infinite": (dict(ink=[[[float("inf"), 1]]]), "ink: .*not finite"),
    "too large for a float": (dict(ink=[[[10**400, 1]]]), "ink: "),
    "one coordinate": (dict(ink=[[[1]]]), "ink: "),
    "ink as text": (dict(ink="ink"), "ink: "),
    "no list": (dict(ink=None), "ink: "),
    "far right": (dict(ink=[[[EDGE + 1, 10]]]), "ink: .*too far off"),
    "far above": (dict(ink=[[[10, -EDGE]]]), "ink: .*too far off"),
    "backwards": (dict(ink=[[[1, 1, 9], [1, 1, 8]]]), "ink: times run backwards"),
    "backwards between strokes": (dict(ink=[[[1, 1, 9]], [[1, 1, 8]]]), "ink: times run backwards"),
    "too long": (dict(ink=[[[1, 1, 0], [1, 1, MAX_TIME + 1]]]), "ink: times must lie between"),
    "negative time": (dict(ink=[[[1, 1, -1]]]), "ink: times must lie between"),
    "some times": (dict(ink=[[[1, 1, 0], [1, 1]]]), "ink: either every point has a time or none"),
    "Latin label": (dict(label="c"), "label: 'c' is not one of"),
    "capital label": (dict(label="Ї"), "label: 'Ї' is not one of"),
    "label list": (dict(label=["ї"]), "label: "),
    "case of a digit": (dict(label="7", uppercase=True), "uppercase: only letters have a case"),
    "case of nothing": (dict(label=None, uppercase=False), "uppercase: only letters have a case"),
    "case number": (dict(uppercase=1), "uppercase: 1 is not true, false or null"),
    "device": (dict(device="brush"), "device: 'brush' is not one of"),
    "guess missing": (dict(guess={}), "guess: must have exactly"),
    "guess extra": (dict(guess=guess(name="Taras")), "guess: must have exactly"),
    "guess list": (dict(guess=[]), "guess: must have exactly"),
    "guess mode": (dict(guess=guess(mode="all")), "guess: mode must be one of"),
    "guess top": (dict(guess=guess(top="ї")), "guess: top must be a list"),
    "guess pairs": (dict(guess=guess(top=["ї"])), "guess: each reading in top must be"),
    "guess class": (dict(guess=guess(top=[["x", 0.5]])), "guess: each reading needs one of the classes"),
    "guess probability": (dict(guess=guess(top=[["ї", 1.5]])), "guess: each reading needs one of the classes"),
    "guess probability text": (dict(guess=guess(top=[["ї", "1"]])), "guess: each reading needs one of the classes"),
    "guess twice": (dict(guess=guess(top=[["ї", 0.5], ["ї", 0.4]])), "guess: top names a class twice"),
    "guess order": (dict(guess=guess(top=[["ї", 0.4], ["і", 0.5]])), "guess: top must begin with the likeliest"),
    "guess many": (dict(guess=guess(top=[[c, 0.1] for c in LETTERS[: ALTERNATIVES + 1]])), "guess: top must be a list"),
    "guess case": (dict(guess=guess(uppercase_probability=2)), "guess: uppercase_probability"),
    "guess not JSON": (dict(guess=guess(top=[["ї", object()]])), "guess: cannot be written as JSON"),
    "guess NaN": (dict(guess=guess(uppercase_probability=float("nan"))), "guess: cannot be written as JSON"),
    "canvas missing": (dict(canvas={"width": 320}), "canvas: must have exactly"),
    "canvas size": (dict(canvas=canvas(width=0)), "canvas: width must be"),
    "canvas huge": (dict(canvas=canvas(height=10**400)), "canvas: height must be"),
    "canvas guide": (dict(canvas=canvas(descender=301)), "canvas: descender must lie within"),
    "canvas order": (dict(canvas=canvas(cap=230)), "canvas: guide lines must stand in the order"),
    "canvas truth": (dict(canvas=canvas(width=True)), "canvas: width must be"),
    "created": (dict(created="yesterday"), "created: 'yesterday' is not an ISO time"),
    "created number": (dict(created=0), "created: 0 is not an ISO time"),
    "created zone": (dict(created="2026-11-23T11:45:12+02:00"), "created: .* must be in UTC"),
    "created naive": (dict(created="2026-11-23T11:45:12"), "created: .* must be in UTC"),
    "created later": (dict(created=SOON), "created: .* is in the future"),
    "writer": (dict(writer="Taras Shevchenko"), "writer: must be a random id"),
    "writer short": (dict(writer="1"), "writer: must be a random id"),
    "writer long": (dict(writer="w" * 65), "writer: must be a random id"),
    "writer none": (dict(writer=None), "writer: must be a random id"),
    "model": (dict(model=""), "model: must be a version"),
    "renderer": (dict(renderer=1), "renderer: must be a version"),
    "notice": (dict(notice="v1\n"), "notice: must be a version"),
}


@pytest.mark.parametrize("changes, reason", REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path, changes, reason):
    "Each limit has a case that breaks it alone; nothing of it reaches the disk."
    with pytest.raises(SampleError, match=f"^{reason}"):
        open_store(str(tmp_path)).add(Sample(**{**vars(GOOD), **changes}))
    assert not stored_files(tmp_path)


ACCEPTED = {
    "as it is": {},
    "most strokes": dict(ink=[[[1, 1, 0]]] * MAX_STROKES),
    "most points": dict(ink=[[[1, 1, 0]] * MAX_POINTS]),
    "longest": dict(ink=[[[1, 1, 0], [1, 1, MAX_TIME]]]),
    "off the pad": dict(ink=[[[EDGE, 10]]]),
    "a tap without time": dict(ink=[[[1, 1]]]),
    "unlabelled": dict(label=None, uppercase=None),
    "case unknown": dict(uppercase=None),
    "digit": dict(label="7", uppercase=None),
    "no answer": dict(guess=guess(top=[], uppercase_probability=None)),
    "Z": dict(created="2026-11-23T09:45:12Z"),
    "now": dict(created=now()),
    "a UUID": dict(writer="6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(tmp_path, changes):
    "The last value on the good side of each limit is kept."
    sample = Sample(**{**vars(GOOD), **changes})
    store = open_store(str(tmp_path))
    assert store.get(store.add(sample)) == sample


# The text

pixels = st.floats(-100, 400, allow_nan=False)
points = st.lists(st.tuples(pixels, pixels), min_size=1, max_size=12)
probabilities = st.floats(0, 1, allow_nan=False)
tops = st.lists(st.tuples(st.sampled_from(CLASSES), probabilities), max_size=ALTERNATIVES, unique_by=lambda pair: pair[0])
answers = st.one_of(
    st.tuples(st.sampled_from(LETTERS), st.sampled_from([True, False, None])),
    st.tuples(st.sampled_from([*DIGITS, None]), st.none()),
)


@st.composite
def samples(draw) -> Sample:
    "Any sample that a pad can make."
    label, uppercase = draw(answers)
    ink = draw(st.lists(points, min_size=1, max_size=4))
    if draw(st.booleans()):
        times = iter(sorted(draw(st.lists(st.integers(0, MAX_TIME), min_size=48, max_size=48))))
        ink = [[(x, y, next(times)) for x, y in stroke] for stroke in ink]
    top = sorted(draw(tops), key=lambda pair: -pair[1])
    case = draw(st.none() | probabilities)
    return replace(
        GOOD, ink=ink, label=label, uppercase=uppercase, device=draw(st.sampled_from(DEVICES)),
        guess={"mode": draw(st.sampled_from(MODES)), "top": top, "uppercase_probability": case},
        writer=draw(st.from_regex(r"\A[A-Za-z0-9_-]{8,64}\Z")),
        created=draw(st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1))).isoformat() + "Z",
    )


@settings(max_examples=80, deadline=None)
@given(samples())
def test_round_trip(sample):
    "What a pad can make passes the limits and comes back from its text as it was, with the same name."
    check(sample)
    again = Sample.from_json(sample.to_json())
    assert again == sample and again.id == sample.id and again.to_json() == sample.to_json()
    assert sample.id == sha256(sample.to_json().encode()).hexdigest()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(vars(GOOD))), json_values)
def test_no_text_breaks_the_reader(field, value):
    "Any JSON in any field is a sample or a `SampleError`, never another error."
    text = json.dumps({**vars(GOOD), field: value})
    try:
        check(Sample.from_json(text))
    except SampleError as error:
        assert ": " in str(error)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "json: cannot be read"),
        ("[1]", "json: must be an object"),
        ("[" * 100_000, "json: cannot be read"),
        (GOOD.to_json().replace("60,", "NaN,"), "json: cannot be read"),
        (GOOD.to_json().replace('"label":"ї",', ""), "label: is missing"),
        (GOOD.to_json().replace('"label"', '"age":9,"label"'), "age: is not a field"),
        (" " * MAX_BYTES + GOOD.to_json(), "size: "),
    ],
)
def test_refused_text(text, reason):
    with pytest.raises(SampleError, match=f"^{reason}"):
        Sample.from_json(text)


# Speed


def test_adding_is_quick_enough_for_a_click(tmp_path):
    "A page waits for `add` before it says that a drawing is kept; the bound leaves room for a slow disk."
    store = open_store(str(tmp_path))
    times = []
    for number in range(50):
        sample, start = drawing(number), time.perf_counter()
        store.add(sample)
        times.append(time.perf_counter() - start)
    assert sorted(times)[25] < 0.1
