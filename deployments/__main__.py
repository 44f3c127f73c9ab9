"""`python -m deployments`: the runner, as `syncline up` starts it."""

import asyncio

from deployments.environment import enter
from deployments.forking import ForkServer
from syncline.collector import pass_over_imports
from syncline.settings import Settings, load_settings
from syncline.store.engine import open_store

_LOOKS = "cli.looks"
"""What the fork server runs in the place of commands that only read; this room knows the command line by name alone."""


def main() -> None:
    """Serve all deployments; the environment must stand before Prefect is imported, for it reads it then."""
    enter()
    settings = load_settings()
    fork_server = _fork_server(settings) if settings.fork_runs else None
    if fork_server is not None:
        fork_server.start()  # imports while this process does
    from deployments.serving import serve  # noqa: PLC0415 - see above

    pass_over_imports()
    try:
        asyncio.run(serve(settings, open_store(settings), fork_server=fork_server))
    finally:
        if fork_server is not None:
            fork_server.close()


def _fork_server(settings: Settings) -> ForkServer:
    return ForkServer(settings.home, _LOOKS) if settings.fork_looks else ForkServer()


if __name__ == "__main__":
    main()
