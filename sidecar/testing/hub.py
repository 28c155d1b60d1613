"""A stand-in of the Hugging Face hub on loopback, reached by `HF_ENDPOINT`: the routes, headers and refusals of the real one.

`python -m sidecar.testing.hub FOLDER` serves the repositories that lie in a folder as `owner/name/`, and prints the address.
Large files are answered with a redirect to another path, as the real hub sends them to its storage; files of Xet storage
are not served, so clients use plain HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

LARGE = frozenset({".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".onnx", ".h5", ".gguf"})
"""Endings of what is kept in Git LFS."""
PART = 16 * 1024
"""Bytes that are sent at a time."""


@dataclass(frozen=True)
class File:
    """A file of a revision. `etag` is the SHA-256 of a large one, and git's hash of a small one."""

    path: Path
    size: int
    etag: str
    oid: str
    is_large: bool


@dataclass
class Repository:
    """A repository, and what is wrong with it: everything may be changed while it is served."""

    name: str
    revisions: dict[str, dict[str, File]] = field(default_factory=dict)
    """Files by their names, by commit."""
    refs: dict[str, str] = field(default_factory=dict)
    """Commits by branch or tag."""
    gated: bool = False
    """Its files are for accounts that have accepted its conditions: those of `Hub.let_in`."""
    private: bool = False
    """It is there for accounts with a token only."""
    status: int = 0
    """It answers this in the place of anything else."""
    refusals: int = -1
    """How many more answers are so; negative: all."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent along with that."""
    gone: set[str] = field(default_factory=set)
    """Files that are listed and not there."""
    damaged: set[str] = field(default_factory=set)
    """Files whose last byte comes wrong."""
    replaced: dict[str, bytes] = field(default_factory=dict)
    """What comes in the place of a file, all of it whatever was asked for, as proxies answer with a page of their own."""
    cut_after: int = 0
    """A large file is broken off after so many bytes of each answer; 0: never."""
    cuts: int = 0
    """How many more answers are broken off."""
    hold_after: int = 0
    """A large file stands still after so many bytes, until `released`; 0: never."""
    holding: asyncio.Event = field(default_factory=asyncio.Event)
    """Something stands still now."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """What was asked for: the method, the file (empty for a listing), and the range."""

    def push(self, folder: Path, *, branch: str = "main") -> str:
        """Make a folder the newest revision of a branch; its commit."""
        files = {
            path.relative_to(folder).as_posix(): _file(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        commit = hashlib.sha1(
            repr([(name, file.oid) for name, file in files.items()]).encode(), usedforsecurity=False
        ).hexdigest()
        self.revisions[commit] = files
        self.refs[branch] = commit
        return commit

    def fetched(self) -> list[str]:
        """The names of the files that were sent, in order."""
        return [name for method, name, _ in self.requests if method == "GET" and name]


class Hub:
    """The repositories of a hub. `tokens` are all that are known, `let_in` those that may read what is gated."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens = {"hf_known", "hf_accepted"}
        self.let_in = {"hf_accepted"}
        self.url = ""
        self.app = Starlette(
            routes=[
                Route("/api/models/{rest:path}", self._api, methods=["GET"]),
                Route("/storage/{owner}/{name}/{etag}", self._storage, methods=["GET", "HEAD"]),
                Route("/{rest:path}", self._resolve, methods=["GET", "HEAD"]),
            ]
        )

    def add(self, name: str, folder: Path) -> Repository:
        """A new repository with the files of a folder."""
        made = self.repositories[name] = Repository(name)
        made.push(folder)
        return made

    async def _api(self, request: Request) -> Response:
        """`model_info` and the tree of files, of the main branch or of a revision."""
        parts = request.path_params["rest"].split("/")
        name, rest = "/".join(parts[:2]), parts[2:]
        repository = self._found(name, request)
        if isinstance(repository, Response):
            return repository
        repository.requests.append((request.method, "", ""))
        revision = unquote(rest[1]) if rest else "main"
        commit = repository.refs.get(revision, revision)
        files = repository.revisions.get(commit)
        if files is None:
            return _refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if rest and rest[0] == "tree":
            return JSONResponse(
                [_entry("path", each, file) | {"type": "file"} for each, file in files.items()]
            )
        return JSONResponse(
            {
                "_id": commit[:24], "id": name, "modelId": name, "sha": commit, "private": repository.private,
                "gated": "manual" if repository.gated else False, "tags": [], "downloads": 0, "likes": 0,
                "siblings": [_sibling(each, file, "blobs" in request.query_params) for each, file in files.items()],
            }
        )  # fmt: skip

    async def _resolve(self, request: Request) -> Response:
        """A file of a revision."""
        parts = request.path_params["rest"].split("/")
        if len(parts) < 5 or parts[2] != "resolve":
            return _refused(404, "", "Not Found")
        name, revision, path = "/".join(parts[:2]), unquote(parts[3]), "/".join(parts[4:])
        repository = self._found(name, request)
        if isinstance(repository, Response):
            return repository
        repository.requests.append((request.method, path, request.headers.get("range", "")))
        token = _token(request)
        if repository.gated and token not in self.let_in:
            words = f"Access to model {name} is restricted"
            if not token:
                return _refused(
                    401, "GatedRepo", f"{words}. You must have access to it and be authenticated."
                )
            return _refused(403, "GatedRepo", f"{words} and you are not in the authorized list.")
        commit = repository.refs.get(revision, revision)
        if commit not in repository.revisions:
            return _refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        file = repository.revisions[commit].get(path)
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if file is None or path in repository.gone:
            return _refused(404, "EntryNotFound", "Entry not found", headers)
        if file.is_large:
            headers |= {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.size)}
            where = f"/storage/{name}/{file.etag}?name={path}"
            return RedirectResponse(f"{self.url}{where}", 302, headers)
        return _Content(repository, path, file, headers | {"ETag": f'"{file.etag}"'})

    async def _storage(self, request: Request) -> Response:
        """A large file by its hash; whoever was sent here may have it."""
        values = request.path_params
        repository = self.repositories[f"{values['owner']}/{values['name']}"]
        path = request.query_params["name"]
        found = (files[path] for files in repository.revisions.values() if path in files)
        file = next(file for file in found if file.etag == values["etag"])
        return _Content(repository, path, file, {"ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"})

    def _found(self, name: str, request: Request) -> Repository | Response:
        token = _token(request)
        if token and token not in self.tokens:
            return _refused(401, "", "Invalid credentials in Authorization header")
        repository = self.repositories.get(name)
        if repository is None or (repository.private and not token):
            # As the real one does: nobody learns which repositories there are.
            if not token:
                return _refused(401, "RepoNotFound", "Invalid username or password.")
            return _refused(404, "RepoNotFound", "Repository not found")
        if repository.status and repository.refusals:
            repository.refusals -= 1
            repository.requests.append((request.method, "", ""))
            return _refused(repository.status, "", "", repository.headers)
        return repository


