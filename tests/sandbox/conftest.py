from collections.abc import Iterator

import httpx
import pytest

import sandbox


@pytest.fixture
def box() -> Iterator[sandbox.Box]:
    with sandbox.serving(seed=7, products=250, customers=40) as served:
        yield served


@pytest.fixture
def client(box: sandbox.Box) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {box.token}"}
    with httpx.Client(base_url=box.url, headers=headers, timeout=120) as opened:
        yield opened
