"""What every endpoint works with: made once, carried by the app, never global."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from syncline.errors import UnknownSourceError
from syncline.model.source import Source, named
from syncline.settings import Settings
from syncline.store.engine import Store
from web.account_events import AccountEvents
from web.attempts import Attempts
from web.controls import Controls
from web.rates import Rates
from web.shared_snapshot import SharedSnapshot

__all__ = ["Context", "Here", "KnownSource", "attach", "of", "trusts"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """One instance of Syncline, as its web app sees it.

    Attributes:
        settings: the instance's settings.
        store: its database; its clock tells the time.
        controls: what starts and stops its schedules.
        sources: all of its sources.
        attempts: the wrong credentials that came of late.
        began_at: when the app was made.
        rates: how often each user called of late.
        events: who listens to what happens to which account.
        shared: the reads that several requests share, by what is read.
    """

    settings: Settings
    store: Store
    controls: Controls
    sources: Sequence[Source]
    attempts: Attempts
    began_at: datetime
    rates: Rates
    events: AccountEvents
    shared: dict[str, SharedSnapshot[Any]] = field(default_factory=dict[str, SharedSnapshot[Any]], repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all sources."""
        return tuple(source.name for source in self.sources)

    def require(self, source: str) -> str:
        """The name of the source that has this name or alias.

        Raises:
            UnknownSourceError: no source has it.
        """
        return self.source(source).name

    def source(self, name: str) -> Source:
        """The source that has this name or alias.

        Raises:
            UnknownSourceError: no source has it.
        """
        found = named(self.sources, name)
        if found is None:
            raise UnknownSourceError(name, self.names)
        return found

    def shown_as(self, source: str) -> str:
        """The name of `source` that the health endpoints show."""
        return next((one.shown_as for one in self.sources if one.name == source), source)


def attach(app: FastAPI, context: Context) -> None:
    """Give `app` what its endpoints work with."""
    app.state.context = context


def of(connection: HTTPConnection) -> Context:
    """What the app that answers this request works with."""
    return cast("Context", connection.app.state.context)


def trusts(connection: HTTPConnection) -> bool:
    """Whether the request has a credential of the instance's operators, who may be told how it is set up."""
    return bool(getattr(connection.state, "trusted", False))


Here = Annotated[Context, Depends(of)]


def _known_source(source: str, here: Here) -> str:
    return here.require(source)


KnownSource = Annotated[str, Depends(_known_source)]
"""The path's `{source}`, which must exist."""
