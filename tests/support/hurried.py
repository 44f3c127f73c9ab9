"""Two services of X that are ended by their hard timeout soon, deployed beside the real ones."""

import os
from dataclasses import replace

from deployments.schedules.file import Deployment
from flows.fast_delete_sweep import FAST_DELETE_SWEEP
from flows.twitter_poller import TWITTER_POLLER
from syncline.contests.choosing import newest
from syncline.model.policies import Mode
from syncline.model.session import Tally
from tasks.admit import admit
from tasks.check import check
from tasks.enter import enter
from tasks.flow import sync_flow
from tasks.pull import pull

__all__ = ["HURRIED", "TIMEOUT_SECONDS", "hurried_poller", "hurried_sweep"]

_CALM_SECONDS, _MOST_SECONDS = 45, 60
_LOAD = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
TIMEOUT_SECONDS = float(
    os.environ.setdefault("HURRIED_TIMEOUT_SECONDS", f"{min(_MOST_SECONDS, _CALM_SECONDS * _LOAD):.0f}")
)
"""Longer than two requests to X may take (20 s each), and shorter than three, after which the run fails by itself.

On a busy machine it is longer, as what runs beside it takes longer; the runner has it from the test's environment.
"""
_POLLER = replace(TWITTER_POLLER, timeout_seconds=TIMEOUT_SECONDS)
_SWEEP = replace(FAST_DELETE_SWEEP, timeout_seconds=TIMEOUT_SECONDS)


@sync_flow(_POLLER)
async def hurried_poller(mode: Mode = Mode.INCREMENTAL) -> Tally:
    """Store the mentions that are new, and enter them into the open round."""
    await admit(_POLLER, mode)
    tally = await pull(_POLLER, mode)
    await enter(_POLLER)
    return tally


@sync_flow(_SWEEP)
async def hurried_sweep() -> Tally:
    """Check the newest entries."""
    await admit(_SWEEP)
    return await check(_SWEEP, newest)


def _deployed(source: str, flow: str) -> Deployment:
    return Deployment(name="hurried", flow_name=f"sync-{source}", entrypoint=f"support.hurried.{flow}")


HURRIED = (_deployed("twitter_poller", "hurried_poller"), _deployed("fast_delete_sweep", "hurried_sweep"))
