from collections.abc import Callable
from subprocess import CompletedProcess

from flows.products import PRODUCTS
from syncline.resilience.breaker import BreakerState, Outcome
from syncline.store import audit
from syncline.store.breakers import Breakers, Permit
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


def test_a_breaker_is_held_open_and_reset_on_the_audit_log(syncline: Syncline, store: Store) -> None:
    """Who knows that an upstream is down spares it, and who mended it does not wait."""
    assert syncline("breaker", "open", "products").returncode == 0
    assert Breakers(store).state(PRODUCTS).state is BreakerState.FORCED_OPEN
    assert "closed; the next run goes" in syncline("breaker", "reset", "products").stdout
    assert Breakers(store).state(PRODUCTS).state is BreakerState.CLOSED
    assert "it was closed already" in syncline("breaker", "reset", "products").stdout
    with store.read() as connection:
        actions = [entry.action for entry in audit.latest(connection)]
    assert actions[-2:] == ["breaker.reset", "breaker.open"]


def test_a_breaker_says_how_it_stands(syncline: Syncline, store: Store) -> None:
    """The first question about a source that does not run."""
    permit = Breakers(store).admit(PRODUCTS)
    assert isinstance(permit, Permit)
    Breakers(store).record(permit, Outcome.FAILURE)
    assert syncline("breaker", "show", "products").stdout == "breaker: closed, 1 failure in a row\n"
    for _ in range(4):
        Breakers(store).record(permit, Outcome.FAILURE)
    assert "open until" in syncline("breaker", "show", "products").stdout


def test_a_wrong_name_is_told(syncline: Syncline, store: Store) -> None:
    """As everywhere: the names that there are."""
    done = syncline("breaker", "reset", "prducts")
    assert done.returncode == 2
    assert "there are: airdrops, " in done.stderr
