"The checks on the checkout, and what `make` remembers of torch."

import shutil
import subprocess
from pathlib import Path

import pytest
from house.checks import FailedError, changed_by, run
from support.checkout import ROOT


def test_a_check_changes_nothing_in_the_checkout():
    "What a command would change is found on a copy: an edit that somebody saves meanwhile is theirs."
    before = (ROOT / "README.md").read_bytes()
    assert changed_by(("sh", "-c", "echo more >> README.md; echo new > new.txt; rm Makefile")) == [
        "Makefile",
        "README.md",
        "new.txt",
    ]
    assert (ROOT / "README.md").read_bytes() == before and not (ROOT / "new.txt").exists()


def test_a_command_that_fails_says_why():
    with pytest.raises(FailedError, match="sh failed: the notebook is torn"):
        run("sh", "-c", "echo the notebook is torn >&2; exit 3")


def test_torch_that_could_not_be_installed_is_not_taken_for_there(tmp_path: Path):
    "Another build is named, pip fails, and the next make tries again; pip is one that fails at a build named 9."
    shutil.copy2(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@" >> pip.log\ncase "$*" in *torch==9*) exit 1;; esac\n')
    python.chmod(0o755)
    (tmp_path / ".venv/pip").touch()
    make = lambda *words: subprocess.run(["make", ".venv/torch", *words], cwd=tmp_path, capture_output=True).returncode
    assert [make("TORCH=torch==2.13.0"), make("TORCH=torch==9"), make("TORCH=torch==2.13.0")] == [0, 2, 0]
    installed = [line for line in (tmp_path / "pip.log").read_text().splitlines() if " install " in line]
    assert [line.split()[-1] for line in installed] == ["torch==2.13.0", "torch==9", "torch==2.13.0"]
