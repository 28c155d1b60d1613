"""How far long work is, on standard error, while somebody watches: nothing of it goes to a file or a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from entity_store.blobs import Blobs
from sidecar.cli.output import err

Tell = Callable[[int, int], None]
"""Takes how many bytes are done, and how many there are."""


@contextmanager
def elapsed(words: str) -> Iterator[None]:
    """The time that goes by, where no more is known."""
    with shown(SpinnerColumn()) as progress:
        progress.add_task(words, total=None)
        yield


@contextmanager
def byte_bar(words: str) -> Iterator[Tell]:
    """A bar of bytes; a spinner until some are told."""
    with shown(BarColumn(), DownloadColumn()) as progress:
        bar = progress.add_task(words, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)


def shown(*columns: ProgressColumn) -> Progress:
    """Tasks with these columns between their words and the time; nothing where nobody watches."""
    described = (TextColumn("{task.description}", markup=False), *columns, TimeElapsedColumn())
    # Standard output is left alone: it may go to a pipe while this goes to a terminal.
    return Progress(
        *described, console=err, transient=True, redirect_stdout=False, redirect_stderr=False,
        disable=not err.is_terminal,
    )  # fmt: skip


class WatchedBlobs(Blobs):
    """Stored pictures; whoever goes through all of them is shown how far that is."""

    def files(self) -> Iterator[tuple[str, int, float]]:
        if not err.is_terminal:
            yield from super().files()
            return
        found = list(super().files())
        total, done = sum(size for _, size, _ in found), 0
        with byte_bar("pictures") as tell:
            for file in found:
                yield file
                done += file[1]
                tell(done, total)
