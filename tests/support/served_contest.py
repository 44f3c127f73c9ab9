"""An instance that holds a contest: four services on X, a shop and a feed in one runner, and the web app.

`python -m support.served_contest` is its runner: it serves as `syncline up` does.
"""

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact
from pydantic import SecretStr

import sandbox
from deployments import controls
from deployments.client import open_client
from deployments.local.supervisor import Supervisor
from deployments.schedules.file import Deployment, read_deployments
from flows.registry import find
from support.forked_serving import serve_forked
from support.hurried import HURRIED
from support.instance import Instance, child_env, free_port, start_prefect
from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.settings import Settings, UpstreamSettings
from syncline.store import schedules, schema
from syncline.store.engine import Store

__all__ = [
    "MENTIONS",
    "SERVICES",
    "artifact",
    "contest",
    "free_slots",
    "health",
    "run",
    "slow_down",
    "started",
    "statuses",
]

SERVICES = ("twitter_poller", "validate_entries", "fast_delete_sweep", "freeze_coordinator")
MENTIONS = 60
"""Two batches of a freeze."""
_WEEK_SECONDS = 7 * 86_400
_INBOX_SECRET = "whsec_c2FuZGJveC1pbmJveC1zZWNyZXQ="
_TESTS = Path(__file__).parents[1]


@contextmanager
def contest(home: Path) -> Generator[Instance]:
    """The instance in the folder `home`; its services run once, and then when a test wants them to."""
    box_ = sandbox.serving(seed=7, products=30, customers=5, mentions=MENTIONS, inbox_secret=_INBOX_SECRET)
    with box_ as box, Supervisor(home / "logs") as supervisor:
        settings = _settings(home, box)
        store = Store(settings.database)
        schema.upgrade(store)
        for service in SERVICES:
            slow_down(store, service)
        start_prefect(supervisor, settings)
        env = child_env(settings) | {"PYTHONPATH": f"{_TESTS}{os.pathsep}{_TESTS.parent}"}
        runner = supervisor.start("runner", ["support.served_contest"], env=env)
        supervisor.start("web", ["web"], env=env)
        supervisor.wait_for(f"http://127.0.0.1:{settings.web_port}/health", timeout_seconds=60)
        yield Instance(settings=settings, store=store, box=box, supervisor=supervisor, env=env, runners=[runner])
        store.close()


def slow_down(store: Store, service: str) -> None:
    """Let no tick of the schedule come between, as an operator would."""
    now = store.clock.now()
    with store.write() as connection:
        schedules.override(connection, service, interval_seconds=_WEEK_SECONDS, changed_by="test", now=now)


def _settings(home: Path, box: sandbox.Box) -> Settings:
    upstreams = {
        "erp": UpstreamSettings(base_url=box.url, token=SecretStr(box.token)),
        "quests": UpstreamSettings(base_url=f"{box.url}/feeds/quests"),
        "x": UpstreamSettings(base_url=f"{box.url}/x", token=SecretStr(box.x_token), user_id=box.x.user_id),
    }
    return Settings(
        home=home,
        prefect_port=free_port(),
        web_port=free_port(),
        upstreams=upstreams,
        snapshot_url=f"{box.url}/inbox",
        snapshot_secret=SecretStr(_INBOX_SECRET),
    )


def _deployments() -> list[Deployment]:
    """Those of prefect.yaml that take part, and the hurried ones; the shop and the feed run when they are told to."""
    known = {one.name: one for one in read_deployments()}
    others = [known[name].model_copy(update={"schedules": []}) for name in ("products", "quests", "freeze_round")]
    return [*(known[name] for name in SERVICES), *others, *HURRIED]


def run(instance: Instance, service: str) -> str:
    """Have a service run now; returns the flow run's id."""
    return asyncio.run(controls.run_now(instance.settings, service, mode=Mode.INCREMENTAL, trigger=Trigger.API))


async def started(instance: Instance, deployment: str, **parameters: object) -> str:
    """Start a run of a deployment through Prefect's API, with these parameters; returns its id."""
    async with open_client(instance.settings) as client:
        found = await client.read_deployment_by_name(deployment)
        made = await client.create_flow_run_from_deployment(found.id, parameters=parameters)
        return str(made.id)


def health(instance: Instance, service: str = "") -> dict[str, Any]:
    """What `GET /health/cron` says, of all services or of one."""
    url = f"http://127.0.0.1:{instance.settings.web_port}/health/cron{service and f'/{service}'}"
    answer = httpx.get(url, timeout=120, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def statuses(told: dict[str, Any]) -> dict[str, str]:
    """The status of each service in an answer for all, by its own name."""
    return {find(one["service"]).name: one["status"] for one in told["services"]}


async def free_slots(instance: Instance, service: str) -> int:
    """How many runs the concurrency limit of a service lets begin now."""
    async with open_client(instance.settings) as client:
        limit = await client.read_global_concurrency_limit_by_name(f"source:{service}")
    return limit.limit - limit.active_slots


async def artifact(instance: Instance, flow_run_id: str, key: str) -> Artifact:
    """The artifact that a flow run made under this key."""
    of_run = ArtifactFilterFlowRunId.model_validate({"any_": [flow_run_id]})
    async with open_client(instance.settings) as client:
        found = await client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_run))
    return next(one for one in found if one.key == key)


if __name__ == "__main__":
    serve_forked(_deployments())
