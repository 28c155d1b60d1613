"""The secrets of this installation, and who may call without one."""

from __future__ import annotations

import contextlib
import errno
import hmac
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Protocol

from capabilities.errors import FailedPrecondition, Unauthenticated
from capabilities.principals import OF_A_KERNEL, Kind, Principal

SCHEME = "Bearer "
KEY_PREFIX = "vk_"
"""How the text of a client's key begins."""
MIN_SECRET = 32
"""Fewest characters of a secret; those made here have 43 (256 bits)."""
MAX_SECRET = 4096
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def ensure_secret(path: Path) -> str:
    """The secret in the file, made at the first start.

    It is written beside its place and linked there when it is on the disk: a crash leaves no file or a whole one, and
    of two that start at once both read the same. Raises FailedPrecondition as `read_secret`.
    """
    if not os.path.lexists(path):
        _make_secret(path)
    return read_secret(path)


def read_secret(path: Path) -> str:
    """The secret in the file: MIN_SECRET to MAX_SECRET printable ASCII characters, white space around them ignored.

    Raises FailedPrecondition for a file that is missing, no plain file, empty, too short or too long, or that others
    than its owner could have written or read. A file of root's on a read-only mount, as containers get their secrets,
    may be readable by all; a file of root's may be readable by its group.
    """
    content = read_private_file(path)
    text = content.decode("ascii", errors="replace").strip()
    if len(content) > MAX_SECRET or not all("!" <= character <= "~" for character in text):
        problem = f"must hold one line of at most {MAX_SECRET} printable ASCII characters"
        raise _unusable(path, problem, "remove it; a new secret is made at the next start")
    if len(text) < MIN_SECRET:
        problem = f"holds {len(text)} characters, and a secret has at least {MIN_SECRET}"
        raise _unusable(path, problem, "remove it; a new secret is made at the next start")
    return text


def read_private_file(path: Path) -> bytes:
    """The first MAX_SECRET + 1 bytes of a file that only its owner can read, by the rules of `read_secret`.

    Raises FailedPrecondition for a file that is missing, no plain file, or that others could have written or read.
    """
    try:
        # Not waited for: what was put there might be a FIFO.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        remedy = "remove the link" if path.is_symlink() else "make it readable for this user"
        raise _unusable(path, f"cannot be read ({error.strerror})", remedy) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _unusable(path, "is not a plain file", "remove it; a new secret is made at the next start")
        _require_private(path, descriptor, status)
        return os.read(descriptor, MAX_SECRET + 1)
    finally:
        os.close(descriptor)


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made with mode 0600, whatever the umask is.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(descriptor)
        try:
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # A file system without hard links.
            os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _require_private(path: Path, descriptor: int, status: os.stat_result) -> None:
    if os.name == "nt":
        return
    of_root = status.st_uid == 0
    mode = stat.S_IMODE(status.st_mode)
    if not of_root and status.st_uid != os.geteuid():
        raise _unusable(path, f"belongs to user {status.st_uid}", "give it to the user who runs the sidecar")
    if of_root and os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
        return
    allowed = 0o640 if of_root and os.geteuid() != 0 else 0o600
    if mode & 0o077 & ~allowed:
        act = "written" if mode & 0o022 else "read"
        raise _unusable(
            path,
            f"can be {act} by others (mode {mode:04o})",
            f"chmod 600 {path}, and make a new one if it was seen",
        )


def _unusable(path: Path, problem: str, remedy: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"the secret file {path} {problem}; {remedy}",
        reason="BAD_SECRET_FILE",
        field=path.name,
        limit=f"a plain file of {MIN_SECRET} to {MAX_SECRET} characters, mode 0600",
        asked=str(path),
    )


class KeyFinder(Protocol):
    """Who the keys of clients are of."""

    def recognise(self, text: str) -> Principal:
        """Raises Unauthenticated for one that is unknown or has ended."""


class Authenticator:
    """Makes a principal of a credential: an operator's token, the plugin's kernel key, a client's key, a Unix socket's
    file mode or a client certificate. Nothing after it looks at credentials.
    """

    def __init__(
        self, token: str, *, kernel_key: str, keys: KeyFinder, world: str, trust_certificates: bool
    ) -> None:
        """`token` and `kernel_key` as `read_secret` answers them, `world` the sidecar's own.

        Raises ValueError for a shorter one, which would let anybody in.
        """
        if min(len(token), len(kernel_key)) < MIN_SECRET:
            raise ValueError(f"a token has at least {MIN_SECRET} characters")
        self._token = token.encode()
        self._kernel_key = kernel_key.encode()
        self._keys = keys
        self._trust_certificates = trust_certificates
        self._operator = Principal("operator", Kind.OPERATOR, world)
        self._kernel = Principal("kernel", Kind.KERNEL, world, scopes=OF_A_KERNEL)

    @property
    def trusts_certificates(self) -> bool:
        """Whether a client certificate does instead of a token."""
        return self._trust_certificates

    def authenticate(self, *, peer: str, authorization: str, certificate: bool) -> Principal:
        """Raises Unauthenticated, saying where the token is found."""
        given = authorization.removeprefix(SCHEME) if authorization.startswith(SCHEME) else ""
        if given.startswith(KEY_PREFIX):
            return self._keys.recognise(given)
        if given:
            sent = given.encode()
            if hmac.compare_digest(sent, self._token):
                return self._operator
            if hmac.compare_digest(sent, self._kernel_key):
                return self._kernel
        elif not authorization and (peer.startswith("unix:") or (certificate and self._trust_certificates)):
            # Only who sends nothing: a key that is wrong must not do more than the right one.
            return self._operator
        wrong = "the token that was sent is not this sidecar's; " if authorization else ""
        raise Unauthenticated(
            f"{wrong}send the token of this sidecar, or a key, as metadata 'authorization: Bearer <token>'; "
            "the token is in the file 'token' of the server's data folder (data_dir)",
            reason="BAD_TOKEN" if authorization else "NO_TOKEN",
            field="authorization",
        )
