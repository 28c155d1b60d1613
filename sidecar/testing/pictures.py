"""Pictures as arrays, read by another library than the sidecar's own."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Height x width x bands of an encoded picture."""
    return np.asarray(Image.open(io.BytesIO(data)))
