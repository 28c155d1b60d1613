"""The configuration and the secrets of an installation: gathered for a backup, encrypted, and put back with private modes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qsl

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from capabilities import strict_json
from capabilities.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from sidecar.auth import MAX_SECRET, MIN_SECRET
from sidecar.config import Settings, config_file
from sidecar.queue.maintenance.backup import CONFIGURATION, ENCRYPTED_SECRETS, PLAIN_SECRETS

CONFIG_NAME = "config.toml"
TOKEN, KERNEL_KEY, STATEMENT_KEY = "token", "kernel-key", "statement-key"
MIN_PASSPHRASE = 12

_SALT = 16
_SCRYPT_COST = 2**17
"""OWASP's for scrypt: 128 MiB and about half a second a try."""
_SECRET_NAME = re.compile(r"(^|_|ssl)(token|password|secret|passphrase|api_key)$")
_PASSWORD_IN_URL = re.compile(r"[^:/]+://[^:/]*:[^@]+@")
"""As SQLAlchemy reads a database's URL: a password may hold what ends the host of other URLs, such as # and /."""


class SecretsIn(StrEnum):
    """How a backup holds the secrets."""

    NONE = "none"
    PLAIN = "plain"
    ENCRYPTED = "encrypted"


@dataclass(frozen=True)
class Installation:
    """What belongs to an installation besides its data. A configuration that holds a password is one of the secrets."""

    configuration: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    """By their names here, not by the paths of their files."""

    @property
    def config(self) -> str | None:
        """The text of the configuration file, wherever it is kept."""
        return self.secrets.get(CONFIG_NAME, self.configuration)


def secret_files(settings: Settings) -> dict[str, Path]:
    """Where the secrets of an installation are, by their names."""
    found = {TOKEN: settings.token_file, KERNEL_KEY: settings.kernel_key_file}
    if settings.statement_key_file is not None:
        found[STATEMENT_KEY] = settings.statement_key_file
    return found


def gather(settings: Settings) -> Installation:
    """What is there now. Raises OSError for a file that cannot be read, FailedPrecondition for one that is no text."""
    secrets = {name: text_of(path).strip() for name, path in secret_files(settings).items() if path.is_file()}
    configuration = text_of(config_file()) if config_file().is_file() else None
    if configuration is not None and _holds_secret(tomllib.loads(configuration)):
        return Installation(None, {**secrets, CONFIG_NAME: configuration})
    return Installation(configuration, secrets)


