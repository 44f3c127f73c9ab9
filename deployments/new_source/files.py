"""Several files written together: all of them, or none."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from syncline.errors import ConfigurationError

__all__ = ["NewText", "write_all"]

_OWNER_ONLY = 0o600
_READABLE = 0o644


@dataclass(frozen=True, kw_only=True)
class NewText:
    """What a file is to hold.

    Attributes:
        path: the file.
        text: all of its text.
        is_new: whether the file must not be there yet.
        is_secret: whether its owner alone may read it.
    """

    path: Path
    text: str
    is_new: bool = False
    is_secret: bool = False


@dataclass(frozen=True)
class _Staged:
    """A new text beside the file whose place it takes, and what to put back if another one fails."""

    file: Path
    target: Path
    before: tuple[bytes, int] | None


def write_all(texts: Sequence[NewText]) -> None:
    """Write the files: first beside their places, then each into its place; what fails is undone.

    Raises:
        ConfigurationError: one cannot be written; all are as they were.
    """
    staged: list[_Staged] = []
    try:
        staged.extend(map(_stage, texts))
        _put(staged, texts)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{error.filename or 'a file'} cannot be written: {reason}") from error
    finally:
        for one in staged:
            one.file.unlink(missing_ok=True)


def _stage(new: NewText) -> _Staged:
    target = new.path.resolve()
    before = (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) if target.exists() else None
    mode = _mode(new, before)
    with NamedTemporaryFile("w", dir=target.parent, prefix=f".{target.name}.", delete=False, encoding="utf-8") as file:
        file.write(new.text)
        os.fchmod(file.fileno(), mode)
    return _Staged(Path(file.name), target, before)


def _mode(new: NewText, before: tuple[bytes, int] | None) -> int:
    usual = _READABLE if before is None else before[1]
    return _OWNER_ONLY & usual if new.is_secret else usual


def _put(staged: Sequence[_Staged], texts: Sequence[NewText]) -> None:
    done: list[_Staged] = []
    try:
        for one, new in zip(staged, texts, strict=True):
            if new.is_new:
                os.link(one.file, one.target)  # refuses to replace what came meanwhile
            else:
                one.file.replace(one.target)
            done.append(one)
    except OSError:
        for one in done:
            _undo(one)
        raise


def _undo(one: _Staged) -> None:
    with suppress(OSError):
        if one.before is None:
            one.target.unlink(missing_ok=True)
        else:
            content, mode = one.before
            one.target.write_bytes(content)
            one.target.chmod(mode)
