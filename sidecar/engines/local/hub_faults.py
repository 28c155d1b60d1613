"""What goes wrong with a hub, in words that say what to do. Knows the errors of the hub's client by what they answer."""

from __future__ import annotations

import errno
import logging
import os
from typing import Any

import httpx2
from huggingface_hub import get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

from capabilities.errors import (
    FailedPrecondition,
    InternalFault,
    NotFound,
    Refusal,
    ResourceExhausted,
    Unavailable,
    data_size,
)
from sidecar.engines.events import Failed
from sidecar.engines.local import hub_cache
from sidecar.engines.local.hub_files import Incomplete, Wanted
from sidecar.engines.local.model_files import UnusableModel, shown

RETRY_SECONDS = 30.0
"""After how long to try again, where the hub does not say."""
MOST_RETRY_SECONDS = 3600.0
"""Longest after which, whatever the hub says: the windows of its limits are minutes."""

log = logging.getLogger("viwo_imagegen.download")


def failure(error: Exception, wanted: Wanted) -> Failed:
    """The end of a download that an error stands for."""
    if isinstance(error, HfHubHTTPError):
        refusal = _answered(error.response, wanted)
        # Only then has the hub itself said that it will go on.
        return Failed.of(refusal, retryable=refusal.reason == "HUB_BUSY")
    return Failed.of(_refusal(error, wanted))


def _refusal(error: Exception, wanted: Wanted) -> Refusal:
    name = shown(wanted.repository)
    match error:
        case UnusableModel():
            return FailedPrecondition(
                f"the model '{name}' cannot be loaded: {error.message}",
                reason="MODEL_NOT_LOADABLE",
                field="model_id",
                asked=name,
            )
        case Refusal():
            return error
        case Incomplete():
            return FailedPrecondition(
                f"'{name}' at {hub_cache.host()} lacks {shown(str(error))}, so it is no model for here; it needs a "
                "diffusers folder or one .safetensors file (see 'file', 'subfolder' and 'variant' of hub_models)",
                reason="MODEL_INCOMPLETE",
                field="model_id",
                asked=name,
            )
        case HFValidationError():
            return FailedPrecondition(
                f"'{name}' is no name of a repository on a hub: {_words(error)}; correct the id in hub_models, or name its "
                "'repository'",
                reason="BAD_REPOSITORY",
                field="model_id",
                asked=name,
            )
        case OfflineModeIsEnabled():
            return hub_cache.offline(name)
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
            return FailedPrecondition(
                f"HF_ENDPOINT is {shown(hub_cache.shown_endpoint())}, which is no address of a hub; set it to one such as "
                "https://huggingface.co, or unset it",
                reason="BAD_ENDPOINT",
                field="HF_ENDPOINT",
                asked=shown(hub_cache.shown_endpoint()),
            )
        case httpx2.TransportError():
            return Unavailable(
                f"the hub {hub_cache.host()} cannot be reached ({_words(error)}), and '{name}' has not been downloaded; "
                "look at the network, the proxy and HF_ENDPOINT, then try again: what has come so far is kept",
                reason="HUB_UNREACHABLE",
                field="model_id",
                asked=name,
                retry_after=RETRY_SECONDS,
            )
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return disk_full(f"the disk became full while '{name}' was downloaded", 0)
        case OSError():
            return FailedPrecondition(
                f"the cache for models cannot be written: {error.filename or hub_cache.folder()}: {error.strerror or error}; "
                "let the server's user write there, or set HF_HOME to a folder where it can",
                reason="CACHE_NOT_WRITABLE",
                field="model_id",
                asked=name,
            )
    log.exception("a download failed", exc_info=error)
    return InternalFault(f"the download failed: {type(error).__name__}: {_words(error)}", reason="BUG")


