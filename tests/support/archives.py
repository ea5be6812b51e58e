"""The real sources, read once in a test run: a source as a list, and each archive and each picture decoded once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from unittest.mock import patch

from support.tiers import starts

from ukr_letters.learn import archives, sources
from ukr_letters.learn.archives import Archive, Source
from ukr_letters.learn.sources import Drawing, read

OPEN = ExitStack()  # archives stay open as long as the tests run: the index of the largest takes seconds to read


@starts("an archive")
@cache
def archive_of(name: str) -> Archive:
    "The archive of a source by its name, which remembers the pictures that it has decoded."
    archive = OPEN.enter_context(archives.open_archive(sources.SOURCES[name]))
    archive.picture = cache(archive.picture)
    return archive


@contextmanager
def open_once(source: Source) -> Iterator[Archive]:
    "What `open_archive` gives, from the first source that has the same file and the same members."
    same = (source.file, source.sha256, source.keep)
    yield archive_of(next(name for name, one in sources.SOURCES.items() if (one.file, one.sha256, one.keep) == same))


@starts("an archive")
@cache
def read_once(name: str) -> tuple[Drawing, ...]:
    "All drawings of a source."
    with patch.object(sources, "open_archive", open_once):
        return tuple(read(name))
