"""What X says: tweets, and problems of single things, side by side in one answer."""

from typing import TypeAlias

import msgspec

from syncline.errors import RejectedError, UnavailableError
from syncline.model.page import Answer

__all__ = ["HIDDEN", "NOT_FOUND", "Body", "Meta", "Problem", "is_unknown", "read_body", "tweet_id"]

NOT_FOUND = frozenset({"resource-not-found"})
"""The problems that mean: it is gone, or never was."""
HIDDEN = frozenset({"not-authorized-for-resource", "resource-unavailable"})
"""The problems that mean: it is there, but not for us to see; it may come back."""
_QUOTED_LENGTH = 200
_Value: TypeAlias = str | int | None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one thing (RFC 9457, with X's own members).

    Attributes:
        type: a URL that ends in the kind of problem; its host is api.twitter.com or api.x.com.
        value: what was asked for, such as an id.
        section: `data`, or `includes` for what an answer would only have brought along.
    """

    type: str = ""
    value: _Value = None
    resource_id: _Value = None
    section: str = "data"
    title: str = ""
    detail: str = ""
    message: str = ""

    @property
    def kind(self) -> str:
        """The last part of the type; "" if that is none of X's."""
        return self.type.rpartition("/problems/")[2] if "/problems/" in self.type else ""

    @property
    def about(self) -> str:
        """What it is about, such as an id."""
        named = self.value if self.value not in {None, ""} else self.resource_id
        return "" if named is None else str(named)

    @property
    def said(self) -> str:
        """What it says, on one line."""
        text = self.detail or self.message or self.title or "no more"
        return f"{self.type or 'a problem without a type'}: {' '.join(text.split())[:_QUOTED_LENGTH]}"


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What a page says of itself."""

    result_count: int | None = None
    next_token: str | None = None


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; None stands for what it lacks."""

    data: list[msgspec.Raw] | None = None
    errors: list[Problem] | None = None
    meta: Meta | None = None

    @property
    def problems(self) -> list[Problem]:
        """Those that concern what was asked for."""
        return [problem for problem in self.errors or () if problem.section != "includes"]


class _Identified(msgspec.Struct):
    id: str


_read_body = msgspec.json.Decoder(Body).decode
_read_id = msgspec.json.Decoder(_Identified).decode


def read_body(answer: Answer, *, upstream: str, path: str) -> Body:
    """The body of a successful answer.

    Raises:
        UnavailableError: it is cut, or no JSON.
        RejectedError: it is JSON, but not as X writes it: the base URL may be that of something else. An empty object
            is as X writes it if there is nothing to say.
    """
    try:
        body = _read_body(answer.content)
    except msgspec.ValidationError as error:
        raise RejectedError(_foreign(upstream, path, str(error)), upstream=upstream) from None
    except ValueError as error:
        message = f"{upstream} answered {path} with a body that is cut or no JSON ({error})"
        raise UnavailableError(message, upstream=upstream, status=answer.status_code) from None
    if body.data is None and body.errors is None and body.meta is None and _is_foreign(answer.content):
        message = _foreign(upstream, path, "it has neither `data` nor `errors` nor `meta`")
        raise RejectedError(message, upstream=upstream, status=answer.status_code)
    return body


def tweet_id(row: msgspec.Raw) -> str | None:
    """The id of a tweet; None if that cannot be read."""
    try:
        found = _read_id(row).id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if found.isascii() and found.isdecimal() else None


def is_unknown(problem: Problem) -> bool:
    """Whether the problem is none of those that say what became of one thing."""
    return problem.kind not in NOT_FOUND | HIDDEN


def _is_foreign(content: bytes) -> bool:
    """Whether an object that has nothing of X's has something else; an empty one says nothing."""
    return bool(msgspec.json.decode(content, type=dict[str, msgspec.Raw]))


def _foreign(upstream: str, path: str, why: str) -> str:
    setting = f"SYNCLINE_UPSTREAMS__{upstream.upper()}__BASE_URL"
    return f"{upstream} answered {path} with something that is no answer of X: {why}; check {setting}"
