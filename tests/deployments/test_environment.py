import ssl
import sys
import time
import zoneinfo

import certifi
import pytest

from deployments import environment
from deployments.environment import prefect_env, server_env
from syncline.settings import Settings

SPARED = {
    "PREFECT_API_SSL_CERT_FILE",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED",
}


def cpu_seconds_of_a_context(file: str) -> float:
    """What each client of Prefect's API spends on the file of authorities, TLS or not."""
    before = time.process_time()
    for _ in range(3):
        ssl.create_default_context(cafile=file)
    return time.process_time() - before


def test_clients_of_our_own_server_read_no_authorities() -> None:
    """It speaks no TLS, and a run makes a dozen clients: a third of a CPU second for nothing."""
    env = prefect_env(Settings())
    assert env.keys() >= SPARED
    file = env["PREFECT_API_SSL_CERT_FILE"]
    context = ssl.create_default_context(cafile=file)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.get_ca_certs() == []
    assert cpu_seconds_of_a_context(file) < cpu_seconds_of_a_context(certifi.where()) / 3


@pytest.mark.parametrize("url", ["https://prefect.example.com/api", "http://prefect.example.com/api"])
def test_another_server_is_met_as_prefect_does(url: str) -> None:
    """Its certificate is checked, also where its address only redirects to TLS, and it may be of another version."""
    assert SPARED.isdisjoint(prefect_env(Settings(prefect_api_url=url)))


def test_our_own_server_asks_for_no_token_that_its_clients_do_not_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is meant for another server would lock out the runner."""
    monkeypatch.setenv("PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED", "true")
    assert server_env(Settings())["PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED"] == "false"


def test_the_names_of_all_time_zones_are_read_once() -> None:
    """Prefect asks for them at each schedule that it reads, and they stand in 600 files."""
    environment.enter()
    zoneinfo.available_timezones().clear()
    opened, asked = list[object](), list[set[str]]()
    sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and not asked else None)
    found = zoneinfo.available_timezones()
    asked.append(found)
    assert "Europe/Paris" in found
    assert opened == []
