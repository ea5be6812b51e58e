"""Two tiers of tests by what a test starts: a plugin of pytest, whose `--fast` runs those that start nothing.

A function that starts a server, a browser or the pipeline, or opens an archive, says so by `@starts`. A test is `slow` if
it, a fixture of it, or a function of tests/ that one of these names, says so; or if it is marked, because it takes long.
With `--fast` nothing can be started, so that a test which was wrongly taken for a fast one fails and says why.
PYTEST_DONT_REWRITE: conftest.py has imported this before it is a plugin, and it asserts nothing.
"""

import inspect
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import CodeType, FunctionType

import pytest

TESTS = str(Path(__file__).parents[1])
LIMIT = 2  # seconds that a fast test may take
PROGRAMS = set(
    "caddy chromium dnsmasq dvc haproxy initdb mlflow node postgres ukr_api ukr_review ukr_serve weed".split()
)
OVER = "tiers/over"  # where the cache of pytest keeps the fast tests that took longer
running_fast, archives = False, ""


def refuse(what: str) -> None:
    "End a test of the fast tier that starts something."
    if running_fast:
        raise RuntimeError(f"a fast test starts {what}: mark it with pytest.mark.slow")


def starts(what: str) -> Callable[[FunctionType], FunctionType]:
    "Say of a function what it starts."

    def marked(function: FunctionType) -> FunctionType:
        "The function, which is refused in the fast tier."

        @wraps(function)
        def guarded(*arguments: object, **named: object) -> object:
            refuse(what)
            return function(*arguments, **named)

        guarded.starts = what
        return guarded

    return marked


# Which tests are slow


def names(code: CodeType) -> set[str]:
    "Names that code uses, also in the functions inside it."
    return set(code.co_names).union(*(names(one) for one in code.co_consts if isinstance(one, CodeType)))


def used(thing: object, places: tuple[str, ...]) -> Iterator[object]:
    "What a function or class names of its module's, if that lies in one of these places."
    if isinstance(thing, type):
        if str(getattr(sys.modules.get(thing.__module__), "__file__", "")).startswith(places):
            yield from vars(thing).values()
    elif thing.__code__.co_filename.startswith(places):
        yield from (thing.__globals__[name] for name in names(thing.__code__) if name in thing.__globals__)


def is_slow(item: pytest.Function) -> bool:
    "Whether a test, or anything of tests/ that it uses, starts something."
    places = TESTS, str(item.path)
    fixtures = item._fixtureinfo.name2fixturedefs.values()  # the last one of a name overrides the others
    queue, seen = [item.function, *(found[-1].func for found in fixtures if found)], set()
    while queue:
        thing = queue.pop()
        if not isinstance(thing, FunctionType | type) or thing in seen:
            continue
        if "starts" in vars(thing):
            return True
        seen.add(thing)
        queue += used(inspect.unwrap(thing), places)
    return False


def pytest_addoption(parser: pytest.Parser) -> None:
    "Let only the fast tier be run."
    parser.addoption("--fast", action="store_true", help="run only tests that start nothing; list those that take long")


def pytest_configure(config: pytest.Config) -> None:
    "Make the marker known; with `--fast` let nothing be started that slips past `@starts`."
    global running_fast, archives
    config.addinivalue_line("markers", "slow: starts something, or takes longer than a person waits for")
    if config.getoption("--fast"):
        running_fast, archives = True, os.environ.get("UKR_LETTERS_MIRROR", "")
        sys.addaudithook(watch_out)


def named_in(command: str | bytes | os.PathLike | list) -> set[str]:
    "Names of all programs that a command may start: each word of it, because a shell or `python -m` may stand before."
    words = command if isinstance(command, list | tuple) else [command]
    if isinstance(command, str | bytes) or len(words) == 3 and words[1] == "-c" and str(words[0]).endswith("sh"):
        words = os.fsdecode(words[-1]).split()
    return {os.path.basename(os.fsdecode(word)) for word in words}


def watch_out(event: str, arguments: tuple) -> None:
    "Refuse programs that serve, and the archives of the mirror."
    if event in ("subprocess.Popen", "os.system"):
        command = arguments[1] if event == "subprocess.Popen" else arguments[0]
        if found := named_in(command) & PROGRAMS:
            refuse(" and ".join(sorted(found)))
    elif event == "open" and archives and str(arguments[0]).startswith(archives):
        refuse(f"reading {arguments[0]}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    "Mark the slow tests; with `--fast` leave them out."
    for item in items:
        if not item.get_closest_marker("slow") and is_slow(item):
            item.add_marker("slow")
    if config.getoption("--fast"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("slow")])
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


# How long the fast ones take

seconds: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    "Add up what a test and its own fixtures take."
    seconds[report.nodeid] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    "List the fast tests that took too long, and keep the list for `make quick STRICT=1`."
    if config.getoption("--fast"):
        over = {test: took for test, took in seconds.most_common() if took > LIMIT}
        config.cache.set(OVER, over)
        if over:
            terminalreporter.section(f"fast tests over {LIMIT} s")
        for test, took in over.items():
            terminalreporter.line(f"{took:6.1f} s  {test}")
