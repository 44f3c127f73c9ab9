import os
from pathlib import Path

import pytest

from syncline.errors import ConfigurationError, MissingSettingError
from syncline.settings import INTERVAL_VARIABLES, Settings, load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SYNCLINE_") or name in {"CRON_SECRET", "INTERNAL_API_KEY", *INTERVAL_VARIABLES.values()}:
            monkeypatch.delenv(name)


def test_an_instance_runs_without_any_setting() -> None:
    """What is needed for a start has a default; ports are the documented ones, and listen on loopback."""
    settings = load_settings()
    assert (settings.host, settings.web_port, settings.prefect_port, settings.sandbox_port) == (
        "127.0.0.1",
        8080,
        4200,
        8090,
    )
    assert settings.database == f"sqlite:///{Path('.syncline/syncline.db').absolute()}"
    assert settings.prefect_api == "http://127.0.0.1:4200/api"
    assert (settings.jwt_secret, settings.cron_secret, settings.internal_api_key) == (None, None, None)


def test_each_setting_is_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names are part of the product; two are those that the seeds give."""
    given = {
        "SYNCLINE_HOME": "elsewhere",
        "SYNCLINE_WEB_PORT": "8181",
        "SYNCLINE_PREFECT_PORT": "4300",
        "SYNCLINE_JWT_SECRET": "hunter2",
        "CRON_SECRET": "hunter3",
        "INTERNAL_API_KEY": "hunter4",
        "SYNCLINE_UPSTREAMS__ERP__BASE_URL": "https://erp.example/api/",
        "SYNCLINE_UPSTREAMS__ERP__TOKEN": "hunter5",
        "SYNCLINE_UPSTREAMS__X__USER_ID": "1888000000000000001",
        "SYNCLINE_SNAPSHOT_URL": "https://snapshots.example/?t=1",
        "SYNCLINE_SNAPSHOT_SECRET": "hunter6",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.home, settings.secrets_file) == (Path("elsewhere"), Path("elsewhere/secrets.env"))
    assert (settings.web_port, settings.prefect_api) == (8181, "http://127.0.0.1:4300/api")
    assert settings.base_url("erp") == settings.base_url("ERP") == "https://erp.example/api"
    assert settings.upstream("x").user_id == "1888000000000000001"
    assert settings.snapshot_url == "https://snapshots.example/?t=1"
    secrets = (
        settings.jwt_secret,
        settings.cron_secret,
        settings.internal_api_key,
        settings.upstream("erp").token,
        settings.snapshot_secret,
    )
    assert [None if one is None else one.get_secret_value() for one in secrets] == [f"hunter{n}" for n in range(2, 7)]


def test_intervals_are_set_in_milliseconds_by_the_names_of_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that has these variables keeps them; one that has none keeps to prefect.yaml."""
    assert load_settings().intervals == {}
    monkeypatch.setenv("TWITTER_POLL_INTERVAL", "120000")
    monkeypatch.setenv("FAST_DELETE_SWEEP_INTERVAL", "1500")
    assert load_settings().intervals == {"twitter_poller": 120, "fast_delete_sweep": 1.5}
    monkeypatch.setenv("VALIDATE_ENTRIES_INTERVAL", "180000")
    assert load_settings().intervals.keys() == INTERVAL_VARIABLES.keys()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A settings object in a log, a trace or an error gives nothing away."""
    names = ("SYNCLINE_JWT_SECRET", "CRON_SECRET", "INTERNAL_API_KEY", "SYNCLINE_UPSTREAMS__ERP__PASSWORD")
    for name in (*names, "SYNCLINE_SNAPSHOT_SECRET"):
        monkeypatch.setenv(name, "hunter2")
    settings = load_settings()
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"


def test_the_password_of_the_database_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands inside a URL, which is not a secret as a whole; so may what opens the door of a receiver."""
    monkeypatch.setenv("SYNCLINE_DATABASE_URL", "postgresql://anna:hunter2@host/name")
    monkeypatch.setenv("SYNCLINE_SNAPSHOT_URL", "https://host/?token=hunter2")
    settings = load_settings()
    assert settings.database == "postgresql+psycopg://anna:hunter2@host/name"
    assert "hunter2" not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://h/n", "postgresql+psycopg://h/n"),
        ("postgres://h/n", "postgresql+psycopg://h/n"),
        ("postgresql+psycopg://h/n", "postgresql+psycopg://h/n"),
        ("sqlite:///x.db", "sqlite:///x.db"),
    ],
)
def test_a_database_url_is_taken_as_people_write_it(given: str, used: str) -> None:
    """Providers hand out `postgres://`; the driver's name is ours to know."""
    assert Settings(database_url=given).database == used


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SYNCLINE_WEB_PORT", "http", "SYNCLINE_WEB_PORT: input should be a valid integer"),
        ("SYNCLINE_WEB_PORT", "0", "SYNCLINE_WEB_PORT: input should be greater than or equal to 1"),
        ("SYNCLINE_WEB_PORT", "65536", "SYNCLINE_WEB_PORT: input should be less than or equal to 65535"),
        ("TWITTER_POLL_INTERVAL", "2m", "TWITTER_POLL_INTERVAL: input should be a valid integer"),
        (
            "VALIDATE_ENTRIES_INTERVAL",
            "999",
            "VALIDATE_ENTRIES_INTERVAL: input should be greater than or equal to 1000",
        ),
        (
            "FAST_DELETE_SWEEP_INTERVAL",
            "604800001",
            "FAST_DELETE_SWEEP_INTERVAL: input should be less than or equal to",
        ),
        ("SYNCLINE_UPSTREAMS", "hunter2", 'SYNCLINE_…: error parsing value for field "upstreams"'),
        ("SYNCLINE_UPSTREAMS__ERP", "hunter2", "SYNCLINE_UPSTREAMS__ERP: "),
        ("SYNCLINE_ALLOWED_HOSTS", "https://sync.example.com", "SYNCLINE_ALLOWED_HOSTS: name hosts, divided by commas"),
        ("SYNCLINE_ALLOWED_HOSTS", "sync.example.com:443", "SYNCLINE_ALLOWED_HOSTS: name hosts, divided by commas"),
        ("SYNCLINE_ALLOWED_HOSTS", "*", "SYNCLINE_ALLOWED_HOSTS: name hosts, divided by commas"),
        ("SYNCLINE_TRUSTED_PROXIES", "10.0.0.5/8", "SYNCLINE_TRUSTED_PROXIES: name addresses or networks"),
        ("SYNCLINE_TRUSTED_PROXIES", "*", "SYNCLINE_TRUSTED_PROXIES: name addresses or networks"),
    ],
)
def test_a_wrong_value_gets_one_clear_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    """It names the variable as its user wrote it, and does not repeat what may be a secret."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value).startswith(said)
    assert len(str(caught.value).splitlines()) == 1
    assert "hunter2" not in str(caught.value)


def test_the_nearest_word_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment wins over `.env`, which wins over the secrets that `syncline up` made."""
    (tmp_path / ".syncline").mkdir()
    made = "SYNCLINE_JWT_SECRET=made\nCRON_SECRET=made\nINTERNAL_API_KEY=made\n"
    (tmp_path / ".syncline" / "secrets.env").write_text(made)
    (tmp_path / ".env").write_text("CRON_SECRET=file\nINTERNAL_API_KEY=file\n")
    monkeypatch.setenv("INTERNAL_API_KEY", "environment")
    settings = load_settings()
    secrets = (settings.jwt_secret, settings.cron_secret, settings.internal_api_key)
    assert [None if one is None else one.get_secret_value() for one in secrets] == ["made", "file", "environment"]


