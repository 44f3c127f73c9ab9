"""What is left of runs when Syncline is ended on a machine."""

from uuid import uuid4

from deployments.ended import ENDED, close_ended
from flows.customers import CUSTOMERS
from flows.products import PRODUCTS
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.target import Target
from syncline.store import leases, sessions
from syncline.store.engine import Store


def found(store: Store, session_id: str) -> SyncSession:
    with store.read() as connection:
        session = sessions.find(connection, session_id)
    assert session is not None
    return session


def test_a_session_that_no_hook_could_close_is_cancelled_with_its_run(store: Store) -> None:
    """Prefect's server was away, so no hook was called; others that work are left alone."""
    ended, other = uuid4(), uuid4()
    cut_off = admit(store, PRODUCTS, DueRun(trigger=Trigger.API, flow_run_id=str(ended))).session_id
    works = admit(store, CUSTOMERS, DueRun(trigger=Trigger.API, flow_run_id=str(other))).session_id
    assert close_ended(store, {ended}) == [cut_off]
    assert (found(store, cut_off).status, found(store, cut_off).reason) == (Status.CANCELLED, ENDED)
    assert found(store, works).status is Status.RUNNING
    with store.read() as connection:
        assert leases.has_run_out(leases.holder(connection, Target("products")), cut_off, now=store.now(connection))
