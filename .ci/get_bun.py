"""Puts Bun, in which viwo and its plugins run, into .bun/: `python .ci/get_bun.py`. Pinned, checked, taken from npm."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import platform
import sys
import tarfile
import urllib.request
from pathlib import Path

VERSION = "1.4.5"
REGISTRY = os.environ.get("NPM_REGISTRY", "https://registry.npmjs.org").rstrip("/")
SHA512 = {
    ("Linux", "x86_64"): (
        "linux-x64",
        "IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==",
    ),
    ("Linux", "aarch64"): (
        "linux-aarch64",
        "4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
    ),
    ("Darwin", "arm64"): (
        "darwin-aarch64",
        "4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==",
    ),
    ("Darwin", "x86_64"): (
        "darwin-x64",
        "qkLPMGHZM9NI6CeHTWwVezzmlo6cC4Ta7yUAjYIWXS366qQcOlcp75t2uZyiuVRBMPS0h9qE0tCcvCHGaFqjJg==",
    ),
}
BUN = Path(__file__).resolve().parents[1] / ".bun" / VERSION / "bun"


def main() -> None:
    if not BUN.exists():
        machine = (platform.system(), platform.machine())
        if machine not in SHA512:
            sys.exit(f"no Bun is known for {machine}; put one into {BUN}")
        name, wanted = SHA512[machine]
        with urllib.request.urlopen(
            f"{REGISTRY}/@oven/bun-{name}/-/bun-{name}-{VERSION}.tgz", timeout=300
        ) as reply:
            packed = reply.read()
        if base64.b64encode(hashlib.sha512(packed).digest()).decode() != wanted:
            sys.exit(f"the package of Bun {VERSION} is not the one that was pinned")
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            binary = archive.extractfile("package/bin/bun")
            assert binary is not None
            BUN.parent.mkdir(parents=True, exist_ok=True)
            partial = BUN.with_suffix(".partial")
            partial.write_bytes(binary.read())
            partial.chmod(0o755)
            partial.replace(BUN)
    print(BUN)


if __name__ == "__main__":
    main()
