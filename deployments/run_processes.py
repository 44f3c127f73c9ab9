"""Which process works on which flow run on this machine: what the runner knows, for those who look for dead runs.

The runner writes a file for each run before it gives it a process, and takes it away when that has ended. Where there
is none (workers, another machine, a run that has ended) time alone tells.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from syncline.settings import Settings
from syncline.store.leases import Process

__all__ = ["RunProcesses"]


@dataclass(frozen=True, kw_only=True)
class RunProcesses:
    """The processes of runs.

    Attributes:
        folder: has a file for each run, named by its id.
    """

    folder: Path

    @classmethod
    def of(cls, settings: Settings) -> RunProcesses:
        """Those of the instance."""
        return cls(folder=settings.home / "runs")

    def begin(self, flow_run_id: UUID, process: Process) -> None:
        """Say that `process` works on the run: first the runner, which makes one for it, then that one."""
        with contextlib.suppress(OSError):  # a full disk must not keep runs from beginning: time tells then
            self.folder.mkdir(mode=0o700, exist_ok=True)
            new = self._file(flow_run_id).with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(json.dumps(asdict(process)), encoding="utf-8")
            new.replace(self._file(flow_run_id))

    def end(self, flow_run_id: UUID) -> None:
        """Forget the run: its process has ended, and the runner has seen its exit code."""
        with contextlib.suppress(OSError):
            self._file(flow_run_id).unlink(missing_ok=True)

    def lives(self, flow_run_id: UUID) -> bool | None:
        """Whether the run's process is alive; None where that cannot be told here."""
        try:
            process = Process(**json.loads(self._file(flow_run_id).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return not process.is_dead if process.is_here else None

    def forget_old(self, *, before: float) -> None:
        """Take away what killed runners have left, last written before the time `before` (in seconds since 1970)."""
        with contextlib.suppress(OSError):
            for file in self.folder.iterdir():
                if file.stat().st_mtime < before:
                    file.unlink(missing_ok=True)

    def _file(self, flow_run_id: UUID) -> Path:
        return self.folder / str(flow_run_id)
