"""`python -m deployments`: the runner, as `syncline up` starts it."""

import asyncio

from deployments.environment import enter
from syncline.settings import load_settings
from syncline.store.engine import open_store


def main() -> None:
    """Serve all deployments; the environment must stand before Prefect is imported, for it reads it then."""
    enter()
    settings = load_settings()
    from deployments.serving import serve  # noqa: PLC0415 - see above

    asyncio.run(serve(settings, open_store(settings)))


if __name__ == "__main__":
    main()
