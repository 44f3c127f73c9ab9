from cli.options import AsJson, MaybeSource

__all__ = ["metrics"]


def metrics(source: MaybeSource = None, *, as_json: AsJson = False) -> None:
    """Show how the syncs fared since the first: how many, how many went well, how long they took."""
    from cli import metrics_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    metrics_table.show(source, as_json=as_json)
