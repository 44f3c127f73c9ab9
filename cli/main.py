"""The entry point of `syncline`: everything else is loaded once the Python is known to be new enough."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["OLDEST_PYTHON", "main", "python_complaint", "run_here"]

OLDEST_PYTHON = (3, 11)


def main() -> None:
    """Run the command line and exit with its code."""
    complaint = python_complaint((sys.version_info[0], sys.version_info[1]), sys.executable)
    if complaint is not None:
        sys.stderr.write(complaint + "\n")
        sys.exit(2)
    # an older Python could not even read what these import
    from cli.forked_look import exit_code  # noqa: PLC0415

    arguments = sys.argv[1:]
    code = exit_code(arguments)
    sys.exit(run_here(arguments) if code is None else code)


def run_here(arguments: Sequence[str]) -> int:
    """Run a command line in this process; returns its exit code."""
    from cli.app import COMPLETE, run  # noqa: PLC0415 - loads much

    if COMPLETE not in os.environ:  # the shell waits for its completion, which needs no setting
        from deployments.environment import enter  # noqa: PLC0415 - the same

        enter()
    return run(arguments)


def python_complaint(version: tuple[int, int], executable: str) -> str | None:
    """What to tell the user of a Python that is too old; None where it is not."""
    if version >= OLDEST_PYTHON:
        return None
    wanted, found = (".".join(map(str, numbers)) for numbers in (OLDEST_PYTHON, version))
    return f"Syncline needs Python {wanted} or newer, but {executable} is {found}"


if __name__ == "__main__":
    main()
