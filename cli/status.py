from cli.options import AsJson, MaybeSource

__all__ = ["status"]


def status(source: MaybeSource = None, *, as_json: AsJson = False) -> None:
    """Show what each source does now, how its last run ended, what it waits for, and when it runs next."""
    from cli import status_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    status_table.show(source, as_json=as_json)
