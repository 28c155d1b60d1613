"""CapabilityService: rows of the world's table `capabilities`, and what they are good for."""

from __future__ import annotations

import asyncio
import json

from capabilities.errors import InvalidArgument
from capabilities.methods import METHODS
from capabilities.methods.declaration import Parameter
from capabilities.params import dump, parse, parse_row, restrict
from capabilities.policy import Caller, Capability, require_owner
from entity_store.authority import REMEMBERED, Authority
from sidecar.application.access import Access
from sidecar.pb.viwo.imagegen.v1 import capability_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import capability_pb2_grpc
from sidecar.surfaces.grpc.interceptor import Context
from sidecar.surfaces.proto import conversions


class CapabilityServicer(capability_pb2_grpc.CapabilityServiceServicer):
    def __init__(self, authority: Authority, access: Access) -> None:
        self._authority = authority
        self._access = access
        self._messages: dict[str, tuple[Capability, pb.Capability]] = {}

    async def Mint(self, request: pb.MintRequest, context: Context) -> pb.Capability:
        params = conversions.from_struct(request.params)
        return conversions.capability(
            await asyncio.to_thread(
                self._authority.mint, request.authority_id, request.caller_id, request.type, params
            )
        )

    async def Delegate(self, request: pb.DelegateRequest, context: Context) -> pb.Capability:
        restrictions = conversions.from_struct(request.restrictions)
        if request.parent_statement:
            parent = self._access.capability(request.parent_id, request.parent_statement)
            require_owner(parent, Caller(request.caller_id))
            params = dump(restrict(parse_row(parent.params), parse(restrictions)))
            return conversions.capability(Capability("", request.caller_id, parent.type, params, parent.id))
        return conversions.capability(
            await asyncio.to_thread(
                self._authority.delegate, request.parent_id, request.caller_id, restrictions
            )
        )

    async def Give(self, request: pb.GiveRequest, context: Context) -> pb.Capability:
        return conversions.capability(
            await asyncio.to_thread(self._authority.give, request.id, request.caller_id, request.target_id)
        )

    async def Revoke(self, request: pb.RevokeRequest, context: Context) -> pb.RevokeResponse:
        revoked = await asyncio.to_thread(self._authority.revoke, request.id, request.caller_id)
        return pb.RevokeResponse(revoked_ids=revoked)

    # Reads stay on the event loop: in WAL mode they wait for nobody, and a thread would cost more than the read.
    async def Get(self, request: pb.GetCapabilityRequest, context: Context) -> pb.Capability:
        found = self._authority.get(request.id)
        known, message = self._messages.get(found.id, (None, None))
        if known is not found or message is None:
            # The same row as long as the world is unchanged; making its message takes longer than reading it.
            if len(self._messages) >= REMEMBERED:
                self._messages.clear()
            message = conversions.capability(found)
            self._messages[found.id] = found, message
        return message

    async def List(
        self, request: pb.ListCapabilitiesRequest, context: Context
    ) -> pb.ListCapabilitiesResponse:
        size = conversions.page_size(request.page_size, 100)
        rows = self._authority.page(
            owner_id=request.owner_id,
            capability_type=request.type,
            after=conversions.page_number(request.page_token),
            limit=size + 1,
        )
        return pb.ListCapabilitiesResponse(
            capabilities=[conversions.capability(item) for _, item in rows[:size]],
            next_page_token=str(rows[size - 1][0]) if len(rows) > size else "",
        )

    async def DescribeMethods(
        self, request: pb.DescribeMethodsRequest, context: Context
    ) -> pb.DescribeMethodsResponse:
        if request.type and request.type not in {method.capability_type for method in METHODS}:
            known = ", ".join(sorted({method.capability_type for method in METHODS}))
            raise InvalidArgument(
                f"this server has no methods of that type; it has {known}",
                reason="UNKNOWN_TYPE",
                field="type",
                limit=known,
            )
        return pb.DescribeMethodsResponse(
            methods=[
                pb.MethodDescription(
                    type=method.capability_type,
                    name=method.name,
                    label=method.label,
                    description=method.description,
                    parameters=[_parameter(item) for item in method.all_parameters],
                    rpc=f"viwo.imagegen.v1.ImageService/{method.rpc}",
                )
                for method in METHODS
                if request.type in ("", method.capability_type)
            ]
        )


def _parameter(item: Parameter) -> pb.ParameterDescription:
    return pb.ParameterDescription(
        name=item.name,
        aliases=item.aliases,
        type=item.type,
        description=item.description,
        required=item.required,
        positional=item.positional,
        default_json="" if item.required or item.default is None else json.dumps(item.default),
        enum_values=item.enum,
        minimum=item.minimum,
        maximum=item.maximum,
        exclusive_minimum=item.exclusive_minimum,
        exclusive_maximum=item.exclusive_maximum,
        max_length=item.max_length,
        group=item.group,
        members=[_parameter(member) for member in item.members],
    )
