"""prefect.yaml: the truth about what runs when, read into typed values."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

import flows
from syncline.errors import ConfigurationError
from syncline.local_time import check_zone
from tasks.due import source_of

__all__ = ["Deployment", "ScheduleEntry", "WorkPool", "default_path", "read_deployments", "read_upkeep"]

_UPKEEP = "upkeep-"
"""How the name of a flow begins that has no source."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkPool(_Entry):
    """Where workers find the runs; `syncline up` runs them itself."""

    name: str
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = Field(default_factory=dict[str, Any])


class ScheduleEntry(_Entry):
    """When a deployment runs: exactly one of `interval` (seconds), `cron` and `rrule`.

    Attributes:
        slug: tells the schedules of a deployment apart; a schedule without one would be enabled again at each start.
        anchor_date: the instant from which an interval counts; without one it would count from each start anew.
        timezone: the zone in which a cron or rrule counts, as `Europe/Berlin`.
    """

    slug: str = Field(min_length=1)
    interval: float | None = Field(default=None, ge=1)
    cron: str | None = None
    rrule: str | None = None
    anchor_date: datetime | None = None
    timezone: str = "UTC"
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])

    @model_validator(mode="before")
    @classmethod
    def _leave_active_out(cls, data: object) -> object:
        if isinstance(data, dict) and "active" in data:
            raise ValueError("leave `active` out: it would undo `syncline stop` at each start")
        return data  # pyright: ignore[reportUnknownVariableType] - pydantic validates it next

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        kinds = [kind for kind in (self.interval, self.cron, self.rrule) if kind is not None]
        if len(kinds) != 1:
            raise ValueError("give exactly one of `interval` (in seconds), `cron` and `rrule`")
        if self.interval is not None and self.anchor_date is None:
            raise ValueError("an `interval` needs an `anchor_date`")
        try:
            check_zone(self.timezone)
        except ConfigurationError as error:
            raise ValueError(f"`timezone`: {error}") from None
        return self

    @property
    def text(self) -> str:
        """The schedule in a few words."""
        return f"every {self.interval:g} s" if self.interval is not None else (self.cron or self.rrule or "")


class Deployment(_Entry):
    """One deployment: a flow, its parameters and when it runs."""

    name: str = Field(min_length=1)
    flow_name: str
    entrypoint: str
    description: str | None = None
    tags: list[str] = Field(default_factory=list[str])
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])
    version: str | None = None
    work_pool: WorkPool | None = None
    schedules: list[ScheduleEntry] = Field(default_factory=list[ScheduleEntry])

    @model_validator(mode="after")
    def _is_dotted(self) -> Self:
        if ":" in self.entrypoint or "/" in self.entrypoint:
            raise ValueError(
                f"`entrypoint` must be dotted, such as flows.products.sync_products, not {self.entrypoint}"
            )
        slugs = [schedule.slug for schedule in self.schedules]
        if len(set(slugs)) != len(slugs):
            raise ValueError("two schedules have the same `slug`")
        return self

    @property
    def source(self) -> str:
        """The name of the source that it brings up to date."""
        return source_of(self.flow_name)

    @property
    def is_upkeep(self) -> bool:
        """Whether it looks after the instance, and has no source."""
        return self.flow_name.startswith(_UPKEEP)

    @property
    def full_name(self) -> str:
        """The name by which Prefect finds it."""
        return f"{self.flow_name}/{self.name}"


def default_path() -> Path:
    """The file beside the folder of the flows."""
    return Path(flows.__path__[0]).parent / "prefect.yaml"


def read_deployments(path: Path | None = None) -> list[Deployment]:
    """The deployments of sources in the file at `path`, in its order; the project's own file unless one is named.

    Raises:
        ConfigurationError: there is no such file, or something in it cannot be used; the message says what and where.
    """
    return [one for one in _read(path) if not one.is_upkeep]


def read_upkeep(path: Path | None = None) -> list[Deployment]:
    """The deployments that look after the instance, and have no source; raises as `read_deployments` does."""
    return [one for one in _read(path) if one.is_upkeep]


def _read(path: Path | None) -> list[Deployment]:
    path = path or default_path()
    entries = _entries(path)
    found = [_deployment(path, number, entry) for number, entry in enumerate(entries, start=1)]
    names = [deployment.full_name for deployment in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{path.name}: two deployments are named {name}")
    return found


def _entries(path: Path) -> list[Any]:
    try:
        reader: Any = YAML(typ="safe", pure=True)  # untyped
        document = reader.load(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except YAMLError as error:
        raise ConfigurationError(f"{path.name} is no YAML: {' '.join(str(error).split())}") from None
    entries: Any = document.get("deployments") if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - YAML is untyped
    if not isinstance(entries, list):
        raise ConfigurationError(f"{path.name}: `deployments` must be a list")
    return entries  # pyright: ignore[reportUnknownVariableType] - each entry is validated next


def _deployment(path: Path, number: int, entry: object) -> Deployment:
    try:
        return Deployment.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name: object = entry.get("name", number) if isinstance(entry, dict) else number  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - YAML is untyped
        where = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        message = f"{path.name}, deployment {name}{f', {where}' if where else ''}: {problem}"
        raise ConfigurationError(message) from None
