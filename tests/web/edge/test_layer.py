"""What is refused before any endpoint is looked up, and what every answer carries."""

from collections.abc import Callable
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import SecretStr

from syncline.settings import Settings
from web.edge.answers import HEADERS

Call = Callable[..., httpx.Response]
Calls = list[tuple[object, ...]]
CallAs = Callable[[Settings, str | None], Call]

JSON = {"Content-Type": "application/json"}
CRON = "a-secret-for-cron-of-32-bytes-or-more"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:9", "LOCALHOST", "127.8.9.1", "[::1]:80"])
def test_names_of_the_loopback_are_ours(call_sqlite: Call, host: str) -> None:
    """With any port: a proxy or a container may have another."""
    assert call_sqlite("GET", "/api/listings", headers={"Host": host}).status_code == 200


FOREIGN = ["evil.example", "127.0.0.1.evil.example:8080", "localhost.evil.example", "10.0.0.5", "a@127.0.0.1", ""]


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/openapi.json", "/metrics", "/nothing", "/api/holds"])
def test_a_foreign_host_is_refused_everywhere(call_sqlite: Call, host: str, path: str) -> None:
    """DNS rebinding: a page whose own name leads to 127.0.0.1 would be of our origin."""
    answer = call_sqlite("GET", path, headers={"Host": host})
    assert answer.status_code == 421
    assert "SYNCLINE_ALLOWED_HOSTS" in answer.json()["error"]


@pytest.mark.parametrize("host", ["sync.example.com", "SYNC.example.com:8443", "10.0.0.5:80", "127.0.0.1"])
def test_hosts_of_the_settings_are_ours(call_as: CallAs, host: str) -> None:
    """Those of a proxy, or of the network that it listens on."""
    settings = Settings(host="0.0.0.0", allowed_hosts="sync.example.com, 10.0.0.5")  # noqa: S104 - nothing listens
    assert call_as(settings, None)("GET", "/api/listings", headers={"Host": host}).status_code == 200
    assert call_as(settings, None)("GET", "/api/listings", headers={"Host": "10.0.0.6"}).status_code == 421


CHANGES = [("POST", "/api/holds"), ("DELETE", "/api/holds/x"), ("POST", "/api/products/sync/stop")]


@pytest.mark.parametrize("request_", [*CHANGES, ("GET", "/api/cron/sync?source=products")])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://localhost"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_origin_changes_nothing(
    call_as: CallAs, settings: Settings, calls: Calls, request_: tuple[str, str], headers: dict[str, str]
) -> None:
    """Another port is another origin too; and the credential does not help."""
    given = settings.model_copy(update={"cron_secret": SecretStr(CRON)})
    answer = call_as(given, CRON)(*request_, headers=headers)
    assert (answer.status_code, calls) == (403, [])
    assert "another origin" in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8080", "Host": "127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://localhost", "Host": "localhost"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_pages_and_programs_change_things(call_sqlite: Call, calls: Calls, headers: dict[str, str]) -> None:
    """`/docs` sends its origin, curl sends none."""
    assert call_sqlite("POST", "/api/products/sync/stop", headers=headers).status_code == 200
    assert len(calls) == 1


def test_a_page_behind_a_proxy_that_changes_the_host_is_ours_by_its_name(call_as: CallAs, settings: Settings) -> None:
    """The browser speaks of the proxy, the request of us."""
    given = settings.model_copy(update={"allowed_hosts": "sync.example.com"})
    answer = call_as(given, None)("POST", "/api/holds", headers={"Origin": "https://sync.example.com"})
    assert answer.status_code == 401


