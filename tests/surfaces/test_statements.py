"""A sidecar that cannot read the world: capabilities are stated by the plugin, signed."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from capabilities import statements
from capabilities.policy import Capability
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    capability_pb2,
    common_pb2,
    entity_pb2,
    image_pb2,
    key_pb2,
)
from sidecar.surfaces.proto.conversions import from_struct, to_struct
from sidecar.testing.client import Client
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started

OWNER = 41
WORLD = "b" * 32


@pytest.fixture(scope="module")
async def remote(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    data = tmp_path_factory.mktemp("remote")
    async with started(tiny, data, statement_key_file=data / "statement.key") as running:
        yield running


def key_of(sidecar: Sidecar) -> bytes:
    path = sidecar.running.settings.statement_key_file
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0
    return path.read_text().strip().encode()


def stated(
    sidecar: Sidecar, params: dict[str, object], *, kind: str = "diffusers.generate", key: bytes = b""
) -> common_pb2.CallContext:
    """The context of a call by a capability that only the other machine's world has."""
    capability = Capability("somewhere-else", OWNER, kind, params)
    expires = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)
    said = statements.Statement(capability, version=1)
    statement = statements.sign(key or key_of(sidecar), said, expires)
    return common_pb2.CallContext(
        capability_id="somewhere-else", caller_id=OWNER, this_id=OWNER, capability_statement=statement
    )


async def test_a_stated_capability_works_and_its_limits_hold(remote: Sidecar) -> None:
    answer = await remote.images.TextToImage(text_to_image(stated(remote, {"max_steps": 5})))
    told = await remote.blobs.Describe(blob_pb2.DescribeBlobRequest(ref=answer.images[0].ref))
    assert (told.width, told.height) == (64, 64)
    assert told.thumbnail.startswith("data:image/webp;base64,")
    error = await refused(remote.images.TextToImage(text_to_image(stated(remote, {"max_steps": 2}))))
    assert error_info(error).metadata["field"] == "max_steps"
    for changed, reason in (
        ({"caller_id": 42, "this_id": 42}, "NOT_OWNER"),
        ({"capability_id": "another"}, "BAD_STATEMENT"),
    ):
        context = stated(remote, {})
        context.MergeFrom(common_pb2.CallContext(**changed))
        error = await refused(remote.images.TextToImage(text_to_image(context)))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert error_info(error).reason == reason


async def test_nobody_without_the_key_is_believed(remote: Sidecar, sidecar: Sidecar) -> None:
    forged = stated(remote, {}, key=b"guessed")
    error = await refused(remote.images.TextToImage(text_to_image(forged)))
    assert error_info(error).reason == "BAD_STATEMENT"
    error = await refused(sidecar.images.TextToImage(text_to_image(stated(remote, {}))))
    assert error_info(error).reason == "NO_STATEMENTS"


async def test_entities_of_the_other_world_are_not_taken_for_those_here(remote: Sidecar) -> None:
    context = stated(remote, {}, kind="image.edit")
    source = common_pb2.ImageSource(entity_id=5)
    request = image_pb2.EditRequest(context=context, image=source)
    request.operations.add().filter.kind = image_pb2.FILTER_KIND_BLUR
    assert error_info(await refused(remote.images.Edit(request))).reason == "WORLD_ELSEWHERE"
    saving = text_to_image(stated(remote, {}), output=common_pb2.OutputOptions(save=common_pb2.SaveOptions()))
    assert error_info(await refused(remote.images.TextToImage(saving))).reason == "WORLD_ELSEWHERE"
    verb = entity_pb2.CallVerbRequest(context=context, entity_id=5, verb="filter")
    assert error_info(await refused(remote.entities.CallVerb(verb))).reason == "WORLD_ELSEWHERE"


class Plugin:
    """viwo's plugin on another machine: a key of its world, and statements as it signs them."""

    def __init__(self, sidecar: Sidecar, key: key_pb2.CreatedKey) -> None:
        self.client = Client(sidecar.channel, key.text)
        self.principal = f"key:{key.key.id}"
        self._sidecar = sidecar

    def context(self, capability_id: str, *, seconds: float = 30, **said: Any) -> common_pb2.CallContext:
        """By a capability of the plugin's world; `said` instead of what is right."""
        capability = Capability(capability_id, OWNER, "diffusers.generate", {"max_steps": 5})
        facts = {
            "world": WORLD, "caller_id": OWNER, "this_id": OWNER, "audience": self.principal, "id": "one", **said,
        }  # fmt: skip
        expires = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        statement = statements.sign(key_of(self._sidecar), statements.Statement(capability, **facts), expires)
        return common_pb2.CallContext(
            capability_id=capability_id, caller_id=OWNER, this_id=OWNER, capability_statement=statement
        )


@pytest.fixture
async def plugin(remote: Sidecar) -> Plugin:
    request = key_pb2.CreateKeyRequest(kind=key_pb2.KEY_KIND_KERNEL, world=WORLD)
    return Plugin(remote, await remote.keys.Create(request))


async def test_a_statement_is_for_one_world_caller_key_and_half_a_minute(
    remote: Sidecar, plugin: Plugin
) -> None:
    await plugin.client.images.TextToImage(text_to_image(plugin.context("there")))
    for wrong in (
        {"world": "c" * 32},
        {"caller_id": OWNER + 1},
        {"this_id": OWNER + 1},
        {"audience": "key:another"},
        {"seconds": -61},
        {"seconds": 120},
    ):
        error = await refused(
            plugin.client.images.TextToImage(text_to_image(plugin.context("there", **wrong)))
        )
        assert error_info(error).reason == "BAD_STATEMENT", wrong
    # Of the first release's kind only the operator's token is believed.
    error = await refused(plugin.client.images.TextToImage(text_to_image(stated(remote, {}))))
    assert error_info(error).reason == "BAD_STATEMENT"


async def test_what_a_plugin_says_was_revoked_holds_no_longer(remote: Sidecar, plugin: Plugin) -> None:
    push = capability_pb2.PushRevocationsRequest(capability_ids=["gone"])
    assert error_info(await refused(remote.capabilities.PushRevocations(push))).reason == "NOT_A_KERNEL"
    await plugin.client.images.TextToImage(text_to_image(plugin.context("gone")))
    await plugin.client.capabilities.PushRevocations(push)
    error = await refused(plugin.client.images.TextToImage(text_to_image(plugin.context("gone"))))
    assert error_info(error).reason == "UNKNOWN_CAPABILITY"
    many = capability_pb2.PushRevocationsRequest(capability_ids=["x"] * 1001)
    error = await refused(plugin.client.capabilities.PushRevocations(many))
    assert error_info(error).metadata["limit"] == "at most 1000 ids of 64 characters"


async def test_narrowing_what_is_stated(remote: Sidecar) -> None:
    context = stated(remote, {"max_steps": 5})

    def asked(caller: int, **limits: object) -> capability_pb2.DelegateRequest:
        return capability_pb2.DelegateRequest(
            parent_id=context.capability_id,
            caller_id=caller,
            restrictions=to_struct(limits),
            parent_statement=context.capability_statement,
        )

    made = await remote.capabilities.Delegate(asked(OWNER, max_steps=9, max_width=64))
    assert made.id == ""
    params = from_struct(made.params)
    assert isinstance(params.pop("budget_account"), str)
    assert params == {"max_steps": 5, "max_width": 64}
    error = await refused(remote.capabilities.Delegate(asked(OWNER + 1, max_steps=1)))
    assert error_info(error).reason == "NOT_OWNER"
