"""Nothing that a test run starts outlives it, however it ends: a plugin of pytest.

Every process of a run carries the run's name in its environment. A watcher waits on a pipe whose other end only pytest
holds, so it notices each end, `kill -9` too; then it ends every process that still carries the name.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import psutil
import pytest

NAME = "UKR_LETTERS_TEST_RUN"  # the run that a process belongs to, after those that the run itself is part of
PATIENCE = 3  # seconds in which a process may end by itself
OURS, SERVED = "ukr-run", re.compile(r"-\w+\.port(?:\.grpc)?=(\d+)")


def within_run(environment: dict[str, str]) -> dict[str, str]:
    "An environment of its own for a process, which still says to which test run it belongs."
    return environment | ({NAME: os.environ[NAME]} if NAME in os.environ else {})


def name_of_run(what: str) -> str:
    "A name for what this machine keeps until it is told otherwise: a folder, a network namespace; the watcher removes it."
    return f"{OURS}-{os.environ.get(NAME, '').split(' ')[-1]}-{what}"


def short_folder() -> Path:
    "A new folder outside those that pytest keeps, its path short enough for a socket; removed with all else of the run."
    return Path(tempfile.mkdtemp(prefix=name_of_run("")))


# In pytest


def refuse_strangers(event: str, arguments: tuple) -> None:
    "Let no test start a process that the watcher would not find."
    if event == "subprocess.Popen":
        executable, _, _, environment = arguments
        if NAME not in (os.environ if environment is None else environment):
            raise RuntimeError(f"{executable} must get its environment from support.processes.within_run")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    "Name the run and start its watcher, before there are workers; end by SIGTERM as by Ctrl-C, closing all fixtures."
    if not hasattr(config, "workerinput"):
        name = token_hex(4)
        reader, writer = os.pipe()  # no program that is started inherits them
        config.held = os.fdopen(writer, "wb", buffering=0)
        os.register_at_fork(after_in_child=config.held.close)
        with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            command = [sys.executable, __file__, name]
            config.watcher = subprocess.Popen(command, stdin=reader, start_new_session=True)
        os.close(reader)
        os.environ[NAME] = f"{os.environ.get(NAME, '')} {name}".strip()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.addaudithook(refuse_strangers)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    "Tell the watcher that the run ended in order, and wait for what it says."
    if hasattr(config, "watcher"):
        config.held.write(b"in order")
        config.held.close()
        config.watcher.wait()


# In the watcher


def members(name: str) -> list[psutil.Process]:
    "The living processes of a run, and all that these have started: some programs write over their environment."
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if name in process.environ().get(NAME, "").split():
                found |= {one.pid: one for one in (process, *process.children(recursive=True))}
    found.pop(os.getpid(), None)
    return [one for one in found.values() if alive(one)]


def alive(process: psutil.Process) -> bool:
    "Whether a process still does something: a zombie only waits to be counted by its parent."
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def told(process: psutil.Process) -> str:
    "What a process is, in one line."
    return f"{process.pid} {' '.join(process.cmdline())[:200]}"


def sockets(command: Iterable[str]) -> Iterator[Path]:
    "What SeaweedFS leaves in /tmp when it is killed, by the ports of its command."
    for port in filter(None, map(SERVED.fullmatch, command)):
        yield from Path("/tmp").glob(f"seaweedfs-*-{port[1]}.sock")


def remove_kept(name: str) -> None:
    "Remove what a run has made outside the folders of its tests: by its name, once its processes are gone."
    for folder in Path(tempfile.gettempdir()).glob(f"{OURS}-{name}-*"):
        shutil.rmtree(folder, ignore_errors=True)
    for namespace in Path("/run/netns").glob(f"{OURS}-{name}-*"):
        subprocess.run(["ip", "netns", "delete", namespace.name])


def end(left: list[psutil.Process], name: str) -> None:
    "End processes, the stubborn ones and what they start meanwhile by force, and remove what is kept outside of tests."
    rubbish = []
    for process in left:
        with suppress(psutil.Error):
            rubbish += sockets(process.cmdline())
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=PATIENCE)
    for _ in range(5):
        for process in (stubborn := [*filter(alive, stubborn), *members(name)]):
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(stubborn, timeout=PATIENCE)
    for path in rubbish:
        path.unlink(missing_ok=True)


def watch(name: str) -> None:
    "Wait for the end of a run, and end what it has left; what is left after an orderly end is told, since it is a defect."
    in_order = bool(sys.stdin.buffer.read())  # returns when pytest is gone
    patient = time.monotonic() + (PATIENCE if in_order else 0)
    while (left := members(name)) and time.monotonic() < patient:
        time.sleep(0.1)
    said = []
    for process in left:
        with suppress(psutil.Error):
            said.append(told(process))
    end(left, name)
    remove_kept(name)
    if said:
        why = "tests left running" if in_order else "a run that was cut off left"
        print(f"{why}, now ended:", *said, sep="\n  ", file=sys.stderr, flush=True)


if __name__ == "__main__":
    watch(sys.argv[1])
