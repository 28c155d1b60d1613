"""Write what is not written by hand in the client libraries: `python clients/make_methods.py [--check]`.

The typed methods of both languages come from their declarations, and Python's client that waits from the one for asyncio.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic.alias_generators import to_snake

from capabilities.methods import METHODS, Method, Parameter

PACKAGE = Path(__file__).parent / "python" / "viwo_imagegen_client"
TYPESCRIPT = Path(__file__).parent / "typescript" / "src" / "methods.ts"
WAITING = {
    r'"""The client for asyncio\."""': '"""The client for programs that wait. Written by clients/make_methods.py from aio.py; do not edit."""',
    r"\basync (def|with|for) ": r"\1 ",
    r"\bawait ": "",
    r"\bAsync(Client|Methods|Iterator)\b": r"\1",
    r"\basynccontextmanager\b": "contextmanager",
    r"\b__a(enter|exit)__\b": r"__\1__",
    r"\.close\(None\)": ".close()",
    r"\b(dialling\.\w+)_aio\b": r"\1",
}
"""What the client that waits has in the place of the asyncio client's words."""
TYPES = {
    "string": "str", "integer": "int", "number": "float", "boolean": "bool", "image": "ImageInput | Sequence[ImageInput]",
    "array": "str | Sequence[Any]", "object": "Any",
}  # fmt: skip
TYPESCRIPT_TYPES = {
    "string": "string", "integer": "number", "number": "number", "boolean": "boolean",
    "image": "ImageInput | readonly ImageInput[]", "array": "string | readonly unknown[]", "object": "unknown",
}  # fmt: skip
LEFT_OUT = frozenset({"reference"})
"""Options that make no difference here: pictures are fetched by reference in any case."""
USUAL = ("steps", "model")
"""Aliases that clients use in the place of a method's own name."""
HEAD = '''"""What a sidecar can do, as typed methods. Written by clients/make_methods.py; do not edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from viwo_imagegen_client.pictures import ImageInput, Picture, Progress

OnProgress = Callable[[Progress], {answer}]
'''


TYPESCRIPT_HEAD = """/** What a sidecar can do, as typed methods. Written by clients/make_methods.py; do not edit. */

import type { ImageInput, Picture, Progress } from "./pictures.js";

/** Options of every method beside its own. */
export interface CallOptions {
  onProgress?: (told: Progress) => void;
  /** Previews are wanted, at most one in so many steps. */
  previewEvery?: number;
  /** Cancels the job. */
  signal?: AbortSignal;
}
"""
MADE = [method for method in METHODS if method.build is not None]


def python() -> str:
    parts = [HEAD.replace("{answer}", "object")]
    parts += ["\n".join(_options(method)) for method in MADE]
    for name, before, wait in (("Methods", "", ""), ("AsyncMethods", "async ", "await ")):
        parts.append("\n".join(_class(name, before, wait)))
    return "\n\n".join(parts) + "\n"


def _options(method: Method) -> Iterator[str]:
    yield f"class {_class_name(method)}Options(TypedDict, total=False):"
    yield f'    """Options of `{method.name}`; each is explained in docs/methods.md."""'
    yield ""
    for item in method.all_parameters:
        if _is_option(item):
            yield f"    {_name(item)}: {_type(item)}"


def _class(name: str, before: str, wait: str) -> Iterator[str]:
    yield f"class {name}:"
    yield '    """Every method of scripts that makes pictures. Each raises ImagegenError."""'
    yield ""
    yield f"    {before}def _make("
    yield "        self, method: str, capability_type: str, arguments: Sequence[object], options: Mapping[str, object],"
    yield "        on_progress: OnProgress | None, preview_every: int,"
    yield "    ) -> Picture:"
    yield "        raise NotImplementedError"
    for method in MADE:
        ordered = [item for item in method.parameters if item.positional]
        yield ""
        yield f"    {before}def {to_snake(method.name).replace('_2_', '2')}("
        yield "        self,"
        for item in ordered:
            optional = "" if item.required else " | None"
            optional += " = None" if _may_be_left_out(item, ordered) else ""
            yield f"        {_name(item)}: {_type(item)}{optional},"
        yield "        *, on_progress: OnProgress | None = None, preview_every: int = 0,"
        yield f"        **options: Unpack[{_class_name(method)}Options],"
        yield "    ) -> Picture:"
        yield f'        """{method.description}"""'
        given = "".join(f"{_name(item)}, " for item in ordered)
        yield f'        return {wait}self._make("{method.name}", "{method.capability_type}", [{given}], options, on_progress, '
        yield "            preview_every)"


