import sys

from cli import console
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.settings import load_settings

__all__ = ["prefect_password"]


def prefect_password() -> None:
    """Show the password that the Prefect UI asks for; only in a terminal, so that it stands in no file."""
    settings = load_settings()
    if not sys.stdout.isatty():
        raise ConfigurationError(f"the password is shown in a terminal only; programs read {settings.secrets_file}")
    if settings.prefect_auth is None:
        foreign = settings.prefect_api_url is not None
        raise MissingSettingError(
            "SYNCLINE_PREFECT_API_AUTH" if foreign else "SYNCLINE_PREFECT_SECRET",
            "user:password of that server" if foreign else "`syncline up` makes one",
        )
    console.line(settings.prefect_auth)
