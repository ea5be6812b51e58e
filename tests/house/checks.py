"""The four checks on the checkout itself; each failure prints the command that mends it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


class FailedError(Exception):
    "A command of a check failed; the text is the end of what it said."


def run(*command: str | Path, folder: Path = ROOT) -> str:
    "Output of a command; raises `FailedError`."
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise FailedError(f"{command[0]} failed: {done.stderr[-600:]}")
    return done.stdout


def changed_by(*commands: tuple) -> list[str]:
    "Files that commands would change; they work on a copy, because somebody may save an edit meanwhile."
    names = run("git", "-c", "core.quotePath=false", "ls-files", "-co", "--exclude-standard").splitlines()
    before = {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / ROOT.name
        for name, content in before.items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes(content)
        for command in commands:
            run(*command, folder=copy)
        after = {path.relative_to(copy).as_posix(): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def readme() -> list[str]:
    "README.md if it is not what index.ipynb makes."
    with tempfile.TemporaryDirectory() as folder:
        run(
            BIN / "jupyter",
            "nbconvert",
            "--to",
            "markdown",
            "--log-level",
            "ERROR",
            "--output-dir",
            folder,
            "--output",
            "README",
            "nbs/index.ipynb",
        )
        return [] if (Path(folder) / "README.md").read_text() == (ROOT / "README.md").read_text() else ["README.md"]


def leftovers() -> list[str]:
    "Files that git neither tracks nor ignores."
    return run("git", "ls-files", "--others", "--exclude-standard").splitlines()


CHECKS = {
    "make clean-notebooks": lambda: changed_by((BIN / "nbdev_clean",), (BIN / "nbdev_clean", "--fname", "dashboards")),
    "make export": lambda: changed_by((BIN / "nbdev_export",)),
    "make readme": readme,
    "git add (or remove, or ignore) these files": leftovers,
}

if __name__ == "__main__":
    failed = {}
    for mend, check in CHECKS.items():
        try:
            found = f"not in order: {', '.join(wrong)}" if (wrong := check()) else ""
        except FailedError as error:
            found = f"not checked: {error}"
        if found:
            failed[mend] = found
            print(f"{found}\n  mend it with: {mend}", file=sys.stderr)
    print(f"{len(CHECKS) - len(failed)} of {len(CHECKS)} checks in order")
    sys.exit(1 if failed else 0)
