from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser

import httpx
import pytest
from support.feed import FEED, quests, trip

from syncline.clock import ManualClock
from syncline.contests import pushing, rounds
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.settings import Settings
from syncline.store import heartbeats, holds, sessions
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
CallAs = Callable[[Settings, str | None], Call]
Plan = Callable[..., None]


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """The two of the ERP, and one whose upstream has budgets."""
    return [*sources, quests(sources[0].required_dataset.pages)]


class Reader(HTMLParser):
    """Reads a page: its text, its links, and whatever it would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.loads: list[str] = []
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._hidden = tag == "style"
        if tag == "a":
            self.links.append(found.get("href") or "")
        self.loads += [value for name in ("src", "href") if tag != "a" and (value := found.get(name))]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = self._hidden and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += f" {data}"


def read(call: Call) -> Reader:
    answer = call("GET", "/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    reader = Reader()
    reader.feed(answer.text)
    reader.text = " ".join(reader.text.split())
    return reader


def record(store: Store, status: Status, *, took: float | None = 30, **values: object) -> None:
    begun = store.clock.now()
    identity = {"id": sessions.new_id("products", begun), "source": "products", "started_at": begun}
    outcome = {"status": status, "completed_at": None if took is None else begun + timedelta(seconds=took)}
    session = SyncSession.model_validate(
        {"trigger": Trigger.SCHEDULE, "mode": Mode.FULL, "retry_at": None, **identity, **outcome, **values}
    )
    with store.write() as connection:
        sessions.insert_session(connection, session)


def test_the_page_needs_no_token_no_script_and_no_other_server(call_as: CallAs, settings: Settings) -> None:
    """It works offline, on a phone, and in a browser that blocks other origins."""
    answer = call_as(settings, None)("GET", "/")
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert all(load.startswith("data:") for load in read(call_as(settings, None)).loads)
    assert '<meta http-equiv="refresh" content="5">' in answer.text


def test_a_new_instance_says_what_comes_next(call: Call) -> None:
    """Before the first run the page is no riddle."""
    text = read(call).text
    assert "No session yet" in text
    assert "Last run never" in text


def test_a_source_without_an_address_names_the_setting_that_it_lacks(call_as: CallAs, settings: Settings) -> None:
    """Eight feeds that are not set up must not look as if they were broken."""
    alone = settings.model_copy(update={"upstreams": {"erp": settings.upstreams["erp"]}})
    text = read(call_as(alone, None)).text
    assert "quests not set up" in text
    assert "Next run never: SYNCLINE_UPSTREAMS__FEED__BASE_URL is not set" in text
    assert "products new" in text


def test_a_running_sync_shows_how_far_it_is(call: Call, store: Store, clock: ManualClock) -> None:
    """Pages of pages, items, and their speed."""
    record(
        store,
        Status.RUNNING,
        took=None,
        pages_processed=314,
        total_pages=1_200,
        items_processed=31_400,
        flow_run_id="f1",
    )
    clock.advance(seconds=100)
    reader = read(call)
    assert "314 of 1,200 pages 31,400 items 314 items/s full, 1 min 40 s" in reader.text
    assert "http://127.0.0.1:1/runs/flow-run/f1" in reader.links


def test_each_session_shows_its_outcome_and_the_reason(call: Call, store: Store, clock: ManualClock) -> None:
    """Why did it not run? stands on the first page."""
    record(store, Status.FAILED, took=35, error_message="erp answered 503", retry_count=2)
    clock.advance(seconds=3_600)
    record(store, Status.SKIPPED, took=0, reason="overlap: session products-sync-1 is running")
    clock.advance(seconds=200)
    with store.write() as connection:
        heartbeats.began(connection, "products", now=clock.now())
        heartbeats.ended(connection, "products", failed=True, duration_ms=1, now=clock.now())
    text = read(call).text
    assert "3 min ago products skipped full schedule overlap: session products-sync-1 is running" in text
    assert "1 h ago products failed full schedule 0 0 0 0 35 s erp answered 503 2 retries" in text
    assert "products failing" in text
    assert "Failures 1 in a row" in text


def test_what_others_wrote_cannot_write_the_page(call: Call, store: Store) -> None:
    """An upstream's error page, or a hold's reason, is text."""
    nasty = "<script>alert(1)</script>\"'><img src=x>"
    record(store, Status.FAILED, error_message=nasty, flow_run_id=nasty)
    with store.write() as connection:
        now = store.clock.now()
        holds.create(connection, "*", reason=nasty, created_by=nasty, now=now, ttl_seconds=None)
    answer = call("GET", "/").text
    assert "<script>" not in answer
    assert "<img" not in answer
    assert "&lt;script&gt;alert(1)" in answer


def test_holds_show_who_holds_and_until_when(call_sqlite: Call, sqlite_store: Store) -> None:
    """A pause that was forgotten is seen."""
    now = sqlite_store.clock.now()
    with sqlite_store.write() as connection:
        for reason, ttl in (("order creation", 300), ("migration", None)):
            holds.create(connection, "products", reason=reason, created_by="ann", now=now, ttl_seconds=ttl)
    text = read(call_sqlite).text
    assert "products paused" in text
    assert "order creation held by ann , ends in 5 min" in text.replace(", ends", " , ends").replace("  ", " ")
    assert "migration held by ann until it is released" in text


def test_a_breaker_that_is_open_says_until_when_and_why(call: Call, store: Store, sources: list[Source]) -> None:
    """Why a source is skipped stands on its card; closed ones are quiet."""
    trip(store, sources[2])
    text = read(call).text
    assert "Breaker open until 10:05 UTC after 5 failures tries again in 5 min" in text
    assert text.count("Breaker closed") == 2


def test_budgets_say_what_is_used_of_them(call: Call, store: Store, clock: ManualClock) -> None:
    """Before one is spent; and until when the upstream wants to be left alone."""
    for _ in range(9):
        Budgets(store).acquire(FEED.budget_keys)
    Budgets(store).block([FEED.block_key], until=clock.now() + timedelta(minutes=2))
    text = read(call).text
    assert "requests used 9 of 60 this hour" in text
    assert "search used 9 of 10 in 100 s" in text
    assert "feed asks to be left alone, ends in 2 min" in text
    assert call("GET", "/").text.count('class="budget nearly"') == 1


def test_the_next_run_is_told_where_prefect_answers(
    call_sqlite: Call, clock: ManualClock, plan: Plan, end_prefect: Callable[[], None]
) -> None:
    """Planned, stopped and unknown look different."""
    plan("products", next_run_at=clock.now() + timedelta(minutes=11))
    plan("customers", active=False)
    text = read(call_sqlite).text
    assert "Next run in 11 min every 30 min" in text
    assert "Next run stopped" in text
    assert "Prefect does not answer" not in text
    end_prefect()
    text = read(call_sqlite).text
    assert "Prefect does not answer" in text
    assert text.count("Next run unknown") == 3


def test_links_lead_to_prefect_as_the_settings_say(call_as: CallAs) -> None:
    """Whatever host the request names: Prefect's server need not listen there."""
    call = call_as(Settings(prefect_port=4711), None)
    assert "http://127.0.0.1:4711" in read(call).links
    assert 'href="http://127.0.0.1:4711"' in call("GET", "/", headers={"Host": "localhost"}).text
    elsewhere = Settings(prefect_api_url="https://ann:hunter2@prefect.example/api")
    assert "https://prefect.example" in read(call_as(elsewhere, None)).links


