"""An unfinished pass: gone on with where it can be, begun anew where it cannot, and bounded."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from support.answering import Answering, Refusal
from support.odd_shop import shop, source_of
from support.runs import begin, dead_process, pull, run, session, stored
from support.sources import altered

from syncline.errors import RejectedError, UnavailableError
from syncline.model.session import Status, Trigger
from syncline.store import checkpoints
from syncline.store.engine import Store
from syncline.upstreams.paging import Cursor
from syncline.upstreams.rest import RestPages


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
def test_a_resume_token_that_is_forgotten_begins_the_pass_anew(store: Store, status: int) -> None:
    """Cursors live for minutes at some; asked with a dead one, the source stood still for ever."""
    server = shop()
    source = source_of(Cursor())
    generation = {"dies": False}

    def answer(query: Mapping[str, str]) -> object:
        if generation["dies"] and query.get("cursor") == "20":
            generation["dies"] = False
            return Refusal(status)
        return server(query)

    server.altered = {2: lambda _: {"error": "down"}}
    with pytest.raises(UnavailableError):
        pull(store, source, begin(store, source, process=dead_process()), transport=Answering(answer))
    server.altered, generation["dies"] = {}, True
    ran = run(store, source, transport=Answering(answer))
    assert (ran.status, len(stored(store))) == (Status.COMPLETED, 40)


@pytest.mark.parametrize("status", [400, 404])
def test_a_list_that_refuses_its_first_page_as_well_is_an_error(store: Store, status: int) -> None:
    """Beginning anew is tried once, not for ever."""
    server = shop()
    source = source_of(Cursor())
    server.altered = {2: lambda _: {"error": "down"}}
    admission = begin(store, source)
    with pytest.raises(UnavailableError):
        pull(store, source, admission, transport=Answering(server))
    refusing = Answering(lambda _: Refusal(status))
    with pytest.raises(RejectedError):
        pull(store, source, admission, transport=refusing)
    assert len(refusing.asked) == 2


@pytest.mark.parametrize("change", ["origin", "paging", "fields", "age", "by hand"])
def test_a_pass_that_was_begun_otherwise_begins_anew(store: Store, clock: Any, change: str) -> None:  # noqa: ANN401 - a ManualClock
    """Half of the rows from one server, declaration or month, and half from another, are no list."""
    server = shop()
    source = source_of(Cursor())
    server.altered = {2: lambda _: {"error": "down"}}
    admission = begin(store, source, process=dead_process())
    with pytest.raises(UnavailableError):
        pull(store, source, admission, transport=Answering(server))
    server.altered = {}
    transport = Answering(server, origin="http://elsewhere" if change == "origin" else "http://odd")
    if change == "paging":
        source = source_of(Cursor(size="per_page", page_size=10))
    if change == "fields":
        source = altered(source, fields={"description": "about"})
    if change == "age":
        clock.advance(seconds=source.required_dataset.resume_within_seconds + 1)
    trigger = Trigger.MANUAL if change == "by hand" else Trigger.SCHEDULE
    run(store, source, transport=transport, trigger=trigger)
    assert transport.asked[0].keys() <= {"per_page"}
    assert len(transport.asked) == 4


def test_a_full_pass_that_was_deferred_goes_on(store: Store) -> None:
    """Asked for by hand, it was begun anew once: when it comes back by itself, it goes on."""
    server = shop()
    source = source_of(Cursor())
    server.altered = {2: lambda _: {"error": "down"}}
    admission = begin(store, source, trigger=Trigger.MANUAL, process=dead_process())
    with pytest.raises(UnavailableError):
        pull(store, source, admission, transport=Answering(server))
    server.altered = {}
    transport = Answering(server)
    run(store, source, transport=transport, trigger=Trigger.RETRY)
    assert [query.get("cursor") for query in transport.asked] == ["20", "30"]


def test_a_session_sends_no_more_requests_than_it_may(store: Store) -> None:
    """The ceiling ends it as partial; the next one goes on there."""
    server = shop()
    source = source_of(Cursor(), max_requests=3)
    ran = run(store, source, transport=Answering(server))
    assert (ran.status, len(stored(store)), server.requests) == (Status.PARTIAL, 30, 3)
    assert "max_requests" in str(session(store, ran.session_id).reason)
    assert run(store, source, transport=Answering(server)).status is Status.COMPLETED
    assert len(stored(store)) == 40


def test_parameters_of_the_declaration_are_not_stored(store: Store) -> None:
    """A key among them would stand in each checkpoint, and in each backup."""
    server = shop()
    server.altered = {2: lambda _: {"error": "down"}}
    source = source_of(Cursor())
    assert isinstance(source.required_dataset.pages, RestPages)
    source = altered(source, pages=replace(source.required_dataset.pages, params={"code": "s3cret-of-mine"}))
    with pytest.raises(UnavailableError):
        pull(store, source, begin(store, source), transport=Answering(server))
    with store.read() as connection:
        row = checkpoints.read(connection, source.name, None)
    assert row is not None
    assert row.pass_state is not None
    assert "s3cret" not in row.pass_state
