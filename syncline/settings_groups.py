"""Settings that belong together, each group a part of `Settings`."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

__all__ = ["KeepSettings", "UpstreamSettings"]


class UpstreamSettings(BaseModel):
    """Where an upstream is and how it knows us: `SYNCLINE_UPSTREAMS__NAME__…`."""

    base_url: str | None = None
    token: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    user_id: str | None = None
    """Whose data is read, where the upstream's paths name a user."""


class KeepSettings(BaseModel):
    """How long history is kept: `SYNCLINE_KEEP__…`; counters and totals stay for ever."""

    sessions_days: float = Field(default=30, gt=0)
    newest_sessions: int = Field(default=100, ge=20)
    """So many of each source and status are kept however old they are: status and health read the last 20."""
    rejects_days: float = Field(default=30, gt=0)
    holds_days: float = Field(default=30, gt=0)
    """Counted from their end."""
    audit_days: float = Field(default=365, gt=0)
    results_days: float = Field(default=7, gt=0)
    """What Prefect keeps of failed runs, each in a file of its own."""
