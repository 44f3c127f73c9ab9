"""The environment of whatever talks to Prefect, and of the processes that `syncline up` starts."""

from __future__ import annotations

from pydantic import SecretStr

from syncline.settings import INTERVAL_VARIABLES, Settings, UpstreamSettings

__all__ = ["prefect_env", "server_env", "settings_env"]


def prefect_env(settings: Settings) -> dict[str, str]:
    """What each client of Prefect needs: where its server is, its home, and that it tells nobody."""
    return {
        "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": settings.prefect_api,
        "PREFECT_HOME": str((settings.home / "prefect").absolute()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    }


def server_env(settings: Settings) -> dict[str, str]:
    """What Prefect's server needs on top.

    Its recorders' batches are those that keep up with SQLite; leases are kept in files, because those in memory are
    lost with the server, and their slots with them.
    """
    return prefect_env(settings) | {
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }


def settings_env(settings: Settings) -> dict[str, str]:
    """`settings` as the variables from which another process reads the same, wherever it is started."""
    values = {
        "SYNCLINE_HOME": str(settings.home.absolute()),
        "SYNCLINE_DATABASE_URL": settings.database_url,
        "SYNCLINE_FORK_RUNS": str(settings.fork_runs).lower(),
        "SYNCLINE_HOST": settings.host,
        "SYNCLINE_WEB_PORT": str(settings.web_port),
        "SYNCLINE_PREFECT_PORT": str(settings.prefect_port),
        "SYNCLINE_PREFECT_API_URL": settings.prefect_api_url,
        "SYNCLINE_SANDBOX_PORT": str(settings.sandbox_port),
        "SYNCLINE_ROUND_SECONDS": None if settings.round_seconds is None else f"{settings.round_seconds:g}",
        "SYNCLINE_SNAPSHOT_URL": settings.snapshot_url,
        "SYNCLINE_SNAPSHOT_SECRET": _told(settings.snapshot_secret),
    }
    values |= {INTERVAL_VARIABLES[source]: f"{1_000 * every:.0f}" for source, every in settings.intervals.items()}
    for name, upstream in settings.upstreams.items():
        values |= {f"SYNCLINE_UPSTREAMS__{name.upper()}__{key}": value for key, value in _spelled(upstream).items()}
    return {name: value for name, value in values.items() if value is not None}


def _spelled(upstream: UpstreamSettings) -> dict[str, str | None]:
    return {
        "BASE_URL": upstream.base_url,
        "TOKEN": _told(upstream.token),
        "USERNAME": upstream.username,
        "PASSWORD": _told(upstream.password),
        "USER_ID": upstream.user_id,
    }


def _told(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
