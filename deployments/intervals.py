"""Intervals that the environment sets in place of those in prefect.yaml; one that an operator sets goes before both."""

from __future__ import annotations

from collections.abc import Iterable

from deployments.prefect_yaml import Deployment, read_deployments
from deployments.schedules import ANCHOR, is_overridable
from syncline.settings import Settings

__all__ = ["planned"]


def planned(settings: Settings, deployments: Iterable[Deployment] | None = None) -> list[Deployment]:
    """The deployments of prefect.yaml, or those given, with the intervals of the environment.

    A source's main deployment then has one schedule: the first, which keeps its slug, anchor, timezone and parameters.

    Raises:
        ConfigurationError: prefect.yaml cannot be used.
    """
    found = read_deployments() if deployments is None else deployments
    return [_every(one, settings.intervals.get(one.source)) for one in found]


def _every(deployment: Deployment, seconds: float | None) -> Deployment:
    if seconds is None or not deployment.schedules or not is_overridable(deployment):
        return deployment
    first = deployment.schedules[0]
    instead = {"interval": seconds, "cron": None, "rrule": None, "anchor_date": first.anchor_date or ANCHOR}
    return deployment.model_copy(update={"schedules": [first.model_copy(update=instead)]})
