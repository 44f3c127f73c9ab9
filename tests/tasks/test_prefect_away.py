"""What a run does when Prefect's server does not answer: there is none in these tests."""

import asyncio
from uuid import uuid4

from prefect.client.schemas.objects import FlowRun

from tasks.admit import rename
from tasks.limit import label_lease

FLOW_RUN = FlowRun(id=uuid4(), flow_id=uuid4(), name="products-incremental")


def test_a_run_goes_on_though_its_name_cannot_be_changed() -> None:
    """The name is for the eye; the session is open, and its pages can be fetched."""
    asyncio.run(rename(FLOW_RUN, "products-full"))


def test_a_run_goes_on_though_its_slot_cannot_be_named() -> None:
    """The label frees the slot of a dead run sooner; a living one does without."""
    asyncio.run(label_lease(FLOW_RUN, str(uuid4())))
