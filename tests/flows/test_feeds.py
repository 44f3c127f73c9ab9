"""The seven feeds as they are declared, over real HTTP from the simulated upstreams."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from support.listings import statuses
from support.runs import Ran, begin

import sandbox
from deployments.schedules.file import read_deployments
from flows.registry import sources_with_dataset
from syncline.listings import stored
from syncline.listings.stored import Wanted
from syncline.listings.tables import Listing
from syncline.model.budgets import SlidingWindow
from syncline.model.items import ItemStatus
from syncline.model.policies import Backoff
from syncline.model.source import Source
from syncline.passes.closing import complete
from syncline.passes.prune import prune
from syncline.passes.pull import pull
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

TABLE = {  # seed: every so many seconds, so many requests an hour
    "airdrops": (3600, 60),
    "airdrops_upcoming": (14_400, 15),
    "quests": (3600, 60),
    "yield": (7200, 30),
    "points": (86_400, 10),
    "sponsored": (300, 120),
    "community": (3600, 30),
}
SECONDS_OF_CRON = {"* * * *": 3600, "*/2 * * *": 7200, "*/4 * * *": 14_400, "0 * * *": 86_400}
"""Behind the minute of a cron: how far its ticks are apart."""
FILLED = {
    "airdrops": "title project chain kind url reward starts_at ends_at updated_at attributes",
    "airdrops_upcoming": "title project chain kind starts_at updated_at attributes",
    "quests": "title project chain kind url reward starts_at ends_at updated_at attributes",
    "yield": "title project chain kind tvl_usd apy attributes",
    "points": "title project url reward ends_at updated_at attributes",
    "sponsored": "title project chain kind url description starts_at ends_at",
    "community": "title project chain kind url description updated_at attributes",
}
"""What a feed says of each of its listings."""


@pytest.fixture(scope="module")
def box() -> Iterator[sandbox.Box]:
    with sandbox.serving() as served:
        yield served


@pytest.fixture
def sync(store: Store, box: sandbox.Box) -> Callable[[str], Ran]:
    """A whole run of a feed, through its client and its budget."""
    upstreams = {name: UpstreamSettings(base_url=f"{box.url}/feeds/{name}") for name in TABLE}
    settings = Settings(upstreams=upstreams)

    def ran(name: str) -> Ran:
        source = feeds()[name]
        admission = begin(store, source)

        async def work() -> Ran:
            budget = RequestBudget(gate=Budgets(store), patience_seconds=0)
            async with UpstreamClient(source.upstream, settings, budget=budget) as client:
                pulled = await pull(store, source, client, admission.session_id, mode=admission.mode)
            pruned = prune(store, source, admission.session_id)
            status = complete(store, admission.session_id)
            return Ran(
                session_id=admission.session_id,
                status=status,
                pulled=pulled,
                deleted=pruned.tally.deleted,
                refused=pruned.refused,
            )

        return asyncio.run(work())

    return ran


def feeds() -> dict[str, Source]:
    return {source.name: source for source in sources_with_dataset() if source.required_dataset.table is Listing}


def test_feeds_run_and_spend_as_the_seed_says() -> None:
    """Each feed has an interval, an upstream and a budget of its own."""
    assert {name: source.upstream.name for name, source in feeds().items()} == {name: name for name in TABLE}
    found: dict[str, tuple[float | None, int]] = {}
    for deployment in read_deployments():
        if deployment.source in TABLE:
            (budget,) = feeds()[deployment.source].upstream.budgets
            assert isinstance(budget.policy, SlidingWindow)
            assert budget.policy.period_seconds == 3600
            (schedule,) = deployment.schedules
            by_hours = None if schedule.cron is None else SECONDS_OF_CRON[schedule.cron.partition(" ")[2]]
            found[deployment.source] = (by_hours or schedule.interval, budget.policy.limit)
    assert found == TABLE


def test_feeds_are_tried_and_left_alone_as_the_seed_says() -> None:
    """Backoff from 1 s doubling to 60 s with 10 % jitter; 5 failures, 5 minutes, 3 probes."""
    for source in feeds().values():
        retry = source.retry
        assert isinstance(retry, Backoff)
        assert (retry.initial, retry.maximum, retry.factor, retry.jitter) == (1, 60, 2, 0.1)
        breaker = source.breaker
        assert (breaker.failures, breaker.reset_after_seconds, breaker.half_open_probes) == (5, 300, 3)


@pytest.mark.parametrize("name", TABLE)
def test_a_feed_is_kept_in_step_to_the_last_count(sync: Callable[[str], Ran], box: sandbox.Box, name: str) -> None:
    """Full lists, replaced often: what came, changed, stayed and went comes out exact."""
    feed = box.feeds[name]
    count = len(feed)
    first = sync(name)
    assert (first.pulled.created, first.pulled.rejected, first.status) == (count, 0, "completed")
    feed.change(create=3, update=4, delete=2)
    second = sync(name)
    assert second.refused is None
    tally = (second.pulled.created, second.pulled.updated, second.pulled.unchanged, second.deleted)
    assert tally == (3, 4, count - 6, 2)


@pytest.mark.parametrize("name", TABLE)
def test_a_feed_fills_the_columns_that_a_site_shows(
    sync: Callable[[str], Ran], store: Store, box: sandbox.Box, name: str
) -> None:
    """A mapping with a wrong path would leave a column empty without a word; nothing else of the item is lost."""
    sync(name)
    with store.read() as connection:
        shown = stored.page(connection, Wanted(source=name), limit=1_000)
    there = {str(item[box.feeds[name].kind.key]) for item in box.feeds[name].items()}
    assert {one.listing.external_id for one in shown} == there
    for column in FILLED[name].split():
        assert all(getattr(one.listing, column) is not None for one in shown), column
    assert not any(set(source_fields(name)) & set(one.listing.attributes or {}) for one in shown)
    moderated = name == "community"
    assert set(statuses(store, name).values()) == {ItemStatus.PENDING if moderated else ItemStatus.LIVE}


def source_fields(name: str) -> list[str]:
    """The top-level keys that a feed's mapping takes whole."""
    return [path for path in feeds()[name].required_dataset.fields.values() if "." not in path]


def test_one_feed_spends_nothing_of_anothers(sync: Callable[[str], Ran], store: Store) -> None:
    """A loud neighbour must not keep the others waiting."""
    sync("points")
    keys = [key for source in feeds().values() for key in source.upstream.budget_keys]
    assert len({key.name for key in keys}) == 7
    used = {key.name: Budgets(store).state(key).tokens for key in keys}
    spent = [name for name, tokens in used.items() if tokens < TABLE[name.partition(":")[0]][1]]
    assert spent == ["points:requests"]
