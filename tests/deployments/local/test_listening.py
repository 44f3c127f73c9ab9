import socket

import pytest
from pydantic import SecretStr, ValidationError

from deployments.environment import prefect_env, server_env, settings_env
from deployments.local.listening import no_tls_warning, web_url
from deployments.preflight import check_ports, check_secrets, ports_of
from deployments.secrets_file import short_secrets
from syncline.errors import ConfigurationError
from syncline.settings import Settings

LONG = SecretStr("x" * 32)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("127.0.0.2", "http://127.0.0.2:8080"),
        ("localhost", "http://localhost:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - not bound
        ("::1", "http://[::1]:8080"),
        ("::", "http://[::1]:8080"),
    ],
)
def test_the_web_app_is_looked_for_where_it_listens(host: str, url: str) -> None:
    """On 127.0.0.2 nothing started once: it was waited for elsewhere."""
    assert web_url(Settings(host=host)) == url


@pytest.mark.parametrize(
    ("host", "warned"),
    [("127.0.0.1", False), ("127.9.9.9", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True)],  # noqa: S104 - not bound
)
def test_who_listens_beyond_this_machine_without_tls_is_told(host: str, *, warned: bool) -> None:
    """Tokens go over the wire as they are."""
    said = no_tls_warning(Settings(host=host))
    assert (said is not None) is warned
    assert said is None or f"SYNCLINE_HOST {host}" in said


@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0", "::1"])  # noqa: S104 - not bound
def test_the_host_moves_the_web_app_alone(host: str) -> None:
    """Prefect's server runs code, and has no TLS."""
    settings = Settings(host=host)
    assert ports_of(settings, demo=True) == {
        "SYNCLINE_WEB_PORT": (host, 8080),
        "SYNCLINE_PREFECT_PORT": ("127.0.0.1", 4200),
        "SYNCLINE_SANDBOX_PORT": ("127.0.0.1", 8090),
    }
    assert server_env(settings)["PREFECT_SERVER_API_HOST"] == "127.0.0.1"


def test_a_port_in_use_on_another_address_is_no_hindrance() -> None:
    """Two web apps may stand on two addresses of one machine."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check_ports({"SYNCLINE_WEB_PORT": ("127.0.0.2", port)})
        with pytest.raises(ConfigurationError, match=f"port {port} is in use: .* SYNCLINE_WEB_PORT"):
            check_ports({"SYNCLINE_WEB_PORT": ("127.0.0.1", port)})


def test_the_secret_of_our_own_server_is_not_sent_to_another() -> None:
    """Its operator could open ours with it."""
    own = Settings(prefect_secret=LONG)
    assert prefect_env(own)["PREFECT_API_AUTH_STRING"] == f"syncline:{'x' * 32}"
    assert server_env(own)["PREFECT_SERVER_API_AUTH_STRING"] == prefect_env(own)["PREFECT_API_AUTH_STRING"]
    foreign = Settings(prefect_secret=LONG, prefect_api_url="http://prefect.example.com/api")
    assert "PREFECT_API_AUTH_STRING" not in prefect_env(foreign)
    theirs = foreign.model_copy(update={"prefect_api_auth": SecretStr("me:mine")})
    assert prefect_env(theirs)["PREFECT_API_AUTH_STRING"] == "me:mine"
    assert settings_env(theirs)["SYNCLINE_PREFECT_API_AUTH"] == "me:mine"


def test_short_secrets_are_refused_by_name() -> None:
    """One that can be guessed is no secret; one that nobody set is made."""
    check_secrets(Settings())
    check_secrets(Settings(jwt_secret=LONG, cron_secret=LONG, internal_api_key=LONG, prefect_secret=LONG))
    short = SecretStr("x" * 31)
    found = Settings(jwt_secret=short, cron_secret=short, internal_api_key=short, prefect_secret=short)
    names = ["SYNCLINE_JWT_SECRET", "CRON_SECRET", "INTERNAL_API_KEY", "SYNCLINE_PREFECT_SECRET"]
    assert short_secrets(found) == names
    with pytest.raises(ConfigurationError, match=f"^{', '.join(names)} have fewer than 32 bytes") as refused:
        check_secrets(found)
    assert "x" * 31 not in str(refused.value)


@pytest.mark.parametrize("secret", ["x" * 32 + "\n", "ä" * 32, "x" * 20 + " " + "x" * 20])
def test_a_password_that_no_header_can_carry_is_refused(secret: str) -> None:
    """Prefect's server would answer 500 to each request."""
    with pytest.raises(ValidationError):
        Settings(prefect_secret=SecretStr(secret))
