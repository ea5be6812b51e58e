"""Which tests run in one worker, and which begin first, when a run has several workers (pytest-xdist)."""

import os

import pytest

# Two workers share the cores: a thread of a worker that waits for another one must not hold a core meanwhile.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Servers and workers start a hundred times: none of them shall compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Groups that are long, longest first: the run ends soonest when they begin first.
LONG = ("test_pipeline", "test_archives", "test_deploy")


def group_of(item: pytest.Item) -> str:
    "The group of a test: what it was marked with, the server that it shares with other files, or its file."
    if mark := item.get_closest_marker("xdist_group"):
        return mark.args[0]
    fixtures = item._fixtureinfo.name2fixturedefs
    owners = {definitions[-1].func.__module__: name for name, definitions in fixtures.items()}
    if "support.site" in owners:
        return "test_deploy"
    if "checkout" in fixtures and fixtures["checkout"][-1].func.__module__ == "support.checkout":
        return "test_pipeline"
    return "mlflow" if "mlflow_server" in fixtures else item.path.stem


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    "Group the tests, and put the long groups first."
    groups = {item.nodeid: group_of(item) for item in items}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item.nodeid]))
    order = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(groups[item.nodeid], len(LONG)))