def test_a_home_that_is_named_in_the_file_is_the_home_of_the_secrets(tmp_path: Path) -> None:
    """Else `syncline up` would write secrets to one folder and look for them in another."""
    (tmp_path / "data").mkdir()
    (tmp_path / ".env").write_text("SYNCLINE_HOME=data\n")
    (tmp_path / "data" / "secrets.env").write_text("SYNCLINE_JWT_SECRET=made\n")
    settings = load_settings()
    assert settings.home == Path("data")
    assert settings.jwt_secret is not None
    assert settings.jwt_secret.get_secret_value() == "made"


def test_a_file_that_is_no_text_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command reads it first: a traceback would not say what to change."""
    monkeypatch.chdir(tmp_path)
    Path(".env").write_bytes(b"SYNCLINE_WEB_PORT=\xff\n")
    with pytest.raises(ConfigurationError, match=r"^\.env, line 1: not UTF-8$"):
        load_settings()


def test_a_file_that_may_not_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that another user wrote, as `syncline new` under sudo does."""

    def refused(*_: object) -> Settings:
        raise PermissionError(13, "Permission denied", ".env")

    monkeypatch.setattr("syncline.settings._read", refused)
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read: Permission denied"):
        load_settings()


def test_an_upstream_without_an_address_is_told_by_its_setting() -> None:
    """The line can be copied into a shell."""
    with pytest.raises(MissingSettingError, match=r"^SYNCLINE_UPSTREAMS__ERP__BASE_URL is not set: where is .*'erp'"):
        Settings().base_url("erp")


@pytest.mark.parametrize("url", ["erp.example", "ftp://erp.example", "", "localhost:8090"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    """The scheme is what people forget."""
    settings = Settings.model_validate({"upstreams": {"erp": {"base_url": url}}})
    with pytest.raises(ConfigurationError, match="SYNCLINE_UPSTREAMS__ERP__BASE_URL must begin with http"):
        settings.base_url("erp")


def test_nothing_is_known_of_an_upstream_that_nobody_set() -> None:
    """A source without credentials is not an error until it needs some."""
    nothing = dict.fromkeys(("base_url", "token", "username", "password", "user_id"))
    assert Settings().upstream("erp").model_dump() == nothing