EVERYWHERE = [
    ("GET", "/", 200),
    ("GET", "/health", 200),
    ("GET", "/metrics", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/docs", 200),
    ("GET", "/api/listings", 200),
    ("GET", "/api/holds", 200),
    ("GET", "/nothing", 404),
    ("PUT", "/api/holds", 405),
    ("OPTIONS", "/api/holds", 204),
    ("POST", "/api/holds", 422),
    ("GET", "/api/cron/sync", 503),
    ("GET", "/api/listings?limit=0", 422),
    ("GET", "/api/listings?chain=%00", 422),
]


@pytest.mark.parametrize(("method", "path", "code"), EVERYWHERE)
def test_every_answer_keeps_other_origins_out(call_sqlite: Call, method: str, path: str, code: int) -> None:
    """Errors too: a page must neither read nor frame nor keep what they say; and none is permitted by CORS."""
    answer = call_sqlite(method, path, headers={"Access-Control-Request-Method": "POST"})
    assert answer.status_code == code
    for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy", "X-Frame-Options", "Cache-Control"):
        assert answer.headers[name] == HEADERS[name]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "script-src 'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/", "/health", "/docs", "/docs/docs.js", "/openapi.json", "/api/listings", "/metrics"]
)
def test_head_works_where_get_does(call_sqlite: Call, path: str) -> None:
    """Load balancers ask so."""
    whole, head = call_sqlite("GET", path), call_sqlite("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers.keys() == whole.headers.keys()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/health", "GET, HEAD, OPTIONS"),
        ("/api/holds", "GET, POST, HEAD, OPTIONS"),
        ("/api/holds/x", "DELETE, OPTIONS"),
        ("/api/products/sync/start", "POST, OPTIONS"),
    ],
)
def test_options_says_what_a_path_takes(call_sqlite: Call, path: str, allowed: str) -> None:
    """All of it, also where several endpoints share the path; so does a 405."""
    asked, refused = call_sqlite("OPTIONS", path), call_sqlite("PATCH", path)
    assert (asked.status_code, asked.content, asked.headers["Allow"]) == (204, b"", allowed)
    assert (refused.status_code, refused.headers["Allow"]) == (405, allowed)


def test_a_query_of_many_parameters_is_refused_at_once(call_sqlite: Call) -> None:
    """FastAPI's work grows with the square of their number: 12,000 took 15 s, and no other request was answered."""
    answer = call_sqlite("GET", f"/api/listings?{'a&' * 2_000}")
    assert (answer.status_code, "parameters" in answer.json()["error"]) == (414, True)
    assert call_sqlite("GET", f"/api/listings?{urlencode({f'a{n}': n for n in range(100)})}").status_code == 200


@pytest.mark.parametrize("path", ["/" + "a" * 9_000, "/api/listings?chain=" + "a" * 9_000])
def test_a_long_address_is_refused(call_sqlite: Call, path: str) -> None:
    """No endpoint has one."""
    assert call_sqlite("GET", path).status_code == 414


@pytest.mark.parametrize(
    "headers", [{f"X-{n}": "a" for n in range(101)}, {"X": "a" * 17_000}, {"Cookie": "a=b; " * 4_000}]
)
def test_a_large_header_is_refused(call_sqlite: Call, headers: dict[str, str]) -> None:
    """By the number of its lines, and by its size."""
    assert call_sqlite("GET", "/health", headers=headers).status_code == 431


def test_a_long_body_is_refused_before_anything_is_asked(call_as: CallAs, settings: Settings) -> None:
    """Also of a stranger: who reads it to its end to say 401 has paid for it."""
    answer = call_as(settings, None)("POST", "/api/holds", content=b"1" * 300_000, headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (413, "the body is longer than 262144 bytes")


BAD_TEXT = ["%00", "a%00b", "%ED%A0%80", "%ED%B0%80x", "%C0%80", "%C0%AF", "%FF", "%F5%80%80%80", "%E2%82"]


@pytest.mark.parametrize("text", BAD_TEXT)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/{}"),
        ("GET", "/api/{}/sync/metrics"),
        ("POST", "/api/{}/sync/start"),
        ("DELETE", "/api/holds/{}"),
        ("POST", "/api/listings/quests/{}/approve"),
        ("GET", "/health/cron/{}"),
        ("GET", "/docs/{}"),
        ("GET", "/api/listings?chain={}"),
        ("GET", "/api/listings?cursor={}"),
        ("GET", "/api/listings?{}=1"),
        ("GET", "/api/sync/history?source={}"),
        ("GET", "/api/holds?unknown={}"),
    ],
)
def test_what_is_no_text_is_refused_in_paths_and_queries(call_sqlite: Call, method: str, path: str, text: str) -> None:
    """PostgreSQL takes no NUL and no half of a pair: it would be an error of the database, a 500."""
    answer = call_sqlite(method, path.format(text))
    assert (answer.status_code, answer.json().keys()) == (422, {"error"})


