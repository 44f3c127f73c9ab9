"""Redirects, by method: what they may repeat, and what they must not."""

import pytest
from aiohttp import web
from support.exchange import CHANGING, METHODS, SAFE, Answer, Arrived, Exchange, fine

from syncline.errors import RejectedError
from syncline.model.page import Request
from syncline.upstreams.client import Received


def redirect(status: int) -> Answer:
    def answer(request: web.Request) -> web.StreamResponse:
        return fine(request) if request.path == "/new" else web.Response(status=status, headers={"Location": "/new"})

    return answer


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_the_method_keeps_the_body(
    exchange: Exchange, arrived: Arrived, method: str, status: int
) -> None:
    """CalDAV servers redirect a PROPFIND from `.well-known`; what 307 answers was not carried out."""
    body = b"<propfind/>" if method not in {"GET", "HEAD", "OPTIONS"} else None
    (answer,) = exchange(redirect(status), Request(method=method, path="data", body=body))
    assert isinstance(answer, Received)
    assert arrived.lines == [f"{method} /data", f"{method} /new"]
    assert arrived.bodies == [body or b""] * 2


@pytest.mark.parametrize("status", [301, 302])
@pytest.mark.parametrize("method", SAFE)
def test_what_changes_nothing_follows_any_redirect_as_it_is(
    exchange: Exchange, arrived: Arrived, method: str, status: int
) -> None:
    """A REPORT that became a GET would read a web page in place of the calendar."""
    exchange(redirect(status), Request(method=method, path="data"))
    assert arrived.lines == [f"{method} /data", f"{method} /new"]


@pytest.mark.parametrize("status", [301, 302])
@pytest.mark.parametrize("method", CHANGING)
def test_what_changes_something_is_not_sent_again_where_a_redirect_may_follow_the_deed(
    exchange: Exchange, arrived: Arrived, method: str, status: int
) -> None:
    """Post, redirect, get: the first server has done it already."""
    (raised,) = exchange(redirect(status), Request(method=method, path="data", body=b"{}"))
    assert isinstance(raised, RejectedError)
    assert "BASE_URL" in str(raised)
    assert arrived.lines == [f"{method} /data"]


def test_the_outcome_of_a_post_is_fetched_where_the_server_says(exchange: Exchange, arrived: Arrived) -> None:
    """303: see other; the body has arrived."""
    request = Request(method="POST", path="data", body=b"{}", headers={"Content-Type": "application/json"})
    (answer,) = exchange(redirect(303), request)
    assert isinstance(answer, Received)
    assert (arrived.lines, arrived.bodies) == (["POST /data", "GET /new"], [b"{}", b""])
    assert "content-type" not in arrived.headers[1]


def test_an_accepted_redirect_is_the_connectors_to_follow(exchange: Exchange, arrived: Arrived) -> None:
    """Discovery wants to know where it leads."""
    (answer,) = exchange(redirect(302), Request(path="data", accept=frozenset({302})))
    assert isinstance(answer, Received)
    assert answer.headers["location"] == "/new"
    assert len(arrived.lines) == 1
