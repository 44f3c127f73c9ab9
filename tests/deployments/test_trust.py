import ssl
from pathlib import Path

import certifi
import pytest

from deployments import trust


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine names no authority."""
    for name in ("PREFECT_API_SSL_CERT_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["PREFECT_API_SSL_CERT_FILE", "SSL_CERT_FILE"])
def test_an_authority_of_the_users_own_is_trusted(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Prefect's own clients trust it: `syncline status` would else call a server dead that its runs reach."""
    end = "-----END CERTIFICATE-----"
    one = tmp_path / "authority.pem"
    one.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end, encoding="utf-8")
    monkeypatch.setenv(name, str(one))
    found = trust.trusted("https://prefect.example.com/api")
    assert isinstance(found, ssl.SSLContext)
    assert (len(found.get_ca_certs()), found.verify_mode, found.check_hostname) == (1, ssl.CERT_REQUIRED, True)


def test_without_one_the_public_authorities_are_trusted() -> None:
    """A server of a company's own has a public certificate more often than not."""
    assert trust.trusted("https://prefect.example.com/api") is True


def test_without_tls_no_certificate_is_read() -> None:
    """It would take each command 0.03 CPU seconds."""
    assert trust.trusted("http://127.0.0.1:4200/api") is False


def test_prefects_clients_read_no_certificate_without_tls_either() -> None:
    """The reconciler makes one every half minute, a start of a schedule several."""
    verified = trust.without_tls("http://127.0.0.1:4200/api")["verify"]
    assert (verified.get_ca_certs(), verified.verify_mode) == ([], ssl.CERT_REQUIRED)
    assert trust.without_tls("https://prefect.example.com/api") == {}
