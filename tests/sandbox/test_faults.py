import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest
from support.instance import eventually

import sandbox
from sandbox import Box

PRODUCTS = "/erp/products"


def test_latency_delays_the_answer(box: Box, client: httpx.Client) -> None:
    """Timeouts are tried on answers that do come, but late."""
    box.faults.add("latency", path=PRODUCTS, seconds=0.2)
    began = time.monotonic()
    assert client.get(PRODUCTS).status_code == 200
    assert time.monotonic() - began >= 0.2


def test_latency_without_an_end_lasts_until_the_order_is_removed(box: Box, client: httpx.Client) -> None:
    """A test that looks at something under way must not hurry to see it, whatever the machine is busy with."""
    late = box.faults.add("latency", path=PRODUCTS, seconds=None)
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(client.get, PRODUCTS, timeout=None)
        eventually(lambda: late.struck, "request")
        assert not wait([answer], timeout=0.2).done
        box.faults.remove(late.id)
        assert answer.result().status_code == 200


def test_rate_limits_say_when_to_return_in_seconds_in_a_date_or_not_at_all() -> None:
    """Servers differ in it, and a client must understand each."""
    now = datetime(2026, 3, 1, 10, 0, 0, tzinfo=UTC)
    with sandbox.serving(products=1, customers=1, clock=lambda: now) as box:
        box.faults.add("rate_limited", retry_after=30)
        box.faults.add("rate_limited", retry_after=30, form="date")
        box.faults.add("rate_limited", code=403, headers={"x-rate-limit-reset": "1767225600"})
        answers = [httpx.get(box.url + PRODUCTS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 403]
    assert answers[0].headers["Retry-After"] == "30"
    assert answers[1].headers["Retry-After"] == "Sun, 01 Mar 2026 10:00:30 GMT"
    assert (parsedate_to_datetime(answers[1].headers["Retry-After"]) - now).total_seconds() == 30
    assert "Retry-After" not in answers[2].headers
    assert answers[2].headers["x-rate-limit-reset"] == "1767225600"


def test_any_error_status_comes_with_any_body(box: Box, client: httpx.Client) -> None:
    """Proxies answer in text, APIs in JSON of their own shape."""
    box.faults.add("status", code=503)
    box.faults.add("status", code=502, body="Bad Gateway")
    box.faults.add("status", code=418, body={"reason": "teapot"})
    answers = [client.get(PRODUCTS) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 502, 418, 200]
    assert answers[0].json()["error"]["status"] == 503
    assert answers[1].text == "Bad Gateway"
    assert answers[2].json() == {"reason": "teapot"}


@pytest.mark.parametrize("code", [401, 403])
def test_credentials_are_refused(box: Box, client: httpx.Client, code: int) -> None:
    """A token that was good a moment ago is revoked."""
    box.faults.add("unauthorized", code=code)
    assert client.get(PRODUCTS).status_code == code
    assert client.get(PRODUCTS).status_code == 200


def test_a_cut_body_ends_before_its_promised_length(box: Box, client: httpx.Client) -> None:
    """Half a page must never count as a page."""
    box.faults.add("cut_body", path=PRODUCTS)
    with client.stream("GET", PRODUCTS) as answer:
        assert answer.status_code == 200
        promised = int(answer.headers["Content-Length"])
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
        assert 0 < answer.num_bytes_downloaded < promised
    assert client.get(PRODUCTS).json()["total"] == 250


def test_a_malformed_body_is_complete_and_no_json(box: Box, client: httpx.Client) -> None:
    """The transfer is sound, so that only the parser can tell."""
    box.faults.add("malformed", path=PRODUCTS)
    answer = client.get(PRODUCTS)
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["Content-Length"])
    assert answer.text.startswith('{"data":[{')
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_an_error_page_comes_with_status_200(box: Box, client: httpx.Client) -> None:
    """Maintenance pages do, and 200 alone proves nothing."""
    box.faults.add("html")
    answer = client.get(PRODUCTS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_hanging_request_gets_no_answer_until_the_client_leaves(box: Box, client: httpx.Client) -> None:
    """A read timeout is the only way out, and the log shows the request that waits."""
    box.faults.add("hang", path=PRODUCTS)
    with pytest.raises(httpx.ReadTimeout):
        client.get(PRODUCTS, timeout=0.2)
    assert [entry.status for entry in box.requests.entries()] == [None]
    assert client.get(PRODUCTS).status_code == 200


def test_a_hanging_request_is_closed_when_its_time_is_over(box: Box, client: httpx.Client) -> None:
    """Load balancers give up on a silent server at last."""
    box.faults.add("hang", path=PRODUCTS, seconds=0.1)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(PRODUCTS)


def test_the_sandbox_ends_while_requests_hang() -> None:
    """A test that leaves a request behind does not hang itself."""
    with ThreadPoolExecutor(1) as pool:
        with sandbox.serving(products=1, customers=1) as box:
            order = box.faults.add("hang")
            waiting = pool.submit(httpx.get, box.url + PRODUCTS, timeout=20)
            until = time.monotonic() + 10
            while not order.struck and time.monotonic() < until:
                httpx.get(f"{box.url}/sandbox/health")
        with pytest.raises(httpx.TransportError):
            waiting.result(5)


def test_a_dropped_connection_ends_without_a_byte(box: Box, client: httpx.Client) -> None:
    """It is the one fault where the client cannot know whether it was heard."""
    box.faults.add("drop", path=PRODUCTS)
    with pytest.raises(httpx.TransportError):
        client.get(PRODUCTS)
    assert client.get(PRODUCTS).status_code == 200
    assert [entry.status for entry in box.requests.entries()] == [None, 200]


def ids(client: httpx.Client, page: int, **query: str) -> list[int]:
    params = {"page": str(page), "per_page": "50", **query}
    return [row["id"] for row in client.get(PRODUCTS, params=params).json()["data"]]


def test_a_row_that_jumps_to_the_front_is_missed_by_page_numbers(box: Box, client: httpx.Client) -> None:
    """Somebody edits an old row while the newest first are being read."""
    order = box.faults.add("moving_rows", path=PRODUCTS, mode="update_front")
    pages = [ids(client, page, sort="-updated_at") for page in range(1, 6)]
    seen = [key for page in pages for key in page]
    assert set(box.erp.products.keys()) - set(seen) == set(order.touched)
    assert pages[1][0] == pages[0][-1]


def test_a_row_that_is_deleted_early_hides_another(box: Box, client: httpx.Client) -> None:
    """The rows behind it move up, and the first of the next page slips into the one that was read."""
    order = box.faults.add("moving_rows", path=PRODUCTS, mode="delete_early", skip=1)
    seen = [key for page in range(1, 6) for key in ids(client, page)]
    assert order.touched == [1051]
    assert set(box.erp.products.keys()) - set(seen) == {1101}


def test_a_row_that_is_inserted_early_repeats_another(box: Box, client: httpx.Client) -> None:
    """The rows behind it move down, and the last of a page is seen again on the next."""
    order = box.faults.add("moving_rows", path=PRODUCTS, mode="insert_early", rows=2)
    seen = [key for page in range(1, 7) for key in ids(client, page)]
    assert order.touched == [1000, 999]
    assert sorted(key for key in set(seen) if seen.count(key) == 2) == [1049, 1050]


def test_bad_rows_are_the_same_each_time_and_the_rest_is_sound(box: Box, client: httpx.Client) -> None:
    """Rejects can be counted, and the good rows of the page must land."""
    sound = client.get(PRODUCTS, params={"per_page": 60}).json()["data"]
    box.faults.add("bad_rows", path=PRODUCTS, rows=6, count=2)
    first, second = (client.get(PRODUCTS, params={"per_page": 60}).json()["data"] for _ in range(2))
    assert first == second
    assert [place for place in range(60) if first[place] != sound[place]] == [0, 10, 20, 30, 40, 50]
    assert isinstance(first[0]["price"], str)
    assert "sku" not in first[10]
    assert first[20]["id"] is None
    assert first[30]["stock"] < 0


def test_bad_rows_break_in_the_way_that_was_asked(box: Box, client: httpx.Client) -> None:
    """A test of one kind of reject need not sort out the others."""
    box.faults.add("bad_rows", path="/erp/customers", rows=3, how="id_is_null")
    rows = client.get("/erp/customers").json()["data"]
    assert [row["id"] for row in rows].count(None) == 3
