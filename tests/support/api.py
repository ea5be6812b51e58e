"""The HTTP API, served for real, and what is sent to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from support.pages import launched

from ukr_letters.samples.store import open_store
from ukr_letters.serve.api import EXAMPLE


class Api(httpx.Client):
    "A running server, and a client that asks it."

    def __init__(self, url: str, process: subprocess.Popen, folder: Path):
        super().__init__(base_url=url, timeout=30)
        self.url, self.process, self.folder = url, process, folder

    def kept(self) -> set[str]:
        "Ids of all samples in the store."
        return set(open_store(str(self.folder / "samples")))

    def waiting(self) -> int:
        "How many samples wait for the store."
        return len(list((self.folder / "outbox/waiting").glob("*.json")))


@contextmanager
def opened(folder: Path, settings: dict[str, str] | None = None, **options: object) -> Iterator[Api]:
    "The server on a free port, with these settings in its environment and these options of `serve_api`."
    own = {"UKR_LETTERS_SAMPLES": f"{folder}/samples", "UKR_LETTERS_OUTBOX": f"{folder}/outbox"} | (settings or {})
    command = f"from ukr_letters.serve.api import serve_api; serve_api(port=0, **{options!r})"
    with ExitStack() as stack:
        log = stack.enter_context(open(folder / "log", "ab"))
        how = {"env": os.environ | own, "stderr": log, "start_new_session": True}
        try:
            url, process = stack.enter_context(launched([sys.executable, "-c", command], **how))
        except AssertionError as error:
            raise AssertionError(f"{error}{(folder / 'log').read_text()[-2000:]}") from None
        yield stack.enter_context(Api(url, process, folder))


def gift(number: int, **changes: object) -> dict:
    "A sample to give, unlike all others; each of its own writer."
    moved = [[[x + number % 19, y + number // 19 % 17] for x, y in stroke] for stroke in EXAMPLE["ink"]]
    return EXAMPLE | {"ink": moved, "writer": f"writer-{number:05}"} | changes
