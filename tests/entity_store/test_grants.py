"""What widens, and whose budgets are spent, in rows that viwo's own kernel made."""

from __future__ import annotations

import dataclasses
import json

import pytest

from capabilities.errors import InvalidArgument, PermissionDenied
from capabilities.params import GRANTED_ENGINES
from capabilities.policy import Capability
from entity_store.authority import Authority
from entity_store.capability_rows import insert
from entity_store.world import SYSTEM_ID, World, create_entity
from sidecar.testing import viwo_kernel
from sidecar.testing.delegation_chains import faults

KIND = "diffusers.generate"


def minted(world: World, authority: Authority, **params: object) -> Capability:
    authorities = authority.page(capability_type="sys.mint")
    return authority.mint(authorities[0][1].id, SYSTEM_ID, KIND, params)


def of_viwo(world: World, authority: Authority, parent: Capability, **asked: object) -> Capability:
    with world.transaction() as connection:
        made = viwo_kernel.delegate(connection, parent.id, asked)
    return authority.get(made)


def test_chains_of_both_kinds_widen_nothing_and_grow_no_budget(world: World) -> None:
    assert list(faults(world, 400, seed=1)) == []


def test_a_flag_that_viwo_lets_a_holder_add_counts_for_nothing(world: World, authority: Authority) -> None:
    child = of_viwo(world, authority, minted(world, authority, max_steps=4), allow_unsafe=True)
    assert child.params["allow_unsafe"] is True
    assert "allow_unsafe" not in child.limits()
    under_wildcard = of_viwo(world, authority, minted(world, authority, **{"*": True}), max_priority=10)
    assert "max_priority" not in under_wildcard.limits()


def test_our_own_delegation_of_such_a_row_does_not_make_it_count(world: World, authority: Authority) -> None:
    child = of_viwo(world, authority, minted(world, authority), allow_unsafe=True)
    ours = authority.delegate(child.id, SYSTEM_ID, {"allow_unsafe": True})
    assert ours.limits().get("allow_unsafe", False) is False


def test_what_was_minted_or_approved_counts(world: World, authority: Authority) -> None:
    root = minted(world, authority, allow_unsafe=True, max_priority=5)
    assert (root.limits()["allow_unsafe"], root.limits()["max_priority"]) == (True, 5)
    with world.transaction() as connection:
        row = insert(connection, SYSTEM_ID, KIND, {"allow_unsafe": True, "max_steps": 3})
    assert "allow_unsafe" not in authority.get(row.id).limits()
    approved = authority.approve(row.id)
    assert approved == authority.get(row.id)
    assert (approved.limits()["allow_unsafe"], approved.limits()["max_steps"]) == (True, 3)
    assert authority.approve(row.id) == approved


def test_engines_that_cost_money_are_granted_here_or_not_at_all(world: World, authority: Authority) -> None:
    root = minted(world, authority, allowed_engines=["pod", "cloud"])
    assert root.limits()[GRANTED_ENGINES] == {"pod", "cloud"}
    ours = authority.delegate(root.id, SYSTEM_ID, {"allowed_engines": ["cloud", "other"]})
    assert ours.limits()["allowed_engines"] == ours.limits()[GRANTED_ENGINES] == frozenset({"cloud"})
    assert authority.delegate(ours.id, SYSTEM_ID, {}).limits()[GRANTED_ENGINES] == {"cloud"}
    copied = of_viwo(world, authority, root)
    assert copied.limits()["allowed_engines"] == {"pod", "cloud"}
    assert GRANTED_ENGINES not in copied.limits()
    again = authority.delegate(copied.id, SYSTEM_ID, {"allowed_engines": ["cloud"]})
    assert authority.get(again.id).limits()[GRANTED_ENGINES] == set()
    narrowed = authority.delegate(minted(world, authority).id, SYSTEM_ID, {"allowed_engines": ["cloud"]})
    assert narrowed.limits()["allowed_engines"] == {"cloud"}
    assert authority.get(narrowed.id).limits()[GRANTED_ENGINES] == set()
    assert authority.approve(copied.id).limits()[GRANTED_ENGINES] == {"pod", "cloud"}
    with world.transaction() as connection:
        connection.execute(
            "UPDATE capabilities SET params = json_set(params, '$.allowed_engines', json('[\"more\"]')) WHERE id = ?",
            (root.id,),
        )
    assert authority.get(root.id).limits()[GRANTED_ENGINES] == set()


