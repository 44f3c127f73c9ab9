"""The demo: the sandbox as upstream, also for the commands that are typed in another terminal meanwhile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext

from pydantic import SecretStr

from syncline.held_file import hold_file
from syncline.settings import Settings, UpstreamSettings

__all__ = ["demo_file", "demo_settings"]

SANDBOX_TOKEN = "sandbox-erp-token"  # noqa: S105 - the simulated upstream's, of no use elsewhere
X_TOKEN = "sandbox-x-token"  # noqa: S105 - the same
X_USER_ID = "1888000000000000001"
"""Whom the tweets of the simulated X mention."""
SNAPSHOT_SECRET = "whsec_c2FuZGJveC1pbmJveC1zZWNyZXQ="  # noqa: S105 - the simulated receiver's
ROUND_SECONDS = 600
"""A demo sees a round frozen, and the next begin."""
FEEDS = ("airdrops", "airdrops_upcoming", "community", "points", "quests", "sponsored", "yield")
"""The upstreams that the sandbox has below `/feeds/NAME`."""


def demo_settings(settings: Settings) -> Settings:
    """`settings` with the sandbox as all upstreams, and as the receiver of webhooks."""
    changed = {
        "upstreams": settings.upstreams | _upstreams(settings),
        "round_seconds": settings.round_seconds or ROUND_SECONDS,
        "snapshot_url": f"{_sandbox(settings)}/inbox",
        "snapshot_secret": SecretStr(SNAPSHOT_SECRET),
    }
    return settings.model_copy(update=changed)


@contextmanager
def demo_file(settings: Settings, *, demo: bool) -> Generator[None]:
    """While a demo runs, what is simulated stands in a file of the home; what a killed demo left there is removed.

    It counts only while this process lives (`load_settings`).
    """
    file = settings.demo_file
    file.unlink(missing_ok=True)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in _lines(settings))
    try:
        with hold_file(file, text) if demo else nullcontext():
            yield
    finally:
        file.unlink(missing_ok=True)


def _sandbox(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.sandbox_port}"


def _upstreams(settings: Settings) -> dict[str, UpstreamSettings]:
    url = _sandbox(settings)
    erp = UpstreamSettings(base_url=url, token=SecretStr(SANDBOX_TOKEN))
    x = UpstreamSettings(base_url=f"{url}/x", token=SecretStr(X_TOKEN), user_id=X_USER_ID)
    return {"erp": erp, "x": x} | {name: UpstreamSettings(base_url=f"{url}/feeds/{name}") for name in FEEDS}


def _lines(settings: Settings) -> Iterator[str]:
    for name, upstream in _upstreams(settings).items():
        prefix = f"SYNCLINE_UPSTREAMS__{name.upper()}__"
        yield f"{prefix}BASE_URL={upstream.base_url}"
        if upstream.token is not None:
            yield f"{prefix}TOKEN={upstream.token.get_secret_value()}"
        if upstream.user_id is not None:
            yield f"{prefix}USER_ID={upstream.user_id}"
    yield f"SYNCLINE_ROUND_SECONDS={settings.round_seconds or ROUND_SECONDS:g}"
    yield f"SYNCLINE_SNAPSHOT_URL={_sandbox(settings)}/inbox"
    yield f"SYNCLINE_SNAPSHOT_SECRET={SNAPSHOT_SECRET}"
