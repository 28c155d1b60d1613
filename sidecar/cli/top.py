"""`viwo-imagegen top`: queue, engine, memory and budget, live."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sidecar.cli.output import Json, client, out, show, table
from viwo_imagegen_client.pb.viwo.imagegen.v1 import system_pb2 as pb


def top(
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    as_json: Json = False,
) -> None:
    """Watch queue, engine, memory and budget. Ctrl-C ends it."""
    with client() as sidecar:
        status = sidecar.system.Status(pb.StatusRequest())
        if once or as_json:
            show(status, as_json, lambda: out.print(screen(status)))
            return
        try:
            if out.is_terminal:
                with Live(screen(status), console=out, screen=True, auto_refresh=False) as live:
                    while True:
                        time.sleep(every)
                        live.update(screen(sidecar.system.Status(pb.StatusRequest())), refresh=True)
            # Into a file or a pipe, one look after the other.
            while True:
                out.print(screen(status))
                out.file.flush()
                time.sleep(every)
                status = sidecar.system.Status(pb.StatusRequest())
        except KeyboardInterrupt:
            return


def screen(status: pb.StatusResponse) -> RenderableType:
    """The whole picture."""
    up = int(time.time() - status.start_time.seconds)
    engine = f"engine {status.device or 'starting'}" + (
        f" pid {status.engine_pid}" if status.engine_pid else ""
    )
    if status.engine_starts > 1:
        engine += f", started {status.engine_starts} times"
    waiting = sum(line.waiting for line in status.lines)
    ended = ", ".join(f"{count} {state}" for state, count in sorted(status.ended.items())) or "none yet"
    head = Text(
        f"up {up // 3600} h {up % 3600 // 60:02} min   {engine}   models {', '.join(status.loaded_models) or 'none'}\n"
        f"memory: server {_mb(status.server_memory_bytes)}, engine {_mb(status.engine_memory_bytes)}; "
        f"pictures {_mb(status.stored_bytes)}\n"
        f"waiting {waiting}   running {len(status.running)}   ended {ended}   from the store {status.reused}"
    )
    parts: list[RenderableType] = [head]
    if status.engines:
        parts += [Text(), _engines(status)]
    if status.running:
        parts += [Text(), _running(status)]
    if status.lines:
        parts += [Text(), _lines(status)]
    if status.budgets:
        parts += [Text(), _budgets(status)]
    return Group(*parts)


def _running(status: pb.StatusResponse) -> Table:
    rows = table("running", "method", "model", "owner capability", "for", "steps", "")
    for job in status.running:
        bar = ProgressBar(total=max(1, job.total_steps), completed=job.step, width=20)
        seconds = max(0.0, time.time() - job.start_time.seconds)
        rows.add_row(
            job.id, job.method, job.model_id, job.context.capability_id[:8], f"{seconds:.0f} s",
            f"{job.step}/{job.total_steps}", bar,
        )  # fmt: skip
    return rows


def _engines(status: pb.StatusResponse) -> Table:
    rows = table("engine", "state", "on", "slots", "waiting", "reason")
    for engine in status.engines:
        state = pb.EngineState.Name(engine.state).removeprefix("ENGINE_STATE_").lower()
        rows.add_row(engine.name, state, engine.device, str(engine.slots), str(engine.waiting), engine.reason)
    return rows


def _lines(status: pb.StatusResponse) -> Table:
    rows = table("waiting", "owner", "priority", "lane", "oldest")
    for line in status.lines:
        rows.add_row(
            str(line.waiting), str(line.owner_id), str(line.priority), line.lane, f"{line.oldest.seconds} s"
        )
    return rows


def _budgets(status: pb.StatusResponse) -> Table:
    rows = table("budget", "period", "spent", "of", "")
    for budget in status.budgets:
        for name, capped in (("compute", budget.caps_compute), ("money_micros", budget.caps_money)):
            if not capped:
                continue
            scale = 1.0 if name == "compute" else 1e-6
            unit = "MP-steps" if name == "compute" else budget.cap.currency
            spent, most = getattr(budget.spent, name) * scale, getattr(budget.cap, name) * scale
            bar = ProgressBar(total=max(most, 1e-9), completed=spent, width=20)
            rows.add_row(budget.account, budget.period, f"{spent:g}", f"{most:g} {unit}", bar)
    return rows


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
