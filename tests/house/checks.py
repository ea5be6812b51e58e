"""The four checks on the checkout itself; each failure prints the command that mends it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> str:
    "Output of a command run in the checkout; its failure ends the check."
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout


def state() -> dict[str, bytes]:
    "Content of every file that git tracks or would add."
    names = run("git", "-c", "core.quotePath=false", "ls-files", "-co", "--exclude-standard").splitlines()
    return {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}


def changed_by(*commands: tuple) -> list[str]:
    "Files that commands would change; they are put back as they were."
    before = state()
    for command in commands:
        run(*command)
    after = state()
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    for name in changed:
        (ROOT / name).write_bytes(before[name]) if name in before else (ROOT / name).unlink()
    return changed


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
    failed = {mend: found for mend, check in CHECKS.items() if (found := check())}
    for mend, found in failed.items():
        print(f"not in order: {', '.join(found)}\n  mend it with: {mend}", file=sys.stderr)
    print(f"{len(CHECKS) - len(failed)} of {len(CHECKS)} checks in order")
    sys.exit(1 if failed else 0)
