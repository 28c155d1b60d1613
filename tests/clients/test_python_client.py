"""The Python client against a running server, as a program on the same machine would use it."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from sidecar.pb.viwo.imagegen.v1 import job_pb2 as servers_job_pb2
from sidecar.pb.viwo.imagegen.v1 import key_pb2
from sidecar.testing.server import Sidecar
from viwo_imagegen_client import (
    AsyncClient,
    Client,
    ConnectionLost,
    FailedPrecondition,
    ImagegenError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Picture,
    Progress,
    Unauthenticated,
    Unavailable,
    connection,
    requests,
)
from viwo_imagegen_client.pb.viwo.imagegen.v1 import job_pb2

AnswerT = TypeVar("AnswerT")
PACKAGE = Path(__file__).parents[2] / "clients" / "python"
pytestmark = pytest.mark.usefixtures("_same_machine")


@pytest.fixture
def _same_machine(sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIWO_IMAGEGEN_DATA_DIR", str(sidecar.running.settings.data_dir))
    monkeypatch.setenv("VIWO_IMAGEGEN_PORT", sidecar.running.address.rsplit(":", 1)[1])
    monkeypatch.delenv("VIWO_IMAGEGEN_KEY", raising=False)


async def used(use: Callable[[Client], AnswerT], key: str = "") -> AnswerT:
    """What a program does with a client; on a thread, since the server lives on this one."""

    def program() -> AnswerT:
        with Client(key=key) as client:
            return use(client)

    return await asyncio.to_thread(program)


def size(picture: Picture) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture.data)) as opened:
        return opened.size


async def test_three_lines_make_a_picture(tmp_path: Path) -> None:
    told: list[Progress] = []

    def program(client: Client) -> Picture:
        return client.text_to_image("a cup", seed=7, steps=2, on_progress=told.append)

    picture = await used(program)
    assert (size(picture), picture.width, picture.seed) == ((64, 64), 64, 7)
    assert picture.save(tmp_path / "cup.png").read_bytes() == picture.data
    assert picture.media_type == "image/png"
    assert picture.compute > 0
    assert picture.all == (picture,)
    assert [step.total for step in told if step.state == "drawing"] == [2, 2]
    assert {step.job_id for step in told} == {picture.job_id}


async def test_every_kind_of_picture_is_taken(tmp_path: Path) -> None:
    def program(client: Client) -> list[Picture]:
        first = client.text_to_image("a cup", seed=1, steps=1)
        path = first.save(tmp_path / "first.png")
        return [
            client.image_to_image(image, "a hat", 0.5, steps=2, seed=2)
            for image in (first, first.data, path, first.ref, client.upload(first.data))
        ]

    made = await used(program)
    assert len({picture.data for picture in made}) == 1


async def test_options_saving_and_several_pictures() -> None:
    def program(client: Client) -> tuple[Picture, Picture]:
        several = client.text_to_image(
            "a hat", count=2, seed=5, steps=1, format="webp", save=True, name="hat"
        )
        turned = client.transform(several.entity_id, 90, save=False)
        return several, turned

    several, turned = await used(program)
    assert [picture.seed for picture in several.all] == [5, 6]
    assert all(picture.entity_id > 0 and picture.media_type == "image/webp" for picture in several.all)
    assert turned.seed is None


async def test_a_batch_answers_what_became_of_each() -> None:
    def program(client: Client) -> list[Picture | ImagegenError]:
        return client.batch(["a cup", "a hat"], count=2, steps=1, seed=3)

    made = await used(program)
    assert [picture.seed for picture in made if isinstance(picture, Picture)] == [3, 4, 3, 4]


@pytest.mark.parametrize(
    ("use", "kind", "field"),
    [
        (lambda client: client.text_to_image("a", steps=0), InvalidArgument, "steps"),
        (lambda client: client.text_to_image("a", width=5000), PermissionDenied, "max_width"),
        (lambda client: client.text_to_image("a", model="nobody"), NotFound, "model"),
        (lambda client: client.text_to_image("a", stps=3), InvalidArgument, "stps"),
        (lambda client: client.wait("nobody"), NotFound, "id"),
        (lambda client: client.download("sha256:" + "0" * 64), NotFound, "ref"),
    ],
)
async def test_refusals_are_exceptions_with_fields(
    use: Callable[[Client], object], kind: type[ImagegenError], field: str
) -> None:
    with pytest.raises(kind) as refused:
        await used(use)
    assert field in refused.value.field
    assert refused.value.reason
    assert str(refused.value)


async def test_an_exception_of_the_program_cancels_its_job(sidecar: Sidecar) -> None:
    class EnoughError(Exception):
        pass

    seen: list[str] = []

    def stop(told: Progress) -> None:
        seen.append(told.job_id)
        raise EnoughError

    with pytest.raises(EnoughError):
        await used(lambda client: client.text_to_image("a slow cup", steps=100, on_progress=stop))
    job = await sidecar.jobs.Get(servers_job_pb2.GetJobRequest(id=seen[0]))
    while job.state == servers_job_pb2.JOB_STATE_RUNNING:
        async for event in sidecar.jobs.Watch(servers_job_pb2.WatchJobRequest(id=seen[0])):
            if event.WhichOneof("event") == "ended":
                job = event.ended
    assert job.state == servers_job_pb2.JOB_STATE_CANCELED


@pytest.mark.parametrize("kind", ["job", "batch"])
async def test_a_cancellation_that_is_refused_does_not_hide_what_interrupted(kind: str) -> None:
    class EnoughError(Exception):
        pass

    def use(client: Client) -> None:
        def stop(_: object) -> None:
            # No call is answered in this time.
            client._timeout = 1e-9
            raise EnoughError

        if kind == "job":
            client.text_to_image("a slow mug", steps=20, on_progress=stop)
        else:
            client.batch(["a slow mug"], steps=20, on_progress=stop)

    with pytest.raises(EnoughError):
        await used(use)


async def test_a_batch_outlives_a_picture_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    download, asked = Client.download, list[str]()

    def lost(client: Client, ref: str) -> bytes:
        asked.append(ref)
        return download(client, f"sha256:{'0' * 64}" if len(asked) == 1 else ref)

    monkeypatch.setattr(Client, "download", lost)
    first, second = await used(lambda client: client.batch(["a jar", "a jug"], steps=1))
    assert isinstance(first, ImagegenError)
    assert isinstance(second, Picture)
    assert second.data


def test_a_job_without_pictures_is_told() -> None:
    job = job_pb2.Job(id="job-1", state=job_pb2.JOB_STATE_SUCCEEDED)
    with pytest.raises(ImagegenError, match="job-1 made no picture") as refused:
        requests.result(job)
    assert refused.value.job_id == "job-1"


async def test_a_key_needs_neither_caller_nor_capability(sidecar: Sidecar) -> None:
    request = key_pb2.CreateKeyRequest(entity_id=3)
    request.limits.update({"max_steps": 3})
    key = (await sidecar.keys.Create(request)).text
    picture = await used(lambda client: client.text_to_image("a cup", steps=1), key)
    assert size(picture) == (64, 64)
    with pytest.raises(PermissionDenied) as refused:
        await used(lambda client: client.text_to_image("a cup", steps=9), key)
    assert (refused.value.field, refused.value.limit) == ("max_steps", "3")


async def test_nobody_and_no_key_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIWO_IMAGEGEN_PORT", "1")
    with pytest.raises(Unavailable, match="viwo-imagegen serve") as nobody:
        await used(lambda client: client.text_to_image("a cup"))
    assert nobody.value.reason == "NO_SERVER"
    monkeypatch.setenv("VIWO_IMAGEGEN_DATA_DIR", str(tmp_path))
    with pytest.raises(Unauthenticated, match="key create"):
        Client()
    monkeypatch.setenv("VIWO_IMAGEGEN_KEY", "vk_none")
    monkeypatch.delenv("VIWO_IMAGEGEN_PORT")


async def test_the_same_awaited() -> None:
    told: list[Progress] = []
    async with AsyncClient() as client:
        made = await asyncio.gather(
            client.text_to_image("a bowl", seed=7, steps=2, on_progress=told.append),
            client.text_to_image("a coat", seed=7, steps=2),
        )
        assert [size(picture) for picture in made] == [(64, 64), (64, 64)]
        assert [step.step for step in told if step.state == "drawing"] == [1, 2]
        again = await client.image_to_image(made[0], "a hat", 0.5, steps=2)
        assert again.data != made[0].data
        batch = await client.batch(["a cup"], count=2, steps=1)
        assert all(isinstance(picture, Picture) for picture in batch)
        reference = await client.upload(again.data)
        assert await client.download(reference) == again.data
        with pytest.raises(InvalidArgument):
            await client.text_to_image("a", steps=0)


async def test_a_task_that_is_canceled_cancels_its_job(sidecar: Sidecar) -> None:
    begun = asyncio.Event()
    seen: list[str] = []

    def tell(told: Progress) -> None:
        seen.append(told.job_id)
        begun.set()

    async with AsyncClient() as client:
        task = asyncio.create_task(client.text_to_image("a slow hat", steps=100, on_progress=tell))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ImagegenError, match="cancel"):
            await client.wait(seen[0])


def test_it_shares_messages_with_the_server_in_one_process() -> None:
    assert job_pb2.DESCRIPTOR.name == servers_job_pb2.DESCRIPTOR.name
    assert isinstance(ConnectionLost("x", job_id="j"), Unavailable)


def test_it_finds_what_the_sidecars_file_says(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of the operator\n")
    (tmp_path / "cert.pem").write_text("PEM")
    (tmp_path / "config.toml").write_text(
        f'host = "0.0.0.0"\nport = 4000\ntls_cert = "{tmp_path}/cert.pem"\n'
    )
    here = {"VIWO_IMAGEGEN_DATA_DIR": str(tmp_path)}
    found = connection.find(environment=here)
    assert found == connection.Connection("127.0.0.1:4000", "of the operator", b"PEM")
    assert connection.find("far:1", "vk_1", environment=here) == connection.Connection("far:1", "vk_1", None)
    with pytest.raises(Unauthenticated, match="far:1 is another machine") as refused:
        connection.find("far:1", environment=here)
    assert refused.value.reason == "NO_KEY"
    assert connection.find(environment={**here, "VIWO_IMAGEGEN_HOST": "10.0.0.5"}).key == "of the operator"
    key_file = {"VIWO_IMAGEGEN_KEY_FILE": str(tmp_path / "token")}
    assert connection.find("far:1", environment={**here, **key_file}).key == "of the operator"
    missing = {**here, "VIWO_IMAGEGEN_CA_FILE": str(tmp_path / "nothing.pem")}
    with pytest.raises(FailedPrecondition, match=r"nothing\.pem cannot be read"):
        connection.find("127.0.0.1:1", environment=missing)
    (tmp_path / "config.toml").write_text('unix_socket = "/run/imagegen.sock"\n')
    (tmp_path / "token").unlink()
    assert connection.find(environment=here) == connection.Connection("unix:/run/imagegen.sock", "", None)


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("127.0.0.1:50061", True),
        ("127.8.0.1", True),
        ("localhost:1", True),
        ("[::1]:50061", True),
        ("127.0.0.1.evil.org:50061", False),
        ("127.example.com:50061", False),
        ("localhost.evil.org:50061", False),
        ("127.0.0.1@evil.org:50061", False),
    ],
)
def test_the_operators_token_stays_on_this_machine(tmp_path: Path, address: str, is_here: bool) -> None:
    (tmp_path / "token").write_text("of the operator")
    here = {"VIWO_IMAGEGEN_DATA_DIR": str(tmp_path)}
    if is_here:
        assert connection.find(address, environment=here).key == "of the operator"
    else:
        with pytest.raises(Unauthenticated, match="is another machine"):
            connection.find(address, environment=here)


def test_the_token_is_where_the_sidecars_file_says(tmp_path: Path) -> None:
    data, default = tmp_path / "big disk", tmp_path / "viwo-imagegen"
    data.mkdir()
    default.mkdir()
    (data / "token").write_text("of the operator")
    (tmp_path / "x.toml").write_text(f'data_dir = "{data}"\nport = 4000\n')
    named = {"XDG_DATA_HOME": str(tmp_path), "VIWO_IMAGEGEN_CONFIG": str(tmp_path / "x.toml")}
    expected = connection.Connection("127.0.0.1:4000", "of the operator", None)
    assert connection.find(environment=named) == expected
    (default / "config.toml").write_text(f'data_dir = "{data}"\nport = 4000\n')
    assert connection.find(environment={"XDG_DATA_HOME": str(tmp_path)}) == expected
    (default / "token").write_text("of another one")
    variable = {**named, "VIWO_IMAGEGEN_DATA_DIR": str(default)}
    assert connection.find(environment=variable).key == "of another one"


@pytest.mark.parametrize("variable", ["DATA_DIR", "KEY_FILE"])
def test_a_key_that_is_no_text_is_told(tmp_path: Path, variable: str) -> None:
    token = tmp_path / "token"
    token.write_bytes(b"\xff\xfe")
    place = token if variable == "KEY_FILE" else tmp_path
    with pytest.raises(Unauthenticated, match="token is not text"):
        connection.find("127.0.0.1:1", environment={f"VIWO_IMAGEGEN_{variable}": str(place)})


async def test_the_readmes_programs_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    programs = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    assert len(programs) == 2
    for program in programs:
        await asyncio.to_thread(exec, compile(program, "README.md", "exec"), {})
    assert (tmp_path / "apple.png").is_file()


def installed_alone(folder: Path) -> Path:
    """Where the client's wheel is unpacked, without anything else."""
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, PACKAGE], check=True)
    (wheel,) = folder.glob("viwo_imagegen_client-*.whl")
    target = folder / "alone"
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--target", target, wheel], check=True)
    return target


async def test_its_wheel_needs_grpc_and_protobuf_only(tmp_path: Path) -> None:
    target = await asyncio.to_thread(installed_alone, tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "for name in ('sidecar', 'capabilities', 'entity_store', 'google.rpc', 'pydantic'): sys.modules[name] = None\n"
        "import viwo_imagegen_client as it\n"
        "assert it.__file__.startswith(sys.argv[1])\n"
        "print(len(it.Client().text_to_image('a cup', seed=7, steps=2).data))\n"
    )
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(target), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    told, complaints = await run.communicate()
    assert run.returncode == 0, complaints.decode()
    assert int(told) > 100
