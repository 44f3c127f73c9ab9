__all__ = ["apply_intervals"]


def apply_intervals() -> None:
    """After `prefect deploy`: give the deployments the intervals of the environment and of `start --every` again."""
    from cli import schedule  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    schedule.apply_intervals()
