"""The client of one upstream: signs, limits what is under way, and tells failures apart.

It never retries: a request that failed may have arrived. Tasks try a whole attempt again, by the source's backoff.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
import httpx

from syncline.clock import Clock, SystemClock
from syncline.errors import ConfigurationError, RejectedError, UnavailableError
from syncline.kernel_settings import KernelSettings
from syncline.model.page import Request
from syncline.model.upstream import Upstream
from syncline.upstreams.address import address_of, redirected
from syncline.upstreams.answers import ErrorClassifier, limits_rate
from syncline.upstreams.auth import Secrets, Signer, SigningTransport, sealed, signer_of
from syncline.upstreams.bodies import REQUEST_EXTENSION, WholeTransport
from syncline.upstreams.budgeted import BudgetedTransport, RequestBudget
from syncline.upstreams.connections import BoundedTransport, Connections

__all__ = ["Received", "UpstreamClient"]

_REDIRECTS = 5
_UNAUTHORIZED = 401
_HEADERS = {"User-Agent": "syncline", "Accept": "application/json, */*;q=0.5", "Accept-Encoding": "gzip, deflate"}
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError, ValueError)
"""What a transport may raise: aiohttp's own errors for answers that are no HTTP pass httpx-aiohttp unmapped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """An answer, whole; nothing in it repeats our credentials.

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
        max_in_flight: how many requests it has under way at most, together with all other clients of the upstream.
    """

    def __init__(
        self,
        upstream: Upstream,
        settings: KernelSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        budget: RequestBudget | None = None,
        account_id: str = "",
        signer: Signer | None = None,
    ) -> None:
        """Speak to `upstream` where `settings` say it is; `transport` replaces the network.

        What is asked for an account is signed by the account's `signer`; all else by what stands in the settings.
        A 401 makes it refresh its credentials once; where it could, the request is sent once more.

        Each request is paid for by `budget`, without which an upstream that has budgets is not spoken to.

        Raises:
            ConfigurationError: the base URL, a credential or the budgets are missing, or cannot be used.
        """
        self.name = upstream.name
        self.max_in_flight = upstream.max_in_flight
        self._known_by = (upstream, settings)
        self._address = address_of(upstream, settings)
        signer = signer or signer_of(upstream, settings)
        self._secrets = Secrets(signer)
        self._errors = ErrorClassifier(upstream=upstream, redact=self._secrets.redact, account_id=account_id)
        self._clock = clock or SystemClock()
        self._connections = Connections(upstream, self._address.base, transport=transport)
        self._signing = SigningTransport(self._connections, signer, self._secrets)
        whole = WholeTransport(self._signing, upstream)
        self._http = httpx.AsyncClient(
            transport=self._bounded(whole, upstream, budget, account_id),
            timeout=httpx.Timeout(upstream.timeout_seconds),
            headers=_HEADERS,
            trust_env=False,
        )

    @property
    def origin(self) -> str:
        """Where the upstream is."""
        return str(self._address.base)

    @property
    def requests(self) -> int:
        """How many it sent so far, failed ones and redirects included."""
        return self._signing.sent

    def seal(self) -> str:
        """A digest of where the upstream is and how it knows us (`auth.sealed`)."""
        return sealed(*self._known_by)

    async def __aenter__(self) -> Self:
        self._connections.join()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def send(self, request: Request) -> Received:
        """Ask the upstream; what may change something is sent once, and redirected only if that is no repetition.

        Raises:
            UpstreamError: it answered with neither success nor an accepted status; which one says what to do.
            BudgetSpentError: its budget is spent for longer than the patience lasts.
        """
        refreshes = self._signing.refreshes
        answer = await self._follow(request)
        if self._is_refused(answer, request) and await self._signing.has_renewed(refreshes):
            answer = await self._follow(request)  # a 401 was not carried out (RFC 9110, section 15.5.2)
        if answer.status_code not in request.accept or limits_rate(answer):
            trouble = self._errors.classify(answer, self._clock.now())
            if trouble is not None:
                raise trouble
        return self._received(answer)

    @staticmethod
    def _is_refused(answer: httpx.Response, request: Request) -> bool:
        return answer.status_code == _UNAUTHORIZED and _UNAUTHORIZED not in request.accept

    async def _follow(self, request: Request) -> httpx.Response:
        """The answer to `request`, or that of where it is redirected to on the same host."""
        url, status = self._address.locate(request), 0
        for _ in range(_REDIRECTS + 1):
            answer = await self._send(url, request)
            status = answer.status_code
            if not answer.has_redirect_location or status in request.accept:
                return answer
            link = self._secrets.hide_text(answer.headers["location"])
            url = self._address.redirect(link, seen_at=url)
            request = redirected(request, status, self._address)
        raise RejectedError(f"{self.name} redirects in circles", upstream=self.name, status=status)

    async def _send(self, url: httpx.URL, request: Request) -> httpx.Response:
        try:
            return await self._http.request(
                request.method,
                url,
                content=request.body,
                headers=dict(request.headers),
                follow_redirects=False,
                extensions={REQUEST_EXTENSION: request},
            )
        except _FAILURES as error:
            failure = self._unavailable(url, error)
        raise failure  # outside of `except`: what the transport raised may quote the signed request

    def _unavailable(self, url: httpx.URL, error: Exception) -> UnavailableError:
        path = self._secrets.redact(url.path)
        if isinstance(error, httpx.TimeoutException | TimeoutError) and not isinstance(error, httpx.ConnectTimeout):
            return UnavailableError(f"{self.name} did not answer {path} in time", upstream=self.name)
        said = self._secrets.redact(" ".join(str(error).split())) or type(error).__name__
        return UnavailableError(f"{self.name} could not be read at {path}: {said}", upstream=self.name)

    def _received(self, answer: httpx.Response) -> Received:
        """The answer without our credentials: links to the next page repeat them, and such links are stored."""
        return Received(
            content=self._secrets.hide(answer.content),
            headers=self._secrets.hide_headers(answer.headers),
            status_code=answer.status_code,
            url=self._secrets.hide_text(str(answer.request.url)),
        )

    def _bounded(
        self, inner: httpx.AsyncBaseTransport, upstream: Upstream, budget: RequestBudget | None, account_id: str
    ) -> httpx.AsyncBaseTransport:
        """`inner` within the budgets, and within what this process may have under way at the upstream."""
        connections = self._connections
        if budget is not None:
            return BudgetedTransport(
                inner, upstream, budget, self._clock, room=lambda: connections.room, account_id=account_id
            )
        if upstream.budgets:
            raise ConfigurationError(f"the upstream {upstream.name!r} has budgets: give its client the `budget`")
        return BoundedTransport(inner, connections)
