"""A whole instance, as `syncline up` starts it: a real Prefect server and runner, one for each test process.

It is ended with the last test that needs it: an idle one takes a fifth of a core from those that follow.
"""

import asyncio
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe

import pytest
from pydantic import SecretStr

import sandbox
from deployments.local.supervisor import Supervisor
from deployments.reconciling import reconcile_once
from support.instance import Instance, child_env, eventually, free_port, start_prefect
from support.kept import Kept
from syncline.model.session import SyncSession
from syncline.model.target import Target
from syncline.settings import Settings, UpstreamSettings
from syncline.store import holds, schema
from syncline.store.engine import Store

__all__ = ["alone", "calm", "kept", "served"]


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory, prefect_home: Callable[[Path], None]) -> Iterator[Kept[Instance]]:
    with Kept(lambda: _instance(tmp_path_factory.mktemp("instance"), prefect_home)) as kept:
        yield kept


@pytest.fixture
def served(kept: Kept[Instance]) -> Instance:
    """The instance, with its runner, which is started again where a test has left none."""
    instance = kept.get()
    if not instance.runners:
        instance.restart_runner()
    return instance


@contextmanager
def _instance(home: Path, prefect_home: Callable[[Path], None]) -> Generator[Instance]:
    changed = [name for name in os.environ if name.startswith("SYNCLINE_")]
    assert not changed, f"ask for `served` before what sets {changed}: all tests share this instance"
    prefect_home(home)
    with sandbox.serving(seed=7, products=60, customers=5) as box, Supervisor(home / "logs") as supervisor:
        settings = _settings(home, box)
        store = Store(settings.database)
        schema.upgrade(store)
        start_prefect(supervisor, settings)
        env = child_env(settings)
        instance = Instance(settings=settings, store=store, box=box, supervisor=supervisor, env=env, runners=[])
        instance.runners.append(instance.start_runner())
        yield instance
        store.close()


@pytest.fixture
def calm(served: Instance) -> Instance:
    """The instance with its first runs behind it, and an upstream that behaves."""
    _calm(served)
    return served


@pytest.fixture
def alone(kept: Kept[Instance]) -> Instance:
    """The same without a runner: a test starts one of its own, and ends it; a start takes 8 CPU seconds."""
    instance = kept.get()
    _calm(instance)
    while instance.runners:
        instance.runners.pop().stop()
    return instance


def _calm(instance: Instance) -> None:
    instance.box.faults.clear()
    with instance.store.write() as connection:  # what a test that failed has left
        holds.release_all(connection, Target("products"), now=instance.store.clock.now())
    asyncio.run(reconcile_once(instance.settings, instance.store))  # a run that a test killed with its runner
    for source in ("products", "customers"):
        eventually(lambda source=source: _ended(instance, source), f"first run of {source}")
    instance.box.requests.clear()


def _ended(served: Instance, source: str) -> SyncSession | None:
    found = served.sessions(source)
    return found[0] if found and all(session.completed_at for session in found) else None


def _settings(home: Path, box: sandbox.Box) -> Settings:
    upstream = UpstreamSettings(base_url=box.url, token=SecretStr(box.token))
    return Settings(
        home=home,
        prefect_port=free_port(),
        web_port=free_port(),
        sandbox_port=free_port(),
        prefect_secret=SecretStr(token_urlsafe(32)),
        upstreams={"erp": upstream},
    )
