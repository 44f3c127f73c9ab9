"""Everything that Syncline raises.

SynclineError
├── ConfigurationError          a setting, an argument or a file must be changed; names which
│   ├── FieldError                  a field of an account cannot be so; carries `field`
│   ├── MissingSettingError
│   ├── SameKeyError                two items of a list have one key, and the source's policy is to fail
│   ├── UnknownAccountError
│   ├── UnknownJobError
│   └── UnknownSourceError
├── AccountStateError           the account is paused, needs attention, or was changed meanwhile
├── JobStateError               the job is no dead letter, or its account cannot be synced
├── StoreError
│   ├── DatabaseUnavailableError    cannot be reached, or stays locked
│   ├── NewerDatabaseError          made by a newer Syncline
│   ├── OlderDatabaseError          made by a Syncline whose migrations are gone
│   ├── RowsRefusedError            a row breaks a rule of the database; found out and rejected
│   ├── SchemaBehindError           migrations are missing
│   └── SessionLostError            another process holds the source now
├── UpstreamError               the upstream's answer (or silence); carries `upstream`, `status`
│   ├── UnavailableError            retried, counted by the breaker: timeout, connection, 5xx, broken body
│   ├── RateLimitedError            waited for or deferred, not the breaker's business; carries `retry_at`
│   ├── MostlyRejectedError         most items do not fit their table, counted by the breaker
│   ├── RefusedError                401, 403: no retry; credentials must be mended
│   ├── RejectedError               other 4xx: no retry; the request is wrong
│   └── CursorExpiredError          410: start again with a full pass
├── RequestCeilingError         the session has sent as many requests as its source lets it
├── WebhookError                a receiver did not take a webhook; carries `status`, `final`
├── PrefectUnavailableError     Prefect's server cannot be reached
└── DeferredError               the run cannot go on now (hold, rate limit); carries `retry_at`
    └── BudgetSpentError            the upstream's budget is spent for longer than the patience lasts
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

__all__ = [
    "AccountStateError",
    "BudgetSpentError",
    "ConfigurationError",
    "CursorExpiredError",
    "DatabaseUnavailableError",
    "DeferredError",
    "FieldError",
    "JobStateError",
    "MissingSettingError",
    "MostlyRejectedError",
    "NewerDatabaseError",
    "OlderDatabaseError",
    "PrefectRefusesError",
    "PrefectUnavailableError",
    "RateLimitedError",
    "RefusedError",
    "RejectedError",
    "RequestCeilingError",
    "RowsRefusedError",
    "SameKeyError",
    "SchemaBehindError",
    "SessionLostError",
    "StoreError",
    "SynclineError",
    "UnavailableError",
    "UnknownAccountError",
    "UnknownJobError",
    "UnknownSourceError",
    "UpstreamError",
    "WebhookError",
]


class SynclineError(Exception):
    """Anything that Syncline itself reports; its text is one line that says what to do."""


class ConfigurationError(SynclineError):
    """A setting, an argument or a file must be changed."""


class MissingSettingError(ConfigurationError):
    """A setting that is needed is not set."""

    def __init__(self, setting: str, purpose: str) -> None:
        """Name the `setting` (an environment variable) and the `purpose` that needs it."""
        self.setting = setting
        super().__init__(f"{setting} is not set: {purpose}")


class UnknownSourceError(ConfigurationError):
    """No source has this name."""

    def __init__(self, source: str, known: tuple[str, ...]) -> None:
        """Name the `source` asked for and those that are `known`."""
        self.source = source
        self.known = known
        super().__init__(f"no source is named {source!r}; there are: {', '.join(known) or 'none'}")


class SameKeyError(ConfigurationError):
    """Two different items of one list have the same key, and the source's policy is to fail."""

    def __init__(self, source: str, key: str) -> None:
        """Name the `source` and the `key`."""
        self.source = source
        self.key = key
        super().__init__(
            f"{source}: two items of the list have the key {key}; name a column as key that tells them apart"
        )


class FieldError(ConfigurationError):
    """A field of an account cannot be so."""

    def __init__(self, field: str, problem: str) -> None:
        """Name the `field`, as `external_id` or `settings.timezone`, and the `problem` in a sentence."""
        self.field = field
        super().__init__(f"{field}: {problem}")


class UnknownAccountError(ConfigurationError):
    """No account has this id, or none that the caller may see."""

    def __init__(self, account_id: str) -> None:
        """Name the `account_id` asked for."""
        self.account_id = account_id
        super().__init__(f"there is no account {account_id}; it was removed, or the id is another's")


class UnknownJobError(ConfigurationError):
    """No job has this id, or none that the caller may see."""

    def __init__(self, job_id: int) -> None:
        """Name the `job_id` asked for."""
        self.job_id = job_id
        super().__init__(
            f"there is no job {job_id}: it ended without anything to tell, was dropped, or the id is another's"
        )


