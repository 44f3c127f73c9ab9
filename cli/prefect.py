import os
import sys

import typer

__all__ = ["prefect"]


def prefect(context: typer.Context) -> None:
    """Prefect's own command, for this instance: it knows where the server is, and the password."""
    from deployments.environment import enter  # noqa: PLC0415 - loaded when it runs
    from syncline.settings import load_settings  # noqa: PLC0415 - the same

    load_settings()  # which says in one line what cannot be read
    enter()
    os.execv(sys.executable, [sys.executable, "-m", "prefect", *context.args])  # noqa: S606 - a command of the environment
