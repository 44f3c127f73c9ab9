"""Prefect's usage data: none is sent, none is noted, and no notice of it is shown.

Prefect looks at these variables when it is imported. In a terminal it also writes a device id beside its notes of the
first flow and the first run, whatever the variables say, by a module that it imports anew for each note and can do
without; so that module is kept from being imported. Each of our packages that imports Prefect does both first,
whatever process it is in; that of a worker's run has imported Prefect by then, and notes no flow and no run.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["REFUSED", "refuse"]

REFUSED: Mapping[str, str] = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
"""The variables by which usage data is refused."""
_NOTES = "prefect._internal.analytics"


def refuse() -> None:
    """Refuse for this process; by the variables, also for those that it starts."""
    os.environ.update(REFUSED)
    modules: dict[str, Any] = sys.modules
    modules[_NOTES] = None  # the import system's way to say that there is no such module
