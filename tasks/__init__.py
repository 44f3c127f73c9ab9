"""The steps of flows: `from tasks import …` gives what a file in `flows/` needs; everything else is private."""

from syncline import tracking

tracking.refuse()  # before anything of this package imports Prefect, which looks for it once

from tasks.admit import admit
from tasks.check import check
from tasks.enter import enter
from tasks.flow import sync_flow
from tasks.freeze import due_rounds, freeze_rounds
from tasks.prune import prune
from tasks.pull import pull
from tasks.push import push_snapshots
from tasks.sweep import sweep_accounts

__all__ = [
    "admit",
    "check",
    "due_rounds",
    "enter",
    "freeze_rounds",
    "prune",
    "pull",
    "push_snapshots",
    "sweep_accounts",
    "sync_flow",
]
