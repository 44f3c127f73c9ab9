"""Mentions as a source: passes over the simulated X, with budgets and a database, interrupted and gone on with."""

import asyncio
from collections.abc import Callable, Generator

import pytest
from sqlmodel import Session, col, select
from support.runs import begin

import sandbox
from syncline.clock import ManualClock
from syncline.contests.x import MENTIONS_PATH, Mentions
from syncline.errors import DeferredError
from syncline.listings.tables import Listing
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.dataset import Dataset
from syncline.model.policies import Deletes, Mode
from syncline.model.session import Status, Tally
from syncline.model.source import Source
from syncline.model.upstream import Auth, Upstream
from syncline.passes import prune as pruning
from syncline.passes import pull as pulling
from syncline.passes.closing import close, complete
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

X = Upstream(
    name="x",
    auth=Auth.BEARER,
    budgets=(Budget(name="mentions", policy=SlidingWindow(limit=2, period_seconds=900), paths=MENTIONS_PATH),),
)
Run = Callable[[Mode], Tally]


@pytest.fixture
def box(clock: ManualClock) -> Generator[sandbox.Box]:
    """X on the test's own clock, which has five pages of fifty mentions."""
    with sandbox.serving(products=1, customers=1, pools=1, mentions=250, clock=clock.now) as served:
        yield served


@pytest.fixture
def source(box: sandbox.Box) -> Source:
    """Mentions, kept as listings: any table with a text key and an instant does."""
    return Source(
        name="mentions",
        upstream=X,
        dataset=Dataset(
            pages=Mentions(user_id=box.x.user_id, page_size=50),
            table=Listing,
            fields={"external_id": "id", "title": "text", "updated_at": "created_at"},
            updated_field="updated_at",
            deletes=Deletes(never=True, full_pass_every_seconds=None),
        ),
        patience_seconds=0,
    )


@pytest.fixture
def run(box: sandbox.Box, source: Source, sqlite_store: Store, clock: ManualClock) -> Run:
    """One session; a deferred one leaves its checkpoint, and returns what it stored all the same."""
    given = UpstreamSettings.model_validate({"base_url": f"{box.url}/x", "token": box.x_token})

    async def pulled(session_id: str, mode: Mode) -> Tally:
        budget = RequestBudget(gate=Budgets(sqlite_store), patience_seconds=0)
        settings = Settings(upstreams={"x": given})
        async with UpstreamClient(X, settings, clock=clock, budget=budget) as client:
            return await pulling.pull(sqlite_store, source, client, session_id, mode=mode)

    def running(mode: Mode) -> Tally:
        admission = begin(sqlite_store, source, mode=mode)
        try:
            tally = asyncio.run(pulled(admission.session_id, admission.mode))
        except DeferredError as deferred:
            close(
                sqlite_store, admission.session_id, Status.DEFERRED, reason=deferred.reason, retry_at=deferred.retry_at
            )
            raise
        pruned = pruning.prune(sqlite_store, source, admission.session_id)
        complete(sqlite_store, admission.session_id)
        return tally + pruned.tally

    return running


def stored(store: Store) -> list[str]:
    """The ids of the stored mentions, newest first."""
    with store.read() as connection:
        rows = Session(connection).exec(select(Listing).order_by(col(Listing.external_id).desc())).all()
    return [row.external_id for row in rows]


def test_a_pass_that_the_budget_interrupts_loses_and_doubles_nothing(
    box: sandbox.Box, run: Run, sqlite_store: Store, clock: ManualClock
) -> None:
    """Two pages in a quarter of an hour, while people write and delete: in the end all is there, each once."""
    before = box.x.tweets.public_ids()
    for given in (100, 200):
        with pytest.raises(DeferredError, match="x:mentions is spent"):
            run(Mode.INCREMENTAL)
        assert stored(sqlite_store) == before[:given]
        clock.advance(seconds=910)
        box.x.tweets.add(30)
        for tweet_id in before[given - 10 : given]:
            box.x.tweets.delete(tweet_id)
    assert run(Mode.INCREMENTAL).created == 50
    assert stored(sqlite_store) == before
    clock.advance(seconds=910)
    tally = run(Mode.INCREMENTAL)
    assert (tally.created, tally.updated, tally.pages) == (60, 0, 2)
    assert set(stored(sqlite_store)) == set(before) | set(box.x.tweets.public_ids())
    assert box.x.windows["mentions"].refused == 0


def test_what_x_no_longer_lists_stays(box: sandbox.Box, run: Run, sqlite_store: Store, clock: ManualClock) -> None:
    """X shows the newest 800 and no more: an entry is gone when a lookup says so, and not before."""
    box.x.settings = box.x.settings.changed({"reach": 80})
    assert run(Mode.FULL).created == 80
    kept = stored(sqlite_store)
    clock.advance(seconds=910)
    box.x.tweets.add(70)
    tally = run(Mode.FULL)
    assert (tally.created, tally.deleted) == (70, 0)
    assert set(kept) < set(stored(sqlite_store))
    clock.advance(seconds=910)
    box.x.tweets.add(2)
    assert run(Mode.INCREMENTAL).created == 2


def test_a_poll_of_a_quiet_timeline_takes_one_request(box: sandbox.Box, run: Run, clock: ManualClock) -> None:
    """Ten in a quarter of an hour are enough for one every two minutes only then."""
    box.x.settings = box.x.settings.changed({"reach": 20})
    run(Mode.FULL)
    clock.advance(seconds=910)
    assert (run(Mode.INCREMENTAL).requests, box.x.windows["mentions"].admitted) == (1, 2)
