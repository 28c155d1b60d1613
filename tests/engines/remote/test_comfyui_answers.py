"""What a ComfyUI may answer that its fake does not: earlier versions, and nonsense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from sidecar.engines.comfyui.graph import Graph
from sidecar.engines.comfyui.prompt_queue import PromptQueue
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.transport import Host

OURS = "11111111-1111-5111-8111-111111111111"


class Scripted:
    """Answers what it is told to, by paths; the last answer of a path stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self._answers = answers
        self.sent: list[tuple[str, object]] = []

    async def get_json(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        return self._next(path)

    async def post_json(self, path: str, body: object, **how: Any) -> Any:
        self.sent.append((path, body))
        return self._next(path)

    async def call(self, method: str, path: str, *, body: object = None, **how: Any) -> None:
        self.sent.append((path, body))

    def _next(self, path: str) -> Any:
        answers = self._answers[path.split("/")[1]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, RemoteFailure):
            raise answer
        return answer


def queue_of(**answers: list[Any]) -> tuple[PromptQueue, Scripted]:
    scripted = Scripted(**answers)
    return PromptQueue(cast(Host, scripted)), scripted


def graph() -> Graph:
    made = Graph()
    made.add("image", "LoadImage", image="a.png")
    made.saved(("image", 0))
    return made


def waiting(*ids: str) -> dict[str, Any]:
    return {"queue_running": [], "queue_pending": [[place, id, {}, {}, []] for place, id in enumerate(ids)]}


async def test_an_early_version_gives_ids_of_its_own() -> None:
    queue, _ = queue_of(prompt=[{"prompt_id": "another-id", "number": 1, "node_errors": {}}])
    assert await queue.submit(graph(), OURS, "client") == "another-id"


async def test_an_early_version_writes_no_status() -> None:
    files = [{"filename": "a.png", "subfolder": "", "type": "output"}]
    queue, _ = queue_of(history=[{OURS: {"outputs": {"save": {"images": files}}}}, {OURS: {"outputs": {}}}])
    done = await queue.entry(OURS)
    assert done is not None
    assert done.files("save") == files
    broken = await queue.entry(OURS)
    assert broken is not None
    assert broken.failure is not None


async def test_errors_of_nodes_beside_an_id_take_the_prompt_back() -> None:
    errors = {
        "image": {"class_type": "LoadImage", "errors": [{"message": "Invalid image file", "extra_info": {}}]}
    }
    answer = {"prompt_id": OURS, "number": 1, "node_errors": errors}
    queue, scripted = queue_of(
        prompt=[answer], queue=[waiting("other", OURS), waiting("other")], history=[{}]
    )
    with pytest.raises(RemoteFailure, match="Invalid image file") as failure:
        await queue.submit(graph(), OURS, "client")
    assert failure.value.was_refused
    assert scripted.sent[1:] == [("/queue", {"delete": [OURS]})]


async def test_what_ran_while_it_was_taken_back_had_begun() -> None:
    gone = {OURS: {"outputs": {}, "status": {"status_str": "success"}}}
    queue, _ = queue_of(queue=[waiting(OURS), waiting()], history=[gone])
    assert await queue.withdraw(OURS)
    queue, _ = queue_of(queue=[waiting(OURS), waiting()], history=[{}])
    assert not await queue.withdraw(OURS)


@pytest.mark.parametrize("answer", [None, 5, "text", [], [5], {OURS: 5}], ids=str)
async def test_a_history_of_nonsense_is_a_failure_of_the_server(answer: Any) -> None:
    queue, _ = queue_of(history=[answer])
    with pytest.raises(RemoteFailure) as failure:
        await queue.entry(OURS)
    assert failure.value.kind is FailureKind.BAD_ANSWER


@pytest.mark.parametrize("messages", [None, 5, [5], [[1], ["execution_error", 2], [[], {}]]], ids=str)
async def test_an_end_that_nothing_is_said_of_is_a_failure_of_the_server(messages: Any) -> None:
    queue, _ = queue_of(history=[{OURS: {"status": {"status_str": "error", "messages": messages}}}])
    entry = await queue.entry(OURS)
    assert entry is not None
    assert entry.failure is not None
    assert entry.failure.kind is FailureKind.SERVER_ERROR


@pytest.mark.parametrize(
    "outputs",
    [
        5,
        {},
        {"save": 5},
        {"save": {"images": 5}},
        {"save": {"images": [5]}},
        {"save": {"images": [{"filename": 5}]}},
    ],
    ids=str,
)
async def test_pictures_that_have_no_names_are_a_failure_of_the_server(outputs: Any) -> None:
    queue, _ = queue_of(history=[{OURS: {"outputs": outputs, "status": {"status_str": "success"}}}])
    entry = await queue.entry(OURS)
    assert entry is not None
    with pytest.raises(RemoteFailure) as failure:
        entry.files("save")
    assert failure.value.kind is FailureKind.BAD_ANSWER


@pytest.mark.parametrize("answer", [None, [], {}, {"prompt_id": 5}, {"prompt_id": "../../free"}], ids=str)
async def test_an_id_that_is_none_is_a_failure_of_the_server(answer: Any) -> None:
    queue, _ = queue_of(prompt=[answer])
    with pytest.raises(RemoteFailure) as failure:
        await queue.submit(graph(), OURS, "client")
    assert failure.value.kind is FailureKind.BAD_ANSWER


@pytest.mark.parametrize(
    ("told", "kind", "field"),
    [
        ({"exception_message": "Allocation on device "}, FailureKind.SERVER_ERROR, ""),
        ({"exception_type": "torch.OutOfMemoryError"}, FailureKind.SERVER_ERROR, ""),
        (
            {"node_type": "LoadImage", "exception_message": "cannot identify"},
            FailureKind.BAD_REQUEST,
            "image",
        ),
        (
            {"exception_message": "mat1 and mat2 shapes cannot be multiplied"},
            FailureKind.BAD_REQUEST,
            "model_id",
        ),
        ({"node_type": "KSampler", "exception_message": 5}, FailureKind.SERVER_ERROR, ""),
    ],
    ids=str,
)
async def test_what_broke_is_said(told: dict[str, Any], kind: FailureKind, field: str) -> None:
    status = {"status_str": "error", "messages": [["execution_start", {}], ["execution_error", told]]}
    queue, _ = queue_of(history=[{OURS: {"outputs": {}, "status": status}}])
    entry = await queue.entry(OURS)
    assert entry is not None
    assert entry.failure is not None
    assert (entry.failure.kind, entry.failure.field) == (kind, field)