def typescript() -> str:
    parts = [
        TYPESCRIPT_HEAD,
        *("\n".join(_interface(method)) for method in MADE),
        "\n".join(_typescript_class()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _interface(method: Method) -> Iterator[str]:
    yield f"/** Options of `{method.name}`; each is explained in docs/methods.md. */"
    yield f"export interface {_class_name(method)}Options {{"
    for item in method.all_parameters:
        if _is_option(item):
            yield f"  {_usual(item) or item.name}?: {TYPESCRIPT_TYPES[item.type]};"
    yield "}"


def _typescript_class() -> Iterator[str]:
    yield "/** Every method of scripts that makes pictures. Each rejects with an ImagegenError. */"
    yield "export abstract class Methods {"
    yield "  protected abstract make("
    yield "    method: string,"
    yield "    capabilityType: string,"
    yield "    args: unknown[],"
    yield "    options: CallOptions & Record<string, unknown>,"
    yield "  ): Promise<Picture>;"
    for method in MADE:
        ordered = [item for item in method.parameters if item.positional]
        yield ""
        yield f"  /** {method.description} */"
        yield f"  {method.name}("
        for item in ordered:
            mark = "?" if _may_be_left_out(item, ordered) else ""
            or_none = "" if item.required or mark else " | undefined"
            yield f"    {item.name}{mark}: {TYPESCRIPT_TYPES[item.type]}{or_none},"
        yield f"    options: {_class_name(method)}Options & CallOptions = {{}},"
        yield "  ): Promise<Picture> {"
        given = ", ".join(item.name for item in ordered)
        yield f'    return this.make("{method.name}", "{method.capability_type}", [{given}], {{ ...options }});'
        yield "  }"
    yield "}"


def _is_option(item: Parameter) -> bool:
    return not item.positional and item.name not in LEFT_OUT


def _may_be_left_out(item: Parameter, ordered: Sequence[Parameter]) -> bool:
    """A value that comes before a required one has to be written all the same."""
    return not any(after.required for after in ordered[ordered.index(item) :])


def _usual(item: Parameter) -> str | None:
    return next((name for name in USUAL if name in item.aliases), None)


def _class_name(method: Method) -> str:
    return method.name[0].upper() + method.name[1:]


def _name(item: Parameter) -> str:
    return _usual(item) or to_snake(item.name)


def _type(item: Parameter) -> str:
    return TYPES[item.type]


def waiting() -> str:
    """The client for asyncio, as one that waits."""
    text = (PACKAGE / "aio.py").read_text()
    for words, instead in WAITING.items():
        text = re.sub(words, instead, text)
    return text


def formatted(text: str, target: Path) -> str:
    ruff = [str(Path(sys.executable).parent / "ruff")]
    named = ["--quiet", "--stdin-filename", str(target), "-"]
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        done = subprocess.run(
            [*ruff, *command, *named], input=text, text=True, capture_output=True, check=True
        )
        text = done.stdout
    return text


def main() -> None:
    made = {
        name: formatted(text, name)
        for name, text in ((PACKAGE / "methods.py", python()), (PACKAGE / "client.py", waiting()))
    }
    for target, text in {**made, TYPESCRIPT: typescript()}.items():
        if "--check" not in sys.argv:
            target.write_text(text)
        elif not target.is_file() or target.read_text() != text:
            raise SystemExit(f"{target} is stale: run python clients/make_methods.py")


if __name__ == "__main__":
    main()
