"""The faults that can be ordered, as data; `strikes.py` says what each does to an answer."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]+\Z")]
HeaderText = Annotated[str, Meta(pattern=r"^[\t -~]*\Z")]
Headers = dict[HeaderName, HeaderText]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What goes wrong, on which requests, and how often."""

    path: Annotated[str, Meta(pattern="^/")] = "/*"
    """The exact path, or a pattern with `*`; by default every path of every upstream."""
    count: Annotated[int, Meta(ge=1)] | None = 1
    """How many matching requests are struck; null for all until the fault is removed."""
    skip: Annotated[int, Meta(ge=0)] = 0
    """How many matching requests pass first."""


class Latency(Fault, frozen=True, tag="latency"):
    """The answer comes late, or as soon as the order is removed."""

    seconds: Seconds | None
    """How late; null for not before the order is removed."""


class RateLimited(Fault, frozen=True, tag="rate_limited"):
    """The limit is reached."""

    retry_after: Seconds | None = None
    """Seconds until the caller may return; null leaves Retry-After out."""
    form: Literal["seconds", "date"] = "seconds"
    """Whether Retry-After says a number of seconds or an HTTP date."""
    code: Literal[429, 403, 503] = 429
    headers: Headers = {}
    """More headers, such as `RateLimit` or `x-rate-limit-reset`."""


class Status(Fault, frozen=True, tag="status"):
    """Any error status."""

    code: Annotated[int, Meta(ge=400, le=599)]
    body: Any = None
    """Text is sent as text/plain, anything else as JSON; null for the usual error shape."""
    headers: Headers = {}


class Unauthorized(Fault, frozen=True, tag="unauthorized"):
    """The credentials are refused."""

    code: Literal[401, 403] = 401


class Html(Fault, frozen=True, tag="html"):
    """An error page for people, with status 200."""


class CutBody(Fault, frozen=True, tag="cut_body"):
    """Content-Length is right, half of the body comes, the connection closes."""


class Malformed(Fault, frozen=True, tag="malformed"):
    """Half of the body as a complete answer: its length is right, its JSON is not."""


class Hang(Fault, frozen=True, tag="hang"):
    """No byte of an answer, until the client goes away."""

    seconds: Seconds | None = None
    """When the server closes the connection after all; null for never."""


class Drop(Fault, frozen=True, tag="drop"):
    """The connection ends before any byte of an answer."""


class PageCap(Fault, frozen=True, tag="page_cap"):
    """Pages hold at most so many rows, whatever was asked, and nothing says so."""

    size: Annotated[int, Meta(ge=1)]


class MovingRows(Fault, frozen=True, tag="moving_rows"):
    """Right after a page is served, rows move, so that the next page starts on shifted ground.

    `update_front` touches the first rows after the page (with sort=-updated_at they jump to the front),
    `delete_early` deletes the first rows of the page, `insert_early` makes rows with the lowest ids.
    """

    mode: Literal["update_front", "delete_early", "insert_early"]
    rows: Annotated[int, Meta(ge=1, le=100)] = 1


class BadRows(Fault, frozen=True, tag="bad_rows"):
    """So many rows of a page are broken, at even distances, each in another way."""

    rows: Annotated[int, Meta(ge=1)] = 1
    how: str | None = None
    """One breakage for all rows, by its name; null takes them in turn."""


class Reorg(Fault, frozen=True, tag="reorg"):
    """Right after a request to a chain is answered, its newest blocks are replaced, or gone."""

    depth: Annotated[int, Meta(ge=1, le=50)] = 1
    """How many."""
    mode: Literal["replace", "revert"] = "replace"
    """Replaced by as many and one more, or gone, as after a return to a snapshot."""


class Lagging(Fault, frozen=True, tag="lagging"):
    """The answer comes from a node that is behind the others, as one of many at a load balancer may be."""

    blocks: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """By how many."""


Decisive = RateLimited | Status | Unauthorized | Html | CutBody | Malformed | Hang | Drop
"""Faults that decide the answer: at most one of them strikes a request."""

AnyFault = Decisive | Latency | PageCap | MovingRows | BadRows | Reorg | Lagging
KINDS = tuple(
    str(kind.__struct_config__.tag)
    for kind in (
        Latency,
        RateLimited,
        Status,
        Unauthorized,
        Html,
        CutBody,
        Malformed,
        Hang,
        Drop,
        PageCap,
        MovingRows,
        BadRows,
        Reorg,
        Lagging,
    )
)


def read_fault(data: object) -> AnyFault:
    """The fault in parsed JSON.

    Raises:
        ValueError: a field is wrong; the message says which, and why.
    """
    if isinstance(data, dict) and data.get("kind") not in KINDS:  # pyright: ignore[reportUnknownMemberType] - any JSON
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}")
    return msgspec.convert(data, type=AnyFault)
