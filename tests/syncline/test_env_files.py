"""Faults of files of settings are told by file and line; names that no setting has, with the nearest one."""

from pathlib import Path

import pytest

from syncline.errors import ConfigurationError
from syncline.settings import load_settings, misspelt


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and no setting of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("SYNCLINE_HOME", "SYNCLINE_WEB_PORT", "SYNCLINE_PREFECT_PORT", "SYNCLINE_SANDBOX_PORT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A=1\nSYNCLINE_HOST='127.0.0.1\n", ".env, line 2: a quote that is not closed"),
        (b"A=1\n\nSYNCLINE_HOST\n", ".env, line 3: SYNCLINE_HOST has no `=`: write SYNCLINE_HOST=VALUE"),
        (b"A=1\nSYNCLINE_HOST=\xff\n", ".env, line 2: not UTF-8"),
        (b"A=1\nSYNCLINE_WEB_PORT=hunter2\n", ".env, line 2: SYNCLINE_WEB_PORT: "),
        (b"A=1\nSYNCLINE_KEEP__SESSIONS_DAYS=-1\n", ".env, line 2: SYNCLINE_KEEP__SESSIONS_DAYS: "),
        (b"TWITTER_POLL_INTERVAL=5\n", ".env, line 1: TWITTER_POLL_INTERVAL: "),
    ],
)
def test_a_fault_of_a_file_names_the_file_and_the_line(folder: Path, content: bytes, said: str) -> None:
    """A typing slip was ignored in silence, or told without its place; the value itself is not repeated."""
    (folder / ".env").write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value).startswith(said)
    assert "hunter2" not in str(caught.value)


def test_a_fault_of_the_environment_names_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment goes before the file, which may say the same name rightly."""
    (folder / ".env").write_text("SYNCLINE_WEB_PORT=8080\n")
    monkeypatch.setenv("SYNCLINE_WEB_PORT", "no")
    with pytest.raises(ConfigurationError, match=r"^SYNCLINE_WEB_PORT: "):
        load_settings()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SYNCLINE_WEBPORT", "SYNCLINE_WEB_PORT"),
        ("SYNCLINE_DATABSE_URL", "SYNCLINE_DATABASE_URL"),
        ("SYNCLINE_KEEP__SESSION_DAYS", "SYNCLINE_KEEP__SESSIONS_DAYS"),
        ("SYNCLINE_UPSTREAMS__ERP__BASEURL", "SYNCLINE_UPSTREAMS__ERP__BASE_URL"),
    ],
)
@pytest.mark.parametrize("place", ["the environment", ".env, line 2"])
def test_a_slip_of_the_pen_is_told_with_the_nearest_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, nearest: str, place: str
) -> None:
    """A setting that is not heeded looks like one that does not work."""
    if place == "the environment":
        monkeypatch.setenv(name, "1")
    else:
        (folder / ".env").write_text(f"# ours\n{name}=1\n")
    assert list(misspelt(load_settings())) == [
        f"{name} ({place}) is no setting, and is ignored: did you mean {nearest}?"
    ]


def test_settings_that_there_are_and_names_of_others_are_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning that comes each time is not read."""
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__TOKEN", "1")
    (folder / ".env").write_text("SYNCLINE_WEB_PORT=8080\nPATH_TO_SYNCLINE=x\nexport SYNCLINE_DEBUG=0\n")
    assert list(misspelt(load_settings())) == []
