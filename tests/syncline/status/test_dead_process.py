"""What is reported of a session whose process was killed, until it is closed."""

import subprocess
import sys
from dataclasses import replace

import pytest
from support.records import open_session

from syncline.model.source import Source
from syncline.settings import Settings, UpstreamSettings
from syncline.status.problems import ProblemKind
from syncline.status.reading import read_report
from syncline.status.report import SourceReport, State
from syncline.status.schedules import Schedules
from syncline.store import leases
from syncline.store.engine import Store

SETTINGS = Settings(upstreams={"erp": UpstreamSettings(base_url="http://127.0.0.1:1")})


def told(store: Store, sources: list[Source]) -> SourceReport:
    return read_report(store, SETTINGS, sources, Schedules()).of("products")


@pytest.fixture
def dead() -> leases.Process:
    """A process of this machine that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    started = replace(leases.Process.current(), pid=ended.pid, started=1)
    ended.wait()
    return started


def hold(store: Store, process: leases.Process) -> None:
    with store.write() as connection:
        leases.acquire(connection, "source:products", "s1", process=process, now=store.clock.now())


def test_a_session_whose_process_was_killed_is_not_under_way(
    store: Store, sources: list[Source], dead: leases.Process
) -> None:
    """It stays open until the next start, and "running" would be a false word for as long."""
    open_session(store)
    hold(store, dead)
    found = told(store, sources)
    assert (found.state, found.is_healthy) == (State.STALLED, False)
    assert [problem.kind for problem in found.problems] == [ProblemKind.PROCESS_DIED]
    assert "s1 has ended" in found.problems[0].sentence


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_session_whose_process_lives_or_is_on_another_machine_runs(
    store: Store, sources: list[Source], dead: leases.Process, *, elsewhere: bool
) -> None:
    """Of another machine's processes nothing is known here but the lease."""
    open_session(store)
    hold(store, replace(dead, host="another") if elsewhere else leases.Process.current())
    assert told(store, sources).state is State.RUNNING
