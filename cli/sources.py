"""`syncline sources`: the declared sources as a table or as JSON."""

from cli import console, durations, registry
from cli.options import AsJson
from cli.tables import Column, number, print_table
from syncline.model.items import table_of
from syncline.model.source import Source
from syncline.settings import Settings, load_settings

__all__ = ["describe", "sources"]

_COLUMNS = (
    Column(title="Source"),
    Column(title="Upstream"),
    Column(title="Base URL", least=28, rank=1),
    Column(title="Table"),
    Column(title="Reads", rank=2),
    Column(title="Tries", right=True, rank=3),
    Column(title="Time limit", right=True, rank=4),
)


def sources(*, as_json: AsJson = False) -> None:
    """List the sources that are declared, where each comes from, and by which policies."""
    settings = load_settings()
    found = registry.every()
    if as_json:
        console.write_json([describe(source, settings) for source in found])
    else:
        print_table(_COLUMNS, [_row(source, settings) for source in found])


def describe(source: Source, settings: Settings) -> dict[str, object]:
    """A source as JSON; no credentials."""
    return {
        "source": source.name,
        "upstream": source.upstream.name,
        "base_url": settings.upstream(source.upstream.name).base_url,
        "attempts": source.retry.attempts,
        "waits_seconds": source.retry.waits_seconds,
        "timeout_seconds": source.timeout_seconds,
        "patience_seconds": source.patience_seconds,
        "overlap": source.overlap,
        "jitter_seconds": source.jitter_seconds,
        "catch_up": source.catch_up,
        "late_after_seconds": source.late_after_seconds,
        **_dataset(source),
    }


def _dataset(source: Source) -> dict[str, object]:
    """What only those have that keep a dataset up to date; null for the others."""
    if source.dataset is None:
        return {"table": None, "incremental": None, "delete_at_most_fraction": None}
    return {
        "table": table_of(source.required_dataset.table).name,
        "incremental": source.required_dataset.pages.incremental,
        "delete_at_most_fraction": source.required_dataset.deletes.max_fraction,
    }


def _row(source: Source, settings: Settings) -> list[str]:
    dataset = source.dataset is not None
    return [
        source.name,
        source.upstream.name,
        settings.upstream(source.upstream.name).base_url or "not set up",
        table_of(source.required_dataset.table).name if dataset else "-",
        ("changes" if source.required_dataset.pages.incremental else "all of it") if dataset else "-",
        number(source.retry.attempts),
        durations.compact(round(source.timeout_seconds)),
    ]
