"""What a contender's process prints as its last line."""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.work import Counted, Task

__all__ = ["Outcome", "run_contender"]


class Outcome(msgspec.Struct, kw_only=True):
    """What was measured inside the process.

    Attributes:
        seconds: from the first connection to the last commit, without starting Python and importing.
        cpu_seconds: the processor's time of it, in all threads: what a busy machine does not stretch.
        counted: what the contender says that it did; None where it cannot tell.
        peak_mb: the most memory that it held.
        sections: seconds of parts of it, where they were asked for.
    """

    seconds: float
    cpu_seconds: float
    counted: Counted | None = None
    peak_mb: float = 0
    sections: dict[str, float] = {}


def run_contender(work: Callable[[Task], Counted | None], sections: dict[str, float] | None = None) -> None:
    """Do what the process was told, and print the outcome."""
    task = msgspec.json.decode(sys.argv[1], type=Task)
    began, cpu_began = time.perf_counter(), time.process_time()
    counted = work(task)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    outcome = Outcome(
        seconds=seconds, cpu_seconds=cpu_seconds, counted=counted, peak_mb=_peak_mb(), sections=sections or {}
    )
    print(f"\n{msgspec.json.encode(outcome).decode()}", flush=True)


def _peak_mb() -> float:
    """The high-water mark of this program alone; what getrusage tells begins with that of the parent."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0
