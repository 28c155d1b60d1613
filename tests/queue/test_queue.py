"""Budgets, rates, priorities, deadlines, answers from the store and jobs drawn together, as callers meet them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration

from sidecar.pb.viwo.imagegen.v1 import capability_pb2, common_pb2, image_pb2, job_pb2, system_pb2
from sidecar.surfaces.proto.conversions import to_struct
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import error_info, refused, retry_delay
from sidecar.testing.requests import SLOW, submission, text_to_image
from sidecar.testing.server import Sidecar, started

COMPUTE = 64 * 64 * 3 / 1e6
"""Megapixel-steps of a request as `text_to_image` makes it."""


def output(
    reuse: common_pb2.Reuse.ValueType = common_pb2.REUSE_FIXED_SEED, **job: Any
) -> common_pb2.OutputOptions:
    return common_pb2.OutputOptions(job=common_pb2.JobOptions(reuse=reuse, **job))


async def budgets(sidecar: Sidecar, context: common_pb2.CallContext) -> list[job_pb2.Budget]:
    answer = await sidecar.jobs.BudgetStatus(job_pb2.BudgetStatusRequest(context=context))
    return list(answer.budgets)


class TestBudgets:
    async def test_what_a_day_allows_and_not_a_unit_more(self, sidecar: Sidecar) -> None:
        context = await sidecar.context({"compute_per_day": 2.5 * COMPUTE})
        for _ in range(2):
            assert (await sidecar.images.TextToImage(text_to_image(context))).images
        error = await refused(sidecar.images.TextToImage(text_to_image(context)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info = error_info(error)
        assert (info.reason, info.metadata["field"]) == ("BUDGET_SPENT", "compute_per_day")
        assert "0.024576 are spent or reserved, 0.006144 remain, and this needs 0.012288" in (
            error.details() or ""
        )
        assert 0 < retry_delay(error) <= 24 * 3600
        (budget,) = await budgets(sidecar, context)
        assert (budget.scope, budget.period, budget.caps_compute, budget.caps_money) == (
            "capability",
            "day",
            True,
            False,
        )
        assert budget.spent.compute == pytest.approx(2 * COMPUTE)
        assert budget.remaining.compute == pytest.approx(0.5 * COMPUTE)
        assert budget.reset_time.seconds > 0
        estimate = await sidecar.jobs.Estimate(submission(context))
        assert estimate.blocked.reason == "BUDGET_SPENT"
        job = await sidecar.jobs.Submit(submission(context))
        assert job.state == job_pb2.JOB_STATE_BLOCKED_BUDGET
        assert job.cost.compute == 0

    async def test_a_childs_spending_counts_against_its_parent(self, sidecar: Sidecar) -> None:
        parent = await sidecar.context({"compute_per_month": 2 * COMPUTE})
        children = []
        for _ in range(2):
            child = await sidecar.capabilities.Delegate(
                capability_pb2.DelegateRequest(
                    parent_id=parent.capability_id,
                    caller_id=sidecar.painter,
                    restrictions=to_struct({"compute_per_day": 10}),
                )
            )
            children.append(common_pb2.CallContext(capability_id=child.id, caller_id=sidecar.painter))
        for child in children:
            await sidecar.images.TextToImage(text_to_image(child))
        error = await refused(sidecar.images.TextToImage(text_to_image(children[0])))
        assert error_info(error).metadata["field"] == "compute_per_month"
        # Which one it is, is not the business of whoever holds the child.
        assert "a capability that this one was delegated from" in (error.details() or "")
        assert parent.capability_id not in str(error_info(error))
        accounts = [budget.account for budget in await budgets(sidecar, children[0])]
        assert f"capability:{parent.capability_id}" in accounts

    async def test_what_was_canceled_costs_what_was_done(self, sidecar: Sidecar) -> None:
        context = await sidecar.context({"compute_per_day": 100})
        waits = await sidecar.jobs.Submit(submission(context, **SLOW))
        await sidecar.until(waits.id, "step")
        (before,) = await budgets(sidecar, context)
        assert before.spent.compute == pytest.approx(64 * 64 * 150 * 16 / 1e6)
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=waits.id))
        final = await sidecar.ended(waits.id)
        (after,) = await budgets(sidecar, context)
        assert 0 < after.spent.compute < before.spent.compute / 2
        assert final.cost.compute == pytest.approx(after.spent.compute)

    async def test_the_operators_caps_and_prices(self, tiny: Path, tmp_path: Path) -> None:
        settings = {
            "budgets": [{"scope": "server", "period": "day", "money": 0.05}, {"scope": "owner", "period": "session", "compute": 1}],
            "prices": [{"model": "sd", "per_image": 0.02}],
            "currency": "EUR",
        }  # fmt: skip
        async with started(tiny, tmp_path, **settings) as paid:
            context = await paid.context()
            estimate = await paid.jobs.Estimate(submission(context, count=2))
            assert (estimate.cost.money_micros, estimate.cost.currency) == (40_000, "EUR")
            assert estimate.tier == job_pb2.COST_TIER_LOW
            assert (
                await paid.images.TextToImage(text_to_image(context, count=2))
            ).cost.money_micros == 40_000
            error = await refused(paid.images.TextToImage(text_to_image(context)))
            assert error_info(error).metadata["field"] == "money_per_day"
            # The provider may bill what was begun and canceled; what never began costs nothing.
            found = {budget.scope: budget for budget in await budgets(paid, context)}
            assert found["server"].remaining.money_micros == 10_000
            assert found["owner"].account == f"owner:{paid.painter}"
            assert not found["owner"].HasField("reset_time")


class TestLimits:
    async def test_only_so_many_jobs_in_a_minute(self, sidecar: Sidecar) -> None:
        context = await sidecar.context({"rate_per_minute": 2})
        for _ in range(2):
            await sidecar.images.TextToImage(text_to_image(context))
        error = await refused(sidecar.images.TextToImage(text_to_image(context)))
        assert error_info(error).reason == "RATE_LIMITED"
        assert 0 < retry_delay(error) <= 60

    async def test_priorities_up_to_the_capabilitys_own(self, sidecar: Sidecar) -> None:
        plain, urgent = await sidecar.context(), await sidecar.context({"max_priority": 3})
        error = await refused(sidecar.jobs.Submit(submission(plain, output=output(priority=1))))
        assert (error.code(), error_info(error).metadata["field"]) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "max_priority",
        )
        error = await refused(sidecar.jobs.Submit(submission(urgent, output=output(priority=99))))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        running = await sidecar.jobs.Submit(submission(plain, **SLOW))
        await sidecar.until(running.id, "step")
        later = [await sidecar.jobs.Submit(submission(plain, steps=4)) for _ in range(2)]
        first = await sidecar.jobs.Submit(
            submission(urgent, steps=5, output=output(common_pb2.REUSE_NEVER, priority=3))
        )
        assert first.queue_position == 0
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=running.id))
        begun = [await sidecar.ended(job.id) for job in (first, *later)]
        starts = [job.start_time.ToNanoseconds() for job in begun]
        assert starts[0] < min(starts[1:])

    async def test_a_deadline_ends_a_job_that_waits_and_one_that_runs(self, sidecar: Sidecar) -> None:
        context = await sidecar.context()
        soon = Duration(nanos=300_000_000)
        never = common_pb2.REUSE_NEVER
        runs = await sidecar.jobs.Submit(submission(context, **SLOW, output=output(never, timeout=soon)))
        waits = await sidecar.jobs.Submit(submission(context, output=output(never, timeout=soon)))
        for job in (runs, waits):
            final = await sidecar.ended(job.id)
            assert (final.state, final.failure.code) == (job_pb2.JOB_STATE_FAILED, "DEADLINE_EXCEEDED")
            assert final.failure.field == "timeout"

    async def test_only_so_many_at_a_time(self, sidecar: Sidecar) -> None:
        held, free = await sidecar.context({"max_concurrent": 1}), await sidecar.context()
        running = await sidecar.jobs.Submit(submission(held, **SLOW))
        await sidecar.until(running.id, "step")
        # An edit runs beside the engine, but this capability has its one job already.
        waits = await sidecar.jobs.Submit(submission(held, steps=6))
        other = await sidecar.jobs.Submit(submission(free, steps=7))
        assert waits.state == other.state == job_pb2.JOB_STATE_QUEUED
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=running.id))
        for job in (waits, other):
            assert (await sidecar.ended(job.id)).state == job_pb2.JOB_STATE_SUCCEEDED

    async def test_script_options(self, sidecar: Sidecar) -> None:
        context = await sidecar.context({"max_priority": 1})
        options = {"steps": 2, "seed": 1234, "priority": 1, "timeout": 60, "reference": True}
        first = await sidecar.in_world(context, "textToImage", "a cup", options)
        again = await sidecar.in_world(context, "textToImage", "a cup", options)
        assert (first["ok"], again.get("reused"), again["ref"]) == (True, True, first["ref"])
        anew = await sidecar.in_world(context, "textToImage", "a cup", {**options, "reuse": False})
        assert "reused" not in anew
        for bad in (
            {"priority": "high"},
            {"priority": 1.5},
            {"timeout": 0},
            {"timeout": "soon"},
            {"reuse": 3},
        ):
            answer = await sidecar.in_world(context, "textToImage", "a cup", {**options, **bad})
            assert answer["error"]["code"] == "INVALID_ARGUMENT"
            assert answer["error"]["field"] in bad


class TestReuse:
    async def test_a_fixed_seed_is_drawn_once_and_paid_once(self, sidecar: Sidecar) -> None:
        context = await sidecar.context({"compute_per_day": COMPUTE})
        request = submission(context, "a well", output=output())
        first = await sidecar.ended((await sidecar.jobs.Submit(request)).id)
        again = await sidecar.jobs.Submit(request)
        assert (again.state, again.answered_by, again.attempts) == (job_pb2.JOB_STATE_SUCCEEDED, first.id, 0)
        assert again.images[0].ref == first.images[0].ref
        assert again.cost.compute == 0
        estimate = await sidecar.jobs.Estimate(request)
        assert (estimate.reused, estimate.cost.compute) == (True, 0)
        events = [event async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=again.id))]
        assert [event.WhichOneof("event") for event in events] == ["ended"]

    async def test_others_get_it_too_with_entities_of_their_own(self, sidecar: Sidecar) -> None:
        save = output()
        save.save.name = "well"
        entities = set()
        for _ in range(2):
            answer = await sidecar.images.TextToImage(
                text_to_image(await sidecar.context(), "a dry well", output=save)
            )
            entities.add(answer.images[0].entity_id)
        assert len(entities) == 2
        assert 0 not in entities

    async def test_a_twin_joins_what_is_being_drawn(self, sidecar: Sidecar) -> None:
        context = await sidecar.context()
        request = submission(context, "a deep well", steps=60, output=output())
        first = await sidecar.jobs.Submit(request)
        await sidecar.until(first.id, "step")
        twin = await sidecar.jobs.Submit(request)
        finals = await asyncio.gather(sidecar.ended(first.id), sidecar.ended(twin.id))
        assert [job.state for job in finals] == [job_pb2.JOB_STATE_SUCCEEDED] * 2
        assert (finals[1].answered_by, finals[1].cost.compute) == (first.id, 0)

    async def test_a_twin_goes_on_when_the_first_is_canceled(self, sidecar: Sidecar) -> None:
        context = await sidecar.context()
        request = submission(context, "a deeper well", steps=100, output=output())
        first = await sidecar.jobs.Submit(request)
        await sidecar.until(first.id, "step")
        twin = await sidecar.jobs.Submit(request)
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=first.id))
        final = await sidecar.ended(twin.id)
        assert (final.state, final.answered_by) == (job_pb2.JOB_STATE_SUCCEEDED, "")

    async def test_an_open_seed_is_drawn_anew_unless_any_will_do(self, sidecar: Sidecar) -> None:
        context = await sidecar.context()

        def request(reuse: common_pb2.Reuse.ValueType) -> image_pb2.TextToImageRequest:
            options = image_pb2.GenerationOptions(steps=3)
            return image_pb2.TextToImageRequest(
                context=context, prompt="a pond", options=options, output=output(reuse)
            )

        usual = [await sidecar.images.TextToImage(request(common_pb2.REUSE_FIXED_SEED)) for _ in range(2)]
        assert usual[0].images[0].seed != usual[1].images[0].seed
        any_ = [await sidecar.images.TextToImage(request(common_pb2.REUSE_ALWAYS)) for _ in range(2)]
        assert any_[0].images[0].ref == any_[1].images[0].ref

    async def test_it_is_drawn_anew_when_the_file_is_gone(self, sidecar: Sidecar) -> None:
        context = await sidecar.context()
        request = text_to_image(context, "a lost well", output=output())
        first = await sidecar.images.TextToImage(request)
        digest = first.images[0].ref.removeprefix("sha256:")
        (sidecar.running.settings.data_dir / "images" / digest[:2] / digest).unlink()
        again = await sidecar.images.TextToImage(request)
        assert again.images[0].data == first.images[0].data


class TestTogether:
    @pytest.fixture
    async def drawn(self, tiny: Path, tmp_path: Path) -> AsyncIterator[Sidecar]:
        async with started(tiny, tmp_path, max_together=4) as sidecar:
            yield sidecar

    async def test_alike_jobs_are_drawn_together_and_come_out_the_same(self, drawn: Sidecar) -> None:
        context = await drawn.context()
        alone = {}
        for seed in range(6):
            alone[seed] = await drawn.images.TextToImage(
                text_to_image(context, f"cup {seed}", seed=seed, steps=8)
            )
        block = await drawn.jobs.Submit(submission(context, **SLOW))
        await drawn.until(block.id, "step")
        jobs = [
            await drawn.jobs.Submit(submission(context, f"cup {seed}", seed=seed, steps=8))
            for seed in range(6)
        ]
        canceled = await drawn.jobs.Submit(submission(context, "cup", seed=9, steps=8))
        await drawn.jobs.Cancel(job_pb2.CancelJobRequest(id=canceled.id))
        await drawn.jobs.Cancel(job_pb2.CancelJobRequest(id=block.id))
        for seed, job in enumerate(jobs):
            final = await drawn.ended(job.id)
            assert final.state == job_pb2.JOB_STATE_SUCCEEDED
            whole = await drawn.jobs.Get(job_pb2.GetJobRequest(id=job.id, include_data=True))
            left, right = (
                pixels(image.data).astype(np.int16) for image in (whole.images[0], alone[seed].images[0])
            )
            assert np.abs(left - right).max() <= 2, "levels of 255"
        text = (await drawn.system.Metrics(system_pb2.MetricsRequest())).text
        together = {
            line.split()[0]: float(line.split()[1])
            for line in text.splitlines()
            if "jobs_together_bucket" in line
        }
        assert (
            together['viwo_imagegen_jobs_together_bucket{le="+Inf"}']
            > together['viwo_imagegen_jobs_together_bucket{le="1.0"}']
        )

    async def test_one_that_is_canceled_among_others_does_not_stop_them(self, drawn: Sidecar) -> None:
        context = await drawn.context()
        block = await drawn.jobs.Submit(submission(context, **SLOW))
        await drawn.until(block.id, "step")
        jobs = [await drawn.jobs.Submit(submission(context, seed=seed, steps=150)) for seed in range(3)]
        await drawn.jobs.Cancel(job_pb2.CancelJobRequest(id=block.id))
        await drawn.until(jobs[1].id, "step")
        await drawn.jobs.Cancel(job_pb2.CancelJobRequest(id=jobs[1].id))
        finals = [await drawn.ended(job.id) for job in jobs]
        succeeded, canceled = job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_CANCELED
        assert [job.state for job in finals] == [succeeded, canceled, succeeded]


async def test_a_script_is_told_when_to_try_again(sidecar: Sidecar) -> None:
    context = await sidecar.context({"rate_per_minute": 1})
    await sidecar.in_world(context, "textToImage", "a cup", {"steps": 2})
    answer = await sidecar.in_world(context, "textToImage", "a cup", {"steps": 2})
    assert answer["error"]["reason"] == "RATE_LIMITED"
    assert 0 < answer["error"]["retryAfter"] <= 60
