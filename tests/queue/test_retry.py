"""The retry policy is data, and the one place where another attempt is decided."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engines.api import ENGINE_DOWN
from sidecar.engines.events import Failed
from sidecar.queue.retry import RetryPolicy

PASSES = Failed("UNAVAILABLE", "lost", reason="ENGINE_LOST", retryable=True)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 10),
    first_backoff=st.floats(0, 1),
    factor=st.floats(1, 10),
    max_backoff=st.floats(1, 1000),
)


@given(policies, st.integers(0, 10_000))
def test_a_failure_is_tried_again_as_long_as_attempts_are_left(policy: RetryPolicy, failures: int) -> None:
    retry = policy.next(PASSES, failures)
    assert (retry is not None) == (failures + 1 < policy.max_attempts)
    if retry is not None:
        assert retry.counts
        assert 0 <= retry.delay <= policy.max_backoff
        assert math.isfinite(retry.delay)


@given(policies, st.integers(0, 20))
def test_what_does_not_pass_is_final(policy: RetryPolicy, failures: int) -> None:
    assert policy.next(dataclasses.replace(PASSES, retryable=False), failures) is None


@given(policies, st.integers(0, 8))
def test_pauses_never_become_shorter(policy: RetryPolicy, failures: int) -> None:
    this, following = policy.next(PASSES, failures), policy.next(PASSES, failures + 1)
    if this is not None and following is not None:
        assert this.delay <= following.delay


def test_an_engine_that_says_when_is_believed() -> None:
    retry = RetryPolicy().next(dataclasses.replace(PASSES, retry_after=100.0), 0)
    assert retry is not None
    assert retry.delay == 100


def test_an_engine_that_is_down_costs_no_attempt() -> None:
    retry = RetryPolicy().next(dataclasses.replace(PASSES, reason=ENGINE_DOWN, retry_after=30.0), 0)
    assert retry is not None
    assert not retry.counts
    assert retry.delay < 1


@pytest.mark.parametrize(
    "wrong",
    [{"max_attempts": 0}, {"first_backoff": -1.0}, {"factor": 0.5}, {"max_backoff": 0.1}],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        RetryPolicy(**wrong)  # type: ignore[arg-type]
