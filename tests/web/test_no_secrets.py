"""What the faces for monitors and schedulers say holds no secret."""

import logging
import re
from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr
from support.feed import quests, record

from syncline.model.session import Status
from syncline.model.source import Source
from syncline.settings import Settings, UpstreamSettings
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
CallAs = Callable[[Settings, str | None], Call]


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """The two of the ERP, and one whose upstream has budgets."""
    return [*sources, quests(sources[0].required_dataset.pages)]


def test_no_secret_shows_in_metrics_status_page_or_logs(
    call_as: CallAs, sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Prometheus keeps what it scrapes for weeks, and shows it to many."""
    caplog.set_level(logging.DEBUG)
    secrets = {name: f"secret-of-{name}-{'x' * 32}" for name in ("jwt", "cron", "key", "token", "password", "snapshot")}
    erp = UpstreamSettings(
        base_url="http://erp.example",
        token=SecretStr(secrets["token"]),
        username="ann",
        password=SecretStr(secrets["password"]),
    )
    settings = Settings(
        jwt_secret=SecretStr(secrets["jwt"]),
        cron_secret=SecretStr(secrets["cron"]),
        internal_api_key=SecretStr(secrets["key"]),
        snapshot_secret=SecretStr(secrets["snapshot"]),
        upstreams={"erp": erp},
        prefect_api_url="http://ann:secret-of-prefect@127.0.0.1:1/api",
    )
    message = f"refused {secrets['token']} and {secrets['password']}, {secrets['snapshot']}"
    record(sqlite_store, Status.FAILED, error_message=message, reason=secrets["cron"])
    record(sqlite_store, Status.FAILED, source="products", id="p1", error_message=message)
    call = call_as(settings, None)
    seen = call("GET", "/metrics").text + call("GET", "/").text
    seen += call("GET", "/api/sync/status", headers={"x-api-key": secrets["key"]}).text
    for method, path in (("GET", "/api/cron/sync?source=products"), ("POST", "/api/cron/sync/reset?source=products")):
        seen += call(method, path, headers={"Authorization": f"Bearer {secrets['cron']}"}).text
        seen += call(method, path, headers={"Authorization": "Bearer wrong"}).text
    seen += "".join(record.getMessage() + str(record.exc_info) for record in caplog.records)
    assert len(seen) > 5_000
    assert re.findall(r"secret-of-\w+", seen) == []
