"""Certificates for servers of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trustme


def certificate(ca: trustme.CA, folder: Path, *names: str) -> dict[str, Any]:
    """The settings of a server with a certificate for these names, else for this machine; written into a folder."""
    issued = ca.issue_cert(*(names or ("localhost", "127.0.0.1")))
    folder.mkdir(exist_ok=True)
    paths = {"tls_cert": folder / "cert.pem", "tls_key": folder / "key.pem"}
    paths["tls_cert"].write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    paths["tls_key"].write_bytes(issued.private_key_pem.bytes())
    paths["tls_key"].chmod(0o600)
    return paths