def test_engines_of_a_world_elsewhere_are_known_by_its_account(world: World, authority: Authority) -> None:
    parent = Capability("far", 1, KIND, {}, granted={})
    params = authority.delegate_elsewhere(parent, "elsewhere", {"allowed_engines": ["cloud"]})
    stated = Capability("child", 1, KIND, params)
    granted = authority.granted_elsewhere(stated, "elsewhere")
    assert dataclasses.replace(stated, granted=granted).limits()[GRANTED_ENGINES] == set()
    given = {"allowed_engines": ["cloud", "pod"]}
    authority.approve("far", "elsewhere", given)
    parent = Capability("far", 1, KIND, given, granted=given)
    params = authority.delegate_elsewhere(parent, "elsewhere", {"allowed_engines": ["cloud"]})
    stated = Capability("child", 1, KIND, {**params, "allowed_engines": ["cloud", "pod"]})
    granted = authority.granted_elsewhere(stated, "elsewhere")
    assert dataclasses.replace(stated, granted=granted).limits()[GRANTED_ENGINES] == {"cloud"}


def test_all_rows_that_were_made_of_one_another_spend_from_one_purse(
    world: World, authority: Authority
) -> None:
    root = minted(world, authority, compute_per_day=5)
    children = [of_viwo(world, authority, root) for _ in range(3)]
    grandchild = of_viwo(world, authority, children[0])
    for row in (*children, grandchild):
        assert authority.accounts(row)[root.id] == root.limits()
        assert authority.accounts(row)[row.id] == {}
    narrowed = authority.delegate(grandchild.id, SYSTEM_ID, {"compute_per_day": 2})
    copy = of_viwo(world, authority, narrowed)
    assert [authority.accounts(copy)[name]["compute_per_day"] for name in (narrowed.id, root.id)] == [
        2.0,
        5.0,
    ]


def test_a_limit_that_viwo_added_is_shared_by_its_copies(world: World, authority: Authority) -> None:
    root = minted(world, authority, **{"*": True})
    limited = of_viwo(world, authority, root, compute_per_day=3)
    copies = [of_viwo(world, authority, limited), of_viwo(world, authority, limited, money_per_day=1)]
    (name,) = (name for name, params in authority.accounts(limited).items() if "compute_per_day" in params)
    for copy in copies:
        assert authority.accounts(copy)[name] == {"compute_per_day": 3.0}


def test_anothers_account_and_an_invented_one_are_refused(world: World, authority: Authority) -> None:
    root = minted(world, authority, **{"*": True})
    with world.transaction() as connection:
        old = insert(connection, SYSTEM_ID, KIND, {"*": True})
    forged = of_viwo(world, authority, old, budget_account="of-nobody")
    with pytest.raises(PermissionDenied, match="did not issue") as raised:
        authority.purses(forged)
    assert raised.value.reason == "UNKNOWN_BUDGET"
    with pytest.raises(viwo_kernel.NotNarrower):
        of_viwo(world, authority, root, budget_account="another")
    with pytest.raises(InvalidArgument, match="leave it out"):
        minted(world, authority, budget_account="mine")
    # An operator who approves the row gives it an account.
    assert authority.purses(authority.approve(forged.id))[0].capability_id == forged.id


def test_revoking_reaches_what_viwo_made_of_it(world: World, authority: Authority) -> None:
    root = minted(world, authority)
    child = of_viwo(world, authority, root)
    with world.transaction() as connection:
        friend = create_entity(connection, {}, None)
    authority.give(child.id, SYSTEM_ID, friend)
    authority.revoke(root.id, SYSTEM_ID)
    with pytest.raises(PermissionDenied) as raised:
        authority.purses(authority.get(child.id))
    assert raised.value.reason == "REVOKED"


def test_an_account_holds_in_its_own_world_only(world: World, authority: Authority) -> None:
    parent = Capability("there", 7, KIND, {"compute_per_day": 4})
    params = authority.delegate_elsewhere(parent, "b" * 32, {"compute_per_day": 1})
    row = Capability("child", 7, KIND, params)
    assert [purse.params["compute_per_day"] for purse in authority.purses(row, "b" * 32)] == [1.0]
    assert authority.accounts(row, "b" * 32)["there"] == {"compute_per_day": 4.0}
    for world_id in ("", "c" * 32):
        with pytest.raises(PermissionDenied, match="did not issue"):
            authority.purses(row, world_id)
    # As viwo's own rows keep it.
    assert json.loads(json.dumps(params)) == params
