"""What the images API says when it refuses, `{error: {message, type, param, code}}`, in terms of the task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from capabilities.errors import brief
from sidecar.engines.remote.failures import FailureKind, RemoteFailure

_CODES = {
    "moderation_blocked": FailureKind.CONTENT_REFUSED,
    "content_policy_violation": FailureKind.CONTENT_REFUSED,
    "content_filter": FailureKind.CONTENT_REFUSED,
    "insufficient_quota": FailureKind.QUOTA,
    "billing_hard_limit_reached": FailureKind.QUOTA,
    "billing_not_active": FailureKind.QUOTA,
    "account_deactivated": FailureKind.UNAUTHORIZED,
    "invalid_api_key": FailureKind.UNAUTHORIZED,
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "model_not_found": FailureKind.MODEL_MISSING,
}
"""By `code`, and by `type` where it says the same."""
_FIELDS = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "model": "model_id",
    "n": "count",
    "size": "width",
    "seed": "seed",
    "steps": "steps",
    "step": "steps",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance_scale",
    "background": "background",
    "image": "image",
    "image[]": "image",
    "mask": "mask",
    "strength": "strength",
}
"""The task's field behind a parameter of the API."""


def explained(failure: RemoteFailure) -> RemoteFailure:
    """A refusal of the server's in terms of the task."""
    try:
        found = json.loads(failure.answer)
    except (ValueError, RecursionError):
        return failure
    error = found.get("error") if isinstance(found, Mapping) else None
    told = error if isinstance(error, Mapping) else {}
    kind = _CODES.get(str(told.get("code"))) or _CODES.get(str(told.get("type")))
    field = _FIELDS.get(_parameter(told, found), "")
    if kind is None and failure.status == 404 and field == "model_id":
        kind = FailureKind.MODEL_MISSING
    failure.kind = kind or failure.kind
    match failure.kind:
        case FailureKind.CONTENT_REFUSED:
            failure.field = field or "prompt"
        case FailureKind.MODEL_MISSING:
            failure.field = "model_id"
        case FailureKind.BAD_REQUEST:
            failure.field = field
    return failure


def refused(error: Any, status: int = 200) -> RemoteFailure:
    """The refusal in an answer that began well: `error` is what it holds under that name."""
    message = error.get("message") if isinstance(error, Mapping) else error
    return explained(
        RemoteFailure(
            FailureKind.SERVER_ERROR,
            f"its answer is a refusal: {brief(str(message or error), 300)}",
            status=status,
            answer=json.dumps({"error": error}).encode(),
        )
    )


def _parameter(told: Mapping[str, Any], found: Any) -> str:
    """The parameter at fault: by `param`, or by the place of the first fault in a list of FastAPI's."""
    if isinstance(param := told.get("param"), str):
        return param.partition(".")[0]
    faults = found.get("detail") if isinstance(found, Mapping) else None
    first = faults[0] if isinstance(faults, list) and faults else None
    where = first.get("loc") if isinstance(first, Mapping) else None
    return str(where[1]) if isinstance(where, list) and len(where) > 1 else ""
