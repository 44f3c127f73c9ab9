"""Flows whose upstream refuses their credentials."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlmodel import Session, select

import sandbox
from flows.products import sync_products
from syncline.errors import RefusedError
from syncline.model.session import Status, SyncSession
from syncline.model.tables import AuditEntry, Hold
from syncline.model.target import Target
from syncline.passes.closing import close
from syncline.store import holds, sessions
from syncline.store.engine import Store
from tasks.session_closing import refusal_event


def refused_run(store: Store) -> None:
    """A run that fails; its session is closed as the flow's hook does it."""
    with pytest.raises(RefusedError) as caught:
        asyncio.run(sync_products.fn())
    with store.read() as connection:
        (running,) = sessions.running(connection, "products")
    close(store, running.id, Status.FAILED, error=caught.value)


def test_a_flow_whose_credentials_are_refused_is_held_until_they_change(
    instance: Store, box: sandbox.Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ticks cost no request and say why; a token that is set anew is tried without anybody's releasing the hold."""
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__TOKEN", "revoked")
    refused_run(instance)
    state = asyncio.run(sync_products.fn())
    assert state.name == "Skipped"
    assert "SYNCLINE_UPSTREAMS__ERP__TOKEN" in (state.message or "")
    assert len(box.requests.entries()) == 1
    with Session(instance.engine) as session:
        assert [one.requests for one in session.exec(select(SyncSession).order_by("started_at"))] == [1, 0]
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__TOKEN", box.token)
    assert asyncio.run(sync_products.fn()).name == "Completed"
    with Session(instance.engine) as session:
        said = [(entry.actor, entry.action) for entry in session.exec(select(AuditEntry).order_by("id"))]
    assert said == [("syncline", "hold.create"), ("syncline", "hold.release")]


def test_resuming_has_the_same_credentials_tried_once_more(
    instance: Store, box: sandbox.Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was wrong may have been put right over there."""
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__TOKEN", "revoked")
    refused_run(instance)
    with instance.write() as connection:
        holds.release_all(connection, Target("products"), now=instance.clock.now())
    refused_run(instance)
    assert asyncio.run(sync_products.fn()).name == "Skipped"
    assert len(box.requests.entries()) == 2


def test_prefect_is_told_of_refused_credentials_with_what_to_check() -> None:
    """Somebody must look: an automation turns the event into a message."""
    hold = Hold(
        id="hold-1",
        source="products",
        reason="erp refused us (401): check SYNCLINE_UPSTREAMS__ERP__TOKEN, and what they permit",
        created_by="syncline",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        refused="salt:digest",
    )
    event = refusal_event(hold, "erp")
    assert (event.event, event.resource.id) == ("syncline.credentials.refused", "syncline.source.products")
    assert event.payload == {"source": "products", "upstream": "erp", "reason": hold.reason, "hold": "hold-1"}
    assert event.occurred == hold.created_at
