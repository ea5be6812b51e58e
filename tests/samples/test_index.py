"The index of the store, shared by the threads and processes of one machine."

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import Timeout

from ukr_letters.samples.index import Index


def test_threads_of_one_page_follow_one_after_the_other(tmp_path: Path):
    "A page counts while its visitor deletes; the thread that follows may take the lock once more, another may not."
    index = Index(tmp_path)
    with ThreadPoolExecutor(1) as pool, index.lock, index.lock, pytest.raises(Timeout):
        pool.submit(index.lock.acquire, timeout=0.1).result()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(index.lock.acquire, timeout=1).result()
