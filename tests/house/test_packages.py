"""What we build for others: an sdist and a wheel with all they need, and commands that answer where they are installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen
from zipfile import ZipFile

import pytest
from PIL import Image, ImageDraw
from support.checkout import ROOT
from support.pages import launched
from support.processes import within_run

from ukr_letters import __version__
from ukr_letters.serve.texts import text

pytestmark = pytest.mark.slow  # pip builds and installs

COMMANDS = re.findall(r"(ukr_\w+)=", (ROOT / "settings.ini").read_text(encoding="utf-8"))


def packed(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess:
    "Run a Python of this environment on a tree, without the code of the checkout."
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a folder with what a zip of the checkout unpacks to: no git, and a link would be a small text file."
    folder = tmp_path_factory.mktemp("zip")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with ZipFile(folder / "tree.zip", "w") as packing:
        for name in sorted({name for name in listed.stdout.split("\0") if name}):
            if (ROOT / name).is_symlink():
                packing.writestr(name, os.readlink(ROOT / name))
            elif (ROOT / name).is_file():
                packing.write(ROOT / name, name)
    with ZipFile(folder / "tree.zip") as unpacking:
        unpacking.extractall(folder / "tree")
    return folder / "tree"


@pytest.fixture(scope="session")
def built(tree: Path) -> tuple[Path, Path]:
    "Return the sdist, and the wheel that is built from it."
    done = packed("-m", "build", "--no-isolation", "--outdir", tree.parent / "dist", cwd=tree)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "deprecat" not in (done.stdout + done.stderr).lower(), done.stderr
    [sdist], [wheel] = (list((tree.parent / "dist").glob(kind)) for kind in ("*.tar.gz", "*.whl"))
    return sdist, wheel


def contents(wheel: Path) -> dict[str, bytes]:
    "Return the files of the package in a wheel."
    with ZipFile(wheel) as unpacking:
        return {name: unpacking.read(name) for name in unpacking.namelist() if name.startswith("ukr_letters/")}


def shipped(tree: Path) -> dict[str, bytes]:
    "Return the files that belong into the package: all of ukr_letters, and the pages under its name."
    found = [(path, "ukr_letters" / path.relative_to(tree)) for path in (tree / "dashboards").rglob("*")]
    found += [(path, path.relative_to(tree)) for path in (tree / "ukr_letters").rglob("*")]
    return {name.as_posix(): path.read_bytes() for path, name in found if path.is_file()}


def test_the_wheel_holds_the_whole_package_and_nothing_else(tree, built):
    "The pages, the network and the scripts too; who installs a wheel has no checkout beside it."
    assert contents(built[1]) == shipped(tree)
    with ZipFile(built[1]) as wheel:
        outside = {name for name in wheel.namelist() if not name.startswith("ukr_letters/")}
        facts = wheel.read(f"ukr_letters-{__version__}.dist-info/METADATA").decode()
    assert f"ukr_letters-{__version__}.dist-info/licenses/LICENSE" in outside
    assert all(name.startswith(f"ukr_letters-{__version__}.dist-info/") for name in outside)
    assert "License-Expression: Apache-2.0" in facts and "Classifier: Typing :: Typed" in facts
    assert not re.search(r"-bin\b", re.sub(r".*extra == .tests.*", "", facts))  # other people's programs


def test_a_wheel_built_from_the_tree_is_the_same(tree, built, tmp_path):
    "pip takes the tree, `python -m build` its sdist."
    done = packed("-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, cwd=tree)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    assert contents(wheel) == contents(built[1])


def test_the_sdist_holds_what_its_build_reads(tree, built):
    with tarfile.open(built[0]) as packing:
        names = {name.partition("/")[2] for name in packing.getnames()}
    assert {"settings.ini", "setup.py", "pyproject.toml", "constraints.txt", "LICENSE", "README.md"} <= names
    assert {path.relative_to(tree).as_posix() for path in (tree / "dashboards").rglob("*")} <= names
    assert not {name for name in names if name.startswith(("tests", "nbs", "data"))}


@pytest.mark.parametrize(
    "name", ["dashboards/draw.ipynb", "ukr_letters/champion/model.onnx", "ukr_letters/frontend/page.js", "LICENSE"]
)
def test_a_tree_that_is_not_whole_is_not_built(tree, tmp_path, name):
    "A wheel without a page would be noticed by a visitor first."
    part = shutil.copytree(tree, tmp_path / "part", ignore=shutil.ignore_patterns("nbs", "tests", "data"))
    (part / name).unlink()
    done = packed("-m", "build", "--wheel", "--no-isolation", cwd=part)
    assert done.returncode != 0 and f"this tree is not whole: {name} not found" in done.stdout + done.stderr
    assert not list(part.glob("dist/*"))


# Where it is installed


def interpreter(version: str) -> Path | None:
    "Return a Python of this version, of pyenv or on the PATH."
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [*sorted(pyenv.glob(f"versions/{version}.*/bin/python")), shutil.which(f"python{version}")]
    ask = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for path in filter(None, found):
        told = subprocess.run([path, "-c", ask], capture_output=True, text=True)  # a shim of pyenv may be none
        if told.stdout.strip() == version:
            return Path(path)
    return None


class Installed:
    "A fresh environment with the wheel in it, and a folder far from the checkout to run its commands in."

    def __init__(self, python: Path, wheel: Path, folder: Path):
        self.bin, self.folder = folder / "venv/bin", folder
        subprocess.run([python, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        ours = ("PYTHON", "UKR_LETTERS_", "PIP_CONSTRAINT", "JUPYTER", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environment = within_run(kept | {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"})
        pip = [sys.executable, "-m", "pip", "--quiet", "--python", self.bin / "python"]
        done = subprocess.run(
            [*pip, "install", "--no-compile", f"{wheel}[api]"],
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def run(self, command: str, *arguments: str) -> str:
        "Return what a command prints; it must end well."
        done = subprocess.run(
            [self.bin / command, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def serving(self, command: str, *arguments: str) -> Iterator[str]:
        "Run a server on a free port, and give its address."
        how = {"cwd": self.folder, "env": self.environment}
        with launched([str(self.bin / command), "--port", "0", *arguments], **how) as (url, _):
            yield url


def answer(url: str, **body: object) -> str:
    "Return what an address answers, to JSON if there is any."
    head = {"Content-Type": "application/json"} if body else {}
    with urlopen(Request(url, json.dumps(body).encode() if body else None, head), timeout=30) as response:
        return response.read().decode()


STROKES = [[[20, 20], [100, 20]], [[60, 20], [60, 110]]]


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_wheel_installs_without_constraints_and_its_commands_answer(built, tmp_path, version):
    "With the newest of what it depends on; recognised from a picture, over HTTP, and on the page."
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine: neither pyenv nor the PATH has one")
    there = Installed(python, built[1], tmp_path)
    for command in COMMANDS:
        assert there.run(command, "--version") == f"{command} {__version__}\n"
    picture = Image.new("L", (120, 120), 255)
    for stroke in STROKES:
        ImageDraw.Draw(picture).line([tuple(point) for point in stroke], fill=0, width=6)
    picture.save(tmp_path / "te.png")
    assert there.run("ukr_recognize", "te.png", "--mode", "letters").startswith("te.png: Т or т (")
    with there.serving("ukr_api", "--workers", "1") as api, there.serving("ukr_serve", "--pool", "1") as page:
        assert json.loads(answer(f"{api}/health"))["status"] == "ok"
        assert json.loads(answer(f"{api}/recognize", ink=STROKES, mode="letters"))["label"] == "т"
        assert json.loads(answer(f"{page.rstrip('/')}/health"))["model"]
        assert text("loading") in answer(page)
