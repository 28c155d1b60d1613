"""The token of this installation, and who may call without one."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from capabilities.errors import Unauthenticated

SCHEME = "Bearer "


def ensure_token(path: Path) -> str:
    """The secret in the file, made at the first start, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token + "\n")
    return token


class Door:
    """Lets a call in by its bearer token; a Unix socket's file mode or a client certificate do instead of one."""

    def __init__(self, token: str, *, trust_certificates: bool) -> None:
        self._token = token
        self._trust_certificates = trust_certificates

    @property
    def trusts_certificates(self) -> bool:
        """Whether a client certificate does instead of a token."""
        return self._trust_certificates

    def admit(self, *, peer: str, authorization: str, certificate: bool) -> None:
        """Raises Unauthenticated, saying where the token is found."""
        if peer.startswith("unix:") or (certificate and self._trust_certificates):
            return
        given = authorization.removeprefix(SCHEME) if authorization.startswith(SCHEME) else ""
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise Unauthenticated(
                "send the token of this sidecar as metadata 'authorization: Bearer <token>'; "
                "it is in the file 'token' of the data folder",
                reason="BAD_TOKEN" if given else "NO_TOKEN",
                field="authorization",
            )
