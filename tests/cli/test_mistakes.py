"""Ten mistakes that a newcomer makes: each message names the cause and the cure, in the words of a table."""

from __future__ import annotations

from sidecar.testing.mistakes import make_them


async def test_every_message_names_cause_and_cure() -> None:
    assert await make_them() == {}
