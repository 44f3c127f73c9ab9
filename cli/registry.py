"""The sources that `flows/` declares. To load them loads Prefect, so commands do it late.

Prefect reads the environment once, when it is loaded, and makes its home then: it must be the instance's home, not the
user's, whose profile may name another server.
"""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType

from cli.instance import make_home
from deployments.environment import prefect_env
from syncline.model.source import Source
from syncline.settings import load_settings

__all__ = ["every", "find"]


def find(name: str) -> Source:
    """The source with this name.

    Raises:
        UnknownSourceError: there is none; the message names those that exist.
        ConfigurationError: a file of `flows/` cannot be loaded.
    """
    found: Source = _registry().find(name)
    return found


def every() -> Sequence[Source]:
    """All of them, in the order of their names.

    Raises:
        ConfigurationError: a file of `flows/` cannot be loaded.
    """
    found: Sequence[Source] = _registry().sources()
    return found


def _registry() -> ModuleType:
    settings = load_settings()
    make_home(settings)
    with _environment(prefect_env(settings)):
        from flows import registry  # noqa: PLC0415 - loads Prefect

        return registry


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    """Have `values` in the environment for a while, where they are not set already."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