def text_of(path: Path) -> str:
    """Raises OSError for a file that cannot be read, FailedPrecondition for one that is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FailedPrecondition(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); name another file, or save it as UTF-8",
            reason="NOT_TEXT",
            limit="UTF-8",
            asked=str(path),
        ) from None


def members(installation: Installation, how: SecretsIn, passphrase: str = "") -> dict[str, bytes]:
    """What a backup takes up of it, by the names in the archive. Raises InvalidArgument for a passphrase that is too short."""
    found: dict[str, bytes] = {}
    if installation.configuration is not None:
        found[CONFIGURATION] = installation.configuration.encode()
    document = json.dumps(dict(installation.secrets)).encode()
    if how is SecretsIn.PLAIN:
        found[PLAIN_SECRETS] = document
    elif how is SecretsIn.ENCRYPTED:
        if len(passphrase) < MIN_PASSPHRASE:
            raise InvalidArgument(
                f"the passphrase must have at least {MIN_PASSPHRASE} characters; it has {len(passphrase)}",
                reason="SHORT_PASSPHRASE",
                field="passphrase",
                limit=f"{MIN_PASSPHRASE} characters",
            )
        salt = os.urandom(_SALT)
        found[ENCRYPTED_SECRETS] = salt + Fernet(_key(passphrase, salt)).encrypt(document)
    return found


def read_members(found: Mapping[str, bytes], passphrase: str = "") -> Installation:
    """The installation in a backup; without its secrets where they are encrypted and there is no passphrase.

    Raises InvalidArgument for a wrong passphrase, and for members that `members` does not write.
    """
    try:
        configuration = found[CONFIGURATION].decode() if CONFIGURATION in found else None
        document = found.get(PLAIN_SECRETS, b"{}")
        if ENCRYPTED_SECRETS in found and passphrase:
            document = _decrypted(found[ENCRYPTED_SECRETS], passphrase)
        secrets = strict_json.loads(document.decode())
        if not isinstance(secrets, dict) or not secrets.keys() <= {
            TOKEN,
            KERNEL_KEY,
            STATEMENT_KEY,
            CONFIG_NAME,
        }:
            raise ValueError("it holds other secrets than a backup does")
        for name, text in secrets.items():
            if not isinstance(text, str) or (name != CONFIG_NAME and not _is_secret(text)):
                raise ValueError(f"its {name} is no secret")
        for text in (configuration, secrets.get(CONFIG_NAME)):
            tomllib.loads(text or "")
    except ValueError as error:
        raise InvalidArgument(
            f"the configuration or the secrets in this backup cannot be used: {error}",
            reason="BAD_BACKUP",
            field="source",
        ) from None
    return Installation(configuration, secrets)


@contextlib.contextmanager
def configuration_in_place(text: str | None, *, overwrite: bool) -> Iterator[None]:
    """Write the configuration file, and take it back where what follows fails.

    Raises AlreadyExists for another one that is there, unless told to overwrite it.
    """
    path = config_file()
    if text is None or (path.is_file() and path.read_bytes() == text.encode()):
        yield
        return
    _require_free(path, "--no-configuration leaves it as it is", overwrite=overwrite)
    before = path.read_bytes() if path.is_file() else None
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    _write_private(path, text.encode())
    try:
        yield
    except BaseException:
        if before is not None:
            _write_private(path, before)
        else:
            path.unlink()
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
        raise


def require_room_for(secrets: Mapping[str, str], settings: Settings, *, overwrite: bool) -> None:
    """Raises AlreadyExists for a secret that is there and is another, unless told to overwrite it; FailedPrecondition
    where one cannot be written."""
    for path, text in _placed(secrets, settings):
        folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
        if path.is_dir() or not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise FailedPrecondition(
                f"the secret {path} cannot be written there; let this user write to the folder {folder}, name another in the "
                "configuration, or say --no-secrets",
                reason="NOT_WRITABLE",
                field="secrets",
                asked=str(path),
            )
        if not path.is_file() or path.read_bytes().strip() != text.encode():
            _require_free(path, "--no-secrets leaves it as it is", overwrite=overwrite)


def put_back(secrets: Mapping[str, str], settings: Settings) -> list[Path]:
    """Write the secrets where the settings have them, each readable by its owner alone; where that is."""
    placed = list(_placed(secrets, settings))
    for path, text in placed:
        _write_private(path, f"{text}\n".encode())
    return [path for path, _ in placed]


def _placed(secrets: Mapping[str, str], settings: Settings) -> Iterator[tuple[Path, str]]:
    for name, path in secret_files(settings).items():
        if name in secrets:
            yield path, secrets[name]


def _require_free(path: Path, otherwise: str, *, overwrite: bool) -> None:
    if os.path.lexists(path) and not overwrite:
        raise AlreadyExists(
            f"{path} is there already and is not what the backup holds; --overwrite replaces it, {otherwise}",
            reason="FILE_EXISTS",
            field="overwrite",
            asked=str(path),
        )


def _write_private(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made with mode 0600, whatever the umask is, and renamed when it is on the disk.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _key(passphrase: str, salt: bytes) -> bytes:
    derived = Scrypt(salt=salt, length=32, n=_SCRYPT_COST, r=8, p=1).derive(passphrase.encode())
    return base64.urlsafe_b64encode(derived)


def _decrypted(data: bytes, passphrase: str) -> bytes:
    try:
        return Fernet(_key(passphrase, data[:_SALT])).decrypt(data[_SALT:])
    except InvalidToken:
        raise InvalidArgument(
            "the passphrase does not open the secrets in this backup, or they are damaged; --no-secrets leaves them out, "
            "and new ones are made at the next start",
            reason="WRONG_PASSPHRASE",
            field="passphrase",
        ) from None


def _is_secret(text: str) -> bool:
    return MIN_SECRET <= len(text) <= MAX_SECRET and all("!" <= character <= "~" for character in text)


def _holds_secret(value: object, name: str = "") -> bool:
    """Whether a configuration says a password itself, and not where a file with it is."""
    if isinstance(value, dict):
        return any(_holds_secret(item, key) for key, item in value.items())
    if isinstance(value, list):
        return any(_holds_secret(item, name) for item in value)
    if not isinstance(value, str):
        return False
    if _PASSWORD_IN_URL.match(value):
        return True
    if any(_names_secret(key) for key, _ in parse_qsl(value.partition("?")[2])):
        return True
    return bool(value) and _names_secret(name)


def _names_secret(name: str) -> bool:
    return _SECRET_NAME.search(name.lower()) is not None
