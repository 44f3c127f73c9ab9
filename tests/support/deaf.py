"""A flow whose code keeps the event loop to itself, so that nothing in its process can cancel it."""

from flows.products import PRODUCTS
from support.hanging import Never
from support.sources import altered
from syncline.model.policies import Mode
from syncline.model.session import Tally
from tasks.admit import admit
from tasks.flow import sync_flow
from tasks.pull import pull

__all__ = ["DEAF", "sync"]

DEAF = altered(PRODUCTS, pages=Never(in_thread=False), updated_field=None, timeout_seconds=2)


@sync_flow(DEAF)
async def sync(mode: Mode = Mode.FULL) -> Tally:
    await admit(DEAF, mode)
    return await pull(DEAF, mode)
