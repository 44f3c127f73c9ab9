"""Bodies of answers: read whole within bounds, unpacked, and turned into UTF-8 from the charset that they are in.

Headers say what a body is packed in and written in, and are often wrong: gzip shows by its first bytes, so these count.
"""

import asyncio
import codecs
import re
import zlib
from contextlib import suppress
from typing import cast

import httpx

from syncline.errors import UnavailableError
from syncline.model.page import Request
from syncline.model.upstream import Upstream

__all__ = ["REQUEST_EXTENSION", "WholeTransport", "as_utf8", "asked_by", "unpacked"]

REQUEST_EXTENSION = "syncline.request"
"""The extension of an httpx request that carries the connector's `Request`: its cost, its bound, what it accepts."""

_FAILURE_BYTES = 1_000_000
"""So much is read of an answer that is a failure."""
_GZIP = b"\x1f\x8b"
_LATE = "nothing that had an end within {:g} s; if it takes so long, raise answer_seconds of its Upstream"
_MOST_LAYERS = 3
"""Some proxies compress what is compressed already; more layers than this are an attack or a fault."""
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 31, 15, -15
_UNASKED = re.compile(r"\b(?:br|zstd|compress)\b")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"',]+)", re.IGNORECASE)
_XML = re.compile(r"[/+]xml\b")
_UTF8 = frozenset({"utf-8", "ascii", "utf-8-sig"})
_ONE_BYTE = frozenset({"iso8859-1", "cp1252", "iso8859-15"})
"""Charsets that servers declare by default, whatever they send: any bytes are text in them. A body that is valid UTF-8
is read as UTF-8 nevertheless: JSON has no other charset (RFC 8259, section 8.1)."""
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Python codecs that are no charsets."""


def asked_by(request: httpx.Request) -> Request:
    """The connector's request, of which `request` is one attempt or redirect."""
    return cast("Request", request.extensions[REQUEST_EXTENSION])


class BodyError(ValueError):
    """The body cannot be used; the message reads on from `answered PATH with`."""


class WholeTransport(httpx.AsyncBaseTransport):
    """Reads each answer whole, as UTF-8 without any packing, within `max_bytes` and the upstream's `answer_seconds`.

    Answers that the request accepts are read like successes. Of all others the beginning is enough: their status says
    what to do, and their body at most why.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, upstream: Upstream) -> None:
        """Send by `inner`, within the bounds that `upstream` declares."""
        self._inner = inner
        self._upstream = upstream

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, and read the answer to its end.

        Raises:
            UnavailableError: the answer is too long, takes too long, or cannot be unpacked or decoded.
        """
        deadline = asyncio.timeout(self._upstream.answer_seconds)
        chunks: list[bytes] = []
        answer: httpx.Response | None = None
        try:
            async with deadline:
                answer = await self._inner.handle_async_request(request)
                await self._read(request, answer, chunks)
        except TimeoutError:
            if not deadline.expired():
                raise
            if answer is None or _is_wanted(request, answer):
                raise self._unavailable(request, _LATE.format(self._upstream.answer_seconds)) from None
        finally:
            if answer is not None:
                await answer.aclose()
        assert answer is not None  # or the deadline was over
        return self._whole(request, answer, b"".join(chunks))

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    async def _read(self, request: httpx.Request, answer: httpx.Response, chunks: list[bytes]) -> None:
        """Add the body, as it was sent, to `chunks`."""
        limit, is_wanted = self._limit(request), _is_wanted(request, answer)
        limit = limit if is_wanted else min(_FAILURE_BYTES, limit)
        told = answer.headers.get("content-length", "") if request.method != "HEAD" else ""
        size = int(told) if told.isdecimal() else 0
        if size <= limit:
            size = 0
            async for chunk in cast("httpx.AsyncByteStream", answer.stream):
                size += len(chunk)
                if size > limit:
                    break
                chunks.append(chunk)
        if size > limit and is_wanted:
            raise self._unavailable(request, _too_long(limit))

    def _limit(self, request: httpx.Request) -> int:
        """How many bytes the answer may have."""
        return asked_by(request).max_bytes or self._upstream.max_bytes

    def _whole(self, request: httpx.Request, answer: httpx.Response, content: bytes) -> httpx.Response:
        """The answer with its body in the clear; headers stay as they were."""
        try:
            plain = unpacked(content, answer.headers.get("content-encoding", ""), limit=self._limit(request))
            content = as_utf8(plain, answer.headers.get("content-type", ""))
        except BodyError as error:
            if _is_wanted(request, answer):
                raise self._unavailable(request, str(error)) from None
        whole = httpx.Response(answer.status_code, content=content, request=request, extensions=answer.extensions)
        whole.headers = answer.headers
        return whole

    def _unavailable(self, request: httpx.Request, problem: str) -> UnavailableError:
        name = self._upstream.name
        return UnavailableError(f"{name} answered {request.url.path} with {problem}", upstream=name)


