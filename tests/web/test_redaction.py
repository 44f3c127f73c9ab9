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
    prefect_secret=SecretStr("door-of-prefect"),
    prefect_api_auth=SecretStr("ann:of-another-server"),
    alert_urls=SecretStr("tgram://bot-token/1 json://sink/of-alerts"),
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
        ("door-of-prefect, ann:of-another-server", "***, ***"),
        ("no answer from tgram://bot-token/1, nor from json://sink/of-alerts", "no answer from ***, nor from ***"),
    ],
)
def test_credentials_are_taken_out_and_all_else_is_left(text: str, told: str) -> None:
    """The longest secret goes first, so that none leaves its end behind."""
    assert redacted(text, SETTINGS) == told


def test_no_secret_of_the_settings_is_left_out() -> None:
    """One that is added later counts too."""
    names = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    values = {name: SecretStr(f"value-of-{name}") for name in names}
    assert len(names) > 1
    for name in names:
        assert redacted(f"it is value-of-{name}.", Settings().model_copy(update=values)) == "it is ***."


def test_a_secret_of_a_few_letters_is_not_searched_for() -> None:
    """It would tear every word in which it stands."""
    assert redacted("abacus", Settings(cron_secret=SecretStr("aba"))) == "abacus"
