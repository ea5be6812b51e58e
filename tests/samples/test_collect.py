"""From the store to a shard and into the data set: nothing twice, nothing of those who withdraw, nothing half."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from support.checkout import ROOT
from support.samples import accept, example, said
from support.tiers import starts

from ukr_letters.learn.sources import read
from ukr_letters.samples.collect import Limits, add_to_dvc, collect, plan, write
from ukr_letters.samples.shards import SCHEMA, ShardError, collected_drawings, decode, encode, read_shards, writer_key
from ukr_letters.samples.store import Store, open_store


def run(folder: Path, *command: str) -> subprocess.CompletedProcess:
    "Run a command of this environment in a folder."
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def ukr_collect(folder: Path, *options: str) -> subprocess.CompletedProcess:
    "Collect in a checkout."
    return run(
        folder,
        sys.executable,
        "-c",
        "from ukr_letters.cli import ukr_collect; ukr_collect()",
        "--store",
        "samples",
        *options,
    )


@pytest.fixture
@starts("DVC")
def checkout(tmp_path: Path, monkeypatch) -> Path:
    "A fresh clone with an empty data/collected and a stage that depends on it; we stand in it."
    folder = tmp_path / "checkout"
    (folder / "data/collected").mkdir(parents=True)
    for name in ("settings.ini", ".gitignore", "data/collected/.gitignore"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / "dvc.yaml").write_text(
        "stages:\n  count:\n    cmd: ls data/collected > reports.txt\n    deps: [data/collected]\n    outs: [reports.txt]\n"
    )
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["git", "add", "."]):
        assert run(folder, *command).returncode == 0
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def store(checkout: Path) -> Store:
    "The store of the checkout."
    return open_store("samples")


# The command


def test_collecting_ends_in_a_note_for_git(checkout, store):
    ids = {accept(store, example(number)) for number in range(20)}
    store.add(example(30))  # nobody judged it
    dry = ukr_collect(checkout, "--dry-run")
    assert dry.returncode == 0 and not list(checkout.glob("data/collected/*.parquet")), dry.stderr
    done = ukr_collect(checkout)
    assert done.returncode == 0 and re.search(r"new +20", done.stdout) and "git add data/collected" in done.stdout, (
        done.stderr
    )
    assert {row.id for row in collected_drawings()} == ids == {found.name for found in read("collected")}
    status = run(checkout, "git", "status", "--short", "--untracked-files=all", "data").stdout
    assert re.fullmatch(r"(A  data/collected/\.gitignore\n)?\?\? data/collected/[0-9a-f]{64}\.parquet\.dvc\n", status)
    assert "Nothing changes" in ukr_collect(checkout).stdout


def test_the_stage_follows_the_shards(checkout, store):
    "An unchanged folder changes nothing, a new shard runs the stage again, and so does a withdrawal."

    def repro() -> bool:
        done = run(checkout, "dvc", "repro")
        assert done.returncode == 0, done.stderr
        return "Running stage" in done.stdout

    assert repro() and not repro()
    accept(store, example(1))
    accept(store, example(2))
    ukr_collect(checkout)
    assert repro() and not repro()
    ukr_collect(checkout, "--withdraw", example(1).writer)
    assert repro()


def test_a_writer_withdraws(checkout, store):
    "The drawings leave the store, the shards and the source; all others stay, and DVC is told."
    for number in range(12):
        accept(store, example(number))
    ukr_collect(checkout)
    for number in range(12, 20):
        accept(store, example(number))
    ukr_collect(checkout)
    before = {path.name for path in checkout.glob("data/collected/*")}
    gone = ukr_collect(checkout, "--withdraw", example(3).writer)
    assert gone.returncode == 0 and "1 drawings of this writer are deleted" in gone.stdout, gone.stderr
    assert "dvc gc" in gone.stdout and example(3).id not in set(store)
    assert {row.id for row in collected_drawings()} == {example(number).id for number in range(20)} - {example(3).id}
    assert writer_key(example(3).writer) not in {row.writer_key for row in collected_drawings()}
    after = {path.name for path in checkout.glob("data/collected/*")}
    assert len(before - after) == 2 and len(after - before) == 2  # one shard and its note, for one and its note


def test_bad_input_is_refused_with_a_reason(checkout):
    for options, reason in (
        (["--withdraw", "Taras"], "writer: must be"),
        (["--store", "ftp://here/samples"], "ftp://"),
        (["--store", "settings.ini"], "choose another folder"),
    ):
        done = ukr_collect(checkout, *options)
        assert done.returncode == 1 and reason in done.stderr and "Traceback" not in done.stderr
    (checkout / f"data/collected/{'0' * 64}.parquet").write_bytes(b"ink")
    done = ukr_collect(checkout)
    assert done.returncode == 1 and "was changed after it was written" in done.stderr


# Shards


def test_nothing_personal_is_in_a_shard(checkout, store):
    accept(store, example(7))
    [name] = write(plan(store))
    content = Path(f"data/collected/{name}.parquet").read_bytes()
    text = str(parquet.read_table(pa.BufferReader(content)).to_pylist()) + str(
        parquet.read_schema(pa.BufferReader(content)).metadata
    )
    assert example(7).writer not in text and writer_key(example(7).writer) in text


def test_the_same_samples_give_the_same_bytes(tmp_path):
    "Two people who collect the same make the same shard."
    names = []
    for person in ("one", "two"):
        store = open_store(str(tmp_path / person))
        for number in range(20) if person == "one" else reversed(range(20)):
            accept(store, example(number))
        names += write(plan(store, folder=tmp_path / person / "collected"), tmp_path / person / "collected")
    assert names[0] == names[1]


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns(["label"]),
        lambda table: table.append_column("name", pa.array(["Taras"] * len(table))),
        lambda table: table.set_column(2, "label", pa.array([7] * len(table))),
        lambda table: table.set_column(2, "label", pa.array(["ы"] * len(table))),
        lambda table: table.set_column(2, "label", pa.array([None] * len(table), pa.string())),
        lambda table: pa.concat_tables([table, table]),
    ],
)
def test_a_foreign_table_is_refused(tmp_path, change):
    "Another column, another type, another class, a gap or a row twice: no such file reaches training."
    store = open_store(str(tmp_path))
    accept(store, example(1))
    table = pa.Table.from_pylist([vars(row) for row in plan(store, folder=tmp_path / "none").new], SCHEMA)
    buffer = pa.BufferOutputStream()
    parquet.write_table(change(table), buffer)
    content = buffer.getvalue().to_pybytes()
    with pytest.raises(ShardError):
        decode(content, sha256(content).hexdigest())


def test_a_drawing_may_come_back(checkout, store):
    "Taken back by its judge and accepted again, it makes the same rows as a replaced shard, and still counts."
    id = accept(store, example(1))
    write(plan(store))
    store.judge(said("undo", sample=id, second=1))
    write(plan(store))
    assert not list(collected_drawings())
    store.judge(said("accept", "ї", sample=id, second=2))
    write(plan(store))
    assert [row.id for row in collected_drawings()] == [id] and not plan(store).new


# Crashes

KILLED = """
import sys
from pathlib import Path
from ukr_letters.samples.collect import collect
from ukr_letters.samples.store import open_store
store = open_store("samples")
print("ready", flush=True)
store.withdraw("writer-000003")
collect(store)
"""


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.3])
def test_kill_9_leaves_the_old_or_the_new(checkout, store, delay):
    "A withdrawal is killed: the folder reads as before or as after, and the next collection finishes the work."
    ids = {accept(store, example(number)) for number in range(20)}
    collect(store)
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert worker.stdout.readline() == "ready\n"
    time.sleep(delay)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert {row.id for row in collected_drawings()} in (ids, ids - {example(3).id})
    store.withdraw(example(3).writer)
    collect(store)
    assert {row.id for row in collected_drawings()} == ids - {example(3).id}
    [shard] = read_shards()
    assert {path.name for path in Path("data/collected").glob("*.parquet*")} == {
        f"{shard.name}.parquet",
        f"{shard.name}.parquet.dvc",
    }


def test_a_crash_at_each_step_of_a_withdrawal(checkout, store):
    "Whatever the last thing done was, the shards count as before or as after."
    ids = {accept(store, example(number)) for number in range(6)}
    collect(store)
    [old] = read_shards()
    store.withdraw(example(3).writer)
    changes = plan(store)
    new = encode(changes.remaining, changes.replaces, changes.number)
    target = Path("data/collected") / f"{sha256(new).hexdigest()}.parquet"
    partial = Path("data/partial")  # what was not finished lies here, and nobody reads it
    partial.mkdir(exist_ok=True)
    (partial / "half").write_bytes(new[: len(new) // 2])
    assert {row.id for row in collected_drawings()} == ids
    steps = [
        lambda: target.write_bytes(new),
        lambda: Path(f"data/collected/{old.name}.parquet").unlink(),
        lambda: Path(f"data/collected/{old.name}.parquet.dvc").unlink(),
        lambda: add_to_dvc(),
    ]
    for step in steps:
        step()
        assert {row.id for row in collected_drawings()} == ids - {example(3).id}


def test_limits_count_all_shards(checkout, store):
    "A flood in two helpings gets no more in than one in one."
    limits = Limits(per_writer_symbol=5)
    for helping in (range(8), range(8, 16)):
        for number in helping:
            accept(store, example(number, writer="flooder-1"))
        collect(store, limits)
    assert len(list(collected_drawings())) == 5
