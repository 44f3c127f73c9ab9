"""`python -m sandbox`: the simulated upstreams, until Ctrl-C."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

from sandbox.inbox.signatures import key_of
from sandbox.server import ERP_TOKEN, INBOX_SECRET, X_TOKEN, opened


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; tokens and secret may also come from the environment."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one (default 8090)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same data (default 7)")
    parser.add_argument("--products", type=int, default=2000, help="rows at the start (default 2000)")
    parser.add_argument("--customers", type=int, default=600, help="rows at the start (default 600)")
    parser.add_argument("--mentions", type=int, default=400, help="tweets at the start (default 400)")
    parser.add_argument("--wallets", type=int, default=200, help="wallets on each chain (default 200)")
    parser.add_argument("--change-every", type=float, default=20, metavar="SECONDS", help="0 for never (default 20)")
    for name, known in (("ERP_TOKEN", ERP_TOKEN), ("X_TOKEN", X_TOKEN), ("INBOX_SECRET", INBOX_SECRET)):
        _add_known(parser, name, known)
    options = parser.parse_args(arguments)
    try:
        key_of(options.inbox_secret)
    except ValueError:
        parser.error("--inbox-secret must be base64, with or without whsec_ before it")
    return options


def _add_known(parser: argparse.ArgumentParser, name: str, known: str) -> None:
    """An option for what the other side must know as well; its default is `known` to everybody."""
    variable = f"SANDBOX_{name}"
    option = f"--{name.lower().replace('_', '-')}"
    parser.add_argument(option, default=os.environ.get(variable) or known, help=f"default: {variable}, or {known}")


async def serve(options: argparse.Namespace) -> None:
    """Serve until the process is asked to end."""
    ended = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, ended.set)
    async with opened(
        seed=options.seed,
        products=options.products,
        customers=options.customers,
        mentions=options.mentions,
        wallets=options.wallets,
        change_every_seconds=options.change_every,
        port=options.port,
        erp_token=options.erp_token,
        x_token=options.x_token,
        inbox_secret=options.inbox_secret,
    ):
        await ended.wait()


def main() -> int:
    """Run; a port in use is one clear line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = read_arguments()
    try:
        asyncio.run(serve(options))
    except OSError as error:
        logging.getLogger("sandbox").error("The sandbox cannot listen on port %s: %s", options.port, error.strerror)  # noqa: TRY400 - a line for people
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
