"""What a look at the sources costs: `syncline status` by itself, and by a fork of the fork server."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.goals import Goal
from deployments.forking import ForkServer
from deployments.look_socket import SOCKET
from syncline.store import schema
from syncline.store.engine import Store

__all__ = ["Look", "LooksReport", "looks_table", "measure_looks"]

_GOAL_CPU_SECONDS = 0.5
_READY_SECONDS = 60
_TICKS = os.sysconf("SC_CLK_TCK")


class Look(msgspec.Struct, kw_only=True):
    """One way.

    Attributes:
        way: who runs the command.
        seconds: from its start to its end; the median.
        cpu_seconds: of user and system, of all processes: the command's own, the fork's, and what forking it costs the
            fork server. The mean, because the kernel tells the latter in hundredths of a second.
    """

    way: str
    seconds: float
    cpu_seconds: float


class LooksReport(msgspec.Struct, kw_only=True):
    """The key `looks` of results.json.

    Attributes:
        runs: how often each was measured.
        load_before: processes that wanted a processor when it began.
    """

    runs: int
    looks: list[Look]
    goals: list[Goal]
    load_before: float
    date: str = msgspec.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def measure_looks(folder: Path, runs: int) -> LooksReport:
    """Run `syncline status` in both ways, beside an instance without Prefect."""
    load_before = os.getloadavg()[0]
    store = Store(f"sqlite:///{folder / 'syncline.db'}")
    schema.upgrade(store)
    store.close()
    by_itself, by_fork = list[tuple[float, float]](), list[tuple[float, float]]()
    with _served(folder) as server:
        for _ in range(runs + 1):  # the first one fills caches
            by_itself.append(_measured(folder, None))
            by_fork.append(_measured(folder, server))
    looks = [_look("by itself", by_itself[1:]), _look("by a fork", by_fork[1:])]
    goal = Goal(
        what="`syncline status` while `syncline up` runs, CPU s",
        measured=looks[1].cpu_seconds,
        bound=_GOAL_CPU_SECONDS,
        at_most=True,
    )
    return LooksReport(runs=runs, looks=looks, goals=[goal], load_before=load_before)


@contextmanager
def _served(folder: Path) -> Generator[int]:
    """A fork server for the instance; its process id."""
    server = ForkServer(folder, "cli.looks")
    server.start()
    try:
        ends = time.monotonic() + _READY_SECONDS
        while not (folder / SOCKET).exists():
            if time.monotonic() > ends:
                raise TimeoutError("the fork server does not listen")
            time.sleep(0.1)
        yield server.pid or 0
    finally:
        server.close()


def _measured(folder: Path, server: int | None) -> tuple[float, float]:
    """Seconds and CPU seconds of one look; without a server it runs by itself."""
    own = {"SYNCLINE_HOME": str(folder), "SYNCLINE_PREFECT_API_URL": "http://127.0.0.1:1/api"}
    env = os.environ | own | {"SYNCLINE_FORK_LOOKS": str(server is not None).lower()}
    before, begin = _children_seconds() + _server_seconds(server), time.perf_counter()
    command = [sys.executable, "-m", "cli.main", "status"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    seconds = time.perf_counter() - begin
    return seconds, _children_seconds() + _server_seconds(server) - before


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _server_seconds(server: int | None) -> float:
    """What the fork server and its forks have used; its forks count once they have been reaped, which is at once."""
    if server is None:
        return 0.0
    while Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii").strip():
        time.sleep(0.01)
    fields = Path(f"/proc/{server}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def _look(way: str, measured: Sequence[tuple[float, float]]) -> Look:
    return Look(
        way=way,
        seconds=round(median(seconds for seconds, _ in measured), 3),
        cpu_seconds=round(sum(cpu for _, cpu in measured) / len(measured), 3),
    )


def looks_table(report: LooksReport) -> str:
    """The report in Markdown."""
    lines = [f"{report.date}: load before {report.load_before:.1f}, {report.runs} runs", ""]
    lines += ["| `syncline status` | seconds | CPU s |", "| --- | ---: | ---: |"]
    lines += [f"| {look.way} | {look.seconds:.2f} | {look.cpu_seconds:.2f} |" for look in report.looks]
    lines.append("")
    for goal in report.goals:
        lines.append(f"{goal.what}: {goal.measured:.2f} of {goal.bound:g}{'' if goal.met else ': not met'}")
    return "\n".join(lines)
