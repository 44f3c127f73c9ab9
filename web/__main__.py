"""`python -m web`: the web app of this instance, until it is told to stop."""

import asyncio
import contextlib
import socket
import sys
from functools import partial

from deployments.environment import enter
from syncline.collector import pass_over_imports
from syncline.errors import ConfigurationError, SynclineError
from syncline.settings import Settings, load_settings
from syncline.store import schema
from syncline.store.engine import open_store
from web.app import create_app
from web.context import Context
from web.edge.limits import Limits
from web.edge.server import make_server
from web.snapshot import take


def main() -> int:
    """Serve until SIGINT or SIGTERM; 1 where it cannot begin."""
    enter()
    # these import Prefect, which reads the environment
    from deployments import alerting, controls, reconciling  # noqa: PLC0415
    from flows import registry  # noqa: PLC0415

    pass_over_imports()
    try:
        settings = load_settings()
        store = open_store(settings)
        schema.require_current(store)
        known = registry.sources()
        listening = _listen(settings)
    except SynclineError as error:
        sys.stderr.write(f"syncline: {error}\n")
        return 1
    sys.stderr.write(f"syncline: the web app is at http://{settings.host}:{settings.web_port}\n")

    async def go_on(here: Context) -> None:
        reconciled = reconciling.run_forever(here.settings, here.store)
        await asyncio.gather(reconciled, alerting.run_forever(here.settings, here.store, partial(take, here)))

    app = create_app(settings, store, controls=controls, known=known, beside=go_on)
    server = make_server(app, limits=Limits(), trusted_proxies=settings.trusted_proxy_networks)
    with listening, contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    store.close()
    return 0


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.web_port), family=family)
    except OSError as error:
        where = f"SYNCLINE_HOST={settings.host} SYNCLINE_WEB_PORT={settings.web_port}"
        raise ConfigurationError(f"cannot listen at {where}: {(error.strerror or str(error)).lower()}") from None


if __name__ == "__main__":
    sys.exit(main())
