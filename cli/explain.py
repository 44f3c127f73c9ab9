from cli.options import AsJson, OneSource

__all__ = ["explain"]


def explain(source: OneSource, *, as_json: AsJson = False) -> None:
    """Say in sentences why a source ran or did not: its last tick, holds, breaker, budgets, schedule and next run."""
    from cli import explanation  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    explanation.show(source, as_json=as_json)
