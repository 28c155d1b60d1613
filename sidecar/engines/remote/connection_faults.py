"""What goes wrong with a connection to somebody else's image server, in words."""

from __future__ import annotations

import httpx2

from capabilities.errors import brief
from sidecar.engines.remote.failures import FailureKind, RemoteFailure


def failure_of(error: httpx2.HTTPError | httpx2.InvalidURL | UnicodeEncodeError, url: str) -> RemoteFailure:
    """A fault of the connection, in words."""
    match error:
        case UnicodeEncodeError():
            return RemoteFailure(
                FailureKind.UNAUTHORIZED,
                "its key holds characters that no header can carry; put the key into key_file as it was given",
                field="key_file",
                was_sent=False,
            )
        case httpx2.InvalidURL():
            words = f"it names an address that is none: {brief(str(error), 200)}"
            return RemoteFailure(FailureKind.BAD_ANSWER, words, was_sent=False)
        case httpx2.ConnectTimeout() | httpx2.ConnectError() | httpx2.PoolTimeout():
            return RemoteFailure(
                FailureKind.UNREACHABLE,
                f"{url} cannot be reached: {_why_not(error)}",
                field="urls",
                was_sent=False,
            )
        case httpx2.TimeoutException():
            return RemoteFailure(FailureKind.TIMEOUT, f"{url} did not answer in time")
        case httpx2.RemoteProtocolError() | httpx2.DecodingError():
            return RemoteFailure(
                FailureKind.BAD_ANSWER, f"{url} broke off its answer: {brief(str(error), 200)}"
            )
        case httpx2.UnsupportedProtocol() | httpx2.LocalProtocolError():
            return RemoteFailure(FailureKind.BAD_REQUEST, f"{url}: {brief(str(error), 200)}")
        case _:
            return RemoteFailure(
                FailureKind.UNREACHABLE,
                f"the connection to {url} broke: {brief(str(error) or type(error).__name__, 200)}",
            )


def _why_not(error: httpx2.HTTPError) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted here; name its authority in ca_file"
    if isinstance(error, httpx2.TimeoutException):
        return "no connection in time; see whether the machine is up and the address in urls right"
    return (
        f"{brief(text, 200) or 'no connection'}; see whether the server runs and the address in urls is right"
    )
