"""Walk the whole pipeline on embedded data with small budgets, in a copy of this checkout: `make walk`.

The shipped parameters are used, but for what nbs/pipeline/walk.yaml says. What the walk leaves is for looking at: stages,
runs, metrics and a network that answers."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from mlflow import MlflowClient
from ruamel.yaml import YAML

from ukr_letters.cli import stoppable

ROOT = Path(__file__).parents[2]
CHANGES = Path("nbs/pipeline/walk.yaml")
DRAWING = "ї"  # one of tests/support/strokes.json


def copy_checkout(folder: Path) -> None:
    "Copy what git knows or would add, as it lies here, and make it a repository of git; raises `SystemExit` if the folder exists."
    if folder.exists():
        sys.exit(f"walk: {folder} exists: delete it, or name another folder")
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


def commit(folder: Path, message: str) -> None:
    "Commit everything that git keeps."
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    identity = ["-c", "user.name=walk", "-c", "user.email="]
    subprocess.run(["git", *identity, "commit", "-qm", message], cwd=folder, check=True)


def change_parameters(folder: Path) -> None:
    "Write the changes of `CHANGES` into params.yaml."
    yaml, path = YAML(), folder / "params.yaml"
    yaml.width = 1000  # no line is wrapped
    sections = yaml.load(path)
    for stage, values in yaml.load(folder / CHANGES).items():
        sections[stage].update(values)
    yaml.dump(sections, path)


def run(folder: Path, *command: str) -> None:
    "Run a command of this environment in the folder, and show what it prints; raises `SystemExit`."
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"PYTHONPATH": str(folder), "MLFLOW_TRACKING_URI": "", "UKR_LETTERS_MIRROR": ""}
    print(f"\n$ {' '.join(command)}", flush=True)
    with subprocess.Popen(command, cwd=folder, env=environment) as process:
        try:
            process.wait()
        except KeyboardInterrupt:  # the command hears of it too
            process.wait()
            raise
    if process.returncode:
        sys.exit(f"walk: {' '.join(command)} failed: see above")


@stoppable("walk", "delete its folder, and the same command begins again")
def main() -> None:
    "Walk, and say where to look."
    parser = argparse.ArgumentParser(prog="make walk", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=ROOT / "walk", help="a new folder (default: %(default)s)"
    )
    folder, start = parser.parse_args().folder.resolve(), time.monotonic()
    copy_checkout(folder)
    change_parameters(folder)
    commit(folder, "Begin the walk")
    run(folder, "dvc", "repro")
    commit(folder, "Walk on embedded data")
    run(folder, "dvc", "metrics", "show")
    (folder / "drawing.json").write_text(
        json.dumps(json.loads((ROOT / "tests/support/strokes.json").read_text())[DRAWING])
    )
    run(folder, "ukr_recognize", "--model", "models/candidate", "drawing.json")
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    found = client.search_runs([client.get_experiment_by_name("ukr-letters").experiment_id])
    print(f"\n{len(found)} runs in MLflow: {', '.join(sorted(run.info.run_name for run in found))}")
    print(f"walked in {time.monotonic() - start:.0f} s; look at it with: make mlflow IN={os.path.relpath(folder)}")


if __name__ == "__main__":
    main()
