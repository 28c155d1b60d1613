"""The child process in which pictures for and from other servers are decoded: nothing they send is decoded in the server."""

from __future__ import annotations

from functools import partial

from sidecar.engines import worker_process
from sidecar.engines.events import EncodedImage
from sidecar.engines.remote.messages import FRAMING, Finish, Prepare, Prepared
from sidecar.engines.remote.pixels import finish, prepare


def answer(request: Prepare | Finish) -> Prepared | EncodedImage:
    """What a request comes to. Raises Refusal."""
    return prepare(request) if isinstance(request, Prepare) else finish(request)


if __name__ == "__main__":
    worker_process.run(partial(worker_process.serve, framing=FRAMING, do=answer))
