from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from syncline.model.policies import Mode
from syncline.model.session import Trigger
from tasks.deferral import retry_key
from tasks.due import due_of, flow_name, flow_run_id_of, is_forced, mode_of, plain, session_key, source_of

TICK = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)


def _flow_run(**fields: Any) -> FlowRun:  # noqa: ANN401 - whatever a flow run has
    return FlowRun(id=uuid4(), flow_id=uuid4(), **fields)


@pytest.mark.parametrize(
    ("fields", "trigger"),
    [
        ({}, Trigger.MANUAL),
        ({"auto_scheduled": True}, Trigger.SCHEDULE),
        ({"tags": ["trigger:api"]}, Trigger.API),
        ({"tags": ["erp", "trigger:retry"], "auto_scheduled": True}, Trigger.RETRY),
        ({"tags": ["trigger:nobody"]}, Trigger.MANUAL),
        ({"tags": ["webhook"]}, Trigger.MANUAL),
    ],
)
def test_a_flow_run_tells_who_started_it(fields: dict[str, Any], trigger: Trigger) -> None:
    """`history` answers `why did this run` from it; an unknown tag must not fail the run."""
    assert due_of(_flow_run(**fields), Mode.FULL).trigger is trigger


@pytest.mark.parametrize(
    ("fields", "goes_on_for"),
    [
        ({"tags": ["trigger:retry"], "idempotency_key": retry_key("products-sync-1-abcd")}, "products-sync-1-abcd"),
        ({"tags": ["trigger:retry"]}, None),
        ({"tags": ["trigger:api"], "idempotency_key": retry_key("products-sync-1-abcd")}, None),
        ({"auto_scheduled": True, "idempotency_key": "scheduled 1 2026"}, None),
    ],
)
def test_a_run_that_goes_on_knows_for_which_session(fields: dict[str, Any], goes_on_for: str | None) -> None:
    """Admission tells it from one whose session another run has taken up meanwhile."""
    assert due_of(_flow_run(**fields), Mode.FULL).goes_on_for == goes_on_for


def test_only_a_tick_of_the_schedule_has_a_time_to_be_late_for() -> None:
    """A manual run that waited for a runner is no missed tick."""
    scheduled = due_of(_flow_run(auto_scheduled=True, expected_start_time=TICK), Mode.FULL)
    manual = due_of(_flow_run(expected_start_time=TICK), Mode.FULL)
    assert (scheduled.scheduled_for, manual.scheduled_for) == (TICK, None)


@pytest.mark.parametrize(("value", "mode"), [("full", "full"), ("incremental", "incremental"), ("x", "incremental")])
def test_the_mode_that_was_asked_for_is_read_from_the_parameters(value: str, mode: str) -> None:
    """A run that died before it read its parameters is recorded with them all the same."""
    assert mode_of(_flow_run(parameters={"mode": value})) == mode


def test_a_session_key_leads_back_to_its_flow_run() -> None:
    """The reconciler asks Prefect about runs by it."""
    first, second = _flow_run(run_count=1), _flow_run(run_count=2)
    assert session_key(first) == str(first.id)
    assert session_key(second) != str(second.id)
    assert flow_run_id_of(session_key(second)) == str(second.id)


def test_flow_and_source_names_lead_to_each_other() -> None:
    """Hooks know only the flow's name."""
    assert source_of(flow_name("products")) == "products"


def test_force_is_what_the_flow_run_was_asked_with() -> None:
    """`syncline sync NAME --force` is said once, and holds for the pull as for the prune."""
    assert not is_forced()
    for parameters, forced in (({"force": True}, True), ({"force": False}, False), ({"mode": "full"}, False)):
        with FlowRunContext.model_construct(flow_run=_flow_run(parameters=parameters)):
            assert is_forced() is forced


def test_an_instant_of_prefects_becomes_a_plain_one() -> None:
    """Prefect's class is another one on Python 3.13 than before; both calculate in ways of their own."""
    told = {"id": str(uuid4()), "flow_id": str(uuid4()), "expected_start_time": "2026-01-22T11:00:00.123456+01:00"}
    instant = plain(FlowRun.model_validate_json(dumps(told)).expected_start_time)
    assert type(instant) is datetime
    assert instant == TICK + timedelta(microseconds=123_456)
    assert instant.tzinfo is UTC
