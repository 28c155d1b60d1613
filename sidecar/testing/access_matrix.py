"""Every RPC with every kind of credential: what each should be answered, and what it was."""

from __future__ import annotations

import importlib
import json
import pkgutil
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory

from capabilities.principals import Scope
from entity_store.capability_rows import insert
from entity_store.world import create_entity
from sidecar import server
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen import v1 as contract
from sidecar.pb.viwo.imagegen.v1 import (
    common_pb2,
    key_pb2,
)
from sidecar.surfaces.permissions import RPCS, Rule
from sidecar.testing.access_requests import REQUESTS
from sidecar.testing.client import Client
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.refusals import error_info
from viwo_imagegen_client.dialling import OPTIONS

FILES = tuple(
    importlib.import_module(f"{contract.__name__}.{module.name}")
    for module in pkgutil.iter_modules(contract.__path__)
    if module.name.endswith("_pb2")
)
"""Every file of the contract, so that a new service cannot be forgotten here."""
CREDENTIALS = (
    "none",
    "wrong key",
    "key without the scope",
    "another owner's key",
    "another world's kernel",
    "right key",
)


def methods() -> Iterator[tuple[str, Any]]:
    """Every RPC of the contract: "Service/Method" and its descriptor."""
    for file in FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield f"{service.name}/{method.name}", method


@dataclass
class Matrix:
    """A server on a fake engine with things of one owner, and credentials of everybody."""

    channel: grpc.aio.Channel
    operator: Client
    painter: int
    stranger: int
    room: int
    mint_id: str
    """The right of the painter to mint."""
    texts: dict[str, str]
    """The credentials by their names; the key without the scope is made for each scope."""

    async def context(self, kind: str = "diffusers.generate") -> common_pb2.CallContext:
        return await self.operator.context(owner=self.painter, kind=kind)

    async def request(self, rpc: str) -> Any:
        """A request about things of the painter, made anew, so that one which ends something ends nothing else."""
        return await REQUESTS[rpc](self)

    async def ask(self, rpc: str, credential: str) -> tuple[str, str]:
        """The status that a credential is answered, and the reason of a refusal."""
        request = await self.request(rpc)
        text = self.texts[credential]
        if credential == "key without the scope":
            text = await self._without(RPCS[rpc].scope)
        metadata = [("authorization", f"Bearer {text}")] if text else []
        method = self.method(rpc)
        try:
            answer = await self.call(method, request, metadata)
        except grpc.aio.AioRpcError as error:
            return error.code().name, error_info(error).reason
        if rpc == "ImageService/Invoke":
            # Within the world a refusal is an answer.
            told = json.loads(answer.result_json)
            if not told["ok"]:
                return told["error"]["code"], told["error"]["reason"]
        if rpc == "JobService/Estimate" and answer.HasField("refusal"):
            return answer.refusal.code, answer.refusal.reason
        return "OK", ""

    def method(self, rpc: str) -> Any:
        """The descriptor of an RPC."""
        return dict(methods())[rpc]

    async def _without(self, scope: Scope | None) -> str:
        others = [str(item) for item in Scope if item is not scope]
        made = await self.operator.keys.Create(
            key_pb2.CreateKeyRequest(entity_id=self.painter, scopes=others)
        )
        return str(made.text)

    async def call(self, method: Any, request: Any, metadata: list[tuple[str, str]]) -> Any:
        path = f"/{method.containing_service.full_name}/{method.name}"
        reply = message_factory.GetMessageClass(method.output_type)
        serialize, parse = type(request).SerializeToString, reply.FromString
        if method.client_streaming:

            async def requests() -> AsyncIterator[Any]:
                yield request

            return await self.channel.stream_unary(path, serialize, parse)(requests(), metadata=metadata)
        if method.server_streaming:
            stream = self.channel.unary_stream(path, serialize, parse)(request, metadata=metadata)
            async for first in stream:
                stream.cancel()
                return first
            return None
        return await self.channel.unary_unary(path, serialize, parse)(request, metadata=metadata)


def wrong_answers(rpc: str, answers: Iterable[tuple[str, tuple[str, str]]]) -> list[str]:
    """What is not as it should be among an RPC's answers to the credentials."""
    wrong = []
    for credential, (status, reason) in answers:
        expected = expectation(rpc, credential)
        if not any(
            status == code and (not reasons or reason in reasons) for code, reasons in expected.items()
        ):
            wrong.append(f"{rpc} with {credential}: {status} {reason}, expected {expected}")
    return wrong


