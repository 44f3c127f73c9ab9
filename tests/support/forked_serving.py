"""A runner of a test's own deployments that forks its runs, as that of `syncline up` does: a process takes 4 CPU s."""

import asyncio
from collections.abc import Sequence

from deployments.forking import ForkServer
from deployments.schedules.file import Deployment
from deployments.serving import serve
from syncline.settings import load_settings
from syncline.store.engine import Store

__all__ = ["serve_forked"]


def serve_forked(deployments: Sequence[Deployment]) -> None:
    """Serve the deployments until the process is told to end."""
    settings = load_settings()
    fork_server = ForkServer()
    fork_server.start()
    try:
        asyncio.run(serve(settings, Store(settings.database), deployments, fork_server=fork_server))
    finally:
        fork_server.close()
