"""What is deleted and what is claimed, whatever an upstream says of its list: on both databases."""

from typing import Any

import pytest
from support.answering import Answering
from support.odd_shop import KINDS, shop, source_of
from support.runs import begin, pull, run, session, stored

from syncline.errors import UnavailableError
from syncline.model.policies import Mode
from syncline.model.session import Status
from syncline.model.target import Target
from syncline.passes.prune import prune
from syncline.store import checkpoints
from syncline.store.engine import Store
from syncline.upstreams.paging import Cursor, Link, Offset, PageNumber, Paging


def cut(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "data": body["data"][:5], "next_cursor": None, "next": None}


@pytest.mark.parametrize("paging", KINDS)
def test_a_list_that_is_cut_short_deletes_nothing_and_is_partial(store: Store, paging: Paging) -> None:
    """The upstream itself counts 40; the session says what speaks against the end, and the next good pass ends well."""
    server = shop()
    source = source_of(paging)
    run(store, source, transport=Answering(server))
    server.altered = {2: cut, 3: lambda body: {**body, "data": [], "next_cursor": None}}
    ran = run(store, source, transport=Answering(server))
    assert (ran.deleted, ran.status, len(stored(store))) == (0, Status.PARTIAL, 40)
    assert "it counts 40" in str(session(store, ran.session_id).reason)
    server.altered = {}
    assert run(store, source, transport=Answering(server)).status is Status.COMPLETED


@pytest.mark.parametrize("paging", KINDS)
def test_force_deletes_nothing_behind_an_end_that_is_not_proved(store: Store, paging: Paging) -> None:
    """Force says that much may go, not that the upstream may be read in part."""
    server = shop()
    source = source_of(paging)
    run(store, source, transport=Answering(server))
    server.altered = {2: cut, 3: lambda body: {**body, "data": [], "next_cursor": None}}
    assert run(store, source, transport=Answering(server), force=True).deleted == 0


@pytest.mark.parametrize("paging", [PageNumber(page_size=10), Cursor(), Link(next_at="next")])
@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("request_number", [2, 3, 4])
def test_rows_that_go_behind_the_reader_hide_no_live_ones(
    store: Store, paging: Paging, request_number: int, *, total: bool
) -> None:
    """Ten rows go, and ten others slip over the page's border: they were taken for gone."""
    server = shop(tells_total=total)
    source = source_of(paging, total=total)
    run(store, source, transport=Answering(server))
    begun = server.requests

    def go(request: int) -> None:
        if request == begun + request_number:
            del server.rows[:10]

    server.before = go
    run(store, source, transport=Answering(server))
    assert set(stored(store)) >= set(range(11, 41))
    run(store, source, transport=Answering(server))
    assert set(stored(store)) == set(range(11, 41))


def test_a_stable_cursor_is_walked_once(store: Store) -> None:
    """Who declares it gets deletions for the price of one walk."""
    server = shop()
    source = source_of(Cursor(stable=True))
    run(store, source, transport=Answering(server))
    del server.rows[-3:]
    begun = server.requests
    ran = run(store, source, transport=Answering(server))
    assert (ran.deleted, server.requests - begun) == (3, 4)


@pytest.mark.parametrize("more", [None, "has_more"])
def test_an_incremental_pass_without_a_proved_end_keeps_its_cursor(store: Store, more: str | None) -> None:
    """What was not read would not be asked for again."""
    server = shop(15)
    source = source_of(Cursor(more=more), incremental=True)
    run(store, source, transport=Answering(server))
    before = checkpoint(store)
    for row in server.rows:
        row.update(name="new", updated_at="2026-01-11T00:00:00Z")
    server.altered = {1: lambda body: {**body, "data": []}}
    ran = run(store, source, mode=Mode.INCREMENTAL, transport=Answering(server))
    assert ran.status is Status.PARTIAL
    assert (checkpoint(store).cursor, checkpoint(store).read_to) == (before.cursor, before.read_to)
    server.altered = {}
    run(store, source, mode=Mode.INCREMENTAL, transport=Answering(server))
    assert set(stored(store).values()) == {"new"}


def checkpoint(store: Store) -> Any:  # noqa: ANN401 - a row, which is there
    with store.read() as connection:
        return checkpoints.read(connection, Target("products"))


@pytest.mark.parametrize("answer", [{"data": None, "errors": ["later"]}, {"error": "later"}, {"data": [], "error": 1}])
def test_a_failed_page_inside_a_success_fails_the_attempt(store: Store, answer: dict[str, object]) -> None:
    """It is tried again and counted by the breaker, as a 500 is; nothing is concluded from it."""
    server = shop()
    source = source_of(Cursor())
    run(store, source, transport=Answering(server))
    server.altered = {2: lambda _: answer}
    admission = begin(store, source)
    with pytest.raises(UnavailableError):
        pull(store, source, admission, transport=Answering(server))
    assert prune(store, source, admission.session_id).tally.deleted == 0


@pytest.mark.parametrize("place", [0, 10_000])
@pytest.mark.parametrize("paging", [*KINDS, Offset(page_size=10)])
def test_a_list_that_grows_in_each_walk_is_read_to_a_proved_end(store: Store, paging: Paging, place: int) -> None:
    """A shop that sells has a new order every minute: its source was partial for ever, and never got a cursor."""
    server = shop()
    source = source_of(paging)
    run(store, source, transport=Answering(server))
    gone = server.rows.pop(7)["id"]

    def grow(request: int) -> None:
        if request % 3 == 0:
            number = 100 + request
            server.rows.insert(place, {**server.rows[0], "id": number, "sku": f"SKU-{number}"})

    server.before = grow
    ran = run(store, source, transport=Answering(server))
    assert (ran.status, ran.deleted) == (Status.COMPLETED, 1)
    assert set(range(1, 41)).difference(stored(store)) == {gone}


@pytest.mark.parametrize("place", [0, -1])
def test_items_that_go_in_each_walk_leave_a_stable_list_with_a_proved_end(store: Store, place: int) -> None:
    """They move no others there."""
    server = shop()
    source = source_of(Cursor(stable=True))
    run(store, source, transport=Answering(server))
    server.before = lambda request: server.rows.pop(place) if request % 3 == 0 else None
    assert run(store, source, transport=Answering(server)).status is Status.COMPLETED
    assert set(stored(store)) >= {int(row["id"]) for row in server.rows}
