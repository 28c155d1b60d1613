"""`python -m sidecar.testing.foreign KIND --port 0 --seconds 0.05`: a fake image server, which prints its URL."""

from __future__ import annotations

import argparse
import importlib

from sidecar.testing.foreign.fake import ForeignFake, Options
from sidecar.testing.foreign.server import serve

KINDS = {
    "a1111": "A1111",
    "comfyui": "ComfyUI",
    "fooocus": "Fooocus",
    "invokeai": "InvokeAI",
    "openai": "OpenAI",
}
"""Each in the module of its name."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="sidecar.testing.foreign")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=Options.seconds, help="what a drawing takes")
    parser.add_argument("--start-delay", type=float, default=Options.start_delay)
    parser.add_argument("--previews", type=_switch)
    parser.add_argument("--key", default=Options.key, help="what is asked of callers")
    parser.add_argument("--variant", default=Options.variant, help="a relative of the server")
    parser.add_argument("--price", type=float, default=Options.price, help="what a picture costs")
    given = vars(parser.parse_args())
    kind, port = given.pop("kind"), given.pop("port")
    made: type[ForeignFake] = getattr(importlib.import_module(f"sidecar.testing.foreign.{kind}"), KINDS[kind])
    options = Options(**{name: value for name, value in given.items() if value is not None})
    serve(made(options), port)


def _switch(text: str) -> bool:
    return text.lower() in ("1", "true", "yes")


if __name__ == "__main__":
    main()
