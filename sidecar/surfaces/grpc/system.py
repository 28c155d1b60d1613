"""SystemService: how the sidecar is doing."""

from __future__ import annotations

import time

from google.protobuf.duration_pb2 import Duration

from sidecar.application.status import EngineView, Status
from sidecar.engines.api import EngineState
from sidecar.pb.viwo.imagegen.v1 import system_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import system_pb2_grpc
from sidecar.queue.store.reader import Line
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions, job_messages

STATES: dict[EngineState, pb.EngineState.ValueType] = {
    EngineState.STARTING: pb.ENGINE_STATE_STARTING,
    EngineState.READY: pb.ENGINE_STATE_READY,
    EngineState.DOWN: pb.ENGINE_STATE_DOWN,
}


class SystemServicer(system_pb2_grpc.SystemServiceServicer):
    def __init__(self, status: Status, currency: str) -> None:
        self._status = status
        self._currency = currency

    async def Status(self, request: pb.StatusRequest, context: Context) -> pb.StatusResponse:
        now = time.time()
        found = await self._status.read(principal())
        main = found.main.status
        return pb.StatusResponse(
            start_time=conversions.timestamp(found.started),
            device=main.device,
            engine_pid=main.pid,
            engine_starts=main.starts,
            loaded_models=sorted(main.loaded),
            server_memory_bytes=found.memory,
            engine_memory_bytes=found.main.memory,
            stored_bytes=found.stored,
            running=[
                job_messages.job(view.job, step=view.step, currency=self._currency) for view in found.running
            ],
            lines=[_line(line, now) for line in found.lines],
            ended=found.ended,
            reused=found.reused,
            budgets=[job_messages.budget(balance, self._currency) for balance in found.budgets],
            engines=[_engine(view) for view in found.engines],
        )

    async def Metrics(self, request: pb.MetricsRequest, context: Context) -> pb.MetricsResponse:
        return pb.MetricsResponse(text=(await self._status.metrics(principal())).decode())


def _engine(view: EngineView) -> pb.StatusResponse.Engine:
    status = view.status
    return pb.StatusResponse.Engine(
        name=view.name,
        state=STATES[status.state],
        reason=status.reason,
        device=status.device,
        slots=view.slots,
        process_id=status.pid,
        starts=status.starts,
        loaded_models=sorted(status.loaded),
        memory_bytes=view.memory,
        device_memory_bytes=status.device_memory,
        waiting=view.waiting,
        kind=view.kind,
        paid=view.is_paid,
        models=view.models,
    )


def _line(line: Line, now: float) -> pb.StatusResponse.Line:
    return pb.StatusResponse.Line(
        lane=line.lane,
        owner_id=line.owner_id,
        priority=line.priority,
        waiting=line.waiting,
        oldest=Duration(seconds=int(max(0.0, now - line.oldest))),
    )
