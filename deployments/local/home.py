"""The state folder: its owner's alone, with all that is in it."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from syncline.errors import ConfigurationError
from syncline.held_file import hold_file, is_held
from syncline.settings import Settings

__all__ = ["close_to_others", "hold_home", "is_up", "own_home", "tell_ports", "temporary_folder"]

_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
_LOCK = "up.lock"
_STATE = ("syncline.db*", "*.env", "*.lock", "running.json", "declared.json", "looks.sock*")
_OURS = (*_STATE, "logs", "prefect", "runs", "tmp")
"""What Syncline itself puts into the folder, and so may change the modes of."""


def own_home(settings: Settings, *, thoroughly: bool = False) -> list[str]:
    """Make the state folder where it is missing; mend what an earlier version, or a copy, left open to others.

    Where the folder holds other things as well (the project itself, a home folder), its own mode and theirs are left.
    What is in it is looked at where others can get in, or `thoroughly`.

    Returns:
        What could not be mended, in a line each.

    Raises:
        ConfigurationError: it cannot be made, is no folder, or belongs to another user; names the setting.
    """
    home = settings.home
    is_open = stat.S_IMODE(_owned(home).st_mode) != _FOLDER_MODE
    ours = {path for pattern in _OURS for path in home.glob(pattern)} if is_open or thoroughly else set[Path]()
    for path in ours:
        close_to_others(path)
    if is_open and set(home.iterdir()) - ours:
        return [f"SYNCLINE_HOME {home} is open to others, and holds more than Syncline's: give it a folder of its own"]
    if is_open:
        home.chmod(_FOLDER_MODE)
    return []


def _owned(home: Path) -> os.stat_result:
    try:
        home.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        found = home.stat()
    except OSError as error:
        raise ConfigurationError(f"SYNCLINE_HOME {home} cannot be made: {error.strerror}") from None
    if found.st_uid != os.geteuid():
        owner = _user(found.st_uid)
        raise ConfigurationError(f"SYNCLINE_HOME {home} belongs to {owner}: run as that user, or set another folder")
    return found


def close_to_others(path: Path) -> None:
    """Take the rights of others from `path` and all that is in it; links are not followed."""
    for one in _all_in(path):
        with suppress(OSError):  # gone meanwhile, or another user's: the folder around it keeps others out
            mode = one.lstat().st_mode
            wanted = _FOLDER_MODE if stat.S_ISDIR(mode) else _FILE_MODE
            if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) != wanted:
                one.chmod(wanted)


@contextmanager
def hold_home(settings: Settings) -> Generator[None]:
    """Be the one `syncline up` of the state folder, which must be there.

    Raises:
        ConfigurationError: another one runs on it; names its process.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_file(settings.home / _LOCK, f"{os.getpid()}\n"))
        except BlockingIOError:
            process = (settings.home / _LOCK).read_text(encoding="ascii").strip() or "just starting"
            raise ConfigurationError(
                f"`syncline up` (process {process}) runs on SYNCLINE_HOME {settings.home} already: "
                "end it, or set another folder"
            ) from None
        yield


@contextmanager
def tell_ports(settings: Settings) -> Generator[None]:
    """While this process lives, say where the instance listens to commands in other terminals (`load_settings`).

    Their environment may lack the ports that this one was given; `syncline status` said that Prefect does not answer.
    """
    ports = {"HOST": settings.host, "WEB_PORT": settings.web_port, "PREFECT_PORT": settings.prefect_port}
    lines = (f"SYNCLINE_{name}={value}\n" for name, value in (ports | {"SANDBOX_PORT": settings.sandbox_port}).items())
    try:
        with hold_file(settings.up_file, "".join(lines)):
            yield
    finally:
        settings.up_file.unlink(missing_ok=True)


def is_up(settings: Settings) -> bool:
    """Whether a `syncline up` runs on the state folder."""
    return is_held(settings.home / _LOCK)


@contextmanager
def temporary_folder(settings: Settings) -> Generator[Path]:
    """A folder for what the processes of `syncline up` keep for a while; empty at its start, and gone at its end."""
    folder = (settings.home / "tmp").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=_FOLDER_MODE)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _all_in(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        for folder, folders, files in os.walk(path):
            yield from (Path(folder) / name for name in (*folders, *files))


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"  # as containers have
