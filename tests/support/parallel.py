"""Which tests run in one worker, and which begin first, when a run has several workers (pytest-xdist)."""

import os
from pathlib import PurePath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Workers share the cores, and two threads of one that wait for each other cost a third of the time. Besides, what a
# training gives depends on their number.
os.environ["OMP_NUM_THREADS"] = "1"
# Servers and workers start a hundred times: none of them shall compile the package anew, or report to DVC's authors.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["DVC_NO_ANALYTICS"] = "yes"

# Files of one group share something costly: the walked pipeline, the archives in memory, a server. All others stand alone.
SHARED = {
    "pipeline": ("test_pipeline", "test_dvc", "test_golden", "test_stop"),
    "archives": ("test_archives", "test_poison"),
    "mlflow": ("test_tracking", "test_release", "test_services"),
}
# What takes longest begins first, so that the run ends soonest.
LONGEST = ("pipeline", "test_deploy", "archives", "test_tune", "test_abuse", "mlflow", "test_faults", "test_review")


def group_of(nodeid: str) -> str:
    "The group of a test, by its file."
    file = PurePath(nodeid.partition("::")[0]).stem
    return next((group for group, files in SHARED.items() if file in files), file)


class GroupScheduling(LoadScopeScheduling):
    "Gives each group of tests to one worker."

    def _split_scope(self, nodeid: str) -> str:
        "What keeps tests together: xdist's own marks for it have no effect since pytest 9.2."
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    "Schedule by group, in the order of the tests."
    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    "Put the long groups first."
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(group_of(item.nodeid), len(LONGEST)))
