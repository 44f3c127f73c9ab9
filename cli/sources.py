from cli.options import AsJson

__all__ = ["sources"]


def sources(*, as_json: AsJson = False) -> None:
    """List the sources that are declared, where each comes from, and by which policies."""
    from cli import sources_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    sources_table.show(as_json=as_json)
