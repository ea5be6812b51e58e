"""A browser to look at pages with, and the screens that people have."""

import shutil

from support.tiers import starts

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --accept-lang=uk"
).split()
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2}
LAPTOP = {"viewport": {"width": 1280, "height": 800}}


@starts("a browser")
def find_browser() -> str:
    "The system's Chromium; raises `FileNotFoundError` that says how to get it."
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise FileNotFoundError("no browser to look at the page with: apt-get install chromium")
    return found
