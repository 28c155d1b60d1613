"""Pictures from a viwo-imagegen sidecar.

with Client() as client:
    picture = client.text_to_image("a red apple", seed=7)
    picture.save("apple.png")
"""

from viwo_imagegen_client.aio import AsyncClient
from viwo_imagegen_client.client import Client
from viwo_imagegen_client.errors import (
    Canceled,
    ConnectionLost,
    FailedPrecondition,
    ImagegenError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from viwo_imagegen_client.pictures import ImageInput, Picture, Progress

__all__ = [
    "AsyncClient",
    "Canceled",
    "Client",
    "ConnectionLost",
    "FailedPrecondition",
    "ImageInput",
    "ImagegenError",
    "InvalidArgument",
    "NotFound",
    "PermissionDenied",
    "Picture",
    "Progress",
    "ResourceExhausted",
    "Unauthenticated",
    "Unavailable",
]
