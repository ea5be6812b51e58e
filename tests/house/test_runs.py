"A test run that is ended, in whatever way, leaves no process behind, and its fast tier starts nothing."

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.checkout import ROOT
from support.processes import alive
from support.waiting import eventually

pytestmark = pytest.mark.slow

# A server whose child has a session of its own and no ear for SIGTERM.
SERVER = """
import signal, subprocess, sys, time
if sys.argv[1:]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("http://nowhere", flush=True)
    time.sleep(600)
command = [sys.executable, __file__, "stubborn"]
with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True) as child:
    print(child.stdout.readline(), flush=True)
    time.sleep(600)
"""
HELD = """
import sys, time
from pathlib import Path
from support.pages import launched
from support.processes import short_folder

def test_held():
    with launched([sys.executable, str(Path("server.py").absolute())]):
        Path("outside").write_text(str(short_folder()))
        Path("begun").touch()
        time.sleep(600)
"""
PAGE = """
import time
from pathlib import Path
from support.pages import serving

def test_page():
    with serving(Path("samples").absolute(), pool=2):
        Path("begun").touch()
        time.sleep(600)
"""
LEFT = """
import subprocess, sys
from pathlib import Path

def test_left():
    command = [sys.executable, str(Path("server.py").absolute()), "stubborn"]
    subprocess.Popen(command, stdout=subprocess.PIPE).stdout.readline()
"""
STRANGER = """
import subprocess

def test_stranger():
    subprocess.run(["true"], env={})
"""


def begin(folder: Path, test: str, *options: str) -> subprocess.Popen:
    "Pytest at work in a folder on some tests, with no plugins of ours but those for processes and tiers."
    (folder / "server.py").write_text(SERVER)
    (folder / "test_probe.py").write_text(test)
    plugins = [word for name in ("support.processes", "support.tiers", "xdist") for word in ("-p", name)]
    command = [sys.executable, "-m", "pytest", "-q", f"--basetemp={folder}/kept", *plugins, *options]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    own = {"PYTHONPATH": paths, "PROBED": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "yes"}
    environment = {**os.environ, **own}
    with open(folder / "output", "wb") as output:
        how = {"cwd": folder, "env": environment, "stdout": output, "stderr": output, "start_new_session": True}
        return subprocess.Popen([*command, "test_probe.py"], **how)


def living(folder: Path) -> list[str]:
    "The commands of all processes that have begun in a folder's run: by their environment, or by what they are."
    found = []
    for process in filter(alive, psutil.process_iter()):
        try:
            command = " ".join(process.cmdline())
            if str(folder) in command or process.environ().get("PROBED") == str(folder):
                found.append(command)
        except psutil.Error:
            continue
    return found


def assert_ends(folder: Path, test: str, ending: signal.Signals, least: int, *options: str) -> None:
    "A run that is ended in the middle of its test is gone soon, with all of its processes."
    run = begin(folder, test, *options)
    try:
        assert eventually((folder / "begun").exists, 60), (folder / "output").read_text()
        assert len(living(folder)) >= least, living(folder)
        # Ctrl-C is heard by the whole group of processes, other signals by the one that they are sent to.
        os.killpg(run.pid, ending) if ending == signal.SIGINT else run.send_signal(ending)
        run.wait(timeout=30)
        assert eventually(lambda: not living(folder), 10), living(folder)
    finally:
        run.kill()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda ending: ending.name)
def test_a_run_that_is_ended_leaves_nothing(tmp_path: Path, ending: signal.Signals, workers: int):
    "Neither a child that ignores SIGTERM in a session of its own, nor a folder outside those of pytest."
    assert_ends(tmp_path, HELD, ending, 4 + workers, "-n", str(workers))
    assert not Path((tmp_path / "outside").read_text()).exists()


def test_a_killed_run_leaves_no_page_and_no_kernel(tmp_path: Path):
    assert_ends(tmp_path, PAGE, signal.SIGKILL, 5)  # pytest, its watcher, the server, two kernels


def test_what_a_test_leaves_running_is_told(tmp_path: Path):
    assert begin(tmp_path, LEFT).wait(timeout=60) == 0
    said = (tmp_path / "output").read_text()
    assert "tests left running, now ended" in said and "server.py stubborn" in said
    assert not living(tmp_path)


def test_no_test_starts_a_process_that_the_watcher_would_not_find(tmp_path: Path):
    assert begin(tmp_path, STRANGER).wait(timeout=60) == 1
    assert "true must get its environment from support.processes.within_run" in (tmp_path / "output").read_text()


# Tiers

TIERS = """
import os, subprocess, sys
import pytest
from support.pages import serving
from support.tiers import starts

@starts("a probe")
def begun(): pass

class Server:
    def start(self):
        begun()

@pytest.fixture
def server():
    Server().start()

def test_uses_a_fixture(server): pass
def test_names_a_class(): Server
def test_calls_inside(tmp_path): [one for one in (lambda: serving(tmp_path),)]
@pytest.mark.parametrize("kind", ["small", pytest.param("large", marks=pytest.mark.slow)])
def test_is_marked(kind): assert kind == "small"
def test_is_fast(): subprocess.run([sys.executable, "--version"], check=True)
def test_hides_it(request): request.getfixturevalue("server")
def test_runs_a_server(): subprocess.run(["postgres", "--version"])
def test_asks_a_shell(): subprocess.run("true; haproxy -v", shell=True)
def test_runs_a_module(): subprocess.run([sys.executable, "-m", "mlflow", "--version"])
def test_leaves_python(): os.system("caddy version")
def test_reads_an_archive(): open(f"{os.environ['UKR_LETTERS_MIRROR']}/archive.zip")
"""


def test_the_fast_tier_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    "Tests that start something are left out; one that hides it is refused, with a reason."
    monkeypatch.setenv("UKR_LETTERS_MIRROR", f"{tmp_path}/raw")
    assert begin(tmp_path, TIERS, "--fast", "-rA").wait(timeout=60) == 1
    said = (tmp_path / "output").read_text()
    passed = [line.split("::")[1] for line in said.splitlines() if line.startswith("PASSED")]
    assert passed == ["test_is_marked[small]", "test_is_fast"]
    assert "6 failed, 2 passed, 4 deselected" in said
    for what in ("a probe", "postgres", "haproxy", "mlflow", "caddy", f"reading {tmp_path}/raw/archive.zip"):
        assert f"a fast test starts {what}: mark it" in said
