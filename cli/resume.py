from cli.options import OneOrAll

__all__ = ["resume"]


def resume(source: OneOrAll) -> None:
    """End all holds of a source, and start what they put off."""
    from cli import holds  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    holds.resume(source)
