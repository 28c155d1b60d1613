"""Capabilities, models and the state of the sidecar: the use cases without a surface."""

from __future__ import annotations

from pathlib import Path

import pytest

from capabilities.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from capabilities.methods import METHODS
from capabilities.principals import Kind
from sidecar.application.access import require_context
from sidecar.application.keys import NewKey
from sidecar.engines.api import EngineState
from sidecar.queue.store.key_rows import KeyRows
from sidecar.testing.fake_engine import FakeEngine
from tests.application.in_process import ASKER, InProcess, in_process


async def test_capabilities_are_minted_narrowed_given_and_revoked(here: InProcess) -> None:
    use, painter, other = here.use.capabilities, here.painter, here.entity(name="Other")
    minting = here.right("sys.mint", namespace="diffusers")
    minted = await use.mint(ASKER, minting.capability_id, painter, "diffusers.generate", {"max_steps": 30})
    child = await use.delegate(ASKER, minted.id, painter, {"max_steps": 50})
    assert child.params["max_steps"] == 30
    given = await use.give(ASKER, child.id, painter, other)
    assert (given.owner_id, use.get(ASKER, child.id).owner_id) == (other, other)
    with pytest.raises(PermissionDenied):
        await use.revoke(ASKER, minted.id, other)
    assert set(await use.revoke(ASKER, minted.id, painter)) == {minted.id, child.id}
    with pytest.raises(NotFound):
        use.get(ASKER, child.id)


async def test_a_key_that_is_not_written_down_leaves_no_capability(
    here: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise Unavailable("the disk is full", reason="DISK_FULL")

    monkeypatch.setattr(KeyRows, "insert", full)
    held = here.right().capability_id
    new = NewKey(Kind.KEY, here.painter, capability_ids=[held], limits={"max_steps": 9})
    with pytest.raises(Unavailable):
        await here.use.keys.create(ASKER, new)
    left = here.use.capabilities.page(ASKER, owner_id=here.painter, kind="", after=0, limit=9)
    assert [capability.id for _, capability in left] == [held]


async def test_pages_of_capabilities_go_on(here: InProcess) -> None:
    ids = [here.right().capability_id for _ in range(3)]
    first = here.use.capabilities.page(ASKER, owner_id=here.painter, kind="", after=0, limit=2)
    rest = here.use.capabilities.page(ASKER, owner_id=here.painter, kind="", after=first[-1][0], limit=2)
    assert [capability.id for _, capability in first + rest] == ids


async def test_methods_are_told_by_type(here: InProcess) -> None:
    assert len(here.use.capabilities.methods(ASKER)) == len(METHODS)
    named = here.use.capabilities.methods(ASKER, "diffusers.generate")
    assert {method.capability_type for method in named} == {"diffusers.generate"}
    with pytest.raises(InvalidArgument, match="no methods of that type"):
        here.use.capabilities.methods(ASKER, "fs.read")


def test_a_context_names_a_capability_and_a_caller() -> None:
    require_context("c", 3)
    for capability_id, caller_id, field in (
        ("", 3, "capability_id"),
        ("c", 0, "caller_id"),
        ("c", -1, "caller_id"),
    ):
        with pytest.raises(FailedPrecondition) as refused:
            require_context(capability_id, caller_id)
        assert refused.value.field == f"context.{field}"


async def test_models_and_status_tell_of_every_engine(tmp_path: Path) -> None:
    engines = [FakeEngine(), FakeEngine("far", models=["far:oil", "far:ink"])]
    engines[1].go_down("its machine is off")
    async with in_process(tmp_path, engines) as here:
        listed, problems = await here.use.models.list(ASKER)
        assert [item.facts.id for item in listed] == ["far:ink", "far:oil", "icons"]
        assert (list(problems), here.use.models.default) == ([], "icons")
        await here.made()
        status = await here.use.status.read(ASKER)
        states = {view.name: view.status.state for view in status.engines}
        assert states == {
            "local": EngineState.READY, "far": EngineState.DOWN, "builtin": states["builtin"],
        }  # fmt: skip
        assert (status.main.name, dict(status.ended)) == ("local", {"succeeded": 1})
        assert b"viwo_imagegen_jobs_ended" in await here.use.status.metrics(ASKER)
        for ask in (here.use.models.load, here.use.models.unload):
            with pytest.raises(FailedPrecondition, match="loads its models itself"):
                await ask(ASKER, "far:oil")
