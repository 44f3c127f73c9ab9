"""What is wrong with an instance, and how to mend it."""

from datetime import datetime

from pydantic import SecretStr
from support.pace import PacedSettings

from deployments.budget_plan import budget_loads
from deployments.doctor import Finding, Verdict, examine, examine_plan
from deployments.local.demo import demo_settings
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.settings import Settings
from syncline.store import schedules, sessions
from syncline.store.engine import Store

NOWHERE = "http://127.0.0.1:1/api"


def ill(findings: list[Finding]) -> list[str]:
    return [finding.part for finding in findings if finding.verdict is Verdict.ERROR]


def completed(source: str, mode: Mode, *, requests: int, at: datetime) -> SyncSession:
    """A session that ended well after so many requests."""
    return SyncSession(
        id=f"{source}-1",
        source=source,
        trigger=Trigger.SCHEDULE,
        mode=mode,
        status=Status.COMPLETED,
        started_at=at,
        completed_at=at,
        requests=requests,
    )


def test_an_instance_that_is_well_is_told_so(store: Store) -> None:
    """All that is left to heed is that Prefect is not running here."""
    secret = SecretStr("x" * 40)
    settings = demo_settings(
        Settings(prefect_api_url=NOWHERE, jwt_secret=secret, cron_secret=secret, internal_api_key=secret)
    )
    findings = list(examine(settings, store))
    assert not ill(findings)
    assert [finding.part for finding in findings if finding.verdict is Verdict.WARNING] == ["prefect"]
    assert not any("xxxx" in finding.said for finding in findings)


def test_a_short_secret_is_ill_and_named(store: Store) -> None:
    """Its door is closed, though a secret is set; the secret itself is not told."""
    settings = Settings(prefect_api_url=NOWHERE, jwt_secret=SecretStr("x" * 31), cron_secret=SecretStr(""))
    said = [one.said for one in examine(settings, store) if one.verdict is Verdict.ERROR and one.part == "secrets"]
    assert [text.partition(" ")[0] for text in said] == ["SYNCLINE_JWT_SECRET", "CRON_SECRET"]
    assert "32 bytes" in said[0]
    assert "xxxx" not in said[0]


def test_each_thing_that_is_missing_is_named(store: Store) -> None:
    """One look instead of a start that fails, is mended, and fails at the next thing."""
    findings = list(examine(Settings(prefect_api_url=NOWHERE), store))
    assert ill(findings) == ["upstreams"]
    told = " ".join(finding.said for finding in findings)
    for name in ("SYNCLINE_UPSTREAMS__ERP__BASE_URL", "CRON_SECRET", "SYNCLINE_JWT_SECRET", "INTERNAL_API_KEY"):
        assert name in told


def test_a_database_that_cannot_be_reached_is_a_finding() -> None:
    """The budgets are planned all the same."""
    away = Store("postgresql+psycopg://nobody@127.0.0.1:1/none")
    findings = list(examine(Settings(prefect_api_url=NOWHERE), away))
    assert ill(findings) == ["upstreams", "database"]
    assert sum(finding.part == "budget" for finding in findings) == len(budget_loads())


def test_the_plan_is_made_of_what_really_runs(store: Store) -> None:
    """The interval that an operator set, and the pages that the feed has by now: 6 every 5 min are 72 of 60."""
    now = store.clock.now()
    ended = completed("quests", Mode.FULL, requests=6, at=now)
    with store.write() as connection:
        schedules.override(connection, "quests", interval_seconds=300, changed_by="ann", now=now)
        sessions.insert_session(connection, ended)
    (sick,) = [finding for finding in examine_plan(Settings(), store) if finding.verdict is Verdict.ERROR]
    assert "ask for 72" in sick.said
    assert "quests every 360 s" in sick.said


def test_a_first_load_is_not_taken_for_the_rule(store: Store) -> None:
    """A poll reads all mentions once, with 8 requests, and then asks for new ones with one."""
    now = store.clock.now()
    first = completed("twitter_poller", Mode.FULL, requests=8, at=now)
    with store.write() as connection:
        sessions.insert_session(connection, first)
    assert not ill(list(examine_plan(Settings(), store)))


def test_the_plan_is_made_with_the_intervals_of_the_environment(sqlite_store: Store) -> None:
    """Every half minute is 120 of 60 an hour; an operator's interval is what really runs, and so goes before."""
    settings = PacedSettings(paces={"quests": 30})
    for store in (None, sqlite_store):
        (sick,) = [finding for finding in examine_plan(settings, store) if finding.verdict is Verdict.ERROR]
        assert "quests every 30 s = 120" in sick.said
    with sqlite_store.write() as connection:
        now = sqlite_store.clock.now()
        schedules.override(connection, "quests", interval_seconds=600, changed_by="ann", now=now)
    assert not ill(list(examine_plan(settings, sqlite_store)))