def _is_wanted(request: httpx.Request, answer: httpx.Response) -> bool:
    """Whether the connector reads this answer."""
    return answer.is_success or answer.status_code in asked_by(request).accept


def unpacked(content: bytes, encoding: str, *, limit: int) -> bytes:
    """`content` uncompressed, as its first bytes or the header Content-Encoding say that it is compressed.

    Raises:
        BodyError: it is broken, or becomes longer than `limit` bytes; no more than that is unpacked.
    """
    if not content:
        return content  # as of a HEAD or a 304, whose headers describe the body that it would have had
    if "deflate" in encoding.lower():
        content = _undeflated(content, limit)
    for _ in range(_MOST_LAYERS):
        if not content.startswith(_GZIP):
            break
        content = _inflated(content, _GZIP_BITS, limit)
    if content.startswith(_GZIP):
        raise BodyError("a body that is packed too many times")
    if _UNASKED.search(encoding.lower()) and not content.lstrip().startswith((b"{", b"[", b"<")):
        raise BodyError(f"a body that is packed as {encoding!r}, which it was not asked for")
    return content


def _undeflated(content: bytes, limit: int) -> bytes:
    """`deflate` is zlib by the RFC, and bare for some servers; some only say that they pack."""
    for bits in (_ZLIB_BITS, _RAW_BITS):
        with suppress(zlib.error):
            return _inflated(content, bits, limit)
    return content


def _inflated(content: bytes, bits: int, limit: int) -> bytes:
    """One layer unpacked; gzip may consist of several members, and padding follows some."""
    pieces: list[bytes] = []
    size, rest, is_first = 0, content, True
    while is_first or (bits == _GZIP_BITS and rest.startswith(_GZIP)):
        is_first, inflater = False, zlib.decompressobj(bits)
        while not inflater.eof:
            try:
                piece = inflater.decompress(rest, limit + 1 - size)
            except zlib.error:
                if bits != _GZIP_BITS:
                    raise
                raise BodyError("a body whose gzip is broken") from None
            size += len(piece)
            if size > limit:
                raise BodyError(_too_long(limit))
            pieces.append(piece)
            rest = inflater.unconsumed_tail
            if not rest and not inflater.eof:
                raise BodyError("a body that is cut: its packing has no end")
        rest = inflater.unused_data
    return b"".join(pieces)


def as_utf8(content: bytes, content_type: str) -> bytes:
    """`content` in UTF-8, without a byte order mark; XML, which names its own charset, stays as it is.

    What its charset does not know becomes bytes that are no UTF-8 either, so that it spoils one item and not all.

    Raises:
        BodyError: the charset is unknown, or the body is cut within a character.
    """
    if _XML.search(content_type.lower()):
        return content
    charset = _charset(content, content_type)
    if charset in _UTF8 or (charset in _ONE_BYTE and _is_utf8(content)):
        return content.removeprefix(codecs.BOM_UTF8)
    errors = "surrogatepass" if charset.startswith(("utf-16", "utf-32")) else "surrogateescape"
    try:
        text = content.decode(charset, errors)
    except LookupError:
        raise BodyError(f"a body in the charset {charset!r}, which is unknown") from None
    except UnicodeDecodeError:
        raise BodyError(f"a body that is cut, or not in the charset {charset!r}") from None
    return text.removeprefix("\ufeff").encode("utf-8", "surrogatepass")


def _charset(content: bytes, content_type: str) -> str:
    """Python's name of the charset: what the first bytes show, else what is declared, else UTF-8.

    Raises:
        BodyError: what is declared is unknown.
    """
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")):
        if content.startswith(mark):
            return name
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x00" in content[:4]:  # JSON begins with ASCII: where its zeros stand tells the charset
        return _by_zeros(content)
    declared = _CHARSET.search(content_type)
    if declared is None:
        return "utf-8"
    try:
        name = codecs.lookup(declared[1]).name
    except LookupError:
        name = "undefined"
    if name in _NO_CHARSETS:
        raise BodyError(f"a body in the charset {declared[1]!r}, which is unknown")
    return name


def _by_zeros(content: bytes) -> str:
    zeros = tuple(byte == 0 for byte in content[:4])
    if zeros[:2] == (True, True):
        return "utf-32-be"
    if zeros[0]:
        return "utf-16-be"
    return "utf-32-le" if zeros[1:] == (True, True, True) else "utf-16-le"


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _too_long(limit: int) -> str:
    return f"a body of more than {limit:,} bytes; if that is right, raise max_bytes of its Upstream or of the request"
