"""`syncline db`, `token`, `sources`, `start` and `stop`: small commands around the syncs."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import inspect

from cli.instance import actor
from syncline.settings import load_settings
from syncline.store.engine import Store
from web import tokens

Syncline = Callable[..., CompletedProcess[str]]


def test_upgrade_makes_the_database_and_then_has_nothing_to_do(syncline: Syncline, home: Path) -> None:
    """It is run at each deployment, most often for nothing."""
    first = syncline("db", "upgrade")
    assert first.returncode == 0
    assert "(before: empty)" in first.stdout
    store = Store(load_settings().database)
    assert {"sync_sessions", "products", "customers"} <= set(inspect(store.engine).get_table_names())
    store.close()
    assert "nothing to do" in syncline("db", "upgrade").stdout


def test_a_revision_is_written_only_where_a_table_changed(syncline: Syncline, store: Store) -> None:
    """Empty migrations would pile up."""
    done = syncline("db", "revision", "-m", "nothing")
    assert (done.returncode, done.stdout) == (0, "nothing to write: the tables are as the sources declare them\n")


def test_a_token_names_its_user_and_opens_the_api(
    syncline: Syncline, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output is the token alone, for `$(syncline token)`."""
    monkeypatch.setenv("SYNCLINE_JWT_SECRET", "a secret that is long enough for HS256")
    anna = tokens.verify(load_settings(), syncline("token", "--user", "anna", "--role", "user").stdout.strip())
    ours = tokens.verify(load_settings(), syncline("token").stdout.strip())
    assert (anna.subject, anna.role, ours.subject, ours.role) == ("anna", "user", actor(), "operator")


def test_a_short_secret_signs_nothing(syncline: Syncline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API would refuse the token."""
    monkeypatch.setenv("SYNCLINE_JWT_SECRET", "short")
    done = syncline("token")
    assert (done.returncode, done.stdout) == (2, "")
    assert "SYNCLINE_JWT_SECRET is shorter than 32 bytes" in done.stderr


def test_without_a_secret_no_token_is_made(syncline: Syncline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token signed with an empty secret would open the door to everybody."""
    monkeypatch.delenv("SYNCLINE_JWT_SECRET", raising=False)
    done = syncline("token")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("syncline: SYNCLINE_JWT_SECRET is not set")


def test_sources_are_listed_with_where_they_come_from(
    syncline: Syncline, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers what there is to sync, and which setting is still missing; and shows no credentials."""
    assert "not set" in syncline("sources").stdout
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__BASE_URL", "http://127.0.0.1:8090")
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__TOKEN", "hunter2")
    found = {one["source"]: one for one in json.loads(syncline("sources", "--json").stdout)}
    assert found["products"]["base_url"] == "http://127.0.0.1:8090"
    assert found["products"]["waits_seconds"] == [5, 10]
    assert (found["products"]["overlap"], found["products"]["catch_up"]) == ("skip", "latest")
    assert "hunter2" not in syncline("sources", "--json").stdout


@pytest.mark.parametrize(
    "arguments",
    [["start", "products", "--every", "15m"], ["start", "products", "--every", "default"], ["stop", "products"]],
    ids=" ".join,
)
def test_schedules_cannot_be_changed_while_prefect_is_away(
    arguments: list[str], syncline: Syncline, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schedule lives in Prefect: the command must not claim what it did not do."""
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__BASE_URL", "http://127.0.0.1:1")
    done = syncline(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "syncline up" in done.stderr
    assert done.stderr.count("\n") == 1
