"""How much each engine has to do, for whoever chooses between engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


class Loads:
    """The jobs of each lane that have not ended, those that run included. Read from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        # A job that is answered from the store may change its lane.
        self._lanes: dict[str, str] = {}

    def begin(self, counts: Mapping[str, int]) -> None:
        """Jobs from before the start, by lane."""
        self._counts.update(counts)

    def add(self, job_id: str, lane: str) -> None:
        """A job has been accepted."""
        self._lanes[job_id] = lane
        self._counts[lane] += 1

    def remove(self, job_id: str, lane: str) -> None:
        """A job has ended; `lane` is that of one from before the start."""
        lane = self._lanes.pop(job_id, lane)
        self._counts[lane] = max(0, self._counts[lane] - 1)

    def of(self, lane: str) -> int:
        """How many there are."""
        return self._counts[lane]
