"""CapabilityService: rows of the world's table `capabilities`, and what they are good for."""

from __future__ import annotations

import json

from capabilities.methods import Method
from capabilities.methods.declaration import Parameter
from capabilities.policy import Capability
from entity_store.authority import REMEMBERED
from sidecar.application.capabilities import Capabilities
from sidecar.pb.viwo.imagegen.v1 import capability_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import capability_pb2_grpc
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions


class CapabilityServicer(capability_pb2_grpc.CapabilityServiceServicer):
    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self._messages: dict[str, tuple[Capability, pb.Capability]] = {}

    async def Mint(self, request: pb.MintRequest, context: Context) -> pb.Capability:
        params = conversions.from_struct(request.params)
        made = self._capabilities.mint(
            principal(), request.authority_id, request.caller_id, request.type, params, request.target_id
        )
        return conversions.capability(await made)

    async def Delegate(self, request: pb.DelegateRequest, context: Context) -> pb.Capability:
        restrictions = conversions.from_struct(request.restrictions)
        made = self._capabilities.delegate(
            principal(), request.parent_id, request.caller_id, restrictions, request.parent_statement
        )
        return conversions.capability(await made)

    async def Give(self, request: pb.GiveRequest, context: Context) -> pb.Capability:
        given = self._capabilities.give(principal(), request.id, request.caller_id, request.target_id)
        return conversions.capability(await given)

    async def Revoke(self, request: pb.RevokeRequest, context: Context) -> pb.RevokeResponse:
        revoked = await self._capabilities.revoke(principal(), request.id, request.caller_id)
        return pb.RevokeResponse(revoked_ids=revoked)

    async def Approve(self, request: pb.ApproveRequest, context: Context) -> pb.Capability:
        params = conversions.from_struct(request.params)
        return conversions.capability(
            await self._capabilities.approve(principal(), request.id, request.world, params)
        )

    async def PushRevocations(
        self, request: pb.PushRevocationsRequest, context: Context
    ) -> pb.PushRevocationsResponse:
        await self._capabilities.revoked_elsewhere(principal(), request.capability_ids)
        return pb.PushRevocationsResponse()

    async def Get(self, request: pb.GetCapabilityRequest, context: Context) -> pb.Capability:
        found = self._capabilities.get(principal(), request.id)
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
        rows = self._capabilities.page(
            principal(),
            owner_id=request.owner_id,
            kind=request.type,
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
        methods = self._capabilities.methods(principal(), request.type)
        return pb.DescribeMethodsResponse(methods=[_method(method) for method in methods])


def _method(method: Method) -> pb.MethodDescription:
    return pb.MethodDescription(
        type=method.capability_type,
        name=method.name,
        label=method.label,
        description=method.description,
        parameters=[_parameter(item) for item in method.all_parameters],
        rpc=f"viwo.imagegen.v1.ImageService/{method.rpc}",
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
