"""KeyService: the credentials of clients."""

from __future__ import annotations

from capabilities.errors import InvalidArgument
from capabilities.principals import Kind
from sidecar.application.keys import Key, Keys, NewKey
from sidecar.pb.viwo.imagegen.v1 import key_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import key_pb2_grpc
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions

_KINDS = {
    pb.KEY_KIND_UNSPECIFIED: Kind.KEY,
    pb.KEY_KIND_KEY: Kind.KEY,
    pb.KEY_KIND_KERNEL: Kind.KERNEL,
}


class KeyServicer(key_pb2_grpc.KeyServiceServicer):
    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def Create(self, request: pb.CreateKeyRequest, context: Context) -> pb.CreatedKey:
        if request.kind not in _KINDS:
            raise InvalidArgument(
                f"'kind' must be KEY or KERNEL; got {request.kind}",
                reason="BAD_ARGUMENT",
                field="kind",
                limit="KEY, KERNEL",
                asked=str(request.kind),
            )
        new = NewKey(
            _KINDS[request.kind],
            request.entity_id,
            request.world,
            request.scopes,
            request.capability_ids,
            conversions.from_struct(request.limits) if request.HasField("limits") else None,
            request.types,
            conversions.seconds("expire_time", request.expire_time)
            if request.HasField("expire_time")
            else None,
            request.label,
        )
        key, text = await self._keys.create(principal(), new)
        return pb.CreatedKey(key=_message(key), text=text)

    async def List(self, request: pb.ListKeysRequest, context: Context) -> pb.ListKeysResponse:
        size = conversions.page_size(request.page_size, 100)
        keys = self._keys.page(principal(), request.page_token, size + 1)
        return pb.ListKeysResponse(
            keys=[_message(key) for key in keys[:size]],
            next_page_token=keys[size - 1].id if len(keys) > size else "",
        )

    async def Rotate(self, request: pb.RotateKeyRequest, context: Context) -> pb.CreatedKey:
        key, text = await self._keys.rotate(principal(), request.id)
        return pb.CreatedKey(key=_message(key), text=text)

    async def Revoke(self, request: pb.RevokeKeyRequest, context: Context) -> pb.Key:
        return _message(await self._keys.revoke(principal(), request.id))


def _message(key: Key) -> pb.Key:
    kind = pb.KEY_KIND_KERNEL if key.kind is Kind.KERNEL else pb.KEY_KIND_KEY
    return pb.Key(
        id=key.id,
        kind=kind,
        world=key.world,
        entity_id=key.entity_id,
        scopes=sorted(key.scopes),
        capabilities=dict(key.capabilities),
        label=key.label,
        create_time=conversions.timestamp(key.created),
        expire_time=None if key.expires is None else conversions.timestamp(key.expires),
        last_use_time=None if key.last_used is None else conversions.timestamp(key.last_used),
    )
