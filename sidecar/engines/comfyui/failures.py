"""What a ComfyUI finds wrong with a graph, in terms of the task that it was made from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from capabilities.errors import brief
from sidecar.engines.comfyui.graph import Graph
from sidecar.engines.remote.failures import FailureKind, RemoteFailure

_FILES = ("ckpt_name", "unet_name", "lora_name", "vae_name", "control_net_name", "model_name")
"""Inputs that name files of models."""


def refused(failure: RemoteFailure, graph: Graph) -> RemoteFailure:
    """The server's 400: the first node error where it tells any, else its own words."""
    try:
        told = json.loads(failure.answer)
    except (ValueError, RecursionError):
        return failure
    errors = told.get("node_errors") if isinstance(told, Mapping) else None
    return failed(errors, graph) if errors else failure


def failed(node_errors: object, graph: Graph) -> RemoteFailure:
    """The first of `node_errors` as a failure of the field that it is about."""
    for id, class_type, error in _errors(node_errors):
        extra = error.get("extra_info")
        extra = extra if isinstance(extra, Mapping) else {}
        name = str(extra.get("input_name") or "")
        message = brief(str(error.get("message") or "is invalid"), 200)
        details = brief(str(error.get("details") or ""), 300)
        is_missing = error.get("type") == "value_not_in_list" and name in _FILES
        asked = extra.get("received_value")
        return RemoteFailure(
            FailureKind.MODEL_MISSING if is_missing else FailureKind.BAD_REQUEST,
            f"its node {class_type or id}: {message}" + (f" ({details})" if details else ""),
            field=graph.fields.get((id, name), ""),
            asked=brief(str(asked), 100) if isinstance(asked, str | int | float) else "",
            status=400,
        )
    return RemoteFailure(
        FailureKind.BAD_REQUEST, "it finds the graph invalid, and does not say where", status=400
    )


def _errors(told: object) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Node errors one by one: the node's id, its class, and what is wrong."""
    for id, node in told.items() if isinstance(told, Mapping) else ():
        errors = node.get("errors") if isinstance(node, Mapping) else None
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, Mapping):
                yield str(id), str(node.get("class_type") or ""), error
