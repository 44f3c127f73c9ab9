"""Prefect's usage data: none is sent, and no notice of it is shown.

Prefect looks at these variables when it is imported (and makes a device id then), so each of our packages that import
it sets them first, whatever process it is in. That of a worker's run has imported Prefect by then; it looks at
`DO_NOT_TRACK` again before it tells anything of the flow.
"""

import os
from collections.abc import Mapping

__all__ = ["REFUSED", "refuse"]

REFUSED: Mapping[str, str] = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
"""The variables by which usage data is refused."""


def refuse() -> None:
    """Refuse for this process and for those that it starts."""
    os.environ.update(REFUSED)
