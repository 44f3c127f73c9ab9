import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from ruamel.yaml import YAML
from support.records import open_session

from flows.portfolios import PORTFOLIOS
from syncline.erp.tables import Product
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.dataset import Dataset
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.portfolios.settings import ChainSettings
from syncline.settings import Settings
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]

DOCS = Path(__file__).parents[2] / "docs"
METRIC = re.compile(r"\b(sync\w*)(?:\{([^}]*)\})?")


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """Two more: one whose upstream has a budget, and one with accounts, whose queue is measured."""
    feed = Upstream(name="feed", budgets=(Budget(policy=SlidingWindow(limit=10, period_seconds=3_600)),))
    return [
        *sources,
        Source(
            name="quests",
            upstream=feed,
            dataset=Dataset(pages=sources[0].required_dataset.pages, table=Product),
        ),
        PORTFOLIOS,
    ]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a chain, so that it is set up."""
    return settings.model_copy(update={"chains": {1: ChainSettings(rpc_url=SecretStr("http://127.0.0.1:1"))}})


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    """The rules of docs/alerts.yml."""
    yaml: Any = YAML(typ="safe")
    groups = yaml.load(DOCS / "alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_each_alert_asks_for_metrics_and_labels_that_are_served(
    sqlite_store: Store, call_sqlite: Call, rules: list[dict[str, Any]]
) -> None:
    """A rule on a name that does not exist never fires."""
    for number in range(2):  # with fewer runs there is no failure rate
        open_session(sqlite_store, f"s{number}", status=Status.COMPLETED)
    served: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(call_sqlite("GET", "/metrics").text):
        for sample in family.samples:
            served.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                served.setdefault(sample.name, {}).setdefault(label, set()).add(value)
    asked = [found for rule in rules for found in METRIC.findall(rule["expr"].replace('job="syncline"', ""))]
    assert len(asked) == 9
    for name, matchers in asked:
        assert name in served
        for label, pattern in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
            assert set(pattern.split("|")) <= served[name][label]


def test_each_alert_says_what_is_wrong_and_how_much_it_matters(rules: list[dict[str, Any]]) -> None:
    """An alert at night must say what is wrong."""
    assert [rule["alert"] for rule in rules] == [
        "SynclineBreakerOpen",
        "SynclineFailing",
        "SynclineRetries",
        "SynclineRateLimit",
        "SynclineStalled",
        "SynclineDeletionRefused",
        "SynclineCredentialsRefused",
        "SynclineNobodyDrains",
        "SynclineHighJobsWait",
        "SynclineDown",
    ]
    for rule in rules:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert {"summary", "description"} == rule["annotations"].keys()


def test_the_manual_names_each_alert_and_each_metric(call_sqlite: Call, rules: list[dict[str, Any]]) -> None:
    """What is served and not explained is of no use."""
    manual = (DOCS / "operation.md").read_text(encoding="utf-8")
    families = text_string_to_metric_families(call_sqlite("GET", "/metrics").text)
    names = {family.name for family in families} | {rule["alert"] for rule in rules}
    assert {name for name in names if f"`{name}" not in manual} == set()
