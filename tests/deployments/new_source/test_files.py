import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from deployments.new_source.env_file import missing, with_settings
from deployments.new_source.files import NewText, write_all
from syncline.errors import ConfigurationError


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_all_files_are_written_each_with_its_mode(tmp_path: Path) -> None:
    """A token that others can read is none."""
    code, secret = tmp_path / "a.py", tmp_path / ".env"
    secret.write_text("OLD=1\n")
    secret.chmod(0o644)
    write_all([NewText(path=code, text="x\n", is_new=True), NewText(path=secret, text="NEW=1\n", is_secret=True)])
    assert (code.read_text(), secret.read_text()) == ("x\n", "NEW=1\n")
    assert (_mode(code), _mode(secret)) == (0o644, 0o600)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "a.py"]


def test_where_one_cannot_be_written_none_is(tmp_path: Path) -> None:
    """Half a source (a schedule without its file) would keep the whole program from starting."""
    old, taken = tmp_path / "prefect.yaml", tmp_path / "a.py"
    old.write_text("old")
    taken.write_text("taken meanwhile")
    texts = [
        NewText(path=old, text="new"),
        NewText(path=tmp_path / "b", text="b", is_new=True),
        NewText(path=taken, text="x", is_new=True),
    ]
    with pytest.raises(ConfigurationError, match="cannot be written: file exists"):
        write_all(texts)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "prefect.yaml": "old",
        "a.py": "taken meanwhile",
    }


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """One line says which file, and nothing is left behind."""
    with pytest.raises(ConfigurationError, match="no such file"):
        write_all([NewText(path=tmp_path / "a", text="a"), NewText(path=tmp_path / "gone" / "b", text="b")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["plain", "with space", "it's", 'q"q', "a#b", "back\\slash", "$HOME", "größe", "a=b"])
def test_a_setting_is_read_as_it_was_given(tmp_path: Path, value: str) -> None:
    """Tokens hold what they like."""
    path = tmp_path / ".env"
    path.write_text("OLD=1")
    path.write_text(with_settings(path, {"TOKEN": value}, heading="widgets"))
    assert dotenv_values(path) == {"OLD": "1", "TOKEN": value}


def test_a_value_that_cannot_stand_there_is_refused_without_being_shown(tmp_path: Path) -> None:
    """`${…}` is replaced where the file is read."""
    with pytest.raises(ConfigurationError, match="the value of TOKEN cannot be written") as caught:
        with_settings(tmp_path / ".env", {"TOKEN": "se${HOME}cret"}, heading="widgets")
    assert "se$" not in str(caught.value)


def test_a_setting_that_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment as in the file: what was there wins."""
    path = tmp_path / ".env"
    path.write_text("syncline_a=1\n")
    monkeypatch.setenv("SYNCLINE_B", "1")
    wanted = {"SYNCLINE_A": "2", "SYNCLINE_B": "2", "SYNCLINE_C": "2"}
    assert missing(path, wanted) == {"SYNCLINE_C": "2"}