def test_sources_are_told_as_json_too(call: Call, store: Store, clock: ManualClock, plan: Plan) -> None:
    """The page's facts for other dashboards."""
    record(store, Status.RUNNING, took=None, pages_processed=1, total_pages=4, items_processed=100)
    plan("products", next_run_at=clock.now())
    clock.advance(seconds=10)
    customers, products, _ = call("GET", "/api/sources").json()["sources"]
    running = products["running"]
    assert (products["state"], running["fraction"], running["items_per_second"]) == ("running", 0.25, 10)
    assert (products["next_run"]["schedule"], products["next_run"]["active"]) == ("every 30 min", True)
    assert (products["next_run_at"], products["open_sessions"]) == ("2026-01-22T10:00:10.000Z", 1)
    assert products["last_session"]["status"] == "running"
    assert (customers["state"], customers["next_run"]["schedule"], customers["rows"]) == ("new", None, 0)


@pytest.mark.parametrize("host", ["[::1]:8080", 'x"><b>'])
def test_a_strange_host_name_does_no_harm(call_sqlite: Call, host: str) -> None:
    """It comes from the request, so it is not trusted."""
    answer = call_sqlite("GET", "/", headers={"Host": host})
    assert answer.status_code == (200 if host.startswith("[") else 421)
    assert host not in answer.text


def test_rounds_are_shown_with_their_entries_and_how_their_snapshot_was_sent(call: Call, store: Store) -> None:
    """A contest's host sees at a glance whether the last round is frozen, and whether its receiver has it."""
    assert "Rounds" not in read(call).text
    now = store.clock.now()
    with store.write() as connection:
        rounds.roll(connection, now=now - timedelta(hours=2), every_seconds=3_600)
        rounds.begin_freezing(connection, 1, now=now)
        rounds.set_frozen(connection, 1, now=now, push_at=now)
        pushing.refused(connection, 1, error="inbox answered 503", retry_at=now + timedelta(minutes=5))
        rounds.roll(connection, now=now, every_seconds=None)
    page = read(call)
    assert "Rounds" in page.text
    assert "2 open 1 h ago when it is frozen 0 0 0" in page.text
    assert "1 frozen 2 h ago 1 h ago 0 0 0 waiting in 5 min" in page.text
