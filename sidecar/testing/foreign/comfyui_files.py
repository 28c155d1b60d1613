"""The fake ComfyUI's folders: what was uploaded, what was drawn, and the models there are."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sidecar.testing.foreign.comfyui_values import FOLDERS

LARGEST_UPLOAD = 100 << 20
Key = tuple[str, str, str]
"""Type, subfolder and name of a file."""


class Files:
    """Pictures by type (`input`, `output`, `temp`), subfolder and name."""

    def __init__(self) -> None:
        self._files: dict[Key, bytes] = {}
        self._saved = 0

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._files

    def load(self, name: str) -> bytes:
        """By the name that a node is given."""
        return self._files[_key(name)]

    def save(self, data: bytes, prefix: str, folder: str) -> dict[str, str]:
        """Under a name that counts up; a prefix may name a subfolder."""
        self._saved += 1
        subfolder, _, name = prefix.rpartition("/")
        place: Key = (folder, subfolder, f"{name}_{self._saved:05}_.png")
        self._files[place] = data
        return {"filename": place[2], "subfolder": subfolder, "type": folder}

    def uploaded(self) -> list[str]:
        """The names of what was uploaded."""
        return sorted(name for folder, _, name in self._files if folder == "input")

    async def upload(self, request: Request) -> Response:
        """What it holds is not looked at; the same bytes keep the name, others get a new one."""
        form = await request.form()
        image = form.get("image")
        if not isinstance(image, UploadFile) or not image.filename:
            return Response(status_code=400)
        data = await image.read()
        if len(data) > LARGEST_UPLOAD:
            return PlainTextResponse("413: Request Entity Too Large", 413)
        kind, subfolder = str(form.get("type", "input")), str(form.get("subfolder", ""))
        stem, dot, ending = image.filename.rpartition(".")
        name = image.filename
        count = 0
        while form.get("overwrite") not in ("true", "1"):
            if self._files.get((kind, subfolder, name), data) == data:
                break
            count += 1
            name = f"{stem} ({count}){dot}{ending}"
        self._files[kind, subfolder, name] = data
        return JSONResponse({"name": name, "subfolder": subfolder, "type": kind})

    async def view(self, request: Request) -> Response:
        """A file by its type, subfolder and name."""
        asked = request.query_params
        if "filename" not in asked:
            return Response(status_code=404)
        if ".." in asked["filename"]:
            return Response(status_code=400)
        found = self._files.get((asked.get("type", "output"), asked.get("subfolder", ""), asked["filename"]))
        if found is None:
            return Response(status_code=404)
        disposition = f'filename="{asked["filename"]}"'
        return Response(found, media_type="image/png", headers={"Content-Disposition": disposition})


async def models(request: Request) -> Response:
    """Folders, or the files in one."""
    folder = request.path_params.get("folder")
    if folder is None:
        return JSONResponse(list(FOLDERS))
    return JSONResponse(FOLDERS[folder]) if folder in FOLDERS else Response(status_code=404)


async def system_stats(request: Request) -> Response:
    """Memory and versions."""
    system = {
        "os": "posix", "ram_total": 16 << 30, "ram_free": 8 << 30, "comfyui_version": "0.3.64",
        "python_version": "3.11", "pytorch_version": "2.13.0+cpu", "embedded_python": False, "argv": ["main.py"],
    }  # fmt: skip
    device = {
        "name": "cpu", "type": "cpu", "index": None, "vram_total": 16 << 30, "vram_free": 8 << 30,
        "torch_vram_total": 16 << 30, "torch_vram_free": 8 << 30,
    }  # fmt: skip
    return JSONResponse({"system": system, "devices": [device]})


def _key(name: str) -> Key:
    """`folder/a.png [output]` says both, where the default is the input folder."""
    folder = "input"
    if name.endswith("]") and " [" in name:
        name, _, folder = name[:-1].rpartition(" [")
    subfolder, _, file = name.rpartition("/")
    return folder, subfolder, file
