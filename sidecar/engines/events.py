"""What an engine says while it works: one set of events for the child process, the job row, gRPC and HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from capabilities.errors import REFUSALS, Canceled, Code, Refusal


@dataclass(frozen=True)
class RawImage:
    """Finished pixels: rows from the top, `bands` bytes a pixel (3 RGB, 4 RGBA), and the seed that makes them again."""

    pixels: bytes
    width: int
    height: int
    bands: int
    seed: int


@dataclass(frozen=True)
class EncodedImage:
    """A finished picture as a file, in the format that its task asks for; sizes in pixels."""

    data: bytes
    width: int
    height: int
    seed: int
    has_alpha: bool = False
    thumbnail: bytes = b""
    """A small WebP of it, where one was asked for."""


@dataclass(frozen=True)
class Queued:
    """It waits, with this many jobs before it."""

    position: int


@dataclass(frozen=True)
class Loading:
    """Its model is being brought into memory, or downloaded before that: so many bytes of so many, 0 of 0 where not."""

    model_id: str
    bytes_done: int = 0
    bytes_total: int = 0


@dataclass(frozen=True)
class Step:
    """A step was done; counted over all pictures of the job."""

    step: int
    total: int
    image_index: int


@dataclass(frozen=True)
class Preview:
    """A glimpse of the unfinished picture, as a small JPEG."""

    data: bytes
    width: int
    height: int
    image_index: int


@dataclass(frozen=True)
class Done:
    """All pictures, in order: as files once they leave an engine. `seconds` of work, loading the model not counted."""

    images: tuple[RawImage | EncodedImage, ...]
    seconds: float
    warnings: tuple[str, ...] = ()
    shared: int = 1
    """How many jobs ran in the same batch."""


@dataclass(frozen=True)
class Failed:
    """It ended without a result. `retryable`: the same task may succeed when tried again."""

    code: str
    message: str
    reason: str = ""
    field: str = ""
    limit: str = ""
    asked: str = ""
    retryable: bool = False
    retry_after: float | None = None
    """Seconds after which to try again, where that can help."""
    account: str = ""
    """Whose budget it is that was spent."""
    remaining: str = ""
    """What is left of it."""
    billed: int | None = None
    """Of its drawings, how many whoever makes them has charged for or may have; None: nobody charges, or nobody says."""

    @classmethod
    def of(cls, refusal: Refusal, *, retryable: bool = False) -> Failed:
        """The failure that an exception stands for."""
        return cls(
            refusal.code.value,
            refusal.message,
            refusal.reason,
            refusal.field,
            refusal.limit,
            refusal.asked,
            retryable,
            refusal.retry_after,
        )

    def refusal(self) -> Refusal:
        """The same as an exception."""
        return REFUSALS[Code(self.code)](
            self.message,
            reason=self.reason,
            field=self.field,
            limit=self.limit,
            asked=self.asked,
            retry_after=self.retry_after,
        )


CANCELED = Failed.of(Canceled("the job was canceled", reason="CANCELED"))
"""The end of a job that somebody canceled."""

Event = Queued | Loading | Step | Preview | Done | Failed
