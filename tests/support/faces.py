"""What every face says of one source, taken at the same moment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families as text_format

from cli.status import facts, row
from syncline.model.source import Source
from syncline.settings import Settings
from syncline.status.reading import read_report
from syncline.status.report import Report, State
from syncline.status.schedules import Schedules
from syncline.status.source_json import PublicJson, source_json
from syncline.store.engine import Store
from syncline.words import iso_instant
from web.api.cron_health import ServiceState

__all__ = ["KEY", "Faces", "agree", "faces_of", "got"]

KEY = "a-key-for-monitors-of-thirty-two-bytes"
"""What the settings must have as `internal_api_key`."""
PROBLEMATIC = {State.FAILING, State.DEGRADED, State.STALLED, State.LATE, State.UNKNOWN}
"""States that are told with a problem, always."""


@dataclass(frozen=True, kw_only=True)
class Faces:
    """What each face says of one source, and of the instance."""

    status: dict[str, Any]
    listed: dict[str, Any]
    health: dict[str, Any]
    detail: dict[str, Any]
    metrics: dict[str, list[tuple[dict[str, str], float]]]
    page: str
    terminal: list[str]
    json: dict[str, Any]
    report: Report


def faces_of(
    call: Callable[..., httpx.Response],
    store: Store,
    settings: Settings,
    sources: list[Source],
    controls: Any,  # noqa: ANN401 - the fakes of tests/web/conftest.py
) -> Faces:
    """What each face says of `quests`."""
    unknown = "Prefect does not answer, so nothing runs by itself: `syncline up` starts it, and again where it hangs"
    schedules = Schedules(
        by_source={} if controls.away else controls.schedules,
        unknown=unknown if controls.away else None,
        cadences=asyncio.run(controls.cadences(settings, store)),
    )
    told = read_report(store, settings, sources, schedules)
    families = text_format(got(call, "/metrics").text)
    mine = {
        one.name: [(sample.labels, sample.value) for sample in one.samples if sample.labels["source"] == "quests"]
        for one in families
    }
    return Faces(
        status=got(call, "/api/sync/status", headers={"x-api-key": KEY}).json(),
        listed=next(one for one in got(call, "/api/sources").json()["sources"] if one["name"] == "quests"),
        health=got(call, "/health/cron").json(),
        detail=got(call, "/health/cron/quests").json(),
        metrics=mine,
        page=got(call, "/").text,
        terminal=[str(cell) for cell in row(told.of("quests"), told.at)]
        + [str(fact.value) for fact in facts(told.of("quests"), told.at)],
        json=source_json(told.of("quests"), told.at).model_dump(mode="json"),
        report=told,
    )


def got(call: Callable[..., httpx.Response], path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - as httpx
    answer = call("GET", path, **request)
    assert answer.status_code == 200, answer.text
    return answer


def agree(faces: Faces) -> None:
    """Every face says the same, and what follows from it holds."""
    one, told = faces.report.of("quests"), faces.status["sources"]["quests"]
    state, life = one.state, ServiceState(faces.detail["status"])
    assert told["state"] == faces.terminal[1] == state.value
    assert f'<span class="pill {state.value.replace(" ", "-")}">{state.value}</span>' in faces.page
    assert shown(faces, "syncline_source_state", "state") == {state.value.replace(" ", "_")}
    assert shown(faces, "syncline_source_problem", "kind") == {problem.kind.value for problem in one.problems}
    assert faces.json == faces.listed == told
    assert {name: faces.detail[name] for name in PublicJson.model_fields} == {
        name: told[name] for name in PublicJson.model_fields
    }
    healthy = {told["healthy"], not faces.detail["problems"]}
    assert healthy == {one.is_healthy} == {not told["problems"]}
    assert faces.metrics["syncline_source_healthy"][0][1] == float(one.is_healthy)
    assert told["next_run_at"] == faces.detail["next_run"]["at"] == (one.next_run.at and iso_instant(one.next_run.at))
    assert next(s["status"] for s in faces.health["services"] if s["service"] == "quests") == life
    assert ("quests" in faces.health["stalled_services"]) == (life is ServiceState.STALLED) == (state is State.STALLED)
    assert faces.status["healthy"] == faces.report.is_healthy
    assert state not in PROBLEMATIC or not told["healthy"]
    assert told["next_run_at"] is None or told["next_run_at"] >= faces.status["at"]
    for problem in one.problems:
        assert {"kind": problem.kind.value, "sentence": problem.sentence} in told["problems"]
        assert problem.sentence in faces.terminal
    if life is ServiceState.HEALTHY:
        assert state in {State.UP_TO_DATE, State.PARTIAL, State.RUNNING, State.CANCELLED, State.NEW}


def shown(faces: Faces, family: str, label: str) -> set[str]:
    return {labels[label] for labels, value in faces.metrics[family] if value == 1}
