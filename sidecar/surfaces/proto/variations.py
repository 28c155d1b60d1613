"""One task with other prompts or other seeds, as a list of tasks."""

from __future__ import annotations

from capabilities.errors import InvalidArgument
from capabilities.methods.generation import draw_seed
from capabilities.tasks import MAX_PROMPT, MAX_SEED
from sidecar.pb.viwo.imagegen.v1 import job_pb2

MAX_TASKS = 1000
MAX_EXPANDED = 64 << 20
"""Most bytes of all tasks that variations stand for, together: each carries the whole of the first along."""


def tasks(request: job_pb2.SubmitBatchRequest) -> list[job_pb2.SubmitJobRequest]:
    """The tasks of a batch, those that are listed first. Raises InvalidArgument for none, or too many."""
    asked = len(request.tasks)
    made = list(request.tasks)
    if request.HasField("variations"):
        varied = request.variations
        asked += max(1, len(varied.prompts)) * max(1, len(varied.seeds), varied.count)
        if asked <= MAX_TASKS:
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
    _require_room(variations, len(seeds))
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


def _require_room(variations: job_pb2.Variations, seeds: int) -> None:
    """Raises InvalidArgument where the tasks would be too large, before there are any."""
    for place, prompt in enumerate(variations.prompts):
        if len(prompt) > MAX_PROMPT:
            raise InvalidArgument(
                f"'prompts[{place}]' must have at most {MAX_PROMPT} characters; got {len(prompt)}",
                reason="BAD_ARGUMENT",
                field=f"variations.prompts[{place}]",
                limit=f"at most {MAX_PROMPT} characters",
                asked=f"{len(prompt)} characters",
            )
    size = variations.task.ByteSize() * max(1, len(variations.prompts)) * seeds
    if size > MAX_EXPANDED:
        raise InvalidArgument(
            f"the variations would be {size} bytes of tasks; at most {MAX_EXPANDED}. Upload the pictures and name them by "
            "their references",
            reason="TOO_LARGE",
            field="variations.task",
            limit=f"{MAX_EXPANDED} bytes",
            asked=f"{size} bytes",
        )
