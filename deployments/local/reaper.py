"""The reaper: ends the children of a parent that was killed, which could not do it itself.

`python -m deployments.local.reaper` reads the ids of process groups from its standard input, one a line; one with a
minus before it has ended. When the input ends and its last line is not `done`, it ends the others, the last one first.
It imports nothing that takes time.
"""

import contextlib
import os
import signal
import sys
import time

__all__ = ["end_groups", "main"]

_GRACE_SECONDS = 8.0


def main() -> None:
    """Watch until the parent is gone."""
    groups: list[int] = []
    for line in sys.stdin:
        if line.strip() == "done":
            return
        number = int(line)
        if number > 0:
            groups.append(number)
        elif -number in groups:  # the kernel may give the id to another process now
            groups.remove(-number)
    end_groups(groups)


def end_groups(groups: list[int], *, grace_seconds: float = _GRACE_SECONDS) -> None:
    """Ask all of the groups to end, the last one first; end by force what is left after `grace_seconds`."""
    for group in reversed(groups):
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while any(_signal(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    for group in reversed(groups):
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main()
