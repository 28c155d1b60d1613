"""Canny edges, which need no model."""

from __future__ import annotations

from typing import Any

from capabilities.errors import FailedPrecondition


def canny(pixels: Any, low: int, high: int) -> Any:
    """Height x width x 3 bytes to the same with edges in white on black, as ControlNets were trained on them."""
    try:
        import cv2
        import numpy as np
    except ImportError:
        raise FailedPrecondition(
            "canny needs OpenCV; install the 'local' extra: pip install 'viwo-imagegen[local]'",
            reason="NOT_INSTALLED",
            field="type",
            asked="canny",
        ) from None
    edges = cv2.Canny(pixels, low, high)
    return np.repeat(edges[..., None], 3, axis=2)
