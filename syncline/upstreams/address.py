"""Where an upstream is, and which URLs are its own: our credentials go nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx

from syncline.errors import ConfigurationError, RejectedError
from syncline.kernel_settings import KernelSettings, base_url_setting
from syncline.model.page import Request
from syncline.model.upstream import Upstream

__all__ = ["Address", "address_of", "redirected"]

_METHOD_IS_KEPT = frozenset({307, 308})
_SEE_OTHER = 303


@dataclass(frozen=True, kw_only=True)
class Address:
    """The base URL of the upstream `name`, and the variable that sets it."""

    name: str
    base: httpx.URL
    setting: str

    def locate(self, request: Request) -> httpx.URL:
        """The URL of `request`, its parameters included.

        Raises:
            RejectedError: its path is a URL of another host.
        """
        url, params = self._located(request.path), request.params
        if not params:
            return url
        return url.copy_merge_params(params if isinstance(params, Mapping) else list(params))

    def redirect(self, link: str, *, seen_at: httpx.URL) -> httpx.URL:
        """Where a redirect leads; one that only adds or drops a slash at the end may have forgotten the query.

        Raises:
            RejectedError: it leads to another host, or is no URL.
        """
        there = self._own(link, "redirects us to", seen_at=seen_at)
        is_same = there.path.rstrip("/") == seen_at.path.rstrip("/")
        return there.copy_with(query=seen_at.query) if is_same and seen_at.query and not there.query else there

    def _located(self, path: str) -> httpx.URL:
        if path.startswith(("http://", "https://")):
            return self._own(path, "links to", seen_at=self.base)
        if path.startswith("?") or not path:
            return httpx.URL(f"{self.base}{path}")
        return httpx.URL(f"{str(self.base).rstrip('/')}/{path.lstrip('/')}")

    def _own(self, link: str, does: str, *, seen_at: httpx.URL) -> httpx.URL:
        """The URL of `link`, if it is the upstream's own."""
        base = self.base
        try:
            url = seen_at.join(link)
        except httpx.InvalidURL:
            raise RejectedError(f"{self.name} {does} something that is no URL", upstream=self.name) from None
        if url.host == base.host and url.scheme == "http" and base.scheme == "https":
            url = url.copy_with(scheme="https", port=base.port)  # servers behind a TLS proxy write http:// in links
        moved_to_tls = (base.scheme, base.port, url.scheme, url.port) == ("http", None, "https", None)
        if url.host == base.host and (moved_to_tls or (url.scheme, url.port) == (base.scheme, base.port)):
            return url
        elsewhere = f"{url.scheme}://{url.netloc.rpartition(b'@')[2].decode()}"
        raise RejectedError(
            f"{self.name} {does} another host, {elsewhere}, where our credentials must not go; if it has moved, "
            f"set {self.setting}",
            upstream=self.name,
        )


def address_of(upstream: Upstream, settings: KernelSettings) -> Address:
    """Where `settings` say that `upstream` is.

    Raises:
        ConfigurationError: the base URL is missing, or cannot be used.
    """
    setting = upstream.url_setting or base_url_setting(upstream.name)
    try:
        url = httpx.URL(settings.base_url(upstream.name))
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{setting} is no URL: {error}") from None
    if url.userinfo:
        raise ConfigurationError(f"{setting} must not contain credentials; they have settings of their own")
    if not url.host:
        raise ConfigurationError(f"{setting} names no host")
    return Address(name=upstream.name, base=url, setting=setting)


def redirected(request: Request, status: int, address: Address) -> Request:
    """What is asked at the place to which an answer with this `status` redirects.

    Method and body stay, but for a 303, which says where to GET the outcome. After a 301 or 302 the server may have
    carried out a request that changes something, or not (RFC 9110, section 15.4): it is not sent a second time, and
    not turned into a GET either, as browsers do: the caller would take that for the answer.

    Raises:
        RejectedError: the request must not be sent again.
    """
    if status == _SEE_OTHER:
        kept = {name: value for name, value in request.headers.items() if not name.lower().startswith("content-")}
        method = "HEAD" if request.method == "HEAD" else "GET"
        return replace(request, method=method, body=None, headers=kept)
    if request.is_safe or status in _METHOD_IS_KEPT:
        return request
    message = (
        f"{address.name} redirects a {request.method} ({status}), which must not be sent twice; set the path, or "
        f"{address.setting}, to where it leads"
    )
    raise RejectedError(message, upstream=address.name, status=status)
