"Serving does not depend on POSIX: what only POSIX has is looked for when it is used, and done without."

import ctypes
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support.checkout import ROOT
from support.imports import reached

from ukr_letters.core.deploy import swap
from ukr_letters.core.storage import Folder

POSIX_ONLY = ("fcntl", "grp", "pwd", "resource", "termios")
PROBE = """
import builtins, importlib, json, sys
posix_only, modules = json.loads(sys.argv[1])
real = builtins.__import__

def without_posix(name, globals=None, *rest, **named):
    "An import that fails in our modules as it does on Windows; other libraries choose by the system they find."
    if name in posix_only and ((globals or {}).get("__name__") or "").startswith("ukr_letters"):
        raise ModuleNotFoundError(f"No module named {name!r}")
    return real(name, globals, *rest, **named)

builtins.__import__ = without_posix
failed = {}
for module in modules:
    try:
        importlib.import_module(module)
    except ImportError as error:
        failed[module] = str(error)
if "ukr_letters.serve.voila" not in failed:
    sys.modules["ukr_letters.serve.voila"].many_files()
print(json.dumps(failed))
"""


@pytest.mark.slow  # all of serving takes seconds to import
def test_serving_is_imported_without_what_only_posix_has():
    "All modules of the pages and the door in one fresh interpreter; the server then leaves the limit on files alone."
    modules = sorted(reached({f"ukr_letters.serve.{name}" for name in ("voila", "draw", "review", "api")}))
    assert {"ukr_letters.core.storage", "ukr_letters.samples.intake", "ukr_letters.core.deploy"} <= set(modules)
    command = [sys.executable, "-c", PROBE, json.dumps([POSIX_ONLY, modules])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def test_a_folder_that_cannot_be_synced_keeps_drawings_all_the_same(tmp_path, monkeypatch):
    "Windows opens no folder as a file; contents are synced there as well."
    monkeypatch.delattr(os, "O_DIRECTORY")
    place = Folder(tmp_path / "samples")
    assert place.put("inbox/0a/1.json", b"ink") and place.read("inbox/0a/1.json") == b"ink"


def test_folders_change_places_where_no_system_call_does_it(tmp_path, monkeypatch):
    "Windows refuses to open a library without a name, and two renamings follow."

    def refusing(name: str | None, **options: object) -> None:
        raise TypeError("a name is wanted")

    monkeypatch.setattr(ctypes, "CDLL", refusing)
    for name in ("fresh", "place"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "note").write_text(name)
    swap(tmp_path / "fresh", tmp_path / "place")
    assert (tmp_path / "place/note").read_text() == "fresh"
    assert (tmp_path / "fresh/note").read_text() == "place"


@pytest.mark.parametrize(("system", "transport"), [("nt", "tcp"), ("posix", "ipc")])
def test_kernels_are_reached_in_a_way_that_the_system_knows(system, transport, monkeypatch):
    from ukr_letters.serve import voila

    monkeypatch.setattr(voila, "os", SimpleNamespace(name=system))
    chosen = voila.settings(voila.DRAWING, "127.0.0.1", 8866, 2, 1200, False)
    assert chosen.ConnectionFileMixin.transport == transport
