from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Any

import pytest

from syncline.erp.tables import Customer, Product
from syncline.model.dataset import Dataset
from syncline.model.items import Item
from syncline.model.page import Ask, Page, Transport
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.store import sessions
from syncline.store.engine import Store

Record = Callable[..., SyncSession]


class NoPages:
    """A connector to an upstream that lists nothing."""

    incremental = False
    shifting = False

    async def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page, None]:
        del transport, ask
        for page in ():
            yield page


def source(name: str, table: type[Item]) -> Source:
    return Source(
        name=name,
        upstream=Upstream(name="erp"),
        dataset=Dataset(pages=NoPages(), table=table),
    )


@pytest.fixture
def sources() -> list[Source]:
    return [source("products", Product), source("customers", Customer)]


@pytest.fixture
def record(store: Store) -> Record:
    """Puts a session on record, begun `after` seconds, which took `took` seconds; None: it is open."""

    def recorded(
        status: Status, *, after: float = 0, took: float | None = 1, name: str = "products", **values: object
    ) -> SyncSession:
        begun = store.clock.now() + timedelta(seconds=after)
        fields: dict[str, Any] = {"trigger": Trigger.SCHEDULE, "mode": Mode.INCREMENTAL} | values
        completed_at = None if took is None else begun + timedelta(seconds=took)
        identity: dict[str, Any] = {"id": sessions.new_id(name, begun), "source": name, "started_at": begun}
        session = SyncSession(**identity, status=status, completed_at=completed_at, **fields)
        with store.write() as connection:
            sessions.insert_session(connection, session)
        return session

    return recorded
