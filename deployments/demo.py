"""The demo: the sandbox as upstream, also for the commands that are typed in another terminal meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from syncline.settings import Settings, UpstreamSettings

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["demo_file", "demo_settings"]

SANDBOX_TOKEN = "sandbox-erp-token"  # noqa: S105 - the simulated upstream's, of no use elsewhere


def demo_settings(settings: Settings) -> Settings:
    """`settings` with the sandbox as upstream."""
    sandbox = UpstreamSettings(base_url=_url(settings), token=SecretStr(SANDBOX_TOKEN))
    return settings.model_copy(update={"upstreams": settings.upstreams | {"erp": sandbox}})


@contextmanager
def demo_file(settings: Settings, *, demo: bool) -> Generator[None]:
    """While a demo runs, its upstream stands in a file of the home; what a killed demo left there is removed."""
    file = settings.demo_file
    file.unlink(missing_ok=True)
    if demo:
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            f"SYNCLINE_UPSTREAMS__ERP__BASE_URL={_url(settings)}",
            f"SYNCLINE_UPSTREAMS__ERP__TOKEN={SANDBOX_TOKEN}",
        ]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.sandbox_port}"
