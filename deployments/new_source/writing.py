"""A new source, written: its file in `flows/`, its deployment in prefect.yaml, its settings in `.env`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import flows
from deployments.new_source.credentials import Given, identify
from deployments.new_source.draft import Draft, Shared, draft, skeleton
from deployments.new_source.env_file import missing, with_settings
from deployments.new_source.files import NewText, write_all
from deployments.new_source.look import look, prefix
from deployments.new_source.module_text import module_text
from deployments.new_source.names import check_free, choose
from deployments.new_source.rehearsal import fitted
from deployments.new_source.schedule_entry import entry_text, with_entry
from deployments.schedules.file import default_path
from syncline.settings import Settings

__all__ = ["Plan", "Project", "Wanted", "plan"]


@dataclass(frozen=True, kw_only=True)
class Project:
    """Where a source is written to.

    Attributes:
        flows: the folder of the sources.
        prefect_yaml: what runs when.
        env: the settings.
    """

    flows: Path
    prefect_yaml: Path
    env: Path

    @classmethod
    def here(cls) -> Project:
        """The one that this program runs from; its settings are read from the present folder."""
        return cls(flows=Path(flows.__path__[0]), prefect_yaml=default_path(), env=Path(".env"))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the user asked for.

    Attributes:
        name: the source's name.
        given: credentials.
        url: where the list is; None: a source to be described by hand.
        table: the table's name, if it is not the source's.
        key: the field that tells items apart, if the user names it.
        every_seconds: how often it is to run.
    """

    name: str
    given: Given
    url: str | None = None
    table: str | None = None
    key: str | None = None
    every_seconds: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be written.

    Attributes:
        draft: the source.
        file: the source's file.
        module: its text.
        entry: the deployment's text.
        said: what was guessed, in sentences.
        doubts: what could not be proved, in sentences.
        added: the settings that go to `.env`.
        unset: the settings that the user must still give.
        texts: all files.
    """

    draft: Draft
    file: Path
    module: str
    entry: str
    said: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    added: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    unset: tuple[str, ...] = ()
    texts: tuple[NewText, ...] = field(default=(), repr=False)

    @property
    def shared(self) -> str | None:
        """The upstream's name, where other sources have it as well."""
        upstream = self.draft.upstream
        return upstream.upstream.name if isinstance(upstream, Shared) else None

    def write(self) -> None:
        """Write all of it, or nothing.

        Raises:
            ConfigurationError: a file cannot be written.
        """
        write_all(self.texts)


def plan(wanted: Wanted, project: Project, settings: Settings) -> Plan:
    """Look, and decide what is written; nothing is yet.

    Raises:
        ConfigurationError: a name is taken or cannot be used, or the items have no key.
        UpstreamError: the API cannot be read.
    """
    names = choose(wanted.name, wanted.table)
    check_free(names, project.flows, project.prefect_yaml)
    if wanted.url is None:
        _, identity = identify("", wanted.given)
        own = {f"{prefix(names.source)}{key}": value for key, value in identity.secrets.items()}
        return _planned(skeleton(names, identity.upstream(names.source)), wanted, project, settings=own)
    seen = look(names.source, wanted.url, wanted.given, settings)
    drafted = draft(names, seen.upstream, seen.guess, key=wanted.key, place=seen.place)
    return _planned(fitted(drafted), wanted, project, settings=seen.settings)


def _planned(drafted: Draft, wanted: Wanted, project: Project, *, settings: Mapping[str, str]) -> Plan:
    name, every = drafted.names.source, wanted.every_seconds
    file, module = project.flows / f"{name}.py", module_text(drafted)
    base_url = f"{prefix(name)}BASE_URL"
    needed = wanted.url is None and bool(missing(project.env, {base_url: ""}))
    added = missing(project.env, settings)
    texts = [
        NewText(path=project.prefect_yaml, text=with_entry(project.prefect_yaml, drafted, every_seconds=every)),
        NewText(path=file, text=module, is_new=True),
    ]
    if added:
        text = with_settings(project.env, added, heading=name)
        texts.append(NewText(path=project.env, text=text, is_secret=True))
    return Plan(
        draft=drafted,
        file=file,
        module=module,
        entry=entry_text(drafted, every_seconds=every),
        said=drafted.guess.said,
        doubts=drafted.guess.doubts,
        added=added,
        unset=(base_url,) if needed else (),
        texts=tuple(texts),
    )
