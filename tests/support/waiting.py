"""Waiting for what comes sooner or later."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], object], seconds: float = 20.0) -> object:
    "The first true value of `holds()`, asked again until it comes; the last value when it does not."
    end = time.monotonic() + seconds
    while not (value := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return value
