"""The client of one upstream: signs, limits what is under way, and tells failures apart. It never retries."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
import httpx

from syncline.clock import Clock, SystemClock
from syncline.errors import ConfigurationError, RejectedError, UnavailableError
from syncline.model.upstream import Upstream
from syncline.settings import Settings, base_url_setting
from syncline.upstreams.answers import Judge
from syncline.upstreams.auth import SigningTransport, read_credentials, sealed
from syncline.upstreams.bodies import WholeTransport
from syncline.upstreams.budgeted import COST_EXTENSION, BudgetedTransport, Spending
from syncline.upstreams.network import open_transport

__all__ = ["Received", "UpstreamClient"]

_REDIRECTS = 5
_HEADERS = {"User-Agent": "syncline", "Accept": "application/json, */*;q=0.5", "Accept-Encoding": "gzip, deflate"}
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError, ValueError)
"""What a transport may raise: aiohttp's own errors for answers that are no HTTP pass httpx-aiohttp unmapped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """A successful answer, whole; nothing in it repeats our credentials.

    Attributes:
        url: where it came from, after redirects; what relative links are relative to.
    """

    content: bytes
    headers: httpx.Headers
    status_code: int
    url: str


class UpstreamClient:
    """Asks one upstream; an async context manager, and a `syncline.model.page.Transport`.

    Attributes:
        name: the upstream's.
        max_in_flight: how many requests it has under way at most.
    """

    def __init__(
        self,
        upstream: Upstream,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        spending: Spending | None = None,
    ) -> None:
        """Speak to `upstream` where `settings` say it is; `transport` replaces the network.

        Each request is paid for by `spending`, without which an upstream that has budgets is not spoken to.

        Raises:
            ConfigurationError: the base URL, a credential or the budgets are missing, or cannot be used.
        """
        self.name = upstream.name
        self.max_in_flight = upstream.max_in_flight
        self._known_by = (upstream, settings)
        self._base = _base_url(upstream, settings)
        self._credentials = read_credentials(upstream, settings)
        self._judge = Judge(upstream=upstream, redact=self._credentials.redact)
        self._clock = clock or SystemClock()
        self._free = asyncio.Semaphore(upstream.max_in_flight)
        inner = transport or open_transport(self._base, connections=upstream.max_in_flight)
        self._signing = SigningTransport(inner, self._credentials)
        whole = WholeTransport(self._signing, upstream)
        self._http = httpx.AsyncClient(
            transport=_budgeted(whole, upstream, spending, self._clock),
            timeout=httpx.Timeout(upstream.timeout_seconds),
            headers=_HEADERS,
            trust_env=False,
        )

    @property
    def origin(self) -> str:
        """Where the upstream is."""
        return str(self._base)

    @property
    def requests(self) -> int:
        """How many it sent so far, failed ones and redirects included."""
        return self._signing.sent

    def seal(self) -> str:
        """A digest of where the upstream is and how it knows us (`auth.sealed`)."""
        return sealed(*self._known_by)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(
        self,
        path: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        cost: int = 1,
    ) -> Received:
        """Ask for `path`, relative to the base URL or an absolute URL on its host; `params` join those of `path`.

        The request spends `cost` times what the upstream's budgets say that one costs.

        Raises:
            UpstreamError: the upstream did not answer with success; which one says what to do.
            BudgetSpentError: its budget is spent for longer than the patience lasts.
        """
        url = self._locate(path)
        answer = await self._follow(url.copy_merge_params(params) if params else url, headers, cost)
        trouble = self._judge.verdict(answer, self._clock.now())
        if trouble is not None:
            raise trouble
        return self._received(answer)

    async def _follow(self, url: httpx.URL, headers: dict[str, str] | None, cost: int) -> httpx.Response:
        """The answer at `url`, or where it is redirected to on the same host."""
        for _ in range(_REDIRECTS + 1):
            answer = await self._send(url, headers, cost)
            if not answer.has_redirect_location:
                return answer
            link = self._credentials.masks.hide_text(answer.headers["location"])
            url = _with_query(self._own(link, "redirects us to", seen_at=url), url)
        raise RejectedError(f"{self.name} redirects in circles", upstream=self.name)

    async def _send(self, url: httpx.URL, headers: dict[str, str] | None, cost: int) -> httpx.Response:
        async with self._free:
            try:
                asked = {COST_EXTENSION: cost}
                return await self._http.get(url, headers=headers, follow_redirects=False, extensions=asked)
            except _FAILURES as error:
                failure = self._unavailable(url, error)
        raise failure  # outside of `except`: what the transport raised may quote the signed request

    def _unavailable(self, url: httpx.URL, error: Exception) -> UnavailableError:
        path = self._credentials.redact(url.path)
        if isinstance(error, httpx.TimeoutException | TimeoutError) and not isinstance(error, httpx.ConnectTimeout):
            return UnavailableError(f"{self.name} did not answer {path} in time", upstream=self.name)
        said = self._credentials.redact(" ".join(str(error).split())) or type(error).__name__
        return UnavailableError(f"{self.name} could not be read at {path}: {said}", upstream=self.name)

    def _received(self, answer: httpx.Response) -> Received:
        """The answer without our credentials, which links to the next page repeat and which nobody may store."""
        masks, headers = self._credentials.masks, answer.headers
        if masks.are_needed(b"\n".join(value for _, value in headers.raw)):
            headers = httpx.Headers([(name, masks.hide(value)) for name, value in headers.raw])
        return Received(
            content=masks.hide(answer.content),
            headers=headers,
            status_code=answer.status_code,
            url=masks.hide_text(str(answer.request.url)),
        )

    def _locate(self, path: str) -> httpx.URL:
        if path.startswith(("http://", "https://")):
            return self._own(path, "links to", seen_at=self._base)
        if path.startswith("?") or not path:
            return httpx.URL(f"{self._base}{path}")
        return httpx.URL(f"{str(self._base).rstrip('/')}/{path.lstrip('/')}")

    def _own(self, link: str, does: str, *, seen_at: httpx.URL) -> httpx.URL:
        """The URL of `link`, if it is the upstream's own: our credentials go nowhere else."""
        base = self._base
        try:
            url = seen_at.join(link)
        except httpx.InvalidURL:
            raise RejectedError(f"{self.name} {does} something that is no URL", upstream=self.name) from None
        if url.host == base.host and url.scheme == "http" and base.scheme == "https":
            url = url.copy_with(scheme="https", port=base.port)  # what servers behind a TLS proxy think they are
        moved_to_tls = (base.scheme, base.port, url.scheme, url.port) == ("http", None, "https", None)
        if url.host == base.host and (moved_to_tls or (url.scheme, url.port) == (base.scheme, base.port)):
            return url
        elsewhere = f"{url.scheme}://{url.netloc.rpartition(b'@')[2].decode()}"
        setting = base_url_setting(self.name)
        raise RejectedError(
            f"{self.name} {does} another host, {elsewhere}, where our credentials must not go; if it has moved, "
            f"set {setting}",
            upstream=self.name,
        )


def _with_query(there: httpx.URL, here: httpx.URL) -> httpx.URL:
    """Where a redirect leads; one that only adds or drops a slash at the end may have forgotten the query."""
    same = there.path.rstrip("/") == here.path.rstrip("/")
    return there.copy_with(query=here.query) if same and here.query and not there.query else there


def _budgeted(
    inner: httpx.AsyncBaseTransport, upstream: Upstream, spending: Spending | None, clock: Clock
) -> httpx.AsyncBaseTransport:
    if spending is not None:
        return BudgetedTransport(inner, upstream, spending, clock)
    if upstream.budgets:
        raise ConfigurationError(f"the upstream {upstream.name!r} has budgets: give its client the `spending`")
    return inner


def _base_url(upstream: Upstream, settings: Settings) -> httpx.URL:
    setting = base_url_setting(upstream.name)
    try:
        url = httpx.URL(settings.base_url(upstream.name))
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{setting} is no URL: {error}") from None
    if url.userinfo:
        raise ConfigurationError(f"{setting} must not contain credentials; they have settings of their own")
    if not url.host:
        raise ConfigurationError(f"{setting} names no host")
    return url
