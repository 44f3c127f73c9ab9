"""A look at the API of a new source: which upstream it is, and what its first pages tell."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

import httpx

from deployments.new_source.credentials import Given, Identity, identify
from deployments.new_source.draft import Shared
from flows import registry
from syncline.errors import ConfigurationError, RefusedError
from syncline.model.source import Source
from syncline.model.upstream import Auth, Upstream
from syncline.probe.guess import Guess
from syncline.probe.look import probe
from syncline.settings import Settings, UpstreamSettings
from syncline.store import schema
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

__all__ = ["Seen", "look", "prefix"]

_ANSWER_SECONDS = 10
"""How long one answer may take, while the user waits at the terminal."""
_MAY_DECLARE = re.compile(r"(flows|syncline)\.\w+")
"""Modules that may declare an upstream: files of `flows/`, and domains."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a look told.

    Attributes:
        upstream: the API: a new one, or one that is there.
        guess: what is known of its pages.
        place: host and path, for people.
        settings: what the upstream needs to be found, by environment variable; nothing for one that is there.
    """

    upstream: Upstream | Shared
    guess: Guess
    place: str
    settings: dict[str, str] = field(default_factory=dict[str, str], repr=False)


def look(name: str, url: str, given: Given, settings: Settings) -> Seen:
    """Look at `url` for a source that is to be called `name`.

    Raises:
        ConfigurationError: the URL or the credentials cannot be used.
        UpstreamError: the API cannot be read, or holds no list.
    """
    plain, identity = identify(url, given)
    where = _parsed(plain)
    place = f"{where.netloc.decode()}{where.path}"
    shared = _shared(where, identity, settings)
    if shared is not None:
        return Seen(upstream=shared, guess=_probed(shared, where, settings), place=place)
    base = _base(name, where, settings)
    secrets = {key.lower(): value for key, value in identity.secrets.items()}
    own = UpstreamSettings.model_validate({"base_url": base, **secrets})
    asked = settings.model_copy(update={"upstreams": {name: own}})
    upstream = identity.upstream(name)
    wanted = {"BASE_URL": base, **identity.secrets}
    return Seen(
        upstream=upstream,
        guess=_probed(upstream, where, asked),
        place=place,
        settings={f"{prefix(name)}{key}": value for key, value in wanted.items()},
    )


def prefix(name: str) -> str:
    """How the settings of the upstream `name` begin."""
    return f"SYNCLINE_UPSTREAMS__{name.upper()}__"


def _parsed(url: str) -> httpx.URL:
    try:
        where = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"--url is no URL: {error}") from None
    if where.scheme not in {"http", "https"} or not where.host:
        raise ConfigurationError("--url must begin with http:// or https:// and name a host")
    return where.copy_with(fragment=None)


def _shared(where: httpx.URL, identity: Identity, settings: Settings) -> Shared | None:
    """The upstream of another file that this URL belongs to, if it would sign alike: of several, the nearest."""
    near: dict[str, Upstream] = {}
    for source in registry.sources_with_dataset():
        name = source.upstream.name
        base = settings.upstream(name).base_url
        if base is not None and _below(where, base) is not None and _signs_alike(identity, name, settings):
            near.setdefault(base.rstrip("/"), source.upstream)
    return _declared(near[max(near, key=len)]) if near else None


def _signs_alike(identity: Identity, name: str, settings: Settings) -> bool:
    if identity.auth is Auth.NONE:
        return True
    known = settings.upstream(name)
    values = {"TOKEN": known.token, "PASSWORD": known.password}
    return all(
        (secret := values.get(key)) is not None and secret.get_secret_value() == value
        for key, value in identity.secrets.items()
        if key != "USERNAME"
    )


def _declared(upstream: Upstream) -> Shared | None:
    """Where the upstream is declared, in `flows/` or a domain: under a name of its own, or within a source."""
    within = None
    for module in sorted(name for name in sys.modules if _MAY_DECLARE.fullmatch(name)):
        for constant in getattr(sys.modules[module], "__all__", ()):
            value = vars(sys.modules[module]).get(constant)
            if value is upstream:
                return Shared(module=module, constant=constant, upstream=upstream)
            if within is None and isinstance(value, Source) and value.upstream is upstream:
                within = Shared(module=module, constant=constant, upstream=upstream, by_source=True)
    return within


def _base(name: str, where: httpx.URL, settings: Settings) -> str:
    """The base URL: what is set already, or the host."""
    known = settings.upstream(name).base_url
    if known is None:
        return f"{where.scheme}://{where.netloc.decode()}"
    if _below(where, known) is None:
        setting = f"{prefix(name)}BASE_URL"
        raise ConfigurationError(f"{setting} is {known} already, where --url does not lead: choose another name")
    return known


def _below(where: httpx.URL, base: str) -> str | None:
    """The part of the URL behind `base`, with its query; None where it is elsewhere."""
    root = httpx.URL(base)
    path, start = where.raw_path.decode(), root.path.rstrip("/")
    if (where.scheme, where.host, where.port) != (root.scheme, root.host, root.port):
        return None
    rest = path.removeprefix(start)
    return rest if path.startswith(start) and rest[:1] in {"", "/", "?"} else None


def _probed(declared: Upstream | Shared, where: httpx.URL, settings: Settings) -> Guess:
    upstream = declared.upstream if isinstance(declared, Shared) else declared

    async def ask(budget: RequestBudget | None) -> Guess:
        patient = replace(upstream, timeout_seconds=_ANSWER_SECONDS)
        async with UpstreamClient(patient, settings, budget=budget) as client:
            return await probe(client, _below(where, settings.base_url(upstream.name)) or "")

    try:
        with _budget(upstream, settings) as budget:
            return asyncio.run(ask(budget))
    except RefusedError as error:
        said = f"{where.host} refused us ({error.status}): {_advice(declared)}"
        raise RefusedError(said, upstream=upstream.name, status=error.status) from None


@contextmanager
def _budget(upstream: Upstream, settings: Settings) -> Generator[RequestBudget | None]:
    """What pays for the look: the budgets that other sources of the upstream have declared, where there are any."""
    if not upstream.budgets:
        yield None
        return
    with closing(Store(settings.database)) as store:
        schema.upgrade(store)
        yield RequestBudget(gate=Budgets(store), patience_seconds=_ANSWER_SECONDS)


def _advice(declared: Upstream | Shared) -> str:
    options = "give --token T (with --header NAME where it has a header of its own), or --user U and --password P"
    if isinstance(declared, Shared):
        return f"it was asked as the upstream {declared.upstream.name!r}; where it knows us otherwise, {options}"
    match declared.auth:
        case Auth.NONE:
            return options
        case Auth.BEARER:
            return "check the token; where it has a header of its own, name that with --header"
        case _:
            return "check the credentials, and what they permit"
