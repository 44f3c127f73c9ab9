import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from support.faces import KEY, Faces, faces_of

from syncline.erp.tables import Customer, Product
from syncline.errors import PrefectUnavailableError
from syncline.model.dataset import Dataset
from syncline.model.page import Ask, Page, Transport
from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.store.breakers import Breakers
from syncline.store.engine import Store
from web.app import create_app
from web.tokens import issue

SECRET = "a-secret-of-at-least-thirty-two-bytes"


class NoPages:
    incremental = False
    shifting = False

    async def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page, None]:
        del transport, ask
        for page in ():
            yield page


@dataclass(frozen=True)
class FakeSchedule:
    active: bool
    text: str
    next_run_at: datetime | None


@dataclass(frozen=True)
class FakeCadence:
    """Every `interval_seconds`; no cron."""

    interval_seconds: float

    def stalled_at(self, last_run: datetime, now: datetime) -> datetime | None:
        stalled_at = last_run + timedelta(seconds=2 * self.interval_seconds)
        return stalled_at if stalled_at < now else None


@dataclass
class FakeControls:
    """Controls of a Prefect server that keeps what it is told, or of one that is away."""

    away: bool = False
    calls: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])
    schedules: dict[str, FakeSchedule] = field(default_factory=dict[str, FakeSchedule])
    intervals: dict[str, float] = field(default_factory=dict[str, float])

    async def start(
        self, settings: Settings, store: Store, source: str, *, every_seconds: float | None, actor: str
    ) -> float | None:
        del settings, store
        self._called("start", source, every_seconds, actor)
        return self.intervals.get(source) if every_seconds is None else every_seconds

    async def stop(self, settings: Settings, store: Store, source: str, *, actor: str) -> None:
        del settings, store
        self._called("stop", source, actor)

    async def run_now(self, settings: Settings, source: str, *, mode: Mode, trigger: Trigger) -> str:
        del settings
        self._called("run_now", source, mode, trigger)
        return f"run-{len(self.calls)}"

    async def resume_deferred(self, settings: Settings, store: Store, source: str) -> list[str]:
        del settings, store
        self._called("resume_deferred", source)
        return []

    async def reset_breaker(self, settings: Settings, store: Store, source: str, *, actor: str) -> None:
        del settings
        Breakers(store).reset(source, actor)

    async def scheduled(self, settings: Settings) -> Mapping[str, FakeSchedule]:
        del settings
        self._called("scheduled")
        return self.schedules

    async def cadences(self, settings: Settings, store: Store) -> Mapping[str, FakeCadence]:
        del settings, store
        return {source: FakeCadence(seconds) for source, seconds in self.intervals.items()}

    def _called(self, *call: object) -> None:
        if self.away:
            raise PrefectUnavailableError("http://ann:hunter2@127.0.0.1:4200/api", "ConnectError")
        self.calls.append(call)


@dataclass
class Caller:
    """Calls the app without a network, each time in an event loop of its own."""

    app: FastAPI
    token: str | None

    def __call__(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - as httpx takes it
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, headers=headers | request.pop("headers", {}), **request)

        return asyncio.run(call())


@pytest.fixture
def settings() -> Settings:
    return Settings(
        jwt_secret=SecretStr(SECRET),
        prefect_api_url="http://127.0.0.1:1/api",
        upstreams={name: UpstreamSettings(base_url="http://127.0.0.1:1") for name in ("erp", "feed")},
    )


@pytest.fixture
def controls() -> FakeControls:
    return FakeControls()


@pytest.fixture
def calls(controls: FakeControls) -> list[tuple[object, ...]]:
    """What was asked of Prefect so far."""
    return controls.calls


@pytest.fixture
def plan(controls: FakeControls) -> Callable[..., None]:
    """Plans the next run of a source."""

    def planned(source: str, *, active: bool = True, next_run_at: datetime | None = None) -> None:
        controls.schedules[source] = FakeSchedule(active=active, text="every 30 min", next_run_at=next_run_at)

    return planned


@pytest.fixture
def expect(controls: FakeControls) -> Callable[[str, float], None]:
    """Says how often a source is expected to run, in seconds."""
    return controls.intervals.__setitem__


@pytest.fixture
def end_prefect(controls: FakeControls) -> Callable[[], None]:
    """Ends Prefect's server."""
    return lambda: setattr(controls, "away", True)


@pytest.fixture
def sources() -> list[Source]:
    erp = Upstream(name="erp")
    return [
        Source(
            name="customers",
            upstream=erp,
            dataset=Dataset(pages=NoPages(), table=Customer),
        ),
        Source(
            name="products",
            upstream=erp,
            dataset=Dataset(pages=NoPages(), table=Product),
        ),
    ]


@pytest.fixture
def make_app(controls: FakeControls, sources: list[Source]) -> Callable[[Settings, Store], FastAPI]:
    return lambda settings, store: create_app(settings, store, controls=controls, known=sources)


@pytest.fixture
def call(store: Store, settings: Settings, make_app: Callable[[Settings, Store], FastAPI]) -> Caller:
    """Calls as the user `ann`, on each kind of database."""
    return Caller(make_app(settings, store), issue(settings, "ann", timedelta(hours=1)))


@pytest.fixture
def call_sqlite(sqlite_store: Store, settings: Settings, make_app: Callable[[Settings, Store], FastAPI]) -> Caller:
    """The same on SQLite alone, where the kind of database does not matter."""
    return Caller(make_app(settings, sqlite_store), issue(settings, "ann", timedelta(hours=1)))


@pytest.fixture
def call_as(
    sqlite_store: Store, make_app: Callable[[Settings, Store], FastAPI]
) -> Callable[[Settings, str | None], Caller]:
    """Calls an app of these settings with this token."""
    return lambda settings, token: Caller(make_app(settings, sqlite_store), token)


@pytest.fixture
def look_through(
    sqlite_store: Store,
    settings: Settings,
    sources: list[Source],
    controls: FakeControls,
    make_app: Callable[[Settings, Store], FastAPI],
) -> Callable[..., Faces]:
    """Looks at the source `quests` through every face."""

    def looked(*, is_set_up: bool = True) -> Faces:
        there = settings.model_copy(update={"internal_api_key": SecretStr(KEY)})
        there = there if is_set_up else there.model_copy(update={"upstreams": {}})
        call = Caller(make_app(there, sqlite_store), issue(there, "ann", timedelta(hours=1)))
        return faces_of(call, sqlite_store, there, sources, controls)

    return looked
