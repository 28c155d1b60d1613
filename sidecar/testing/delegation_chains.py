"""Random chains of delegations, ours and viwo's own mixed, and what they should never lead to."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from capabilities.budgets import SERVER, Cap
from capabilities.errors import Refusal
from capabilities.methods import METHODS, Method
from capabilities.params import BUDGET_ACCOUNT, GRANTED_ENGINES, KINDS, Kind, Value
from capabilities.policy import Caller
from capabilities.principals import operator
from entity_store.authority import Authority
from entity_store.capability_rows import mint
from entity_store.world import SYSTEM_ID, World
from sidecar.application.access import Access, Call
from sidecar.testing import viwo_kernel

METHOD: Method = next(method for method in METHODS if method.name == "textToImage")
MODELS = ["a", "b", "c"]
_VALUES: dict[str, tuple[object, ...]] = {
    "allowed_models": (["a"], ["a", "b"], ["b", "c"], []),
    "allowed_engines": (["local"], ["local", "pod"], ["pod", "cloud"], []),
    "max_steps": (4, 8, 20),
    "max_compute": (0.5, 2, 9),
    "compute_per_day": (1, 3, 10),
    "money_per_month": (1, 5),
    "rate_per_minute": (2, 30),
    "max_concurrent": (1, 4),
    "max_priority": (1, 5, 10),
    "allow_unsafe": (True, False),
    "allowed_methods": (["textToImage"], ["textToImage", "imageToImage"]),
    "default_model": ("a", "b"),
    "*": (True, False),
}


@dataclass(frozen=True)
class Rights:
    """What a row comes to: its parameters as far as they count, its caps, and what is counted over all jobs."""

    params: Mapping[str, Value]
    caps: frozenset[Cap]
    rates: frozenset[tuple[str, int]]
    holds: frozenset[tuple[str, int]]

    def widened(self, parent: Rights) -> list[str]:
        """What is more than the parent's, or would be counted apart from it."""
        found = []
        for name, kind in KINDS.items():
            if name == BUDGET_ACCOUNT or kind.name == "default":
                continue
            mine, theirs = self.params.get(name), parent.params.get(name)
            if theirs is None:
                if mine not in (None, False, 0) and kind.widens:
                    found.append(name)
            elif mine is None:
                # What widens may be left out; a limit may not.
                if not kind.widens:
                    found.append(name)
            elif name != "*" and not _is_within(kind, mine, theirs):
                found.append(name)
        if not self._granted_engines <= parent._granted_engines:
            found.append("granted engines")
        found += [f"cap {cap}" for cap in parent.caps - self.caps]
        found += [f"rate {rate}" for rate in parent.rates - self.rates]
        return found + [f"concurrency {hold}" for hold in parent.holds - self.holds]

    @property
    def _granted_engines(self) -> frozenset[str]:
        names = self.params.get(GRANTED_ENGINES, frozenset())
        assert isinstance(names, frozenset)
        return names


def _is_within(kind: Kind, mine: Value, theirs: Value) -> bool:
    try:
        return kind.meet(theirs, mine) == mine
    except ValueError:
        return False


def random_params(random_: random.Random) -> dict[str, object]:
    names = random_.sample(sorted(_VALUES), random_.randint(0, 5))
    return {name: random_.choice(_VALUES[name]) for name in names}


def rights_of(world: World, authority: Authority, capability_id: str) -> Rights:
    """Raises a refusal where the row allows nothing."""
    access = Access(authority, world=world.id)
    admitted = access.admit(operator(world.id), Call(capability_id, Caller(SYSTEM_ID)))
    grant = access.grant(admitted, METHOD)
    terms, holds = access.terms(grant, admitted)
    caps = frozenset(cap for cap in terms.caps if cap.account != SERVER)
    return Rights(grant.params, caps, frozenset(terms.rates.items()), frozenset(holds.items()))


def faults(world: World, chains: int, seed: int) -> Iterator[str]:
    """Wrong answers in so many random chains of one to six delegations each."""
    random_ = random.Random(seed)
    authority = Authority(world)
    foreign: list[str] = ["of-nobody"]
    for _ in range(chains):
        params = random_params(random_)
        with world.transaction() as connection:
            root = mint(connection, SYSTEM_ID, METHOD.capability_type, params)
        yield from _chain(world, authority, root.id, random_, foreign)
        foreign.append(str(root.params[BUDGET_ACCOUNT]))
        del foreign[:-50]


def _chain(
    world: World, authority: Authority, root: str, random_: random.Random, foreign: list[str]
) -> Iterator[str]:
    held, rights, steps = root, rights_of(world, authority, root), "minted"
    for _ in range(random_.randint(1, 6)):
        asked = random_params(random_)
        ours = random_.random() < 0.4
        names_another = not ours and random_.random() < 0.1
        if names_another:
            asked[BUDGET_ACCOUNT] = random_.choice(foreign)
        steps += f" > {'ours' if ours else 'viwo'} {asked}"
        try:
            if ours:
                made = authority.delegate(held, SYSTEM_ID, asked).id
            else:
                with world.transaction() as connection:
                    made = viwo_kernel.delegate(connection, held, asked)
        except (Refusal, viwo_kernel.NotNarrower):
            continue
        try:
            child = rights_of(world, authority, made)
        except Refusal as refusal:
            if refusal.code.value == "INTERNAL":
                yield f"{steps}: {refusal.message}"
            # It allows nothing, nor does what is made of it.
            steps += " (nothing)"
            continue
        yield from (f"{steps}: {name} widened" for name in child.widened(rights))
        held, rights = made, child
