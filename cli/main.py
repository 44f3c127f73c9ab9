"""The entry point of `syncline`: everything else is loaded once the Python is known to be new enough."""

from __future__ import annotations

import sys

__all__ = ["OLDEST_PYTHON", "main", "python_complaint"]

OLDEST_PYTHON = (3, 11)


def main() -> None:
    """Run the command line and exit with its code."""
    complaint = python_complaint((sys.version_info[0], sys.version_info[1]), sys.executable)
    if complaint is not None:
        sys.stderr.write(complaint + "\n")
        sys.exit(2)
    # an older Python could not even read what these import
    from cli.app import run  # noqa: PLC0415
    from deployments.environment import enter  # noqa: PLC0415

    enter()
    sys.exit(run(sys.argv[1:]))


def python_complaint(version: tuple[int, int], executable: str) -> str | None:
    """What to tell the user of a Python that is too old; None where it is not."""
    if version >= OLDEST_PYTHON:
        return None
    wanted, found = (".".join(map(str, numbers)) for numbers in (OLDEST_PYTHON, version))
    return f"Syncline needs Python {wanted} or newer, but {executable} is {found}"


if __name__ == "__main__":
    main()
