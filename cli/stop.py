from cli.options import OneSource

__all__ = ["stop"]


def stop(source: OneSource) -> None:
    """Let a source's schedule rest until `syncline start`; what runs now runs on."""
    from cli import schedule  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    schedule.stop(source)
