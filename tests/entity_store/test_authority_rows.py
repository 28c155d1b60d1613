"""Capability rows: viwo's own rules for minting and giving, and narrower ones for the rest."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import sqlite3
from pathlib import Path

import pytest

from capabilities.errors import InvalidArgument, NotFound, PermissionDenied
from capabilities.policy import Caller, authorize
from entity_store.authority import MAX_DEPTH, Authority
from entity_store.world import SYSTEM_ID, World, create_entity


@pytest.fixture
def mint_id(authority: Authority) -> str:
    return next(item.id for _, item in authority.page(capability_type="sys.mint"))


def entity(world: World) -> int:
    with world.transaction() as connection:
        return create_entity(connection, {}, None)


def test_minting_needs_an_authority_that_one_owns(world: World, authority: Authority, mint_id: str) -> None:
    made = authority.mint(mint_id, SYSTEM_ID, "diffusers.generate", {"max_steps": 5})
    assert (made.owner_id, made.limits()["max_steps"]) == (SYSTEM_ID, 5)
    assert set(made.params) == {"max_steps", "budget_account"}
    assert authority.get(made.id) == made
    stranger = entity(world)
    with pytest.raises(PermissionDenied, match="belongs to entity 3"):
        authority.mint(mint_id, stranger, "diffusers.generate", {})
    with pytest.raises(PermissionDenied, match=r"needs a 'sys.mint' capability"):
        authority.mint(made.id, SYSTEM_ID, "diffusers.generate", {})
    with pytest.raises(InvalidArgument, match="not an image capability"):
        authority.mint(mint_id, SYSTEM_ID, "sys.mint", {"namespace": "*"})


def test_minting_for_another_mints_nothing_where_there_is_no_such_entity(
    world: World, authority: Authority, mint_id: str
) -> None:
    friend = entity(world)
    assert authority.mint(mint_id, SYSTEM_ID, "image.edit", {}, friend).owner_id == friend
    before = authority.page()
    with pytest.raises(NotFound) as refused:
        authority.mint(mint_id, SYSTEM_ID, "image.edit", {}, 999)
    assert (refused.value.field, authority.page()) == ("target_id", before)
    assert world.rows("SELECT count(*) FROM imagegen_grants") == [(1,)]


def test_a_namespace_is_a_prefix_as_in_viwo(viwo_file: Path) -> None:
    world = World(viwo_file, own=False)
    authority = Authority(world)
    assert authority.mint("mint-diffusers", 3, "diffusers.inpaint", {}).type == "diffusers.inpaint"
    with pytest.raises(PermissionDenied, match=r"does not cover 'image\.edit'"):
        authority.mint("mint-diffusers", 3, "image.edit", {})
    with world.transaction() as connection:
        connection.execute("INSERT INTO capabilities VALUES ('odd', 3, 'sys.mint', '{\"namespace\": 7}')")
    with pytest.raises(PermissionDenied, match="namespace 7"):
        authority.mint("odd", 3, "image.edit", {})
    world.close()


def test_a_row_that_viwos_kernel_wrote_works_as_it_is(viwo_file: Path) -> None:
    viwo = sqlite3.connect(viwo_file)
    params = {"allowed_models": ["icons"], "max_width": 128, "*": True}
    viwo.execute("INSERT INTO capabilities VALUES ('k', 3, 'diffusers.generate', ?)", (json.dumps(params),))
    viwo.execute(
        "INSERT INTO capabilities VALUES ('o', 3, 'diffusers.generate', '{\"server_url\": \"http://x\"}')"
    )
    viwo.execute("INSERT INTO capabilities VALUES ('u', 3, 'diffusers.generate', '{\"colour\": \"red\"}')")
    viwo.execute("INSERT INTO capabilities VALUES ('b', 3, 'diffusers.generate', 'not json')")
    viwo.execute("INSERT INTO capabilities VALUES ('l', 3, 'diffusers.generate', '[1]')")
    viwo.commit()
    viwo.close()
    world = World(viwo_file, own=False)
    authority = Authority(world)

    def grant(capability_id: str) -> object:
        return authorize(
            authority.get(capability_id), Caller(3), capability_type="diffusers.generate", method="textToImage",
            now=dt.datetime.now(dt.UTC),
        )  # fmt: skip

    assert grant("k")
    assert grant("o")
    for unreadable in ("u", "b", "l"):
        with pytest.raises(PermissionDenied, match="allows nothing here"):
            grant(unreadable)
    world.close()


def test_delegation_is_the_meet_and_only_the_owners(world: World, authority: Authority, mint_id: str) -> None:
    parent = authority.mint(
        mint_id, SYSTEM_ID, "diffusers.generate", {"max_steps": 5, "allowed_models": ["a", "b"]}
    )
    child = authority.delegate(
        parent.id, SYSTEM_ID, {"max_steps": 9, "max_width": 64, "allowed_models": ["b", "c"]}
    )
    account = child.params["budget_account"]
    assert child.params == {
        "max_steps": 5,
        "max_width": 64,
        "allowed_models": ["b"],
        "budget_account": account,
    }
    assert account != parent.params["budget_account"]
    assert child.parent_id == parent.id
    with pytest.raises(PermissionDenied):
        authority.delegate(parent.id, entity(world), {})
    with pytest.raises(InvalidArgument, match="unknown capability parameter 'colour'"):
        authority.delegate(parent.id, SYSTEM_ID, {"colour": 1})
    with pytest.raises(InvalidArgument, match="not an image capability"):
        authority.delegate(mint_id, SYSTEM_ID, {})


def test_giving_moves_it_and_needs_a_target(world: World, authority: Authority, mint_id: str) -> None:
    made = authority.mint(mint_id, SYSTEM_ID, "image.edit", {})
    friend = entity(world)
    assert authority.give(made.id, SYSTEM_ID, friend).owner_id == friend
    with pytest.raises(PermissionDenied):
        authority.give(made.id, SYSTEM_ID, friend)
    with pytest.raises(NotFound, match="no entity 999"):
        authority.give(made.id, friend, 999)
    assert [item.id for _, item in authority.page(owner_id=friend, capability_type="image.edit")] == [made.id]


def test_revoking_kills_what_was_delegated_whoever_owns_it(
    world: World, authority: Authority, mint_id: str
) -> None:
    top = authority.mint(mint_id, SYSTEM_ID, "diffusers.generate", {})
    left, right = (authority.delegate(top.id, SYSTEM_ID, {}) for _ in range(2))
    friend = entity(world)
    authority.give(left.id, SYSTEM_ID, friend)
    grandchild = authority.delegate(left.id, friend, {})
    with pytest.raises(PermissionDenied):
        authority.revoke(top.id, friend)
    assert authority.revoke(grandchild.id, SYSTEM_ID) == [grandchild.id], "an ancestor's owner may"
    assert set(authority.revoke(top.id, SYSTEM_ID)) == {top.id, left.id, right.id}
    for gone in (top, left, right, grandchild):
        with pytest.raises(NotFound, match="has been revoked"):
            authority.get(gone.id)
    assert not world.rows("SELECT * FROM imagegen_delegations")


def test_a_child_dies_with_a_parent_that_someone_else_deleted(
    world: World, authority: Authority, mint_id: str
) -> None:
    top = authority.mint(mint_id, SYSTEM_ID, "diffusers.generate", {})
    child = authority.delegate(authority.delegate(top.id, SYSTEM_ID, {}).id, SYSTEM_ID, {})
    viwo = sqlite3.connect(world.path)
    viwo.execute("DELETE FROM capabilities WHERE id = ?", (top.id,))
    viwo.commit()
    viwo.close()
    with pytest.raises(NotFound):
        authority.get(child.id)


def chain(world: World, names: list[str], owner: int = SYSTEM_ID) -> None:
    """Rows as any program can write them: each delegated from the next."""
    with world.transaction() as connection:
        for name in dict.fromkeys(names):
            connection.execute(
                "INSERT INTO capabilities VALUES (?, ?, 'diffusers.generate', '{}')", (name, owner)
            )
        for child, parent in itertools.pairwise(names):
            connection.execute("INSERT INTO imagegen_delegations VALUES (?, ?)", (child, parent))


@pytest.mark.parametrize("names", [["a", "a"], ["a", "b", "a"], [*"abcdefg", "a"], [*"abc", "b"]])
def test_delegations_in_a_circle_allow_nothing_and_can_be_revoked(
    world: World, authority: Authority, names: list[str]
) -> None:
    chain(world, names)
    for use in (
        lambda: authority.get("a"),
        lambda: authority.ancestors("a"),
        lambda: authority.delegate("a", SYSTEM_ID, {}),
        lambda: authority.give("a", SYSTEM_ID, SYSTEM_ID),
    ):
        with pytest.raises(PermissionDenied, match="from itself"):
            use()
    assert "a" in authority.revoke("a", SYSTEM_ID)
    with pytest.raises(NotFound):
        authority.get("a")


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 2000, 20_000])
def test_what_was_delegated_too_often_allows_nothing_and_costs_little(
    world: World, authority: Authority, depth: int
) -> None:
    names = [f"c{place}" for place in range(depth + 1)]
    chain(world, names)
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    world._reader.set_progress_handler(count, 1000)
    for _ in range(10):
        with pytest.raises(PermissionDenied, match=f"more than {MAX_DEPTH} times"):
            authority.get("c0")
    # A few thousand instructions each time, however long the chain is.
    assert steps < 10 * 20
    assert len(authority.revoke(names[-1], SYSTEM_ID)) == depth + 1


def test_delegating_ends_at_a_depth(world: World, authority: Authority, mint_id: str) -> None:
    held = authority.mint(mint_id, SYSTEM_ID, "diffusers.generate", {})
    for _ in range(MAX_DEPTH):
        held = authority.delegate(held.id, SYSTEM_ID, {})
    assert authority.get(held.id) == held
    assert len(authority.ancestors(held.id)) == MAX_DEPTH
    with pytest.raises(PermissionDenied, match=f"more than {MAX_DEPTH} times") as refusal:
        authority.delegate(held.id, SYSTEM_ID, {})
    assert (refusal.value.field, refusal.value.limit) == ("parent_id", f"{MAX_DEPTH} delegations")


def test_prototypes_in_a_circle_end(world: World) -> None:
    first, second = entity(world), entity(world)
    with world.transaction() as connection:
        connection.execute(
            "UPDATE entities SET prototype_id = ?, props = '{\"a\": 1}' WHERE id = ?", (second, first)
        )
        connection.execute(
            "UPDATE entities SET prototype_id = ?, props = '{\"a\": 2}' WHERE id = ?", (first, second)
        )
    assert (world.entity(first).props, world.entity(second).props) == ({"a": 1}, {"a": 2})
    assert world.verbs(first) == {}
