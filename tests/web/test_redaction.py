import pytest
from pydantic import SecretStr

from syncline.settings import Settings, UpstreamSettings
from web.redaction import redacted

ERP = UpstreamSettings(base_url="https://erp.example", token=SecretStr("token-of-erp"), password=SecretStr("pa$$/word"))
SETTINGS = Settings(
    jwt_secret=SecretStr("jwt-secret"),
    cron_secret=SecretStr("cron"),
    internal_api_key=SecretStr("cron-key-longer"),
    snapshot_secret=SecretStr("whsec_c25hcHNob3Q="),
    upstreams={"erp": ERP},
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nothing to hide", "nothing to hide"),
        ("http://ann:pw@host/p?q=a@b", "http://***@host/p?q=a@b"),
        ("postgresql://ann@host/x and ftp://b:c@d", "postgresql://***@host/x and ftp://***@d"),
        ("mail to ann@example.org", "mail to ann@example.org"),
        ("jwt-secret, token-of-erp, pa$$/word, whsec_c25hcHNob3Q=", "***, ***, ***, ***"),
        ("cron-key-longer", "***"),
    ],
)
def test_credentials_are_taken_out_and_all_else_is_left(text: str, told: str) -> None:
    """The longest secret goes first, so that none leaves its end behind."""
    assert redacted(text, SETTINGS) == told


def test_a_secret_of_a_few_letters_is_not_searched_for() -> None:
    """It would tear every word in which it stands."""
    assert redacted("abacus", Settings(cron_secret=SecretStr("aba"))) == "abacus"
