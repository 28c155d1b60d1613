"""Numbers of strangers: amounts that no column holds, whole numbers of 400 digits, rows that another program wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pydantic import ValidationError

from capabilities.errors import InvalidArgument, PermissionDenied
from capabilities.params import KINDS, Default, parse, parse_row
from capabilities.tasks import MAX_PROMPT
from entity_store.world import SYSTEM_ID
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import (
    capability_pb2,
    common_pb2,
    entity_pb2,
    image_pb2,
    job_pb2,
    template_pb2,
)
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar
from tests.application.test_hostile_documents import drawing, template
from tests.application.test_templates import save

LONG = "x" * MAX_PROMPT
DIGITS = "9" * 400
NOT_OURS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)

AMOUNTS = ("compute_per_day", "compute_per_session", "compute_per_month", "money_per_day", "max_compute")
LARGE = (1e308, 1e300, 9.1e9, 2.0**63)


@pytest.mark.parametrize(
    "name", [*AMOUNTS, "max_width", "max_concurrent", "rate_per_minute", "target_id", "expires_at"]
)
async def test_an_amount_that_no_column_holds_is_refused(sidecar: Sidecar, name: str) -> None:
    held = await sidecar.capabilities.List(
        capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM_ID, type="sys.mint")
    )
    parent = await sidecar.mint()
    for value in LARGE if name in AMOUNTS else (1e308, 2.0**64, -1e308):
        struct = struct_pb2.Struct(fields={name: struct_pb2.Value(number_value=value)})
        mint = capability_pb2.MintRequest(
            authority_id=held.capabilities[0].id,
            caller_id=SYSTEM_ID,
            type="diffusers.generate",
            params=struct,
        )
        narrow = capability_pb2.DelegateRequest(
            parent_id=parent, caller_id=sidecar.painter, restrictions=struct
        )
        for call in (sidecar.capabilities.Mint(mint), sidecar.capabilities.Delegate(narrow)):
            error = await refused(call)
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (value, error.details())
            assert error_info(error).metadata["field"] == name


async def test_the_largest_amounts_work(sidecar: Sidecar) -> None:
    context = await sidecar.context({**dict.fromkeys(AMOUNTS, 9_007_199_254), "rate_per_minute": 2**53})
    assert (await sidecar.images.TextToImage(text_to_image(context))).images
    budgets = await sidecar.jobs.BudgetStatus(job_pb2.BudgetStatusRequest(context=context))
    assert {budget.cap.compute for budget in budgets.budgets if budget.caps_compute} == {9_007_199_254}


ROWS = (
    *(f'{{"{name}": {value}}}' for name in ("max_compute", "compute_per_day", "max_steps", "expires_at", "max_priority")
      for value in (DIGITS, "1e308", "1e999", "-" + DIGITS)),
    '{"allowed_models": 3}', '{"*": 1}', '{"a": ' + "[" * 5000, "[]", "3", "null", "", "{", '{"max_steps": ' + "9" * 5000 + "}",
    '{"default_model": "\\ud800"}',
)  # fmt: skip


async def test_rows_of_viwos_table_deny_and_never_break_a_list(sidecar: Sidecar) -> None:
    owner = sidecar.entity(name="holder")
    good = await sidecar.mint(owner=owner)
    with sidecar.running.world.transaction() as connection:
        for number, params in enumerate(ROWS):
            values = (f"row-{number}", owner, "diffusers.generate", params)
            connection.execute(
                "INSERT INTO capabilities (id, owner_id, type, params) VALUES (?, ?, ?, ?)", values
            )
    try:
        listed = await sidecar.capabilities.List(
            capability_pb2.ListCapabilitiesRequest(owner_id=owner, page_size=1000)
        )
        assert good in [item.id for item in listed.capabilities]
        for number, params in enumerate(ROWS):
            context = common_pb2.CallContext(capability_id=f"row-{number}", caller_id=owner, this_id=owner)
            calls: tuple[Any, ...] = (
                sidecar.images.TextToImage(text_to_image(context)),
                sidecar.jobs.BudgetStatus(job_pb2.BudgetStatusRequest(context=context)),
                sidecar.capabilities.Delegate(
                    capability_pb2.DelegateRequest(parent_id=context.capability_id, caller_id=owner)
                ),
            )
            for call in calls:
                error = await refused(call)
                assert error.code() is grpc.StatusCode.PERMISSION_DENIED, (params[:60], error.details())
            await sidecar.capabilities.Get(capability_pb2.GetCapabilityRequest(id=context.capability_id))
    finally:
        with sidecar.running.world.transaction() as connection:
            connection.execute("DELETE FROM capabilities WHERE id LIKE 'row-%'")


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("nan"), [10**400], "9" * 400])
def test_every_kind_of_parameter_survives_every_number(value: object) -> None:
    for name in KINDS:
        if (name == "default_model" or isinstance(KINDS[name], Default)) and isinstance(value, str):
            continue
        with pytest.raises(InvalidArgument, match=re.escape(f"'{name}'")):
            parse({name: value})
        with pytest.raises(PermissionDenied, match=re.escape(f"'{name}'")):
            parse_row({name: value})


@pytest.mark.parametrize(
    "values",
    [
        {"budgets": [{"scope": "server", "period": "day", "compute": 1e308}]},
        {"budgets": [{"scope": "owner", "period": "month", "money": float("inf")}]},
        {"budgets": [{"scope": "owner", "period": "day", "compute": 1, "owner_id": 10**30}]},
        {"prices": [{"model": "a", "per_image": 1e300}]},
        {"prices": [{"model": "a", "per_megapixel_step": float("nan")}]},
        {"tier_high": {"compute": 1e308, "money": 1}},
        {"max_compute": float("inf")},
        {"max_job_seconds": float("inf")},
        {"memory_budget_gib": 1e308},
        {"keep_gib": float("inf")},
        {"keep_days": 1e300},
        {"keep_jobs": 10**30},
    ],
)
def test_a_configuration_that_no_column_holds_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path, **values)


ARGUMENTS = (
    f'["a", {{"seed": {DIGITS}}}]', f'["a", {{"width": -{DIGITS}}}]', '["a", {"guidanceScale": 1e999}]', f"[{DIGITS}]",
    '["a", {"seed": ' + "9" * 5000 + "}]", '["a", ' + "[" * 300 + "]" * 300 + "]", '["a", {"prompt": "\\udfff"}]', '["a", {"x": -Infinity}]',
    f'["a", {{"timeout": {DIGITS}}}]', f'["a", {{"save": true, "room": {DIGITS}}}]', f'["a", {{"priority": {DIGITS}}}]',
)  # fmt: skip


async def test_numbers_of_400_digits_are_refused_wherever_json_is_read(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    for text in ARGUMENTS:
        request = image_pb2.InvokeRequest(context=context, method="textToImage", arguments_json=text)
        answer = json.loads((await sidecar.images.Invoke(request)).result_json)
        assert answer["error"]["code"] == "INVALID_ARGUMENT", (text[:60], answer)
        error = await refused(sidecar.jobs.Submit(job_pb2.SubmitJobRequest(invoke=request)))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, text[:60]
    await save(sidecar, template("numbers", drawing(prompt="a", seed="{a}"), a={"type": "integer"}))
    for text in (f'{{"a": {DIGITS}}}', '{"a": 1e999}', '{"a": ' + "[" * 300 + "]" * 300 + "}", '{"a": NaN}'):
        contexts = [context]
        error = await refused(sidecar.templates.Run(
            template_pb2.RunTemplateRequest(contexts=contexts, name="numbers", parameters_json=text)
        ))  # fmt: skip
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    for text in (f'{{"low": {DIGITS}}}', "1, 2", "[1], [2]", '{"low": 1e999}', "[" * 300):
        preprocess = image_pb2.PreprocessRequest(
            context=await sidecar.context(kind="controlnet.generate"), type="canny", options_json=text,
            image=common_pb2.ImageSource(ref="sha256:" + "0" * 64),
        )  # fmt: skip
        error = await refused(sidecar.images.Preprocess(preprocess))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (text[:40], error.details())
    for text in (f"[{DIGITS}]", f"[90, {DIGITS}]", "[1e999]", "[" * 300 + "]" * 300):
        verb = entity_pb2.CallVerbRequest(context=context, entity_id=1, verb="transform", arguments_json=text)
        error = await refused(sidecar.entities.CallVerb(verb))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (text[:40], error.details())
