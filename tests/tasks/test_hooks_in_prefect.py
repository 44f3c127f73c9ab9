"""The breaker and the session as Prefect's own engine calls the hooks: each attempt is told once, no matter by whom."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.instance import Instance

import sandbox

pytestmark = pytest.mark.slow

RUN = """
import json, sys
from dataclasses import replace
from deployments.local import run_once
from syncline.settings import load_settings
run_once._set_environment(load_settings())  # before Prefect is imported
import flows.products as shop
from flows import registry
from syncline.model.policies import BreakerPolicy, Mode, Retry
from syncline.store.breakers import Breakers
from tasks.admit import admit
from tasks.context import open_store
from tasks.flow import sync_flow
from tasks.prune import prune
from tasks.pull import pull

PRODUCTS = replace(
    shop.PRODUCTS, retry=Retry(attempts=3, delays_seconds=(0, 0)), breaker=BreakerPolicy(failures=int(sys.argv[1]))
)

@sync_flow(PRODUCTS)
async def sync_products(mode: Mode = Mode.INCREMENTAL, force: bool = False):
    await admit(PRODUCTS)
    tally = await pull(PRODUCTS, mode)
    return tally + await prune(PRODUCTS, mode, force=force)

entry = registry.Entry(source=PRODUCTS, flow=sync_products, entrypoint="__main__.sync_products")
registry.entries()["products"] = entry
session = run_once.run_once(load_settings(), "products", mode=Mode.FULL)
breaker = Breakers(open_store()).state(PRODUCTS)
print(json.dumps([session.status, session.retry_count, session.error_type, breaker.state, breaker.failures]))
"""
Run = Callable[[int], list[object]]


@pytest.fixture
def box() -> Iterator[sandbox.Box]:
    with sandbox.serving(seed=7, products=30, customers=5) as served:
        yield served


@pytest.fixture
def run(box: sandbox.Box, tmp_path: Path, served: Instance) -> Run:
    """Runs the flow in a process of its own, with a breaker that opens after so many failures."""
    beside = {
        "SYNCLINE_UPSTREAMS__ERP__BASE_URL": box.url,
        "SYNCLINE_UPSTREAMS__ERP__TOKEN": box.token,
    }
    env = os.environ | served.beside(tmp_path) | beside

    def run(failures: int) -> list[object]:
        command = [sys.executable, "-c", RUN, str(failures)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_each_attempt_counts_once_and_a_success_forgets_them(run: Run, box: sandbox.Box) -> None:
    """Two attempts that are tried again, and the last one, are three failures; the next run's success is none."""
    box.faults.add("status", path="/erp/products", code=503, count=3)
    assert run(5) == ["failed", 2, "UnavailableError", "closed", 3]
    box.faults.clear()
    assert run(5) == ["completed", 0, None, "closed", 0]


def test_the_attempt_that_opens_the_breaker_is_the_last_one(run: Run, box: sandbox.Box) -> None:
    """The body tells of it, and Prefect then asks whether to try again; the hook that follows tells nothing twice."""
    box.faults.add("status", path="/erp/products", code=503, count=None)
    assert run(2) == ["failed", 1, "UnavailableError", "open", 2]
    assert box.faults.orders()[0].struck == 2
