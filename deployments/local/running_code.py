"""The code that a running `syncline up` began with, and whether the files have changed since (as by a `git pull`).

Runs start new processes, which would load new files beside processes that have the old ones, and meet a database that
fits only one of them. So it is noticed and said: on the terminal, and by `syncline doctor`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import flows
from deployments.local.home import is_up
from syncline.settings import Settings

__all__ = [
    "ROOMS",
    "LoadedCode",
    "RunningCode",
    "changed_code",
    "changed_code_warning",
    "project_folder",
    "running_code",
]

ROOMS = ("cli", "web", "deployments", "flows", "tasks", "syncline")
"""The packages whose code is looked at; the simulated upstreams know nothing of the rest."""
_EVERY_SECONDS = 5.0
_NAMED = 3
"""So many files are named; after a pull there may be many."""


class RunningCode:
    """The code that was there at the start, looked at every few seconds."""

    def __init__(self, folder: Path, began_with: Mapping[str, str]) -> None:
        """`began_with` is what `_digests` of the project's `folder` were at the start."""
        self._folder = folder
        self._began_with = began_with
        self._seen = _stamps(folder)
        self._told: tuple[str, ...] = ()
        self._look_at = time.monotonic() + _EVERY_SECONDS

    def tell(self, say: Callable[[str], None]) -> None:
        """Look every few seconds, however often it is called."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _EVERY_SECONDS
            self.look(say)

    def look(self, say: Callable[[str], None]) -> None:
        """Say which files have changed, once."""
        stamps = _stamps(self._folder)
        if stamps == self._seen:
            return
        self._seen = stamps
        changed = _changed(self._began_with, _digests(self._folder))
        if changed and changed != self._told:
            say(changed_code_warning(changed))
        self._told = changed


class LoadedCode:
    """The code that this process has imported, libraries included; made before anything of it is imported."""

    def __init__(self) -> None:
        """Note how the rooms are now: they are imported from here on."""
        self._rooms = _stamps(project_folder())
        self._loaded: dict[str, tuple[int, int]] = {}

    def note_loaded(self) -> None:
        """Note how all else is that is imported by now."""
        files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        self._loaded = _stamps_of(file for file in files if file is not None)

    def is_current(self) -> bool:
        """Whether a new process would import the same: no file has changed, and the rooms have none more or less."""
        return self._rooms == _stamps(project_folder()) and self._loaded == _stamps_of(self._loaded)


@contextmanager
def running_code(settings: Settings, folder: Path | None = None) -> Generator[RunningCode]:
    """Put on record in the state folder with which code this process begins, for as long as it lives."""
    folder = folder or project_folder()
    began_with = _digests(folder)
    file = _file(settings)
    file.write_text(json.dumps({"folder": str(folder), "code": began_with}), encoding="utf-8")
    try:
        yield RunningCode(folder, began_with)
    finally:
        file.unlink(missing_ok=True)


def changed_code(settings: Settings) -> tuple[str, ...]:
    """The files that changed since the `syncline up` of this state folder started; none where none runs."""
    if not is_up(settings):
        return ()
    try:
        known = json.loads(_file(settings).read_text(encoding="utf-8"))
        return _changed(known["code"], _digests(Path(known["folder"])))
    except (OSError, ValueError, KeyError, TypeError):
        return ()  # it is just starting or ending


def changed_code_warning(changed: tuple[str, ...]) -> str:
    """One line for the user."""
    more = len(changed) - _NAMED
    named = ", ".join(changed[:_NAMED]) + (f" and {more} more files" if more > 0 else "")
    return f"the code in {named} has changed since `syncline up` started: restart it"


def _file(settings: Settings) -> Path:
    return settings.home / "running.json"


def project_folder() -> Path:
    """The folder of the project's packages."""
    return Path(flows.__path__[0]).parent


def _files(folder: Path) -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((folder / room).rglob("*.py"))
    yield folder / "prefect.yaml"


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """When each file changed last, and its size: enough to see that nothing did."""
    return _stamps_of(map(str, _files(folder)))


def _stamps_of(files: Iterable[str]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for file in files:
        try:
            status = os.stat(file)  # noqa: PTH116 - of 2,000 files before each look: half the time of a Path each
        except OSError:
            continue
        found[file] = (status.st_mtime_ns, status.st_size)
    return found


def _digests(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in _files(folder):
        try:
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            continue
    return found


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)))