class AccountStateError(SynclineError):
    """The account cannot do this now; the text says why, and what to do."""


class JobStateError(SynclineError):
    """The job cannot be retried or dropped; the text says why, and what to do."""


class StoreError(SynclineError):
    """The database said no."""


class DatabaseUnavailableError(StoreError):
    """The database cannot be reached, or stays locked."""


class NewerDatabaseError(StoreError):
    """The database was made by a newer Syncline; upgrade the program, not the database."""


class OlderDatabaseError(StoreError):
    """The database is older than the migrations of this Syncline; bring it to the oldest of them first."""


class RowsRefusedError(StoreError):
    """The database refuses a row of a batch, for what is in it, and with it the batch."""

    def __init__(self, how: Any, rows: Sequence[Any]) -> None:  # noqa: ANN401 - the store's own, which stands above
        """`how` wrote the `rows` (`syncline.store.refusals`)."""
        self.how = how
        self.rows = rows
        super().__init__(f"the database refuses one of {len(rows)} rows")


class SchemaBehindError(StoreError):
    """The database lacks migrations; run `syncline db upgrade`."""


class SessionLostError(StoreError):
    """The session was closed or taken over while it ran; nothing of this page was written."""


class UpstreamError(SynclineError):
    """The upstream did not do what was asked."""

    def __init__(self, message: str, *, upstream: str, status: int | None = None) -> None:
        """Say what happened at which `upstream`; `status` is the HTTP status, if there was an answer."""
        self.upstream = upstream
        self.status = status
        super().__init__(message)


class UnavailableError(UpstreamError):
    """Timeout, connection error, 5xx, or a body that is cut or no JSON: worth another try."""


class RateLimitedError(UpstreamError):
    """The upstream asks to slow down (429, or a 403 that means it)."""

    def __init__(
        self, message: str, *, upstream: str, status: int | None = None, retry_at: datetime | None = None
    ) -> None:
        """`retry_at` is the upstream's own time, None if it named none."""
        self.retry_at = retry_at
        super().__init__(message, upstream=upstream, status=status)


class RefusedError(UpstreamError):
    """401 or 403: the credentials are wrong or lack a permission."""


class RejectedError(UpstreamError):
    """Another 4xx: the request itself is wrong, and would be again."""


class MostlyRejectedError(UpstreamError):
    """Most items that a run read do not fit their table: the upstream's format has changed, or the table is wrong."""


class CursorExpiredError(UpstreamError):
    """The upstream no longer knows the cursor (410, invalid sync token): a full pass is due."""


class RequestCeilingError(SynclineError):
    """The session has sent as many requests as its source lets it; the next one goes on where it ended."""

    def __init__(self, upstream: str, ceiling: int) -> None:
        """Name the `upstream` and the `ceiling`."""
        self.ceiling = ceiling
        super().__init__(
            f"{upstream} was sent {ceiling} requests, as many as a session may (max_requests); the next goes on there"
        )


class WebhookError(SynclineError):
    """A receiver did not take a webhook, or did not say so."""

    def __init__(self, message: str, *, status: int | None = None, final: bool = False) -> None:
        """Say what happened; `status` is the HTTP status, if there was an answer, `final` that no try will help."""
        self.status = status
        self.final = final
        super().__init__(message)


class PrefectUnavailableError(SynclineError):
    """Prefect's server cannot be reached."""

    def __init__(self, url: str, cause: str) -> None:
        """Name the server's API `url`, and the `cause` in a few words."""
        self.url = url
        self.cause = cause
        super().__init__(f"Prefect's server at {url} does not answer ({cause}): run `syncline up`")


class PrefectRefusesError(PrefectUnavailableError):
    """Prefect's server does not accept our credentials."""

    def __init__(self, url: str, status: int) -> None:
        """Name the server's API `url` and the HTTP `status` of its answer."""
        SynclineError.__init__(
            self,
            f"Prefect's server at {url} refuses our credentials (HTTP {status}): set SYNCLINE_PREFECT_API_AUTH to its",
        )
        self.url = url
        self.cause = f"HTTP {status}"


class DeferredError(SynclineError):
    """The run cannot go on now; its checkpoint is kept."""

    def __init__(self, reason: str, *, retry_at: datetime | None, held: bool = False) -> None:
        """`reason` says what it waits for, `held` that it is a hold; `retry_at` until when, if that is known."""
        self.reason = reason
        self.retry_at = retry_at
        self.held = held
        super().__init__(reason)


class BudgetSpentError(DeferredError):
    """The upstream's budget is spent, for longer than the run may wait."""

    def __init__(self, budget: str, *, retry_at: datetime) -> None:
        """Name the `budget` (`UPSTREAM:BUDGET`) and when it admits the request."""
        self.budget = budget
        super().__init__(f"the budget {budget} is spent until {retry_at:%Y-%m-%d %H:%M:%S} UTC", retry_at=retry_at)
