import os
import stat
from pathlib import Path

import pytest

from deployments.local.home import hold_home, own_home, temporary_folder
from syncline.errors import ConfigurationError
from syncline.settings import Settings

_FILES = (
    "syncline.db",
    "syncline.db-wal",
    "secrets.env",
    "up.lock",
    "running.json",
    "declared.json",
    "looks.sock",
    "prefect/storage/a",
    "prefect/memo",
)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_an_earlier_version_left_open_is_closed(tmp_path: Path) -> None:
    """Secrets, rows and logs are nobody else's business; a link out of the folder is left alone."""
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "prefect" / "storage").mkdir(parents=True)
    for name in _FILES:
        (home / name).write_text("x")
        (home / name).chmod(0o666)
    outside.write_text("x")
    outside.chmod(0o644)
    (home / "logs").mkdir(mode=0o755)
    (home / "logs" / "link").symlink_to(outside)
    home.chmod(0o755)
    assert own_home(Settings(home=home)) == []
    found = [home, *home.rglob("*")]
    assert {_mode(path) for path in found if path.is_dir()} == {0o700}
    assert {_mode(path) for path in found if path.is_file() and not path.is_symlink()} == {0o600}
    assert _mode(outside) == 0o644


def test_modes_inside_a_closed_folder_are_mended_at_a_start(tmp_path: Path) -> None:
    """A backup that was put back may bring any mode."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "syncline.db").touch(mode=0o644)
    own_home(Settings(home=home), thoroughly=True)
    assert _mode(home / "syncline.db") == 0o600


def test_a_folder_that_holds_other_things_keeps_its_modes(tmp_path: Path) -> None:
    """Somebody may name the project's folder, or their own home: their programs must still start."""
    program = tmp_path / "program"
    program.touch(mode=0o755)
    (tmp_path / "secrets.env").touch(mode=0o644)
    tmp_path.chmod(0o755)
    (said,) = own_home(Settings(home=tmp_path))
    assert "holds more than Syncline's" in said
    assert (_mode(tmp_path), _mode(program), _mode(tmp_path / "secrets.env")) == (0o755, 0o755, 0o600)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """What is written there as another user locks its owner out."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    if os.geteuid() == 0:
        os.chown(theirs, 65534, -1)
    else:
        theirs = Path("/")
    with pytest.raises(ConfigurationError, match=r"SYNCLINE_HOME .* belongs to .*: run as that user"):
        own_home(Settings(home=theirs))


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """One line, with the setting."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"SYNCLINE_HOME .* cannot be made"):
        own_home(Settings(home=tmp_path / "file"))


def test_a_second_start_on_one_home_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    """Two would serve the same deployments from one database file, and end each other's children."""
    settings = Settings(home=tmp_path)
    refused = rf"\(process {os.getpid()}\) runs on SYNCLINE_HOME"
    with hold_home(settings), pytest.raises(ConfigurationError, match=refused), hold_home(settings):
        pass
    with hold_home(settings):
        pass


def test_the_temporary_folder_is_empty_at_first_and_gone_at_last(tmp_path: Path) -> None:
    """What a killed runner left there goes with the next start."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "left").touch()
    with temporary_folder(Settings(home=tmp_path)) as folder:
        assert list(folder.iterdir()) == []
        (folder / "mine").touch()
    assert not folder.exists()
