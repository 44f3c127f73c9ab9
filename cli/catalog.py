"""The declared sources, as `flows/` has them; loading them loads Prefect, so commands do it late."""

from collections.abc import Sequence

from syncline.model.source import Source

__all__ = ["every", "find"]


def find(name: str) -> Source:
    """The source with this name.

    Raises:
        UnknownSourceError: there is none; the message names those that exist.
    """
    from flows import registry  # noqa: PLC0415 - see above

    return registry.find(name)


def every() -> Sequence[Source]:
    """All declared sources."""
    from flows import registry  # noqa: PLC0415 - see above

    return registry.sources()
