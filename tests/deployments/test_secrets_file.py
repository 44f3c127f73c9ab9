"""The secrets that an instance makes, where their file cannot be written."""

from pathlib import Path

import pytest

from deployments.secrets_file import make_missing_secrets
from syncline.errors import ConfigurationError
from syncline.settings import Settings


def test_a_home_that_cannot_hold_the_secrets_is_told(tmp_path: Path) -> None:
    """With PostgreSQL, this is the first file that `syncline up` writes there."""
    home = tmp_path / "file"
    home.touch()
    with pytest.raises(ConfigurationError, match=r"SYNCLINE_HOME: .*secrets\.env: "):
        make_missing_secrets(Settings(home=home))
