"""What goes on whatever happens: writing down what must not be lost, and the server's duties."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from capabilities.errors import NotFound, Unavailable
from sidecar.queue import background


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are asked for; none is made."""
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr(background, "asyncio", SimpleNamespace(sleep=sleep))
    return asked


class Refusing:
    """Fails as it is told, and then answers how often it was asked."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.asked


def away() -> Unavailable:
    return Unavailable("the disk is full")


async def test_what_must_be_written_is_tried_until_it_is(pauses: list[float]) -> None:
    assert await background.retry_until_written(Refusing(*(away() for _ in range(6)))) == 7
    assert pauses == [0.1, 0.5, 1.0, 5.0, 5.0, 5.0]


async def test_only_so_often_where_that_is_asked(pauses: list[float]) -> None:
    write = Refusing(*(away() for _ in range(9)))
    with pytest.raises(Unavailable, match="the disk is full"):
        await background.retry_until_written(write, 3)
    assert (write.asked, pauses) == (3, [0.1, 0.5])


async def test_what_a_second_try_would_not_change_is_told_at_once(pauses: list[float]) -> None:
    write = Refusing(NotFound("there is no such job"))
    with pytest.raises(NotFound):
        await background.retry_until_written(write)
    assert (write.asked, pauses) == (1, [])


@pytest.mark.parametrize(
    ("failure", "logged"),
    [(away, "a duty: the disk is full"), (lambda: KeyError("of ours"), "a duty broke; it goes on")],
)
async def test_a_duty_goes_on_after_a_failure(
    pauses: list[float], caplog: pytest.LogCaptureFixture, failure: Callable[[], Exception], logged: str
) -> None:
    turns = Refusing(failure(), failure(), asyncio.CancelledError())
    with caplog.at_level(logging.ERROR), pytest.raises(asyncio.CancelledError):
        await background.run_forever("a duty", turns)
    assert (turns.asked, pauses) == (3, [background.PAUSE] * 2)
    assert [record.getMessage() for record in caplog.records] == [logged] * 2
