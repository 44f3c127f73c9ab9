"""Bodies as servers really send them: packed, in other charsets, under wrong headers, too long, or without an end."""

import asyncio
import gzip
import itertools
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from syncline.errors import ConfigurationError, RateLimitedError, RefusedError, UnavailableError, UpstreamError
from syncline.model.page import Request
from syncline.model.upstream import Upstream
from syncline.upstreams.bodies import as_utf8, unpacked
from syncline.upstreams.client import Received, UpstreamClient

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PLAIN = '{"data":[{"id":1,"name":"Küche"}]}'.encode()
JSON = "application/json"


def packed(content: bytes) -> bytes:
    """As gzip packs it at any time: the tests are named by it."""
    return gzip.compress(content, mtime=0)


def answering(body: bytes, kind: str = JSON, encoding: str | None = None, status: int = 200) -> Handler:
    headers = {"Content-Type": kind} | ({} if encoding is None else {"Content-Encoding": encoding})

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers=headers, status=status)

    return answer


@pytest.fixture
def fetched(serve: Serve, connect: Connect) -> Callable[..., Received]:
    """What the client makes of one handler's answer; it is asked with these bounds."""

    def fetching(handler: Handler, **bounds: float) -> Received:
        async def scenario() -> Received:
            async with serve(data=handler) as url, connect(url, **bounds) as client:
                return await client.send(Request(path="data"))

        return asyncio.run(scenario())

    return fetching


def bare(content: bytes) -> bytes:
    """Deflate without zlib's frame."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (packed(PLAIN), "gzip"),
        (packed(PLAIN), "x-gzip"),
        (packed(PLAIN), "GZIP"),
        (packed(PLAIN), None),  # a file from a bucket, whose header was lost
        (packed(PLAIN), "gzip, gzip"),
        (packed(packed(PLAIN)), "gzip, gzip"),
        (packed(packed(PLAIN)), "gzip"),  # a proxy packed once more
        (packed(PLAIN[:9]) + packed(PLAIN[9:]), "gzip"),
        (packed(PLAIN) + b"\0" * 512, "gzip"),
        (zlib.compress(PLAIN), "deflate"),
        (bare(PLAIN), "deflate"),
        (packed(PLAIN), "deflate"),
        (PLAIN, "gzip"),
        (PLAIN, "deflate"),
        (PLAIN, "utf-8"),
        (PLAIN, "identity"),
    ],
)
def test_a_packed_body_is_unpacked_whatever_its_header_says(
    fetched: Callable[..., Received], body: bytes, encoding: str | None
) -> None:
    """Names and layers of packing are wrong more often than a body is."""
    assert fetched(answering(body, encoding=encoding)).content == PLAIN


@pytest.mark.parametrize(
    ("charset", "as_sent"),
    [
        ("iso-8859-1", "iso-8859-1"),
        ("windows-1252", "windows-1252"),
        ("utf-16", "utf-16"),
        ("utf-16", "utf-16-be"),  # no mark: JSON's first character tells
        ("UTF-16LE", "utf-16-le"),
        ("utf-32", "utf-32"),
        ('"utf-8"', "utf-8-sig"),
        ("iso-8859-1", "utf-8"),  # what a server declares for everything
        ("shift_jis", "shift_jis"),
        (None, "utf-16-le"),
        (None, "utf-8-sig"),
        (None, "utf-16"),
    ],
)
def test_a_body_is_read_in_the_charset_that_it_is_in(
    fetched: Callable[..., Received], charset: str | None, as_sent: str
) -> None:
    """ERPs of a certain age do not write UTF-8."""
    text = '{"data":[{"id":1,"name":"ドア"}]}' if charset == "shift_jis" else PLAIN.decode()
    kind = JSON if charset is None else f"{JSON}; charset={charset}"
    answer = fetched(answering(text.encode(as_sent), kind=kind))
    assert answer.content == text.encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'[{"n":"a\x81b"},{"n":"c"}]', "text/plain; charset=windows-1252"),
        (b'[{"n":"a\x80\xffb"},{"n":"c"}]', "application/json; charset=euc-kr"),
        ('[{"n":"\ud83d"},{"n":"c"}]'.encode("utf-16-le", "surrogatepass"), "application/json; charset=utf-16le"),
    ],
)
def test_a_character_that_the_charset_lacks_spoils_one_item(body: bytes, kind: str) -> None:
    """The other items of the page are sound."""
    first, second = msgspec.json.decode(as_utf8(body, kind), type=list[msgspec.Raw])
    with pytest.raises(UnicodeDecodeError):
        msgspec.json.decode(first)
    assert msgspec.json.decode(second) == {"n": "c"}


def test_xml_stays_in_the_charset_that_it_names() -> None:
    """Its first line names it, for a parser that reads bytes."""
    body = '<?xml version="1.0" encoding="iso-8859-1"?><a>ü</a>'.encode("iso-8859-1")
    assert as_utf8(body, "application/xml; charset=iso-8859-1") == body


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain", "application/octet-stream"])
def test_json_is_data_whatever_it_is_called(fetched: Callable[..., Received], kind: str) -> None:
    """PHP's default content type is text/html."""
    assert fetched(answering(b"\r\n " + PLAIN, kind=kind)).content.strip() == PLAIN


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (answering(PLAIN, kind="application/json; charset=klingon"), "the charset 'klingon', which is unknown"),
        (answering(PLAIN, kind="application/json; charset=idna"), "unknown"),
        (answering(PLAIN, kind="application/json; charset=hex"), "unknown"),
        (answering("[1]".encode("utf-16") + b"\0", kind="application/json; charset=utf-16"), "cut"),
        (answering(packed(PLAIN)[:-12], encoding="gzip"), "cut: its packing has no end"),
        (answering(packed(PLAIN)[:10] + b"oops" * 9, encoding="gzip"), "gzip is broken"),
        (answering(b"\x28\xb5\x2f\xfd" * 9, encoding="zstd"), "was not asked for"),
        (answering(packed(packed(packed(packed(PLAIN))))), "too many times"),
        (answering(b"<html>oops", kind="text/html"), "web page"),
    ],
)
def test_a_body_that_cannot_be_read_fails_the_page_and_says_why(
    fetched: Callable[..., Received], handler: Handler, said: str
) -> None:
    """It is worth another try, and the breaker's business."""
    with pytest.raises(UnavailableError, match=said):
        fetched(handler)


