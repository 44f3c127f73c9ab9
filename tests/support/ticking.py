"""Two services that only begin, when it is their time; `python -m support.ticking NAME` serves one of them."""

import sys
from dataclasses import replace

from deployments.schedules.file import Deployment
from flows.fast_delete_sweep import FAST_DELETE_SWEEP
from flows.validate_entries import VALIDATE_ENTRIES
from support.forked_serving import serve_forked
from syncline.model.policies import CatchUp
from syncline.model.session import Tally
from tasks.admit import admit
from tasks.flow import sync_flow

__all__ = ["DEPLOYMENTS", "JITTERED", "catching_up", "jittered"]

JITTERED = replace(VALIDATE_ENTRIES, jitter_seconds=4)
_CATCHING_UP = replace(
    FAST_DELETE_SWEEP, jitter_seconds=0, catch_up=CatchUp.ALL, late_after_seconds=1, patience_seconds=60
)


@sync_flow(JITTERED)
async def jittered() -> Tally:
    """Begin."""
    await admit(JITTERED)
    return Tally()


@sync_flow(_CATCHING_UP)
async def catching_up() -> Tally:
    """Begin."""
    await admit(_CATCHING_UP)
    return Tally()


def _deployment(name: str, flow_name: str, *schedules: dict[str, object]) -> Deployment:
    values = {"name": name, "flow_name": flow_name, "entrypoint": f"support.ticking.{name}", "schedules": schedules}
    return Deployment.model_validate(values)


_OFTEN: dict[str, object] = {"slug": "often", "interval": 15, "anchor_date": "2026-01-01T00:00:00+00:00"}
DEPLOYMENTS = {
    "jittered": _deployment("jittered", jittered.name, _OFTEN),
    "catching_up": _deployment("catching_up", catching_up.name),  # its missed runs are there already
}


if __name__ == "__main__":
    serve_forked([DEPLOYMENTS[sys.argv[1]]])
