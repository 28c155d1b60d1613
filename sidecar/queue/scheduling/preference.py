"""What the queue knows of the engine: which models are loaded, and which jobs it draws one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_APART = 1000
"""Kinds of jobs remembered that are not drawn together."""


@dataclass
class Preference:
    """Jobs for models that are loaded may go first, but nobody is passed over for longer than `patience` seconds."""

    patience: float
    loaded: frozenset[str] = frozenset()
    _passed: dict[str, float] = field(default_factory=dict)
    _apart: dict[str, None] = field(default_factory=dict)

    def may_be_overtaken(self, job_id: str, now: float) -> bool:
        return bool(self.loaded) and now - self._passed.get(job_id, now) < self.patience

    def note(self, passed: str | None, taken: str, now: float) -> None:
        self._passed.pop(taken, None)
        if passed is not None:
            self._passed.setdefault(passed, now)

    def run_apart(self, batch_key: str | None) -> None:
        """Jobs of this kind were taken together, and drawn one by one all the same."""
        if batch_key is not None:
            self._apart[batch_key] = None
            while len(self._apart) > MAX_APART:
                self._apart.pop(next(iter(self._apart)))

    def may_join(self, batch_key: str | None) -> bool:
        """Whether it may help to take jobs of this kind together."""
        return batch_key is not None and batch_key not in self._apart

    def forget(self, job_id: str) -> None:
        self._passed.pop(job_id, None)
