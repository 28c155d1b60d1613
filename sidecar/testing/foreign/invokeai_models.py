"""The models of the fake InvokeAI, and what it serves of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sidecar.testing.foreign.invokeai_values import record, records


class InstalledModels:
    """Records by their keys."""

    def __init__(self) -> None:
        self.records = records()
        self.installs: dict[int, dict[str, object]] = {}

    def routes(self) -> list[tuple[str, Callable[[Request], Awaitable[Response]], str]]:
        """Paths, what answers them, and the method."""
        return [
            ("/api/v2/models/", self._models, "GET"),
            ("/api/v2/models/i/{key}", self._model, "GET"),
            ("/api/v2/models/install", self._install, "POST"),
            ("/api/v2/models/install/{id:int}", self._installed, "GET"),
        ]

    async def _models(self, request: Request) -> Response:
        asked = request.query_params
        bases, type = asked.getlist("base_models"), asked.get("model_type")
        found = [
            one
            for one in self.records.values()
            if (not bases or one["base"] in bases) and type in (None, one["type"])
        ]
        return JSONResponse({"models": found})

    async def _model(self, request: Request) -> Response:
        key = request.path_params["key"]
        if key not in self.records:
            raise HTTPException(404, f"Unknown model: {key}")
        return JSONResponse(self.records[key])

    async def _install(self, request: Request) -> Response:
        source = request.query_params.get("source", "")
        if "missing" in source or not source:
            raise HTTPException(409, f"The provided path or file does not exist: {source}")
        name = source.rstrip("/").rpartition("/")[2]
        made = record(name, "sd-1", "main", source)
        self.records[str(made["key"])] = made
        id = len(self.installs)
        self.installs[id] = {"id": id, "status": "completed", "config_out": made, "source": {"path": source}}
        return JSONResponse({**self.installs[id], "status": "waiting"}, 201)

    async def _installed(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self.installs:
            raise HTTPException(404, f"No job with id {id} known")
        return JSONResponse(self.installs[id])
