"""`python -m deployments.local.prefect_server`: Prefect's server with its UI, behind a guard, for `syncline up`.

`prefect server start` checks no `Host` header, so its app is served here as that command serves it: with migrations,
services and UI.
"""

import os

from deployments.environment import PREFECT_HOST, enter, server_env
from deployments.local.home import close_to_others
from syncline.collector import pass_over_imports
from syncline.settings import Settings, load_settings

__all__ = ["main"]

_ENDING_SECONDS = 5
"""How long requests under way may take when the server is told to stop; a page's websocket would go on for ever."""


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    enter()
    settings = load_settings()
    os.environ.update(server_env(settings))
    _serve(settings)


def _serve(settings: Settings) -> None:
    # these import Prefect, which reads the environment
    import uvicorn  # noqa: PLC0415
    from prefect.server.api.server import create_app  # noqa: PLC0415
    from prefect.settings import get_current_settings  # noqa: PLC0415

    from deployments.local.prefect_guard import PrefectGuard  # noqa: PLC0415

    server = get_current_settings().server
    app = PrefectGuard(create_app(final=True))
    pass_over_imports()
    close_to_others(settings.home / "prefect")  # the UI's files were copied with the modes that they have installed
    uvicorn.run(
        app,
        host=PREFECT_HOST,
        port=settings.prefect_port,
        lifespan="on",
        log_level=server.logging_level.lower(),
        timeout_keep_alive=server.api.keepalive_timeout,
        timeout_graceful_shutdown=_ENDING_SECONDS,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
    )


if __name__ == "__main__":
    main()
