"""The fake InvokeAI's pictures: what was uploaded, and what was drawn."""

from __future__ import annotations

import uuid

from PIL import Image
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sidecar.testing.foreign.drawing import opened
from sidecar.testing.foreign.invokeai_queue import now
from sidecar.testing.foreign.invokeai_values import Picture


class Pictures:
    """Files by their names."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._sessions: dict[str, str] = {}
        """Those that made them."""

    def add(self, data: bytes, width: int, height: int, session_id: str) -> Picture:
        """Under a new name."""
        made = Picture(f"{uuid.uuid4()}.png", width, height)
        self._files[made.name] = data
        self._sessions[made.name] = session_id
        return made

    def named(self, name: str) -> Picture:
        """Raises FileNotFoundError."""
        if name not in self._files:
            raise FileNotFoundError(f"Image {name} not found")
        return Picture(name, *opened(self._files[name]).size)

    def opened(self, given: Picture) -> Image.Image:
        """Raises OSError or ValueError where its file is no picture."""
        return opened(self._files[given.name])

    async def upload(self, request: Request) -> Response:
        """A picture from outside, under a new name."""
        missing = {"image_category", "is_intermediate"} - set(request.query_params)
        if missing:
            detail = [
                {"type": "missing", "loc": ["query", name], "msg": "Field required"} for name in missing
            ]
            return JSONResponse({"detail": detail}, 422)
        file = (await request.form()).get("file")
        if not isinstance(file, UploadFile) or not (file.content_type or "").startswith("image"):
            raise HTTPException(415, "Not an image")
        data = await file.read()
        try:
            opened(data)
        except (OSError, ValueError):
            raise HTTPException(415, "Failed to read image") from None
        name = f"{uuid.uuid4()}.png"
        self._files[name] = data
        return JSONResponse(self._told(name), 201)

    def _told(self, name: str) -> dict[str, object]:
        """Its URL is relative, and begins without a slash."""
        width, height = opened(self._files[name]).size
        made_in = {"session_id": self._sessions[name]} if name in self._sessions else {}
        return made_in | {
            "image_name": name, "image_url": f"api/v1/images/i/{name}/full",
            "thumbnail_url": f"api/v1/images/i/{name}/thumbnail", "image_origin": "external",
            "image_category": "general", "width": width, "height": height, "created_at": now(), "updated_at": now(),
            "is_intermediate": False, "starred": False, "has_workflow": False, "image_subfolder": "",
        }  # fmt: skip

    def _known(self, request: Request) -> str:
        name = str(request.path_params["name"])
        if name not in self._files:
            raise HTTPException(404, "Not Found")
        return name

    async def info(self, request: Request) -> Response:
        """Its size."""
        return JSONResponse(self._told(self._known(request)))

    async def delete(self, request: Request) -> Response:
        """Forget it."""
        name = self._known(request)
        del self._files[name]
        return JSONResponse({"deleted_images": [name], "affected_boards": []})

    async def file(self, request: Request) -> Response:
        """The picture itself."""
        return Response(self._files[self._known(request)], media_type="image/png")
