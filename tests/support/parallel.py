"""Which tests run in one worker, and which begin first, when a run has several workers (pytest-xdist)."""

import os

import pytest

# Two workers share the cores: a thread of a worker that waits for another one must not hold a core meanwhile.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Servers and workers start a hundred times: none of them shall compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Groups that are long, longest first: the run ends soonest when they begin first.
LONG = ("pipeline", "site", "archives", "test_abuse", "test_tune", "mlflow", "test_review")


def group_of(item: pytest.Item) -> str:
    "The group of a test: what it was marked with, the server that it shares with other files, or its file."
    if mark := item.get_closest_marker("xdist_group"):
        return mark.args[0]
    fixtures = item._fixtureinfo.name2fixturedefs
    owners = {definitions[-1].func.__module__: name for name, definitions in fixtures.items()}
    if "support.site" in owners:
        return "site"
    if "checkout" in fixtures and fixtures["checkout"][-1].func.__module__ == "support.checkout":
        return "pipeline"
    return "mlflow" if "mlflow_server" in fixtures else item.path.stem


def pytest_itemcollected(item: pytest.Item) -> None:
    "Mark a test with its group, before xdist reads the marks."
    if not item.get_closest_marker("xdist_group"):
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    "Put the long groups first."
    order = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(group_of(item), len(LONG)))
