"""`faceRestore` over gRPC: a real detector on a real face, and a network of RestoreFormer's architecture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import skimage
from PIL import Image

from sidecar.engines.local import faces
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, model_pb2
from sidecar.testing import tiny_models
from sidecar.testing.pictures import pixels, png
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar, started

KIND = "diffusers.upscale"


def portrait() -> np.ndarray[Any, Any]:
    """A photograph of an astronaut by NASA (public domain), which scikit-image brings along."""
    path = Path(skimage.__file__).parent / "data" / "astronaut.png"
    return np.asarray(Image.open(path).convert("RGB"))


def source(array: np.ndarray[Any, Any]) -> common_pb2.ImageSource:
    return common_pb2.ImageSource(data=png(array))


@pytest.fixture(scope="module")
async def restoring(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    root = tmp_path_factory.mktemp("restoring")
    tiny_models.face_restorer(root / "faces.safetensors")
    async with started(root, tmp_path_factory.mktemp("data"), default_model="icons") as running:
        yield running


async def restored(sidecar: Sidecar, image: np.ndarray[Any, Any], **fields: Any) -> image_pb2.ImageResponse:
    request = image_pb2.FaceRestoreRequest(
        context=await sidecar.context(kind=KIND), image=source(image), **fields
    )
    answer: image_pb2.ImageResponse = await sidecar.images.FaceRestore(request)
    return answer


def test_the_face_is_found_with_its_eyes_nose_and_mouth() -> None:
    (face,) = faces.FaceFinder().find(portrait())
    left, top, right, bottom = face.box
    assert 160 < left < 190
    assert 50 < top < 90
    assert 260 < right < 300
    assert 150 < bottom < 190
    eyes, nose, mouth = face.points[:2], face.points[2], face.points[3]
    assert eyes[0][0] < nose[0] < eyes[1][0]
    assert eyes[:, 1].max() < nose[1] < mouth[1]


def test_faces_are_found_in_large_and_small_pictures_and_several() -> None:
    finder = faces.FaceFinder()
    two = np.concatenate([portrait(), portrait()[:, ::-1]], axis=1)
    assert len(finder.find(two)) == 2
    large = np.asarray(Image.fromarray(portrait()).resize((2048, 2048)))
    assert len(finder.find(large)) == 1
    assert finder.find(np.full((64, 300, 3), 127, np.uint8)) == []


def test_what_the_network_leaves_alone_stays_bit_for_bit() -> None:
    image = portrait()
    found = faces.FaceFinder().find(image)
    assert np.array_equal(faces.restore(image, found, lambda face: face, 1.0), image)


async def test_only_the_face_changes_and_strength_blends(restoring: Sidecar) -> None:
    image = portrait()
    far = {}
    for strength in (0.0, 0.5, 1.0):
        answer = await restored(restoring, image, strength=strength)
        made = pixels(answer.images[0].data)
        assert made.shape == image.shape
        assert not answer.warnings
        far[strength] = np.abs(made.astype(int) - image)
        assert far[strength][300:].max() == 0, "away from the face nothing changes"
    assert far[0.0].max() == 0
    assert far[1.0].max() > 5
    assert far[0.5].mean() == pytest.approx(far[1.0].mean() / 2, rel=0.1)


async def test_a_picture_without_faces_comes_back_unchanged_and_says_so(restoring: Sidecar) -> None:
    plain = np.full((80, 120, 3), (30, 90, 160), np.uint8)
    answer = await restored(restoring, plain)
    assert np.array_equal(pixels(answer.images[0].data), plain)
    assert list(answer.warnings) == ["no face was found; the picture is unchanged"]


async def test_restorers_are_told_by_their_weights(restoring: Sidecar) -> None:
    found = (await restoring.models.List(model_pb2.ListModelsRequest())).models
    assert {item.id: item.family for item in found}["faces"] == "restoreformer"
    assert (await restored(restoring, portrait(), model="restoreformer")).model_id == "faces"


async def test_where_no_restorer_is_it_says_what_to_do(sidecar: Sidecar, restoring: Sidecar) -> None:
    for place, model in ((sidecar, ""), (restoring, "gfpgan")):
        request = image_pb2.FaceRestoreRequest(
            context=await place.context(kind=KIND), image=source(portrait()), model=model
        )
        error = await refused(place.images.FaceRestore(request))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert error_info(error).reason == "NO_RESTORER"
        assert "models import" in str(error.details())