def _answered(response: httpx2.Response, wanted: Wanted) -> Refusal:
    """By what the hub answered."""
    status, code = response.status_code, response.headers.get("X-Error-Code", "")
    name, host = shown(wanted.repository), hub_cache.host()
    about: dict[str, Any] = {"field": "model_id", "asked": name}
    token = "the token in HF_TOKEN" if os.environ.get("HF_TOKEN") else "the token that is stored here"
    storage = response.url.netloc.decode()
    hub = httpx2.URL(hub_cache.endpoint()).netloc.decode()
    if storage != hub and not code and status in (401, 403, 404):
        return Unavailable(
            f"{storage}, where {host} keeps the files of '{name}', answers {status}; look at the proxy and the firewall, which "
            "must let both through, then try again",
            reason="HUB_STORAGE_REFUSED",
            **about,
        )
    if code == "GatedRepo":
        page = f"{hub_cache.shown_endpoint()}/{name}"
        return FailedPrecondition(
            f"'{name}' is gated: open {page} with your account, accept its conditions there, then set HF_TOKEN to a token of "
            "that account where the server runs, and start it again"
            + (f"; {token} belongs to an account that has not been let in" if get_token() else ""),
            reason="MODEL_GATED",
            **about,
        )
    if code == "RevisionNotFound":
        return NotFound(
            f"'{name}' at {host} has no revision '{shown(wanted.revision)}'; name a commit, tag or branch that it has",
            reason="UNKNOWN_REVISION",
            field="revision",
            asked=shown(wanted.revision),
        )
    if status in (401, 403) and get_token():
        return FailedPrecondition(
            f"{host} does not let {token} read '{name}' ({status}): it is wrong, has expired, or is of an account without "
            "access; make another at the hub, set HF_TOKEN to it, and start the server again",
            reason="HUB_TOKEN_REFUSED",
            **about,
        )
    if status in (401, 403):
        return FailedPrecondition(
            f"{host} lets nobody without a token read '{name}', or has no such repository ({status}): look at its name, or set "
            "HF_TOKEN to a token of an account with access where the server runs, and start it again",
            reason="HUB_TOKEN_MISSING",
            **about,
        )
    if status == 429:
        return Unavailable(
            f"{host} takes no more requests from here for a while (429); try again later, or set HF_TOKEN: it lets accounts "
            "ask more often",
            reason="HUB_BUSY",
            retry_after=_delay(response.headers),
            **about,
        )
    if code == "EntryNotFound":
        return FailedPrecondition(
            f"{host} lists a file of '{name}' that it does not have; try again, or use another mirror",
            reason="HUB_INCONSISTENT",
            **about,
        )
    if status == 404 and code == "RepoNotFound":
        return NotFound(
            f"{host} has no repository '{name}', or it is private; look at its name in hub_models, or set HF_TOKEN",
            reason="UNKNOWN_REPOSITORY",
            **about,
        )
    if status >= 500:
        return Unavailable(
            f"the hub {host} is out of order ({status}), and '{name}' has not been downloaded; try again later: what has "
            "come so far is kept",
            reason="HUB_DOWN",
            retry_after=RETRY_SECONDS,
            **about,
        )
    return no_hub(f"it answers {status}")


def disk_full(what: str, free: int) -> ResourceExhausted:
    where = hub_cache.folder()
    return ResourceExhausted(
        f"{what}, and {data_size(free)} are free in {where}; make room there, or set HF_HOME to a folder on a larger disk",
        reason="DISK_FULL",
        field="model_id",
        limit=f"{data_size(free)} free",
    )


def corrupt(file: str, repository: str, found: str, told: str) -> Unavailable:
    """A file that is not what the hub says it is."""
    return Unavailable(
        f"{shown(file)} of '{shown(repository)}' came damaged from {hub_cache.host()}: its hash is {found[:12]}… and the hub "
        f"says {told[:12]}…; it has been removed, so try again, and use another mirror if it stays so",
        reason="DOWNLOAD_DAMAGED",
        field="model_id",
        asked=shown(repository),
    )


def too_long(file: str, repository: str) -> Unavailable:
    """A file of which more comes than the hub says it has, again and again."""
    return Unavailable(
        f"{shown(file)} of '{shown(repository)}' came damaged from {hub_cache.host()}: it is longer than the hub says; it has been "
        "removed, so try again, look whether a proxy answers in the hub's place, and use another mirror if it stays so",
        reason="DOWNLOAD_DAMAGED",
        field="model_id",
        asked=shown(repository),
    )


def cut_off(file: str, repository: str) -> Unavailable:
    """A file that ends too early, again and again."""
    return Unavailable(
        f"{hub_cache.host()} breaks off {shown(file)} of '{shown(repository)}' again and again; try again later: what has come "
        "so far is kept",
        reason="DOWNLOAD_CUT_OFF",
        field="model_id",
        asked=shown(repository),
        retry_after=RETRY_SECONDS,
    )


def no_hub(why: str) -> Unavailable:
    """Something answers that is not a hub."""
    return Unavailable(
        f"{hub_cache.host()} does not answer as a hub does: {shown(why)}; look at HF_ENDPOINT, and whether a proxy answers in "
        "its place",
        reason="NOT_A_HUB",
        field="HF_ENDPOINT",
        asked=hub_cache.shown_endpoint(),
    )


def _delay(headers: httpx2.Headers) -> float:
    said = headers.get("Retry-After", "").strip()
    if _is_number(said):
        return min(float(said), MOST_RETRY_SECONDS)
    for part in headers.get("RateLimit", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "t" and _is_number(value):
            return min(float(value), MOST_RETRY_SECONDS)
    return RETRY_SECONDS


def _is_number(said: str) -> bool:
    return said.isascii() and said.isdigit()


def _words(error: Exception) -> str:
    return shown(str(error).strip().splitlines()[0]) if str(error).strip() else type(error).__name__
