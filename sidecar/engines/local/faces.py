"""Faces: found, brought upright, restored by a trained network, and laid back where they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from capabilities.errors import FailedPrecondition
from sidecar.engines.local import packaged
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_faults import loading
from sidecar.engines.local.pixels import Pixels, to_bytes
from sidecar.engines.local.vision import ensure_torchvision
from sidecar.engines.local.weights import read_header

Points = np.ndarray[Any, np.dtype[np.float32]]

SIDE = 192
"""Side of the picture that the detector looks at."""
CELLS = 48
THRESHOLD = 0.6
OVERLAP = 0.3
RESTORED_SIDE = 512
# Eyes, nose and mouth of the aligned faces that restorers were trained on (FFHQ at 512 px).
_TEMPLATE = np.array(
    [(192.98, 239.95), (318.90, 240.19), (256.63, 314.02), (257.18, 371.28)], dtype=np.float32
)


@dataclass(frozen=True)
class Face:
    """Left, top, right and bottom in pixels, and eyes (left to right in the picture), nose and mouth."""

    box: tuple[float, float, float, float]
    points: Points
    score: float


class FaceFinder:
    """BlazeFace, full range: faces from a few pixels to the whole picture (Bazarevsky et al. 2019)."""

    def __init__(self) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise FailedPrecondition(
                "finding faces needs ai-edge-litert; install the 'local' extra: pip install 'viwo-imagegen[local]'",
                reason="NOT_INSTALLED",
                field="model",
            ) from error
        path = packaged.files(packaged.FACES) / "face_detection_full_range_sparse.tflite"
        self._network: Any = Interpreter(model_path=str(path), num_threads=1)
        self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]["index"]
        self._outputs = [item["index"] for item in self._network.get_output_details()]

    def find(self, picture: Pixels) -> list[Face]:
        """All faces of a picture (h x w x 3 bytes), the surest first."""
        height, width = picture.shape[:2]
        scale = SIDE / max(height, width)
        small = cv2.resize(
            picture,
            (max(1, round(width * scale)), max(1, round(height * scale))),
            interpolation=cv2.INTER_AREA,
        )
        framed = np.zeros((SIDE, SIDE, 3), np.float32)
        framed[: small.shape[0], : small.shape[1]] = small
        self._network.set_tensor(self._input, framed[None] / 127.5 - 1)
        self._network.invoke()
        found = [self._network.get_tensor(index)[0] for index in self._outputs]
        places, scores = sorted(found, key=lambda values: -values.shape[-1])
        sure = 1 / (1 + np.exp(-scores[:, 0].clip(-80, 80)))
        faces = [
            self._face(place, int(index), float(sure[index]), scale)
            for index, place in ((index, places[index]) for index in np.flatnonzero(sure >= THRESHOLD))
        ]
        return _distinct(sorted(faces, key=lambda face: -face.score))

    def _face(self, place: Points, index: int, score: float, scale: float) -> Face:
        """One row of the network's answer: offsets from the centre of its cell, in pixels of the small picture."""
        centre = np.array([index % CELLS + 0.5, index // CELLS + 0.5], np.float32) * (SIDE / CELLS)
        middle, size = centre + place[:2], place[2:4]
        low, high = (middle - size / 2) / scale, (middle + size / 2) / scale
        points = (centre + place[4:16].reshape(6, 2)) / scale
        # The last two are the ears, which the template does not have.
        return Face((*low.tolist(), *high.tolist()), points[:4].astype(np.float32), score)


class Restorer:
    """A trained network that makes 512 px faces clear."""

    def __init__(self, described: Any, device: str) -> None:
        self.network = described.model.eval().to(device)
        self._described = described
        self._device = device

    def restore(self, face: Pixels) -> Pixels:
        """512 x 512 x 3 bytes to the same, clearer."""
        image = torch.from_numpy(face.astype(np.float32) / 255).permute(2, 0, 1)[None].to(self._device)
        made = self._described(image).float().clamp(0, 1)[0].permute(1, 2, 0)
        return to_bytes(made.cpu().numpy())


def load_restorer(source: ModelSource, device: str) -> Restorer:
    """Raises FailedPrecondition where the file is no face restorer that spandrel knows."""
    ensure_torchvision()
    import spandrel
    from safetensors.torch import load_file

    with loading(f"the face restorer '{source.id}' cannot be loaded", source.id, field="model"):
        read_header(Path(source.location))
        described = spandrel.ModelLoader(device=device).load_from_state_dict(load_file(source.location))
        return Restorer(described, device)


def restore(
    picture: Pixels, faces: list[Face], restorer: Callable[[Pixels], Pixels], strength: float
) -> Pixels:
    """The picture with its faces restored, each by `strength`; pixels away from faces stay as they are."""
    made = picture.copy()
    height, width = picture.shape[:2]
    for face in faces:
        to_face, _ = cv2.estimateAffinePartial2D(face.points, _TEMPLATE, method=cv2.LMEDS)
        if to_face is None:
            continue
        size = (RESTORED_SIDE, RESTORED_SIDE)
        aligned = cv2.warpAffine(
            picture[..., :3], to_face, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        clear = restorer(np.ascontiguousarray(aligned)).astype(np.float32)
        # Only what the network changed is brought back, so that resampling blurs nothing.
        change = (clear - aligned) * strength
        back = cv2.warpAffine(
            change * _soft_square()[..., None],
            to_face,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        made[..., :3] = (made[..., :3] + back).round().clip(0, 255).astype(np.uint8)
    return made


def _soft_square() -> Points:
    """Weights over an aligned face that fade out towards its edges."""
    ramp = np.minimum(np.arange(RESTORED_SIDE), np.arange(RESTORED_SIDE)[::-1]) / (RESTORED_SIDE / 8)
    line = np.clip(ramp, 0, 1).astype(np.float32)
    weights: Points = line[:, None] * line[None, :]
    return weights


def _distinct(faces: list[Face]) -> list[Face]:
    """Without those that a surer one overlaps."""
    kept: list[Face] = []
    for face in faces:
        if all(_overlap(face.box, other.box) < OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Area that two boxes share, over the area of both."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)
