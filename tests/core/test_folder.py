"""A folder keeps its promise through crashes and power cuts, and says what to do when the disk is full."""

import json
import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
from support.checkout import ROOT
from support.samples import GOOD, example

from ukr_letters.core.storage import STALE, StoreError
from ukr_letters.samples.sample import Sample, check
from ukr_letters.samples.store import open_store, sample_name


def assert_all_valid(folder: Path) -> None:
    "Each file in the inbox is one whole sample under its own name."
    for path in (path for path in (folder / "inbox").rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert path.name == f"{sha256(content).hexdigest()}.json"
        check(Sample.from_json(content.decode()))


def test_the_order_of_the_steps_survives_a_power_cut(tmp_path, monkeypatch):
    "Bytes are synced before they get their name, the name before `add` returns; new folders are synced in their parents."
    steps, sync, link = [], os.fsync, os.link

    def noted(handle: int) -> None:
        steps.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "link", lambda source, final: (steps.append("link"), link(source, final)))
    store = open_store(str(tmp_path / "samples"))
    folder, inbox = store.storage.folder, store.storage.folder / "inbox"
    final = store.storage.path(sample_name(store.add(GOOD)))
    before, after = steps[: steps.index("link")], steps[steps.index("link") + 1 :]
    assert {tmp_path, folder, inbox} <= set(before) and before[-1].parent == store.storage.partial
    assert after == [final.parent]
    steps.clear()
    open_store(str(folder)).add(GOOD)  # another writer may not have come to its own syncs yet
    assert inbox in steps[: steps.index("link")] and steps[-1] == final.parent


# Each step of `add` may be the last one: the process dies by SIGKILL right before the call is made.
KILLED_AT = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from support.samples import example
from ukr_letters.samples.store import open_store
store = open_store(sys.argv[2])
store.add(example(0))
def die(event, arguments):
    if event == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "fsync":  # fsync raises no audit event
    os.fsync = lambda handle: die("fsync", ())
else:
    sys.addaudithook(die)
store.add(example(1))
"""


@pytest.mark.parametrize("step, kept", [("open", 1), ("fsync", 1), ("os.link", 1), ("os.remove", 2)])
def test_kill_9_at_each_step(tmp_path, step, kept):
    "Before the link the new sample is absent, after it the sample is whole; the next try succeeds."
    command = [sys.executable, "-c", KILLED_AT, str(ROOT / "tests"), str(tmp_path), step]
    assert subprocess.run(command).returncode == -9
    store = open_store(str(tmp_path))
    assert_all_valid(tmp_path)
    assert len(store) == kept
    store.add(example(1))
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


# When it cannot write

FULL = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from support.samples import example
from ukr_letters.core.storage import StoreError
from ukr_letters.samples.store import open_store
store = open_store(sys.argv[2])
if sys.argv[3] == "limit":
    kept = [store.add(example(0))]
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
else:
    kept = []
try:
    for number in range(1, 1000):
        kept.append(store.add(example(number)))
    raise SystemExit("the disk was never full")
except StoreError as error:
    reason = str(error)
left = [path.name for path in store.storage.partial.iterdir()]
readable = [sample.id for sample in store.samples()]
print(json.dumps([reason, left, sorted(kept) == sorted(readable), len(kept)]))
"""


def run_until_full(folder: Path, kind: str, *prefix: str) -> list:
    "Add until the disk is full: the reason, leftovers, whether exactly the acknowledged ones are kept, how many."
    command = [*prefix, sys.executable, "-c", FULL, str(ROOT / "tests"), str(folder), kind]
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
    with pytest.raises(StoreError, match="cannot keep inbox"):
        store.add(GOOD)
    assert store.add(GOOD) == GOOD.id and store.get(GOOD.id) == GOOD
