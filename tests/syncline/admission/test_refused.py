"""Credentials that an upstream refuses: one request, then nobody asks until somebody looked or they changed."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import text
from support.runs import products_source
from support.sources import altered
from support.upstream import ListPages

from syncline.admission import refused
from syncline.admission.admit import admit
from syncline.admission.due_run import Admission, DueRun
from syncline.errors import RateLimitedError, RefusedError
from syncline.model.policies import Mode
from syncline.model.session import Status, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.model.upstream import Auth, Upstream
from syncline.passes.closing import close
from syncline.passes.pull import pull
from syncline.settings import Settings, UpstreamSettings
from syncline.store import audit, holds, sessions
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.rest import RestPages

SHOP = Upstream(name="shop", auth=Auth.BEARER)
PRODUCTS = altered(products_source(ListPages()), name="products", upstream=SHOP, pages=RestPages(path="/products"))
CUSTOMERS = replace(PRODUCTS, name="customers")
OLD, NEW = "old-secret-token", "new-secret-token"


def settings(token: str, url: str = "https://shop.example") -> Settings:
    return Settings(upstreams={"shop": UpstreamSettings.model_validate({"base_url": url, "token": token})})


class Shop:
    """Refuses every token but the new one; its answers repeat what it was sent."""

    def __init__(self, status: int = 401) -> None:
        self.asked = 0
        self.status = status
        self.headers: dict[str, str] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if request.headers["authorization"] == f"Bearer {NEW}":
            return httpx.Response(200, json=[], request=request)
        said = {"error": f"bad token {request.headers['authorization']}"}
        return httpx.Response(self.status, json=said, headers=self.headers, request=request)


def tick(store: Store, shop: Shop, token: str = OLD, source: Source = PRODUCTS) -> Admission | Exception:
    """One run, as a flow makes it; the admission where it was not let in, else what ended it."""
    known = settings(token)
    admission = admit(store, source, DueRun(trigger=Trigger.SCHEDULE), settings=lambda: known)
    if not admission.granted:
        return admission

    async def pulled() -> None:
        budget = RequestBudget(gate=Budgets(store), patience_seconds=0)
        transport = httpx.MockTransport(shop.answer)
        async with UpstreamClient(source.upstream, known, transport=transport, budget=budget) as client:
            await pull(store, source, client, admission.session_id, mode=Mode.FULL)

    try:
        asyncio.run(pulled())
    except (RefusedError, RateLimitedError) as error:
        close(store, admission.session_id, Status.FAILED, error=error)
        return error
    close(store, admission.session_id, Status.COMPLETED)
    return admission


@pytest.mark.parametrize("status", [401, 403])
def test_six_ticks_with_refused_credentials_make_one_request(store: Store, status: int) -> None:
    """Going on locks the account; one tick fails, the others are skipped with the reason."""
    shop = Shop(status)
    first, *later = [tick(store, shop) for _ in range(6)]
    assert isinstance(first, RefusedError)
    assert shop.asked == 1
    for one in later:
        assert isinstance(one, Admission)
        assert one.status is Status.SKIPPED
        assert one.reason is not None
        assert one.reason.startswith(f"paused: shop refused us ({status}): check SYNCLINE_UPSTREAMS__SHOP__TOKEN")
    with store.read() as connection:
        assert len(holds.active_all(connection, now=store.clock.now())) == 1


def test_no_secret_is_kept_of_refused_credentials(store: Store) -> None:
    """What the upstream says is shown to many; what was refused may be the token of tomorrow, or of another API."""
    tick(store, Shop())
    with store.read() as connection:
        tables = ("SELECT * FROM holds", "SELECT * FROM audit_log", "SELECT * FROM sync_sessions")
        kept = [str(connection.execute(text(table)).all()) for table in tables]
    assert not any(OLD in one for one in kept)


def test_changed_credentials_are_tried_at_once(store: Store) -> None:
    """Anyone who mends the token need not know of the hold; the audit log says why it ended."""
    shop = Shop()
    tick(store, shop)
    done = tick(store, shop, NEW)
    assert isinstance(done, Admission)
    assert done.granted
    assert shop.asked == 2
    with store.read() as connection:
        assert holds.active_all(connection, now=store.clock.now()) == []
        entries = [(entry.actor, entry.action, entry.target) for entry in audit.latest(connection)]
    assert entries == [("syncline", "hold.release", "products"), ("syncline", "hold.create", "products")]


def test_another_address_counts_as_changed(store: Store) -> None:
    """The token may be right where it is asked next."""
    tick(store, Shop())
    elsewhere = settings(OLD, "https://new.shop.example")
    assert refused.release_changed(store, PRODUCTS, lambda: elsewhere) == 1


def test_a_token_that_is_not_set_changes_nothing(store: Store) -> None:
    """There is nothing to try; and the hold says what to set."""
    tick(store, Shop())
    unset = Settings(upstreams={"shop": UpstreamSettings(base_url="https://shop.example")})
    assert refused.release_changed(store, PRODUCTS, lambda: unset) == 0


def test_settings_are_read_only_where_credentials_were_refused(store: Store) -> None:
    """Every tick of every source asks; reading files for it would slow them all."""

    def read() -> Settings:
        raise AssertionError

    now = store.clock.now()
    with store.write() as connection:
        holds.create(connection, Target("products"), reason="stocktaking", created_by="me", now=now, ttl_seconds=None)
    assert refused.release_changed(store, PRODUCTS, read) == 0


def test_an_operator_may_have_it_tried_again(store: Store) -> None:
    """The account may have been unlocked over there; it is one request more, and held again where it was not."""
    shop = Shop()
    tick(store, shop)
    with store.write() as connection:
        assert holds.release_all(connection, Target("products"), now=store.clock.now()) == 1
    assert isinstance(tick(store, shop), RefusedError)
    assert isinstance(tick(store, shop), Admission)
    assert shop.asked == 2


def test_each_source_of_the_upstream_asks_once(store: Store) -> None:
    """A permission may be missing for one of them only; none goes on asking."""
    shop = Shop()
    for _ in range(3):
        tick(store, shop)
        tick(store, shop, source=CUSTOMERS)
    assert shop.asked == 2


def test_a_403_about_the_rate_holds_nothing(store: Store) -> None:
    """It passes by itself."""
    shop = Shop(403)
    shop.headers = {"Retry-After": "90"}
    source = replace(PRODUCTS, patience_seconds=0)
    with pytest.raises(Exception, match="asks to slow down"):
        tick(store, shop, source=source)
    with store.read() as connection:
        assert holds.active_all(connection, now=store.clock.now()) == []


def test_a_refusal_that_no_answer_tells_of_holds_nothing(store: Store) -> None:
    """A protected account inside of a 200 is no wrong token."""
    said = RefusedError("x does not let us see the mentions of 1", upstream="x")
    assert refused.hold(store, PRODUCTS, None, said) is None


def test_the_session_counts_the_request_that_was_refused(store: Store) -> None:
    """Nothing came of it, but the upstream got it."""
    tick(store, Shop())
    with store.read() as connection:
        newest = sessions.latest_started(connection, Target("products"))
    assert newest is not None
    assert (newest.status, newest.requests) == (Status.FAILED, 1)
