"""Callers that waste the app's connections, against a server that really listens."""

import contextlib
import json
import queue
import threading
from collections.abc import Generator

import pytest
from fastapi import FastAPI
from support.web_server import connect, exchange, read_to_end, served

from syncline.model.source import Source
from syncline.settings import Settings
from syncline.store.engine import Store
from web.app import create_app
from web.controls import Controls
from web.edge.answers import HEADERS
from web.edge.limits import Limits

SMALL = Limits(
    target_bytes=2_000,
    header_bytes=4_096,
    body_bytes=1_000,
    header_seconds=0.5,
    body_seconds=0.5,
    idle_seconds=0.5,
    write_seconds=0.5,
    linger_seconds=0.5,
    connections=4,
)
HOST = b"Host: 127.0.0.1\r\n"
LISTINGS = b"GET /api/listings HTTP/1.1\r\n" + HOST
CLOSE = b"Connection: close\r\n\r\n"


@pytest.fixture
def app(sqlite_store: Store, settings: Settings, controls: Controls, sources: list[Source]) -> FastAPI:
    return create_app(settings, sqlite_store, controls=controls, known=sources, limits=SMALL)


@pytest.fixture
def port(app: FastAPI) -> Generator[int]:
    """Of a server with limits that a test reaches."""
    with served(app, SMALL) as here:
        yield here.port


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def error(answer: bytes) -> str:
    """The sentence of an answer, whose headers are those that every answer has."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = {line.partition(b": ")[0].lower() for line in head.split(b"\r\n")}
    assert {name.lower().encode() for name in HEADERS} <= lines
    return json.loads(body)["error"]


def is_served(port: int) -> bool:
    return status(exchange(port, LISTINGS + CLOSE)) == 200


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", LISTINGS, LISTINGS + b"X: " + b"a" * 100])
def test_a_header_that_does_not_come_ends_the_connection(port: int, sent: bytes) -> None:
    """A half-open connection costs the caller nothing, and us a descriptor."""
    with connect(port) as caller:
        caller.sendall(sent)
        answer = read_to_end(caller)
    assert answer == b"" if not sent else (status(answer), error(answer)[:20]) == (408, "the request's header")


def test_a_header_that_comes_byte_by_byte_ends_at_the_same_time(port: int) -> None:
    """Each byte must not buy another half second."""
    answer = b""
    with connect(port) as caller:
        caller.settimeout(0.05)
        for _ in range(1_000):
            try:
                caller.sendall(b"a")
                answer = caller.recv(4_096)
            except TimeoutError:
                continue
            except OSError:
                break
            if answer:
                break
    assert status(answer) == 408


def test_a_second_request_that_does_not_come_ends_the_connection(port: int) -> None:
    """Idle connections are a courtesy; a half second of it here."""
    with connect(port) as caller:
        caller.sendall(LISTINGS + b"\r\n")
        first = read_to_end(caller)
    assert (status(first), first.count(b"HTTP/1.1")) == (200, 1)


def test_a_second_request_that_stops_is_told_so(port: int) -> None:
    """The limit of the header is that of each request of a connection."""
    with connect(port) as caller:
        caller.sendall(LISTINGS + b"\r\n" + LISTINGS)
        answers = read_to_end(caller)
    assert answers.count(b"HTTP/1.1 200") == 1
    assert answers.count(b"HTTP/1.1 408") == 1


@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_that_does_not_come_is_not_waited_for(port: int, app: FastAPI, framing: bytes) -> None:
    """An endpoint that reads it would be kept for ever."""
    add_reader(app)
    with connect(port) as caller:
        caller.sendall(b"POST /read HTTP/1.1\r\n" + HOST + framing + b"\r\n1")
        answer = read_to_end(caller)
    assert (status(answer), error(answer)) == (408, "the body did not come within 0.5 seconds")


@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_that_nobody_reads_ends_the_connection_too(port: int, framing: bytes) -> None:
    """The answer is there at once; its rest is waited for as long as for a header."""
    with connect(port) as caller:
        caller.sendall(LISTINGS + framing + b"\r\n1")
        answer = read_to_end(caller)
    assert status(answer) == 200


def test_a_request_behind_a_body_that_nobody_reads_is_answered(port: int) -> None:
    """What is small is passed over, and the connection goes on."""
    with connect(port) as caller:
        caller.sendall(LISTINGS + b"Content-Length: 100\r\n\r\n" + b"x" * 100 + LISTINGS + CLOSE)
        answers = read_to_end(caller)
    assert answers.count(b"HTTP/1.1 200") == 2


def add_reader(app: FastAPI) -> None:
    @app.post("/read")
    async def read(body: dict[str, int]) -> dict[str, int]:
        return body


def chunked(size: int, *, of: int) -> bytes:
    chunk = b"%x\r\n" % of + b"1" * of + b"\r\n"
    return b"Transfer-Encoding: chunked\r\n\r\n" + chunk * (size // of) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 1001\r\n\r\n" + b"1" * 1_001,
        b"Content-Length: 314572800\r\n\r\n",
        b"Content-Length: 1" + b"0" * 15 + b"\r\n\r\n",
        b"Content-Length: 50000000\r\n\r\n" + b"1" * 50_000_000,
        chunked(1_001, of=1),
        chunked(20_000_000, of=65_536),
    ],
    ids=["one too many", "declared", "declared beyond reason", "sent", "in chunks", "many chunks"],
)
def test_a_body_that_is_too_long_is_refused_and_not_kept(port: int, app: FastAPI, rest: bytes) -> None:
    """Also where nothing declares its length; the caller gets to read why."""
    add_reader(app)
    answer = exchange(port, b"POST /read HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST + rest)
    assert (status(answer), error(answer)) == (413, "the body is longer than 1000 bytes")
    assert is_served(port)


def test_a_body_of_many_chunks_that_nobody_reads_is_cut_off(port: int) -> None:
    """It could go on for ever otherwise, at the price of parsing it."""
    with connect(port) as caller:
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            caller.sendall(LISTINGS + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(5_000):
                caller.sendall(b"10000\r\n" + b"1" * 65_536 + b"\r\n")
                sent += 1
    assert sent < 5_000


@pytest.mark.parametrize(
    ("request_", "code", "word"),
    [
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "path and query"),
        (b"GET /" + b"a" * 5_000_000, 414, "path and query"),
        (LISTINGS + b"X: " + b"a" * 5_000 + b"\r\n\r\n", 431, "header"),
        (LISTINGS + b"Cookie: " + b"a=b; " * 1_000 + b"\r\n\r\n", 431, "header"),
        (LISTINGS + b"".join(b"X%d: a\r\n" % n for n in range(101)) + b"\r\n", 431, "100 headers"),
        (LISTINGS + b"X:a\r\n" * 1_000_000, 431, "header"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400, "HTTP/1.1"),
        (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400, "HTTP/1.1"),
        (LISTINGS + b"X: a\x00b\r\n\r\n", 400, "HTTP/1.1"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "HTTP/1.1"),
        (LISTINGS + HOST + b"\r\n", 400, "HTTP/1.1"),
        (b"GET / HTTP/1.0\r\n\r\n", 400, "Host"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "HTTP/1.1"),
    ],
)
def test_what_is_too_long_or_no_http_is_told_so(port: int, request_: bytes, code: int, word: str) -> None:
    """In the shape of every error, with the headers of every answer."""
    answer = exchange(port, request_)
    assert status(answer) == code
    assert word in error(answer)
    assert is_served(port)


def test_half_open_connections_lock_nobody_out(port: int) -> None:
    """One more takes the place of the oldest that waits; those that were pushed out are told why."""
    callers = [connect(port) for _ in range(60)]
    try:
        for caller in callers:
            caller.sendall(b"GET / HTTP/1.1\r\n")
        assert is_served(port)
        answers = [read_to_end(caller) for caller in callers]
    finally:
        for caller in callers:
            caller.close()
    assert {status(answer) for answer in answers if answer} <= {408, 503}
    assert is_served(port)


def test_a_crowd_that_is_being_answered_leaves_no_room(app: FastAPI) -> None:
    """The next caller is told to come again, and nothing that is under way is cut off."""
    gate, entered = blocking(app)
    with served(app, SMALL) as here:
        callers = [connect(here.port) for _ in range(4)]
        for caller in callers:
            caller.sendall(b"GET /block HTTP/1.1\r\n" + HOST + CLOSE)
        for _ in callers:
            entered.get(timeout=60)
        refused = exchange(here.port, LISTINGS + CLOSE)
        gate.set()
        answers = [read_to_end(caller) for caller in callers]
        for caller in callers:
            caller.close()
    assert (status(refused), error(refused)) == (503, "too many requests are being answered; try again")
    assert [status(answer) for answer in answers] == [200] * 4


def blocking(app: FastAPI) -> tuple[threading.Event, queue.SimpleQueue[None]]:
    gate: threading.Event = threading.Event()
    entered: queue.SimpleQueue[None] = queue.SimpleQueue()

    @app.get("/block")
    def block() -> str:
        entered.put(None)
        gate.wait(60)
        return "done"

    return gate, entered


def test_a_reader_that_takes_nothing_is_let_go(app: FastAPI) -> None:
    """What was not read is not kept for it."""

    @app.get("/long")
    def long() -> str:
        return "x" * 50_000_000

    with served(app, SMALL) as here, connect(here.port) as caller:
        caller.sendall(b"GET /long HTTP/1.1\r\n" + HOST + b"\r\n")
        assert caller.recv(1) == b"H"
        looks = 0
        while here.connections and looks < 20_000:
            looks += is_served(here.port)
        assert len(read_to_end(caller)) < 50_000_000


@pytest.mark.parametrize("trusted", [(), ("10.0.0.0/8",), ("127.0.0.1",)])
def test_a_caller_is_who_a_trusted_proxy_says(
    sqlite_store: Store, settings: Settings, controls: Controls, sources: list[Source], trusted: tuple[str, ...]
) -> None:
    """Any client can send the header: with it, it could lock out others, or guess under a new name each time."""
    given = settings.model_copy(update={"trusted_proxies": ",".join(trusted)})
    app = create_app(given, sqlite_store, controls=controls, known=sources)
    wrong = (
        b"GET /api/holds HTTP/1.1\r\n"
        + HOST
        + b"Authorization: Bearer wrong\r\nX-Forwarded-For: 192.0.2.%d\r\n"
        + CLOSE
    )
    with served(app, Limits(), trusted_proxies=given.trusted_proxy_networks) as here:
        apart = [status(exchange(here.port, wrong % number)) for number in range(11)]
        alike = [status(exchange(here.port, wrong % 99)) for _ in range(11)]
    assert apart == [401] * 10 + [401 if trusted == ("127.0.0.1",) else 429]
    assert alike[-1] == 429


def test_the_answer_names_no_software(port: int) -> None:
    """It would say which faults to try."""
    assert b"uvicorn" not in exchange(port, LISTINGS + CLOSE).lower()
