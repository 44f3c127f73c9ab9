import os
import socket
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.environment import prefect_env, settings_env
from deployments.local.demo import demo_settings
from deployments.preflight import (
    check_deployments,
    check_ports,
    check_upstreams,
    missing_warning,
    ports_of,
    unknown_warning,
)
from deployments.secrets_file import make_missing_secrets
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.settings import Settings, UpstreamSettings, load_settings

ERP = {"erp": UpstreamSettings(base_url="http://127.0.0.1:9", token=SecretStr("hush"))}


def test_a_port_in_use_names_the_setting_that_changes_it() -> None:
    """The commonest reason why a first start fails."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is in use.*set SYNCLINE_WEB_PORT"):
            check_ports({"SYNCLINE_WEB_PORT": ("127.0.0.1", port)})


def test_one_port_for_two_is_refused() -> None:
    """The second child would die at its start, with a traceback in a log."""
    with pytest.raises(ConfigurationError, match="SYNCLINE_PREFECT_PORT and SYNCLINE_WEB_PORT are both 4200"):
        check_ports(ports_of(Settings(web_port=4200, prefect_port=4200), demo=False))


def test_a_foreign_prefect_server_needs_no_port_of_ours() -> None:
    """Where Prefect runs elsewhere, 4200 is somebody else's business."""
    settings = Settings(prefect_api_url="http://prefect.example/api")
    assert set(ports_of(settings, demo=True)) == {"SYNCLINE_WEB_PORT", "SYNCLINE_SANDBOX_PORT"}


@pytest.mark.parametrize(
    ("name", "said"),
    [("erp", None), ("epr", "SYNCLINE_UPSTREAMS__EPR__… (did you mean ERP?)"), ("zzz", "SYNCLINE_UPSTREAMS__ZZZ__…")],
)
def test_an_upstream_that_no_source_has_is_told_with_the_nearest(name: str, said: str | None) -> None:
    """A slip in the name would leave its source out, and say only that it is not set up."""
    told = unknown_warning(Settings(upstreams={name: UpstreamSettings(base_url="http://127.0.0.1:9")}))
    assert told == (None if said is None else f"No source has the upstream of {said}")


def test_a_missing_address_or_credential_is_named() -> None:
    """One line before anything starts, instead of failing runs afterwards."""
    with pytest.raises(MissingSettingError, match="SYNCLINE_UPSTREAMS__ERP__BASE_URL"):
        check_upstreams(Settings(upstreams={}))
    with pytest.raises(MissingSettingError, match="SYNCLINE_UPSTREAMS__ERP__TOKEN"):
        check_upstreams(Settings(upstreams={"erp": UpstreamSettings(base_url="http://127.0.0.1:9")}))
    check_upstreams(Settings(upstreams=ERP))
    check_upstreams(demo_settings(Settings(upstreams={})))


def test_sources_without_an_address_are_told_in_one_line() -> None:
    """A shop that has only an ERP starts, and sees what it could switch on."""
    line = missing_warning(Settings(upstreams=ERP)) or ""
    assert line.startswith("Not set up, and so not served: airdrops (SYNCLINE_UPSTREAMS__AIRDROPS__BASE_URL), ")
    assert "yield (SYNCLINE_UPSTREAMS__YIELD__BASE_URL)" in line
    assert "ERP" not in line
    assert missing_warning(demo_settings(Settings(upstreams={}))) is None


@pytest.mark.parametrize("url", ["quests.example.com", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """A typing error must not look like a source that nobody wants."""
    with pytest.raises(ConfigurationError, match="SYNCLINE_UPSTREAMS__QUESTS__BASE_URL must begin with http"):
        check_upstreams(Settings(upstreams=ERP | {"quests": UpstreamSettings(base_url=url)}))


def test_mentions_want_to_know_whose() -> None:
    """X's token alone does not say whose mentions are meant; without it every poll would fail."""
    known = UpstreamSettings(base_url="http://127.0.0.1:9/x", token=SecretStr("hush"))
    with pytest.raises(MissingSettingError, match="SYNCLINE_UPSTREAMS__X__USER_ID is not set"):
        check_upstreams(Settings(upstreams={"x": known}))
    check_upstreams(Settings(upstreams={"x": known.model_copy(update={"user_id": "1888"})}))


def test_a_webhook_that_could_not_be_signed_is_refused() -> None:
    """The first frozen round would be too late to hear of it."""
    with pytest.raises(MissingSettingError, match="SYNCLINE_SNAPSHOT_SECRET"):
        check_upstreams(Settings(upstreams=ERP, snapshot_url="https://snapshots.example/"))


def test_a_feed_alone_is_enough() -> None:
    """Who has no ERP starts as well."""
    check_upstreams(Settings(upstreams={"yield": UpstreamSettings(base_url="https://yields.llama.fi")}))


def test_the_projects_own_deployments_fit_its_sources() -> None:
    """What the check would refuse must not be shipped."""
    check_deployments()


def test_missing_secrets_are_made_once_for_the_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start must not log everybody out, and nobody else may read them."""
    for name in ("SYNCLINE_JWT_SECRET", "CRON_SECRET", "INTERNAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path))
    monkeypatch.setenv("CRON_SECRET", "mine")
    assert make_missing_secrets(load_settings()) == [
        "SYNCLINE_JWT_SECRET",
        "INTERNAL_API_KEY",
        "SYNCLINE_PREFECT_SECRET",
    ]
    settings = load_settings()
    assert make_missing_secrets(settings) == []
    assert settings.jwt_secret is not None
    assert len(settings.jwt_secret.get_secret_value()) > 40
    assert stat.S_IMODE(settings.secrets_file.stat().st_mode) == 0o600


def test_a_child_reads_the_same_settings_wherever_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker in another folder would open another database."""
    for name in [name for name in os.environ if name.startswith("SYNCLINE_")]:
        monkeypatch.delenv(name)
    upstreams = ERP | {"x": UpstreamSettings(user_id="1888")}
    settings = Settings(
        home=tmp_path,
        web_port=1234,
        database_url="sqlite:////tmp/x.db",
        upstreams=upstreams,
        snapshot_url="https://snapshots.example/",
        snapshot_secret=SecretStr("whsec_c25hcHNob3Q="),
        validate_entries_interval=1_500,
        allowed_hosts="sync.example.com, 10.0.0.5",
        trusted_proxies="10.0.0.0/8",
    )
    for name, value in settings_env(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir("/")
    assert load_settings() == settings


def test_whoever_talks_to_prefect_tells_nobody_else() -> None:
    """Usage statistics of others are not ours to send."""
    env = prefect_env(Settings(prefect_port=4444))
    assert env["PREFECT_API_URL"] == "http://127.0.0.1:4444/api"
    assert (env["PREFECT_SERVER_ANALYTICS_ENABLED"], env["DO_NOT_TRACK"]) == ("false", "1")
