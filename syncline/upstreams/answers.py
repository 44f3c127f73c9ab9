"""Which error an answer is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from syncline.errors import (
    CursorExpiredError,
    RateLimitedError,
    RefusedError,
    RejectedError,
    UnavailableError,
    UpstreamError,
)
from syncline.model.upstream import Upstream
from syncline.upstreams.auth import credential_settings
from syncline.upstreams.limits import retry_at

__all__ = ["ErrorClassifier", "limits_rate"]

_NO_CONTENT = 204
_QUOTED_LENGTH = 200
_RATE_LIMIT_REASON = re.compile(rb'"reason"\s*:\s*"(?:userRateLimitExceeded|rateLimitExceeded)"')
_EXAMINED_BYTES = 20_000
_XML = re.compile(r"\b(?:application|text)/(?:[\w.-]+\+)?xml\b")


@dataclass(frozen=True, kw_only=True)
class ErrorClassifier:
    """Turns an answer into the error that it means.

    Attributes:
        upstream: whose answers these are.
        redact: takes the secrets out of a text.
        account_id: the account that asked; "" if it was the source itself, with the credentials of the settings.
    """

    upstream: Upstream
    redact: Callable[[str], str]
    account_id: str = ""

    def classify(self, answer: httpx.Response, now: datetime) -> UpstreamError | None:
        """The error that `answer` is; None for a success."""
        status = answer.status_code
        if answer.is_success:
            return self._page_instead_of_data(answer)
        if limits_rate(answer):
            when = retry_at(answer.headers, now)
            said = f"; ask again at {when:%Y-%m-%d %H:%M:%S} UTC" if when else ""
            message = f"{self._name} asks to slow down ({status}){said}"
            return RateLimitedError(message, upstream=self._name, status=status, retry_at=when)
        kind, message = self._failure(answer)
        return kind(message, upstream=self._name, status=status)

    @property
    def _name(self) -> str:
        return self.upstream.name

    def _failure(self, answer: httpx.Response) -> tuple[type[UpstreamError], str]:
        said = _beginning(answer, self.redact)
        path = self.redact(answer.request.url.path)
        match answer.status_code:
            case 401 | 403 as status:
                return RefusedError, f"{self._name} refused us ({status}): {self._credentials_hint()}{said}"
            case 410:
                return CursorExpiredError, f"{self._name} no longer knows where we were (410); a full pass is due{said}"
            case 408:
                return UnavailableError, f"{self._name} timed out (408) at {path}"
            case status if 400 <= status < 500:  # noqa: PLR2004 - the class of HTTP statuses
                return RejectedError, f"{self._name} rejected the request for {path} ({status}){said}"
            case status:
                return UnavailableError, f"{self._name} failed ({status}) at {path}{said}"

    def _credentials_hint(self) -> str:
        if self.account_id:
            return f"connect account {self.account_id!r} again, and check what its credentials permit"
        names = credential_settings(self.upstream) or tuple(filter(None, (self.upstream.url_setting,)))
        if not names:
            return "its Upstream declares auth=Auth.NONE; give it the authentication that the API wants"
        return f"check {' and '.join(names)}, and what they permit"

    def _page_instead_of_data(self, answer: httpx.Response) -> UnavailableError | None:
        kind = answer.headers.get("content-type", "").lower()
        beginning = answer.content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
        is_empty = not beginning and answer.request.method != "GET"  # as after a DELETE, whatever it is called
        is_data = is_empty or beginning.startswith((b"{", b"[")) or answer.status_code == _NO_CONTENT
        if is_data or ("html" not in kind and (not beginning.startswith(b"<") or _XML.search(kind))):
            return None
        path = self.redact(answer.request.url.path)
        message = f"{self._name} answered {path} with a web page instead of data{_beginning(answer, self.redact)}"
        return UnavailableError(message, upstream=self._name, status=answer.status_code)


def limits_rate(answer: httpx.Response) -> bool:
    """Whether the answer asks to slow down; Google and GitHub say so with 403."""
    match answer.status_code:
        case 429:
            return True
        case 503:
            return "retry-after" in answer.headers
        case 403:
            spent = answer.headers.get("x-ratelimit-remaining", answer.headers.get("x-rate-limit-remaining")) == "0"
            reason = _RATE_LIMIT_REASON.search(answer.content[:_EXAMINED_BYTES])
            return spent or "retry-after" in answer.headers or reason is not None
        case _:
            return False


def _beginning(answer: httpx.Response, redact: Callable[[str], str]) -> str:
    """How the body begins, on one line, without secrets."""
    text = answer.content[:_EXAMINED_BYTES].decode(errors="replace")
    line = " ".join(redact(text).split())
    return f": {line[:_QUOTED_LENGTH]}" if line else ""
