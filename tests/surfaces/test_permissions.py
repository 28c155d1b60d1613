"""Every RPC has a row in the table of permissions, and is answered by it whatever the credential."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sidecar.surfaces.permissions import RPCS
from sidecar.testing.access_matrix import CREDENTIALS, Matrix, matrix, methods, wrong_answers

NAMES = [name for name, _ in methods()]


@pytest.fixture(scope="module")
async def things(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    async with matrix(tmp_path_factory.mktemp("matrix")) as made:
        yield made


def test_every_method_has_a_row_and_every_row_a_method() -> None:
    assert sorted(RPCS) == sorted(NAMES)


@pytest.mark.parametrize("rpc", NAMES)
async def test_each_credential_is_answered_as_the_table_says(things: Matrix, rpc: str) -> None:
    answers = [(credential, await things.ask(rpc, credential)) for credential in CREDENTIALS]
    assert wrong_answers(rpc, answers) == []
