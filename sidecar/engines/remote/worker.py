"""The child process in which pictures for and from other servers are decoded: nothing they send is decoded in the server."""

from __future__ import annotations

from functools import partial

from sidecar.engines import worker_process
from sidecar.engines.events import EncodedImage, Preview
from sidecar.engines.remote.messages import FRAMING, Finish, Glimpse, Prepare, Prepared
from sidecar.engines.remote.pixels import finish, glimpse, prepare


def answer(request: Prepare | Finish | Glimpse) -> Prepared | EncodedImage | Preview:
    """What a request comes to. Raises Refusal."""
    match request:
        case Prepare():
            return prepare(request)
        case Finish():
            return finish(request)
        case Glimpse():
            return glimpse(request)


if __name__ == "__main__":
    worker_process.run(partial(worker_process.serve, framing=FRAMING, do=answer))
