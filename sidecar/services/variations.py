"""One task with other prompts or other seeds, as a list of tasks."""

from __future__ import annotations

from capabilities.errors import InvalidArgument
from capabilities.generate import draw_seed
from capabilities.tasks import MAX_SEED
from sidecar.pb.viwo.imagegen.v1 import job_pb2

MAX_TASKS = 1000
MAX_COPIED = 64 * 1024 * 1024


def tasks(request: job_pb2.SubmitBatchRequest) -> list[job_pb2.SubmitJobRequest]:
    """The tasks of a batch, those that are listed first. Raises InvalidArgument for none, or too many."""
    asked = len(request.tasks)
    made = list(request.tasks)
    if request.HasField("variations"):
        varied = request.variations
        asked += max(1, len(varied.prompts)) * max(1, len(varied.seeds), varied.count)
        if asked <= MAX_TASKS:
            _require_small(varied, asked - len(request.tasks))
            made += _varied(varied)
    if not 1 <= asked <= MAX_TASKS:
        raise InvalidArgument(
            f"a batch has 1 to {MAX_TASKS} tasks; got {asked}",
            reason="BAD_ARGUMENT",
            field="tasks",
            limit=f"1 to {MAX_TASKS}",
            asked=str(asked),
        )
    return made


def _require_small(variations: job_pb2.Variations, copies: int) -> None:
    """Raises InvalidArgument where copies of a task would fill the memory: those of a picture that it holds itself."""
    size = variations.task.ByteSize() + max((len(prompt) for prompt in variations.prompts), default=0)
    if size * copies > MAX_COPIED:
        raise InvalidArgument(
            f"{copies} variations of a task of {size} bytes are more than {MAX_COPIED} bytes; "
            "upload its pictures once and name them by reference",
            reason="TOO_LARGE",
            field="variations.task",
            limit=f"{MAX_COPIED} bytes in all",
            asked=f"{size * copies} bytes",
        )


def _varied(variations: job_pb2.Variations) -> list[job_pb2.SubmitJobRequest]:
    """Every prompt with every seed, prompt by prompt."""
    kind = variations.task.WhichOneof("task")
    options = None if kind is None else getattr(getattr(variations.task, kind), "options", None)
    if kind is None or options is None:
        raise InvalidArgument(
            "'variations.task' must be a typed task that draws, such as text_to_image; list other tasks one by one",
            reason="NO_VARIATIONS",
            field="variations.task",
            asked=kind or "nothing",
        )
    if variations.count < 0:
        raise InvalidArgument("'count' must not be negative", reason="BAD_ARGUMENT", field="variations.count")
    for seed in variations.seeds:
        if not 0 <= seed <= MAX_SEED:
            raise InvalidArgument(
                f"'seeds' must be 0 to {MAX_SEED}; got {seed}",
                reason="BAD_ARGUMENT",
                field="variations.seeds",
            )
    seeds = list(variations.seeds)
    if not seeds:
        count = max(1, variations.count)
        first = draw_seed(options.seed if options.HasField("seed") else None, count)
        seeds = [first + place for place in range(count)]
    made = []
    prompts: list[str | None] = [*variations.prompts] or [None]
    for prompt in prompts:
        for seed in seeds:
            task = job_pb2.SubmitJobRequest()
            task.CopyFrom(variations.task)
            inner = getattr(task, kind)
            inner.options.seed = seed
            if prompt is not None:
                inner.prompt = prompt
            made.append(task)
    return made
