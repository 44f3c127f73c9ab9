"""What is set for the contest: how long a round lasts, where its snapshots go, and how often its sources run."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, Field, SecretStr

__all__ = ["INTERVAL_VARIABLES", "SNAPSHOT_SECRET", "SNAPSHOT_URL", "ContestSettings"]

SNAPSHOT_URL, SNAPSHOT_SECRET = "SYNCLINE_SNAPSHOT_URL", "SYNCLINE_SNAPSHOT_SECRET"
"""The variables, for messages."""
INTERVAL_VARIABLES: Mapping[str, str] = {
    "twitter_poller": "TWITTER_POLL_INTERVAL",
    "validate_entries": "VALIDATE_ENTRIES_INTERVAL",
    "fast_delete_sweep": "FAST_DELETE_SWEEP_INTERVAL",
}
"""The variable that sets a source's interval; each is the field of its name in lower case."""
_WEEK_MS = 7 * 86_400_000
"""The longest interval, as of `syncline start --every`."""


class ContestSettings(BaseModel):
    """A part of `syncline.settings.Settings`, which reads it."""

    snapshot_url: str | None = Field(default=None, repr=False)
    """Where snapshots go, as webhooks."""
    snapshot_secret: SecretStr | None = None
    """Signs them: base64, with or without `whsec_` before it."""
    round_seconds: float | None = Field(default=None, ge=60)
    """How long a round of the contest lasts; unset: until it is frozen by hand, or its end is set."""
    twitter_poll_interval: int | None = Field(
        default=None, ge=1_000, le=_WEEK_MS, validation_alias="TWITTER_POLL_INTERVAL"
    )
    """Milliseconds between runs of `twitter_poller`, in place of prefect.yaml; the next two are alike."""
    validate_entries_interval: int | None = Field(
        default=None, ge=1_000, le=_WEEK_MS, validation_alias="VALIDATE_ENTRIES_INTERVAL"
    )
    fast_delete_sweep_interval: int | None = Field(
        default=None, ge=1_000, le=_WEEK_MS, validation_alias="FAST_DELETE_SWEEP_INTERVAL"
    )
