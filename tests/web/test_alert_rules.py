"""docs/alerts.yml fires when it should, and only then: Prometheus' own tool plays series of figures to it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "docs" / "alerts.yml"
PROMTOOL = shutil.which("promtool")
CLOSED = 'sync_circuit_breaker_state{source="quests", state="closed"}'
RATIO = 'syncline_failure_ratio{source="quests"}'
OLDEST = 'syncline_jobs_oldest_seconds{priority="high"}'
USAGE = 'sync_rate_limit_usage{source="quests", budget="feed:requests"}'
STALLED, DELETION, CREDENTIALS = (
    f'syncline_source_problem{{source="quests", kind="{kind}"}}'
    for kind in ("stalled", "deletion_refused", "credentials_refused")
)

CASES = [
    ("SynclineBreakerOpen", CLOSED, "1 0x20", "10m", False),
    ("SynclineBreakerOpen", CLOSED, "1 0x20", "12m", True),
    ("SynclineBreakerOpen", CLOSED, "0x8 1 0x8", "12m", False),  # closed in between: the ten minutes begin anew
    ("SynclineBreakerOpen", CLOSED, "0x14 1x5", "16m", False),
    ("SynclineFailing", RATIO, "1x4", "4m", False),
    ("SynclineFailing", RATIO, "1x10", "6m", True),
    ("SynclineFailing", RATIO, "0.5x10", "8m", False),
    ("SynclineFailing", RATIO, "1x10 0x5", "12m", False),
    ("SynclineRetries", 'sync_retry_count{source="quests"}', "10x5", "3m", False),
    ("SynclineRetries", 'sync_retry_count{source="quests"}', "11x5", "3m", True),
    ("SynclineRateLimit", USAGE, "0.9x5", "3m", False),
    ("SynclineRateLimit", USAGE, "0.95x2 0.5x10", "4m", True),  # spent and given back all the time: one alert
    ("SynclineRateLimit", USAGE, "0.95x2 0.5x10", "9m", False),
    ("SynclineStalled", STALLED, "0x5", "3m", False),
    ("SynclineStalled", STALLED, "1x5", "3m", True),
    (
        "SynclineDeletionRefused",
        DELETION,
        "0x5",
        "3m",
        False,
    ),
    ("SynclineDeletionRefused", DELETION, "1x5", "3m", True),
    (
        "SynclineCredentialsRefused",
        CREDENTIALS,
        "0x5",
        "3m",
        False,
    ),
    (
        "SynclineCredentialsRefused",
        CREDENTIALS,
        "1x5",
        "3m",
        True,
    ),
    ("SynclineNobodyDrains", "syncline_jobs_unattended_seconds", "61x9", "1m", False),
    ("SynclineNobodyDrains", "syncline_jobs_unattended_seconds", "61x9", "3m", True),
    ("SynclineNobodyDrains", "syncline_jobs_unattended_seconds", "0x9", "6m", False),
    ("SynclineHighJobsWait", OLDEST, "301x9", "4m", False),
    ("SynclineHighJobsWait", OLDEST, "301x9", "6m", True),
    ("SynclineDown", 'up{job="syncline", instance="a"}', "0x5", "1m", False),
    ("SynclineDown", 'up{job="syncline", instance="a"}', "0x5", "3m", True),
]

pytestmark = pytest.mark.skipif(
    PROMTOOL is None and not os.environ.get("CI"), reason="promtool is not installed; CI installs it"
)


def promtool(*arguments: str) -> None:
    assert PROMTOOL is not None, "CI installs promtool (Debian's package prometheus)"
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_such_as_prometheus_reads() -> None:
    """A file that it refuses keeps Prometheus itself from starting."""
    promtool("check", "rules", str(RULES))


@pytest.mark.parametrize(("alert", "series", "values", "at", "fires"), CASES)
def test_each_alert_fires_at_its_border_and_not_before(
    tmp_path: Path, alert: str, series: str, values: str, at: str, *, fires: bool
) -> None:
    """A rule that never fires, and one that always does, read alike."""
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1}] if fires else []
    expression = f'count by (alertname) (ALERTS{{alertname="{alert}", alertstate="firing"}})'
    played = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values}],
        "promql_expr_test": [{"expr": expression, "eval_time": at, "exp_samples": expected}],
    }
    file = tmp_path / "alerts_test.yml"
    document = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [played]}
    file.write_text(json.dumps(document), encoding="utf-8")
    promtool("test", "rules", str(file))


def test_every_alert_is_played_both_ways() -> None:
    """A new rule needs a case in which it fires, and one in which it does not."""
    names = [line.split(":", 1)[1].strip() for line in RULES.read_text().splitlines() if "- alert:" in line]
    assert {(name, fires) for name in names for fires in (True, False)} == {(case[0], case[4]) for case in CASES}
