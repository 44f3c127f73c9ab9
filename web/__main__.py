"""`python -m web`: the web app of this instance, until it is told to stop."""

import sys

import uvicorn

from deployments import controls, reconciling
from flows import registry
from syncline.errors import SynclineError
from syncline.settings import load_settings
from syncline.store import schema
from syncline.store.engine import Store
from web.app import create_app


def main() -> int:
    """Serve until SIGINT or SIGTERM; 1 where it cannot begin."""
    try:
        settings = load_settings()
        store = Store(settings.database)
        schema.require_current(store)
        known = registry.sources()
    except SynclineError as error:
        sys.stderr.write(f"syncline: {error}\n")
        return 1
    app = create_app(settings, store, controls=controls, known=known, reconcile=reconciling.run_forever)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.web_port,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
    )
    server.run()
    store.close()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
