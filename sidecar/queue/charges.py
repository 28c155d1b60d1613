"""What work costs that ended without a result."""

from __future__ import annotations

from capabilities.budgets import NOTHING, Cost
from sidecar.engines.events import Failed, Step
from sidecar.queue.model import Job

ENDED_EARLY = frozenset({"CANCELLED", "DEADLINE_EXCEEDED"})
OUT_OF_ORDER = frozenset({"INTERNAL", "UNAVAILABLE", "RESOURCE_EXHAUSTED"})
"""The server's own trouble: a fault, a world that stays busy, a full disk."""
WORKED_IN_VAIN = frozenset({"UNSAFE_PICTURE", "NOT_A_NUMBER"})
"""Reasons for which an engine throws away a picture that it has made."""


def charge(job: Job, failure: Failed, step: Step | None, *, was_made: bool) -> Cost:
    """The part of a job's cost that was worked, up to `step`; `was_made`: its pictures were there and could not be kept.

    Nothing is charged for a crash, for memory that ran out, for an engine that is down, or for a fault of the server;
    but money always for the pictures that somebody bills, and for no others where the engine tells how many those are.
    """
    worked = _worked(job, failure, step, was_made=was_made)
    if failure.billed is None:
        return worked
    return Cost(worked.compute, job.cost.share(failure.billed, job.task.drawings).money)


def _worked(job: Job, failure: Failed, step: Step | None, *, was_made: bool) -> Cost:
    if was_made:
        return NOTHING if failure.code in OUT_OF_ORDER else job.cost
    if failure.reason in WORKED_IN_VAIN:
        return job.cost if step is None else job.cost.share(step.step, step.total)
    if failure.code in ENDED_EARLY and step is not None:
        return job.cost.share(step.step, step.total)
    return NOTHING
