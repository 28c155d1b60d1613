"""Whatever goes wrong while a model is loaded or used is told as the model's fault, with its id, and stops nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from capabilities.errors import FailedPrecondition, Refusal, ResourceExhausted
from sidecar.engines.local.memory import is_out_of_memory
from sidecar.engines.local.model_files import UnusableModel, shown

log = logging.getLogger("viwo_imagegen.engine")


@contextmanager
def loading(
    what: str, model_id: str, *, field: str = "model_id", reason: str = "MODEL_NOT_LOADABLE"
) -> Iterator[None]:
    """While a model or a part of one is loaded.

    `what`: how it is called ("the model 'x' cannot be loaded"), with a verb. Raises FailedPrecondition in place of any
    fault but a refusal, and ResourceExhausted where memory ran out.
    """
    try:
        yield
    except UnusableModel as problem:
        raise FailedPrecondition(
            f"{what}: {problem.message}", reason=reason, field=field, asked=model_id
        ) from problem
    except Refusal:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise ResourceExhausted(
                f"'{model_id}' does not fit in the memory that is left; use a smaller model, or unload another",
                reason="OUT_OF_MEMORY",
                field=field,
                asked=model_id,
            ) from None
        # Anything can come out of libraries that read files made by anyone.
        log.warning("%s", what, exc_info=error)
        raise FailedPrecondition(
            f"{what}: {first_line(error)}", reason=reason, field=field, asked=model_id
        ) from error


@contextmanager
def drawing(model_id: str) -> Iterator[None]:
    """While a model draws: its parts may be loadable each and not fit together.

    Raises FailedPrecondition in place of any fault but a refusal and memory that ran out.
    """
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        log.exception("the model '%s' failed while it drew", model_id)
        raise FailedPrecondition(
            f"the model '{model_id}' failed while it drew: {first_line(error)}; its parts may not fit together, or it "
            "may not take these options",
            reason="MODEL_FAULT",
            field="model_id",
            asked=model_id,
        ) from error


def first_line(error: BaseException) -> str:
    """An error in one line: its kind where that says more than its words."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    words = shown(lines[0].strip())
    return (
        words
        if isinstance(error, OSError | ValueError | RuntimeError)
        else f"{type(error).__name__}: {words}"
    )
