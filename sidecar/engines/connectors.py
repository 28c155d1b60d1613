"""Which connector speaks for each kind of image server: the only module that knows them all."""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.engines.a1111.connector import A1111Connector
from sidecar.engines.comfyui.connector import ComfyUIConnector
from sidecar.engines.fooocus.connector import FooocusConnector
from sidecar.engines.invokeai.connector import InvokeAIConnector
from sidecar.engines.openai.connector import OpenAIConnector
from sidecar.engines.remote.engine import RemoteEngine
from sidecar.engines.remote.server import Connect
from sidecar.engines.remote.settings import EngineSettings, Kind

CONNECTORS: Mapping[Kind, Connect] = {
    "a1111": A1111Connector,
    "fooocus": FooocusConnector,
    "openai": OpenAIConnector,
    "comfyui": ComfyUIConnector,
    "invokeai": InvokeAIConnector,
}


def engine(settings: EngineSettings, *, log_level: str = "info") -> RemoteEngine:
    """The engine of an entry of `[[engines]]`."""
    return RemoteEngine(settings, CONNECTORS[settings.kind], log_level=log_level)
