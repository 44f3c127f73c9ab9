"""What the sources declare is kept in a file, which counts only where nothing has changed since."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from cli import declared
from cli.declared import Declared
from flows import registry
from syncline.settings import load_settings
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


def kept() -> Declared | None:
    return declared._kept(load_settings())  # pyright: ignore[reportPrivateUsage] - whether it counts is the point


def test_what_is_kept_is_what_is_declared(syncline: Syncline, store: Store) -> None:
    """A status that is quick must not be another one."""
    assert kept() is None
    first = syncline("status").stdout
    found = kept()
    assert found is not None
    for one, real in zip(found.sources, registry.sources(), strict=True):
        assert (one.name, one.upstream.name, one.breaker) == (real.name, real.upstream.name, real.breaker)
        assert one.planned_requests == real.planned_requests
        assert [key.policy for key in one.upstream.budget_keys] == [key.policy for key in real.upstream.budget_keys]
    assert syncline("status").stdout == first


@pytest.mark.parametrize("change", ["a file", "an interval", "damage", "a new flow"])
def test_what_is_stale_does_not_count(
    syncline: Syncline, store: Store, home: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """A source that was changed is told as it is, not as it was."""
    syncline("status")
    file = home / "declared.json"
    text = file.read_text(encoding="utf-8")
    if change == "a file":
        name = text.partition('"files": {"')[2].partition('"')[0]
        file.write_text(text.replace(f'"{name}": [', f'"{name}": [1'), encoding="utf-8")
    if change == "an interval":
        monkeypatch.setenv("TWITTER_POLL_INTERVAL", "60000")
    if change == "damage":
        file.write_text(text[:-20], encoding="utf-8")
    if change == "a new flow":
        file.write_text(text.replace('"products.py"', '"product.py"'), encoding="utf-8")
    assert kept() is None
    assert "products" in syncline("status").stdout
    assert kept() is not None
