"""The declarative connector: one dataset of a JSON API, said in one value."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from syncline.errors import ConfigurationError
from syncline.local_time import local_since
from syncline.model.page import Ask, Page, Transport
from syncline.upstreams.envelope import Envelope
from syncline.upstreams.paging import OnePage, Paging
from syncline.upstreams.reader import Reader, failure_paths

__all__ = ["RestPages", "with_repeated"]


@dataclass(frozen=True, kw_only=True)
class RestPages:
    r"""The pages of one dataset; a `syncline.model.page.Pages`.

    Attributes:
        path: relative to the upstream's base URL.
        items: dotted path of the list in the body (`data`, `result.items`); "" if the body is the list. A dot
            within a key is written `\.`; a path that begins with `@` is one key.
        columns: dotted path of the list of column names, where each item is a list of values; None: they are objects.
        paging: how one asks for the next page.
        updated_since: the parameter that asks for changes since an instant; None if the API cannot tell.
        since_format: how that instant is written: `iso` (UTC with microseconds and Z; local without it, where the
            source names a time zone), `epoch` (seconds), `epoch_ms`,
            a strftime pattern (`%Y-%m-%d`), or a format string (`updated>='{:%Y-%m-%d %H:%M:%S}'`).
        total: dotted path of the number of items in all, or a header (`X-Total-Count`), where the API tells.
        params: further query parameters of each request; pairs, where one is repeated
            (`[("status", "open"), ("status", "closed")]`).
        errors: names of members that stand in an answer only if it is an error, whatever its status (`success` and
            `ok` count where they are false); () where the API uses these names for something else.
        ahead: how many requests may be under way at once, where the paging allows several.
    """

    path: str
    items: str = ""
    columns: str | None = None
    paging: Paging = field(default_factory=OnePage)
    updated_since: str | None = None
    since_format: str = "iso"
    total: str | None = None
    params: Mapping[str, str] | Sequence[tuple[str, str]] = field(default_factory=dict[str, str])
    errors: tuple[str, ...] = ("error", "errors")
    ahead: int = 8

    def __post_init__(self) -> None:
        """Refuse a declaration that cannot work."""
        if self.ahead < 1 or getattr(self.paging, "page_size", 1) < 1:
            raise ConfigurationError(f"RestPages({self.path!r}): ahead and page_size must be at least 1")
        try:
            self._instant(datetime(2000, 1, 1, tzinfo=UTC))
        except (ValueError, LookupError, AttributeError) as error:
            raise ConfigurationError(f"RestPages({self.path!r}): since_format cannot be used: {error}") from None

    def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page, None]:
        """Yield the pages that `ask` wants; stops fetching when it is closed."""
        failures = failure_paths(self.items, self.errors)
        others = (*self.paging.reads, *((self.total,) if self.total is not None else ()), *failures)
        path, params = with_repeated(self.path, self.params)
        reader = Reader(
            transport=transport,
            path=path,
            params={**params, **self._since(ask)},
            envelope=Envelope(items=self.items, others=others, columns=self.columns),
            total=self.total,
            failures=failures,
            ahead=min(self.ahead, transport.max_in_flight),
        )
        return self.paging.walk(reader, ask.resume)

    @property
    def declared(self) -> str:
        """The declaration as text: what a pass that was begun with another one cannot go on with."""
        return repr(
            (self.path, self.items, self.paging, self.total, str(self.params), self.columns, self.updated_since)
        )

    @property
    def incremental(self) -> bool:
        """Whether the API can tell what changed since an instant."""
        return self.updated_since is not None

    @property
    def shifting(self) -> bool:
        """Whether an item may be skipped when others come or go while a pass runs."""
        return self.paging.shifting

    def _since(self, ask: Ask) -> dict[str, str]:
        if self.updated_since is None or ask.updated_since is None:
            return {}
        since = ask.updated_since.astimezone(UTC)
        if ask.time_zone is not None and self.since_format not in {"epoch", "epoch_ms"}:
            since = local_since(since, ask.asked_at or since, ask.time_zone)
        return {self.updated_since: self._instant(since)}

    def _instant(self, instant: datetime) -> str:
        match self.since_format:
            case "iso":
                return instant.strftime("%Y-%m-%dT%H:%M:%S.%f") + ("Z" if instant.tzinfo is UTC else "")
            case "epoch":
                return str(int(instant.timestamp()))
            case "epoch_ms":
                return str(int(instant.timestamp() * 1000))
            case pattern if "{" in pattern:
                return pattern.format(instant)
            case pattern:
                return instant.strftime(pattern)


def with_repeated(path: str, params: Mapping[str, str] | Sequence[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    """The path and the parameters beside it; those that are repeated join the path's query, where they may be."""
    pairs = list(params.items()) if isinstance(params, Mapping) else list(params)
    times = Counter(name for name, _ in pairs)
    repeated = [pair for pair in pairs if times[pair[0]] > 1]
    if repeated:
        path = f"{path}{'&' if '?' in path else '?'}{urlencode(repeated)}"
    return path, {name: value for name, value in pairs if times[name] == 1}