class _Content(Response):
    """The bytes of a file, or those from an offset on, with what is wrong with its repository."""

    def __init__(self, repository: Repository, name: str, file: File, headers: dict[str, str]) -> None:
        super().__init__(None, 200, headers)
        self._repository, self._name, self._file = repository, name, file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        content = self._file.path.read_bytes()
        if self._name in self._repository.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        wanted = dict(scope["headers"]).get(b"range", b"").decode()
        if self._name in self._repository.replaced:
            content, wanted = self._repository.replaced[self._name], ""
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        length = len(content)
        headers = [item for item in self.raw_headers if item[0] != b"content-length"]
        headers.append((b"content-length", str(length - start).encode()))
        if wanted:
            headers.append((b"content-range", f"bytes {start}-{length - 1}/{length}".encode()))
        await send({"type": "http.response.start", "status": 206 if wanted else 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        for at in range(start, length, PART):
            await self._trouble(at - start, at)
            await send({"type": "http.response.body", "body": content[at : at + PART], "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _trouble(self, sent: int, at: int) -> None:
        repository = self._repository
        if not self._file.is_large:
            return
        if repository.cuts and repository.cut_after and sent >= repository.cut_after:
            repository.cuts -= 1
            # Without an end of the answer the server closes the connection.
            raise ConnectionResetError
        if repository.hold_after and at >= repository.hold_after:
            repository.holding.set()
            await repository.released.wait()


def _file(path: Path) -> File:
    content = path.read_bytes()
    oid = hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
    is_large = path.suffix in LARGE
    return File(path, len(content), hashlib.sha256(content).hexdigest() if is_large else oid, oid, is_large)


def _sibling(name: str, file: File, with_blobs: bool) -> dict[str, object]:
    if not with_blobs:
        return {"rfilename": name}
    return {**_entry("rfilename", name, file), "blobId": file.oid}


def _entry(key: str, name: str, file: File) -> dict[str, object]:
    entry: dict[str, object] = {key: name, "size": file.size, "oid": file.oid}
    if file.is_large:
        entry["lfs"] = {"sha256": file.etag, "oid": file.etag, "size": file.size, "pointerSize": 134}
    return entry


def _token(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _refused(status: int, code: str, words: str, headers: dict[str, str] | None = None) -> Response:
    more = {"X-Error-Code": code, "X-Error-Message": words} if code or words else {}
    return JSONResponse({"error": words}, status, {**more, **(headers or {})})


@asynccontextmanager
async def serving(hub: Hub) -> AsyncIterator[Hub]:
    """The hub at an address of its own, `hub.url`, until the context is left."""
    config = uvicorn.Config(
        hub.app, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve())
    await server.listens.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    hub.url = f"http://127.0.0.1:{port}"
    try:
        yield hub
    finally:
        for repository in hub.repositories.values():
            repository.released.set()
        server.should_exit = True
        await running


class _Server(uvicorn.Server):
    """Tells when it listens, and leaves signals to others."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        self.listens.set()

    def capture_signals(self) -> object:  # type: ignore[override]
        return contextlib.nullcontext()


def of_folder(folder: Path) -> Hub:
    """A hub with the repositories `owner/name/` of a folder."""
    hub = Hub()
    for owner in _folders(folder):
        for each in _folders(owner):
            hub.add(f"{owner.name}/{each.name}", each)
    return hub


def _folders(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


async def main(folder: Path) -> None:
    async with serving(of_folder(folder)) as hub:
        print(f"HF_ENDPOINT={hub.url}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
