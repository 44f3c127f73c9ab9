"""What is told of a manual run that was interrupted."""

from datetime import timedelta

import pytest

from deployments.local.run_once import session_of
from flows.products import PRODUCTS
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.errors import StoreError
from syncline.model.session import Status, Trigger
from syncline.passes.closing import close
from syncline.store.engine import Store


def test_a_run_that_was_interrupted_before_it_began_is_not_told_as_an_earlier_one(sqlite_store: Store) -> None:
    """`completed, 500 items` after Ctrl-C would be the summary of yesterday's run."""
    earlier = admit(sqlite_store, PRODUCTS, DueRun(trigger=Trigger.MANUAL)).session_id
    close(sqlite_store, earlier, Status.CANCELLED)
    now = sqlite_store.clock.now()
    assert session_of(sqlite_store, "products", None, began=now).id == earlier
    with pytest.raises(StoreError, match="cancelled before it began"):
        session_of(sqlite_store, "products", None, began=now + timedelta(seconds=1))
