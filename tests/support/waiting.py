"""Waiting for what comes sooner or later."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], object], seconds: float = 20.0) -> object:
    "The first true value of `holds()`, asked again until it comes; the last value when it does not."
    end = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if (value := holds()) or time.monotonic() >= end:
            return value
        # Who asks by starting a program shall not take the cores from what it waits for.
        time.sleep(min(max(0.05, 2 * (time.monotonic() - asked)), 1))
