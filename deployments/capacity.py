"""How many runs this machine can have in processes at once: by its cores and its memory, a container's included."""

from __future__ import annotations

import os
from pathlib import Path

from syncline.errors import ConfigurationError

__all__ = ["LIMIT_VARIABLE", "available_bytes", "cores", "processes_at_once", "runs_at_once"]

LIMIT_VARIABLE = "PREFECT_RUNNER_PROCESS_LIMIT"
"""Prefect's own setting, which says otherwise."""
AT_LEAST = 4
"""On the smallest machine too: a few runs that hang must not keep the others out."""
PER_CORE = 4
"""A run waits for its upstream most of the time."""
BYTES_A_RUN = 150_000_000
"""Of a spawned one; a forked one needs less than half of it."""
_SHARE = 0.5
"""Of the memory that is free now; the rest is for the database, the page cache, and runs that read much."""
_V1_UNLIMITED = 1 << 60


def runs_at_once() -> int:
    """How many runs may have a process at once on this machine; `PREFECT_RUNNER_PROCESS_LIMIT` says otherwise.

    Raises:
        ConfigurationError: that is no number above zero.
    """
    said = os.environ.get(LIMIT_VARIABLE)
    if said is None:
        return processes_at_once(cores=cores(), free_bytes=available_bytes())
    if not said.strip().isdecimal() or int(said) < 1:
        raise ConfigurationError(f"{LIMIT_VARIABLE} must be a whole number from 1, but is {said!r}")
    return int(said)


def processes_at_once(*, cores: float, free_bytes: int | None) -> int:
    """How many processes `cores` and `free_bytes` (None: not known) are enough for; never fewer than `AT_LEAST`."""
    by_cores = int(PER_CORE * cores)
    by_memory = by_cores if free_bytes is None else int(free_bytes * _SHARE / BYTES_A_RUN)
    return max(AT_LEAST, min(by_cores, by_memory))


def cores(root: Path = Path("/")) -> float:
    """The processors that this process may use: those of the machine, of its affinity, and of its control group."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _groups(root, "cpu") if (quota := _quota(folder)) is not None]
    return max(0.1, min([float(affinity), *quotas]))


def available_bytes(root: Path = Path("/")) -> int | None:
    """The memory that is free for more processes, in the machine and in its control group; None where nothing says."""
    frees = [free for folder in _groups(root, "memory") if (free := _free(folder)) is not None]
    machine = _available(root / "proc/meminfo")
    found = frees if machine is None else [machine, *frees]
    return max(0, min(found)) if found else None


def _groups(root: Path, controller: str) -> list[Path]:
    """The folders of this process's control group and of those above it (cgroups(7)), of either version."""
    found: list[Path] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _number, _colon, rest = line.partition(":")
        controllers, _colon, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controller if controllers else "")
        folder = top / path.strip("/")
        found += [one for one in (folder, *folder.parents) if one == top or top in one.parents]
    return found


def _quota(folder: Path) -> float | None:
    """The processors that a control group may use; None where it is not limited."""
    quota, _space, period = _text(folder / "cpu.max").strip().partition(" ")
    if not quota:
        quota, period = (_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) > 0 else None


def _free(folder: Path) -> int | None:
    """What a control group may still use; None where it is not limited."""
    limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
    if limit is None:
        limit, used = _number(folder / "memory.limit_in_bytes"), _number(folder / "memory.usage_in_bytes")
    if limit is None or limit >= _V1_UNLIMITED:
        return None
    return limit - (used or 0)


def _available(meminfo: Path) -> int | None:
    """`MemAvailable` of proc(5), which counts what the page cache would give back."""
    for line in _text(meminfo).splitlines():
        name, _colon, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) * 1024
    return None


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