def expectation(rpc: str, credential: str) -> dict[str, frozenset[str]]:
    """The statuses that are right, each with the reasons that are, or any."""
    permission = RPCS[rpc]
    anything: frozenset[str] = frozenset()
    match credential:
        case "none":
            return {"UNAUTHENTICATED": frozenset({"NO_TOKEN"})}
        case "wrong key":
            return {"UNAUTHENTICATED": frozenset({"BAD_KEY"})}
        case "key without the scope" if permission.scope is not None:
            return {"PERMISSION_DENIED": frozenset({"MISSING_SCOPE"})}
        case "another owner's key" if permission.scope is Scope.ADMIN:
            return {"PERMISSION_DENIED": frozenset({"MISSING_SCOPE"})}
        case "another owner's key":
            return {
                Rule.CAPABILITY: {"PERMISSION_DENIED": frozenset({"NOT_YOUR_ENTITY", "NOT_OWNER"})},
                Rule.CALLER: {"PERMISSION_DENIED": frozenset({"NOT_YOUR_ENTITY", "NOT_A_KERNEL"})},
                Rule.OWN: {"NOT_FOUND": anything},
                Rule.PICTURE: {"NOT_FOUND": anything},
                Rule.SEEN: {"NOT_FOUND": anything},
                Rule.LIST: {"OK": anything},
                Rule.NEW: {"OK": anything},
                Rule.ANYBODY: {"OK": anything},
            }[permission.rule]
        case "another world's kernel" if permission.scope is Scope.ADMIN:
            return {"PERMISSION_DENIED": frozenset({"MISSING_SCOPE"})}
        case "another world's kernel":
            elsewhere = {"FAILED_PRECONDITION": frozenset({"WORLD_ELSEWHERE"})}
            return {
                # The template of the owner's world is not there.
                Rule.CAPABILITY: {"NOT_FOUND": anything} if rpc == "TemplateService/Run" else elsewhere,
                Rule.CALLER: elsewhere | {"OK": anything} if rpc.endswith("PushRevocations") else elsewhere,
                Rule.OWN: {"NOT_FOUND": anything} | elsewhere,
                Rule.PICTURE: {"NOT_FOUND": anything} | elsewhere,
                Rule.SEEN: elsewhere,
                Rule.LIST: {"OK": anything} | elsewhere,
                Rule.NEW: {"OK": anything},
                Rule.ANYBODY: {"OK": anything},
            }[permission.rule]
    if rpc.endswith("PushRevocations"):
        return {"PERMISSION_DENIED": frozenset({"NOT_A_KERNEL"})}
    # The fake engine has no models for some methods, and loads none: then it is the right that was not refused.
    return {"OK": anything, "FAILED_PRECONDITION": frozenset({"MODEL_CANNOT", "ENGINE_CANNOT", "ENGINE_LOADS_ITSELF", "NOT_FROM_A_HUB", "NO_MODEL", "NO_RESTORER"}),
            "NOT_FOUND": frozenset({"UNKNOWN_MODEL", "NO_MODEL"})}  # fmt: skip


@asynccontextmanager
async def matrix(folder: Path) -> AsyncIterator[Matrix]:
    """A server of its own, with everybody's credentials."""
    settings = Settings(data_dir=folder, port=0, default_model="icons")
    async with (
        server.running(settings, [FakeEngine()]) as running,
        grpc.aio.insecure_channel(running.address, options=OPTIONS) as channel,
    ):
        with running.world.transaction() as connection:
            room, elsewhere = (create_entity(connection, {"name": name}, 2) for name in ("Studio", "Cellar"))
            painter = create_entity(connection, {"name": "Painter", "location": room}, 2)
            stranger = create_entity(connection, {"name": "Stranger", "location": elsewhere}, 2)
            mint_id = insert(connection, painter, "sys.mint", {"namespace": "diffusers"}).id
        operator = Client(channel, running.token, owner=painter)
        below_admin = [str(scope) for scope in Scope if scope is not Scope.ADMIN]

        async def key(**values: Any) -> str:
            made = await operator.keys.Create(key_pb2.CreateKeyRequest(**values))
            return str(made.text)

        texts = {
            "none": "",
            "wrong key": "vk_0123456789ab_" + secrets.token_urlsafe(32),
            "key without the scope": "",
            "another owner's key": await key(entity_id=stranger, scopes=below_admin),
            "another world's kernel": await key(kind=key_pb2.KEY_KIND_KERNEL, world="f" * 32),
            "right key": await key(entity_id=painter, scopes=[str(scope) for scope in Scope]),
        }
        yield Matrix(channel, operator, painter, stranger, room, mint_id, texts)
