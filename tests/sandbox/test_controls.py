import asyncio
import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

from sandbox import Box
from sandbox.x.world import USER_ID

PRODUCTS = "/erp/products"


def order(client: httpx.Client, **fault: object) -> httpx.Response:
    return client.post("/sandbox/faults", json=fault)


def test_a_fault_lets_some_requests_pass_and_strikes_the_next(client: httpx.Client) -> None:
    """A retry is tried on the third page, not only on the first."""
    answer = order(client, kind="status", code=500, path=PRODUCTS, skip=2, count=2)
    assert answer.status_code == 201
    answers = [client.get(PRODUCTS).status_code for _ in range(6)]
    assert answers == [200, 200, 500, 500, 200, 200]
    (shown,) = client.get("/sandbox/faults").json()["faults"]
    assert (shown["id"], shown["struck"], shown["remaining"]) == (answer.json()["id"], 2, 0)


def test_a_fault_without_a_count_lasts_until_it_is_removed(client: httpx.Client) -> None:
    """An outage ends when the test says so."""
    order_id = order(client, kind="status", code=500, count=None).json()["id"]
    assert {client.get(PRODUCTS).status_code for _ in range(5)} == {500}
    assert client.delete(f"/sandbox/faults/{order_id}").status_code == 204
    assert client.get(PRODUCTS).status_code == 200
    assert client.delete(f"/sandbox/faults/{order_id}").status_code == 404


def test_faults_strike_their_path_alone(client: httpx.Client) -> None:
    """One source fails while the others go on."""
    order(client, kind="status", code=500, path="/erp/customers", count=None)
    order(client, kind="status", code=502, path="/erp/products/*", count=None)
    paths = ["/erp/customers", PRODUCTS, "/erp/products/1001", "/sandbox/health"]
    assert [client.get(path).status_code for path in paths] == [500, 200, 502, 200]
    assert client.delete("/sandbox/faults").status_code == 204
    assert client.get("/erp/customers").status_code == 200


def test_faults_that_decide_the_answer_wait_for_each_other(client: httpx.Client) -> None:
    """Several orders make a sequence, while latency and bad data join in."""
    order(client, kind="status", code=500)
    order(client, kind="rate_limited", retry_after=1)
    order(client, kind="page_cap", size=10, count=None)
    order(client, kind="latency", seconds=0.01, count=None)
    answers = [client.get(PRODUCTS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 429, 200]
    assert len(answers[2].json()["data"]) == 10
    kinds = [entry["faults"] for entry in client.get("/sandbox/requests").json()["requests"]]
    assert kinds[1] == ["rate_limited", "page_cap", "latency"]


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"kind": "earthquake"}, "latency"),
        ({}, "kind"),
        ({"kind": "latency"}, "seconds"),
        ({"kind": "latency", "seconds": "long"}, "seconds"),
        ({"kind": "latency", "seconds": -1}, "seconds"),
        ({"kind": "status", "code": 200}, "code"),
        ({"kind": "status", "code": 500, "cuont": 3}, "cuont"),
        ({"kind": "status", "code": 500, "headers": {"a": "b\r\nc"}}, "headers"),
        ({"kind": "drop", "count": 0}, "count"),
        ({"kind": "drop", "skip": -1}, "skip"),
        ({"kind": "drop", "path": "/erp/product"}, "/erp/product"),
        ({"kind": "unauthorized", "code": 404}, "code"),
        ({"kind": "moving_rows", "mode": "sideways"}, "mode"),
        ({"kind": "bad_rows", "how": "rotten"}, "price_is_text"),
        ([], "object"),
    ],
)
def test_a_wrong_fault_is_refused_with_a_clear_sentence(client: httpx.Client, fault: object, word: str) -> None:
    """A fault that silently never strikes would make a test pass for nothing."""
    answer = client.post("/sandbox/faults", json=fault)
    assert answer.status_code == 422
    assert word in answer.json()["error"]["message"]
    assert client.get("/sandbox/faults").json() == {"faults": []}


def test_a_fault_that_is_no_json_is_refused(client: httpx.Client) -> None:
    """The same holds for what is sent by hand."""
    assert client.post("/sandbox/faults", content=b"{latency").status_code == 422


def test_the_log_tells_each_request_to_an_upstream(box: Box, client: httpx.Client) -> None:
    """Tests count requests, to see that a resumed pass fetches nothing again."""
    client.get(PRODUCTS, params={"page": 2})
    client.get("/erp/customers/none")
    client.get(PRODUCTS, headers={"Range": "items=0-9"})
    client.get("/sandbox/health")
    entries = client.get("/sandbox/requests").json()["requests"]
    told = [(e["method"], e["path"], e["query"], e["range"], e["status"]) for e in entries]
    assert told == [
        ("GET", PRODUCTS, "page=2", None, 200),
        ("GET", "/erp/customers/none", "", None, 404),
        ("GET", PRODUCTS, "", "items=0-9", 206),
    ]
    assert entries[0]["time"].endswith("Z")
    assert entries[0]["client"].startswith("127.0.0.1:")
    assert client.get("/sandbox/requests/count").json() == {"count": 3}
    assert client.get("/sandbox/requests/count", params={"status": 404}).json() == {"count": 1}
    assert box.requests.count(path=PRODUCTS) == 2
    assert client.delete("/sandbox/requests").status_code == 204
    assert box.requests.count() == 0
    assert box.token not in str(entries)


def test_many_clients_are_served_at_once(box: Box) -> None:
    """Pages are fetched ahead, several in flight, and the log is complete."""

    async def fetch_all() -> set[int]:
        headers = {"Authorization": f"Bearer {box.token}"}
        async with httpx.AsyncClient(base_url=box.url, headers=headers) as client:
            answers = await asyncio.gather(*(client.get(PRODUCTS, params={"page": n}) for n in range(1, 31)))
        return {answer.status_code for answer in answers}

    assert asyncio.run(fetch_all()) == {200}
    assert box.requests.count(status=200) == 30


def test_the_command_says_where_it_listens_and_ends_on_a_signal() -> None:
    """The demo starts it as a process, and one Ctrl-C ends it."""
    environment = {**os.environ, "SANDBOX_ERP_TOKEN": "from-environment"}
    sizes = ["--products", "3", "--customers", "2", "--mentions", "4"]
    command = [sys.executable, "-m", "sandbox", "--port", "0", *sizes, "--x-token", "from-option"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert url is not None
        headers = {"Authorization": "Bearer from-environment"}
        assert httpx.get(f"{url[0]}/erp/products", headers=headers).json()["total"] == 3
        x_headers = {"Authorization": "Bearer from-option"}
        mentions = httpx.get(f"{url[0]}/x/2/users/{USER_ID}/mentions", headers=x_headers).json()
        assert mentions["meta"]["result_count"] == 4
        assert httpx.post(f"{url[0]}/inbox", json={}).status_code == 401
        assert "from-" not in line
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_a_secret_that_is_none_is_one_clear_line() -> None:
    """Else every webhook would meet a server error, and look wrongly signed to nobody."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--inbox-secret", "no base64"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith("--inbox-secret must be base64, with or without whsec_ before it")


def test_a_port_in_use_is_one_clear_line(box: Box) -> None:
    """Two demos on one machine are told apart from a defect."""
    port = box.url.rpartition(":")[2]
    command = [sys.executable, "-m", "sandbox", "--port", port, "--products", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert port in ended.stderr
