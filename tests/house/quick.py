"""`make quick`: what can be known of a change in three minutes, without a server, a browser, the pipeline or an archive.

Each part says how long it took; a part that fails stops no other. The lessons come last and get the time that is left.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lessons import is_lesson  # beside this file

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LIMIT = 180  # seconds for everything
AT_ONCE = 2  # lessons, and processes of pytest
UNKNOWN = 10  # seconds that a lesson may take which has not been run here
CACHE = ROOT / ".pytest_cache"  # ignored by git
TOOK, OVER = CACHE / "lessons.json", CACHE / "v/tiers/over"
BEGUN = time.monotonic()
RUNNING: list[subprocess.Popen] = []  # lessons


def left() -> float:
    "Seconds until everything should be done."
    return LIMIT - (time.monotonic() - BEGUN)


def succeeds(*command: str | Path) -> bool:
    "Whether a command of this environment succeeds; what it prints is seen."
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(list(map(str, command)), cwd=ROOT, env={**os.environ, "PATH": path}).returncode == 0


def read(path: Path) -> dict[str, float]:
    "Seconds by name, from a file that need not be there."
    return json.loads(path.read_text()) if path.is_file() else {}


# The fast tests


def fast_tests() -> bool:
    "Whether the fast tests pass; asked to be strict, whether none takes too long in two runs."
    command = [sys.executable, "-m", "pytest", "-q", "--fast"]
    OVER.unlink(missing_ok=True)
    passed = succeeds(*command, "-n", str(AT_ONCE), "tests")
    if "--strict" in sys.argv and (over := read(OVER)):
        print("once more, alone:")
        passed &= succeeds(*command, *over)
        passed &= not (again := read(OVER))
        print(f"over in two runs: {', '.join(again) or 'none'}")
    return passed


# The lessons of changed notebooks


def git(*words: str) -> list[str]:
    "The lines that git answers; none where it has no answer."
    try:
        done = subprocess.run(["git", "-c", "core.quotePath=false", *words], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def changed_notebooks() -> list[str]:
    "Notebooks of the library that differ from where this branch left `origin/main`; uncommitted and new ones too."
    bases = [name for name in ("origin/main", "main", "HEAD") if git("rev-parse", "--verify", "--quiet", name)]
    if not bases:
        print("no history of git: no notebook counts as changed")
        return []
    base = bases[0]
    since = git("merge-base", base, "HEAD")
    names = git("diff", "--name-only", "--diff-filter=d", *since, "--", "nbs")
    names += git("ls-files", "--others", "--exclude-standard", "--", "nbs")
    return [name for name in names if is_lesson(ROOT / name)]


def run_lesson(name: str) -> tuple[str, float]:
    "How a lesson ended, and after how many seconds; one that takes longer than there is time is ended."
    begun = time.monotonic()
    command = [sys.executable, "tests/house/lessons.py", name]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes) as process:
        RUNNING.append(process)
        try:
            said, _ = process.communicate(timeout=max(left(), 1))
            how = "passed" if process.returncode == 0 else f"failed\n{said}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            how = "was cut off"
    took = time.monotonic() - begun
    print(f"{took:6.1f} s  {name} {how}", flush=True)
    return how, took


def end_lessons(ending: int, frame: object) -> None:
    "End all lessons that still run, with what they have started, and then this program: what a signal asks for."
    for process in RUNNING:
        if process.poll() is None:  # the number of one that has ended may be somebody else's by now
            os.killpg(process.pid, signal.SIGKILL)
    sys.exit(128 + ending)


def chosen(names: list[str], took: dict[str, float]) -> list[str]:
    "The shortest lessons that fit into the time that is left."
    found, needed = [], 0.0
    for name in sorted(names, key=lambda name: took.get(name, UNKNOWN)):
        needed += took.get(name, UNKNOWN) / AT_ONCE
        if needed <= left():
            found.append(name)
    return found


def lessons() -> bool:
    "Whether no lesson of a changed notebook fails; those for which there is no time are named."
    took, names = read(TOOK), changed_notebooks()
    run = chosen(names, took)
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, end_lessons)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = dict(zip(run, pool.map(run_lesson, run), strict=True))
    CACHE.mkdir(exist_ok=True)
    TOOK.write_text(json.dumps(took | {name: seconds for name, (_, seconds) in ended.items()}, indent=1))
    unknown = [name for name in names if name not in run or ended[name][0] == "was cut off"]
    if unknown:
        print(f"no time for {len(unknown)} of {len(names)} lessons: {', '.join(unknown)}")
    return not any(how.startswith("failed") for how, _ in ended.values())


PARTS: dict[str, Callable[[], bool]] = {
    "lint": lambda: succeeds("ruff", "check", "--quiet"),
    "format": lambda: succeeds("ruff", "format", "--check", "--quiet"),
    "types": lambda: succeeds("mypy"),
    "layers": lambda: succeeds("lint-imports", "--no-logo"),
    "checks": lambda: succeeds(sys.executable, "tests/house/checks.py"),
    "tests": fast_tests,
    "lessons": lessons,
}

if __name__ == "__main__":
    results = {}
    for part, check in PARTS.items():
        print(f"\n{part}", flush=True)
        begun = time.monotonic()
        results[part] = check(), time.monotonic() - begun
    print(
        *(f"{took:6.1f} s  {part} {'passed' if passed else 'FAILED'}" for part, (passed, took) in results.items()),
        sep="\n",
    )
    print(f"{LIMIT - left():6.1f} s of {LIMIT}")
    sys.exit(0 if all(passed for passed, _ in results.values()) else 1)