BODIES = [
    (rb'{"source": "products", "reason": "a\u0000b"}', "reason: text"),
    (rb'{"source": "products", "reason": "a\ud800b"}', "reason: text"),
    (rb'{"source": "products", "reason": "\udc00\ud800"}', "reason: text"),
    (rb'{"source": "products", "reason": "x", "a\u0000b": 1}', "the body: text"),
    (rb'{"source": {"deep": [["a\u0000"]]}, "reason": "x"}', "source.deep: text"),
    (b'{"source": "products", "reason": "a\xed\xa0\x80b"}', "UTF-8"),
    (b'{"source": "products", "reason": "a\xc0\x80b"}', "UTF-8"),
    *(
        (f'{{"source": "products", "reason": "{reason}"}}'.encode(encoding), "UTF-8")
        for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
        for reason in ("x", "a\\u0000b", "a\x00b")
    ),
    (b'{"source": "products", "reason": "x", "ttl_seconds": NaN}', "ttl_seconds: NaN"),
    (b'{"source": "products", "reason": "x", "ttl_seconds": -Infinity}', "ttl_seconds: -Infinity"),
    (b'{"source": "products", "reason": "x", "ttl_seconds": 1e999}', "ttl_seconds: the number"),
    (b'{"source": "products", "reason": "x", "ttl_seconds": 18446744073709551616}', "ttl_seconds: a whole number"),
    (b'{"source": "products", "reason": "x", "ttl_seconds": ' + b"9" * 5_000 + b"}", "ttl_seconds: a whole number"),
    (b"[" * 100_000, "within each other"),
    (b'{"a":' * 40 + b"1" + b"}" * 40, "within each other"),
    (b'{"source": "products", "reason": "' + b"[" * 100 + b'", "ttl_seconds": 0}', "ttl_seconds:"),
    (b'{"reason": "unended \\', "no JSON"),
    (b"", "JSON object"),
]


@pytest.mark.parametrize(("body", "word"), BODIES)
def test_a_body_that_no_program_should_read_is_refused(call: Call, body: bytes, word: str) -> None:
    """On both databases, and the answer names the field."""
    answer = call("POST", "/api/holds", content=body, headers=JSON)
    assert (answer.status_code, answer.json().keys()) == (422, {"error"})
    assert word in answer.json()["error"]


@pytest.mark.parametrize("reason", ["\U0001f600", '\u00e4 \\ " \n', "\ufffe\uffff", "[{" * 100])
def test_all_text_that_can_be_stored_is_taken(call: Call, reason: str) -> None:
    """Also what only looks dangerous."""
    answer = call("POST", "/api/holds", json={"source": "products", "reason": f"x{reason}x"})
    assert (answer.status_code, answer.json().get("reason")) == (201, f"x{reason}x")


@pytest.mark.parametrize(
    "header", ["Authorization", "x-api-key", "Accept", "Content-Type", "Cookie", "X-Forwarded-For"]
)
@pytest.mark.parametrize("value", [b"\xed\xa0\x80", b"\xff", b"Bearer \xc3\xa4.\xff.x", b"application/json; a=\xff"])
def test_headers_of_any_bytes_are_no_error(call_as: CallAs, settings: Settings, header: str, value: bytes) -> None:
    """They are read as Latin-1, which has no wrong bytes."""
    for method, path in (("GET", "/"), ("GET", "/metrics"), ("POST", "/api/holds"), ("GET", "/api/sync/status")):
        answer = call_as(settings, None)(method, path, headers={header: value}, content=b"{}")
        assert answer.status_code < 500 or "INTERNAL_API_KEY" in answer.text


@pytest.mark.parametrize(
    "cursor", ["WyJhXHVkODAwIiwiYiJd", "WyJhIiwiXHUwMDAwIl0", "W10", "WyJhIl0", "bnVsbA", "ezE6Mn0", "W1tbXV1d", "____"]
)
def test_a_cursor_that_decodes_to_something_else_is_refused(call: Call, cursor: str) -> None:
    """What stands inside the base64 is input too."""
    answer = call("GET", f"/api/listings?cursor={cursor}")
    assert (answer.status_code, answer.json()["error"][:7]) == (422, "cursor:")


@pytest.mark.parametrize("value", ["9" * 5_000, "-9223372036854775809", "1e999", "NaN", "0x10", "\u0661"])
def test_numbers_of_the_query_are_bounded(call_sqlite: Call, value: str) -> None:
    """Python's own limit on digits is an error of its own kind."""
    answer = call_sqlite("GET", "/api/sync/history", params={"limit": value})
    assert (answer.status_code, answer.json()["error"][:6]) in {(422, "limit:"), (200, "")}
