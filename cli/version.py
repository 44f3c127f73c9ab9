import platform
from importlib import metadata

from cli import console

__all__ = ["version"]


def version() -> None:
    """Show which Syncline this is, and on what it runs."""
    console.line(
        f"syncline {metadata.version('syncline')} "
        f"(Prefect {metadata.version('prefect')}, Python {platform.python_version()})"
    )
