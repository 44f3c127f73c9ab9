from collections.abc import Iterator

import httpx
import pytest

import sandbox
from syncline.clock import ManualClock


@pytest.fixture
def box(clock: ManualClock) -> Iterator[sandbox.Box]:
    """A sandbox whose time is moved by hand, with budgets that are in nobody's way."""
    with sandbox.serving(products=1, customers=1, pools=1, mentions=130, clock=clock.now) as served:
        served.x.settings = served.x.settings.changed({"mentions_limit": 100, "lookups_limit": 100})
        yield served


@pytest.fixture
def client(box: sandbox.Box) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {box.x_token}"}
    with httpx.Client(base_url=box.url, headers=headers, timeout=120) as opened:
        yield opened