def test_a_small_body_that_becomes_huge_is_cut_off(fetched: Callable[..., Received]) -> None:
    """51 kB of gzip that are 50 MB would take the process's memory, and those of its neighbours."""
    bomb = packed(b'{"data":[' + b" " * 50_000_000)
    assert len(bomb) < 60_000
    with pytest.raises(UnavailableError, match=r"more than 1,000,000 bytes; .* max_bytes"):
        fetched(answering(bomb, encoding="gzip"), max_bytes=1_000_000)
    with pytest.raises(UnavailableError, match="more than 1,000,000 bytes"):
        fetched(answering(zlib.compress(b"[" + b" " * 9_000_000), encoding="deflate"), max_bytes=1_000_000)


def endless(first: bytes, *, announced: int | None = None, status: int = 200) -> Handler:
    """Blanks for ever, as fast as they are taken."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": JSON})
        response.content_length = announced
        await response.prepare(request)
        await response.write(first)
        for _ in itertools.count():
            await response.write(b" " * 65_536)
        return response

    return answer


@pytest.mark.parametrize("announced", [None, 10**12])
def test_a_body_beyond_the_bound_is_cut_off_as_it_comes(
    fetched: Callable[..., Received], announced: int | None
) -> None:
    """It must not be held in memory first; an announcement alone is enough."""
    with pytest.raises(UnavailableError, match="more than 300,000 bytes"):
        fetched(endless(b'{"data":[', announced=announced), max_bytes=300_000)


def test_an_answer_without_end_is_cut_off_by_its_deadline(fetched: Callable[..., Received]) -> None:
    """A blank now and then is no silence, and would keep the run busy until its timeout."""

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": JSON})
        await response.prepare(request)
        for _ in itertools.count():
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response

    with pytest.raises(UnavailableError, match=r"no.* end within 0\.2 s; .* answer_seconds"):
        fetched(trickle, answer_seconds=0.2)


@pytest.mark.parametrize(("status", "error"), [(401, RefusedError), (429, RateLimitedError), (503, UnavailableError)])
def test_what_a_failure_says_counts_whatever_its_body_is(
    fetched: Callable[..., Received], status: int, error: type[UpstreamError]
) -> None:
    """Refused credentials in a broken body are refused credentials: asking again would lock the account."""
    broken = answering(packed(b"oops")[:-9], kind="text/x; charset=klingon", encoding="gzip", status=status)
    for handler in (broken, endless(b"oops", status=status)):
        with pytest.raises(UpstreamError) as caught:
            fetched(handler, max_bytes=100_000)
        assert type(caught.value) is error


@pytest.mark.parametrize("bounds", [{"max_bytes": 0}, {"answer_seconds": 0}, {"timeout_seconds": -1}])
def test_a_bound_that_lets_nothing_through_is_refused(bounds: dict[str, Any]) -> None:
    """Each page would fail, every time, and blame the upstream."""
    with pytest.raises(ConfigurationError, match="above 0"):
        Upstream(name="erp", **bounds)


@given(st.binary(max_size=300), st.sampled_from([packed, zlib.compress, bare]), st.integers(1, 400))
def test_unpacking_gives_all_or_stops_at_the_bound(content: bytes, pack: Callable[[bytes], bytes], limit: int) -> None:
    """Up to the bound nothing is lost, and beyond it nothing is kept."""
    encoding = "gzip" if pack is packed else "deflate"
    body = b"{" + content
    if len(body) <= limit:
        assert unpacked(pack(body), encoding, limit=limit) == body
    else:
        with pytest.raises(ValueError, match="more than"):
            unpacked(pack(body), encoding, limit=limit)
