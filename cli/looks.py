"""The commands that only read, as a fork of the fork server runs them."""

from importlib import import_module

from cli.main import run_here as run

__all__ = ["prepare", "run"]

_MODULES = (
    "cli.app",
    "cli.audit",
    "cli.explain",
    "cli.history",
    "cli.metrics",
    "cli.rejects",
    "cli.sources",
    "cli.status",
    "deployments.environment",
    "flows.registry",
    "syncline.store.revision",
)


def prepare() -> None:
    """Import what the commands load when they run; nothing of it reads a setting."""
    for module in _MODULES:
        import_module(module)
