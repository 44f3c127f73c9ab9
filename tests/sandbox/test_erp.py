from datetime import UTC, datetime, timedelta

import httpx
import pytest

import sandbox
from sandbox import Box


def products_of(seed: int) -> bytes:
    with sandbox.serving(seed=seed, products=20, customers=5) as box:
        headers = {"Authorization": f"Bearer {box.token}"}
        answers = [httpx.get(f"{box.url}/erp/{name}", headers=headers) for name in ("products", "customers")]
        return b"".join(answer.content for answer in answers)


def test_the_same_seed_makes_the_same_bytes() -> None:
    """A failing test fails again on another machine."""
    assert products_of(3) == products_of(3)
    assert products_of(3) != products_of(4)


def test_the_same_changes_follow_from_the_same_seed() -> None:
    """A pass over a changing upstream can be played again."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    lives: list[list[object]] = []
    for _ in range(2):
        with sandbox.serving(seed=3, products=50, customers=9, clock=lambda: now) as box:
            ticks = [box.erp.tick() for _ in range(5)]
            lives.append([ticks, list(box.erp.products), list(box.erp.customers)])
    assert lives[0] == lives[1]


def test_a_product_has_the_fields_of_a_real_one(box: Box, client: httpx.Client) -> None:
    """Typed tables are tried on numbers, flags, lists, nested objects and times."""
    answer = client.get("/erp/products/1001")
    product = answer.json()
    assert list(product) == [
        "id", "created_at", "updated_at", "sku", "name", "description", "category", "brand", "price",
        "currency", "stock", "ean", "weight_grams", "active", "tags", "dimensions",
    ]  # fmt: skip
    digits = [int(digit) for digit in product["ean"]]
    assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
    assert len(digits) == 13
    assert f'"price":{product["price"]:.2f},' in answer.text
    assert product["created_at"] <= product["updated_at"]
    assert len(product["updated_at"]) == len("2023-01-01T00:00:00.000000Z")
    assert 300 < len(box.erp.products.json(1001) or b"") < 480


def test_a_customer_has_a_textual_id(client: httpx.Client) -> None:
    """Keys are text at many upstreams, and sort as such."""
    customer = client.get("/erp/customers/C-001001").json()
    assert list(customer) == [
        "id", "created_at", "updated_at", "number", "company", "first_name", "last_name", "email", "phone",
        "vat_id", "street", "city", "postal_code", "country", "credit_limit", "active",
    ]  # fmt: skip
    assert customer["id"] == "C-001001"


@pytest.mark.parametrize("path", ["/erp/products/1", "/erp/products/x", "/erp/customers/1001", "/erp/orders"])
def test_what_is_not_there_is_a_json_404(client: httpx.Client, path: str) -> None:
    """Errors of an API are JSON too."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["status"] == 404


@pytest.mark.parametrize("given", [None, "Bearer wrong", "sandbox-erp-token", "Basic x"])
def test_only_the_right_bearer_token_opens(box: Box, given: str | None) -> None:
    """A connector's authentication is really tested."""
    headers = {} if given is None else {"Authorization": given}
    for path in ("/erp/products", "/erp/customers", "/erp/products/1001"):
        answer = httpx.get(box.url + path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "token" in answer.json()["error"]["message"]


def test_another_token_can_be_set_and_stays_out_of_sight() -> None:
    """The demo gives its own, and a printed box tells nobody."""
    with sandbox.serving(products=1, customers=1, erp_token="another") as box:
        headers = {"Authorization": "Bearer another"}
        assert httpx.get(f"{box.url}/erp/products", headers=headers).status_code == 200
        assert "another" not in repr(box)


def test_changes_are_made_over_http_and_named(box: Box, client: httpx.Client) -> None:
    """A test in another process knows exactly what a pass must find."""
    before = {row.id: row for row in box.erp.products}
    order = {"table": "products", "create": 3, "update": 5, "delete": 1}
    touched = client.post("/sandbox/erp/change", json=order).json()
    after = {row.id: row for row in box.erp.products}
    assert after.keys() - before.keys() == set(touched["created"]) == {1251, 1252, 1253}
    assert before.keys() - after.keys() == set(touched["deleted"])
    changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    assert changed == set(touched["updated"])
    assert (len(touched["updated"]), len(touched["deleted"])) == (5, 1)


@pytest.mark.parametrize(
    "order", [{"table": "orders"}, {"table": "products", "create": -1}, {"table": "products", "creat": 1}, []]
)
def test_a_wrong_change_is_refused(client: httpx.Client, order: object) -> None:
    """A typo does not pass for a change of nothing."""
    answer = client.post("/sandbox/erp/change", json=order)
    assert answer.status_code == 422


def test_changes_carry_the_clocks_time_and_never_share_one() -> None:
    """`updated_since` finds them by it, also where the clock stands still."""
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    with sandbox.serving(products=30, customers=1, clock=lambda: now) as box:
        touched = box.erp.change("products", create=4, update=4)
        stamps = [row.updated_at for row in box.erp.products if row.id in touched.created + touched.updated]
        assert len(set(stamps)) == 8
        assert min(stamps) == "2026-05-01T12:00:00.000000Z"
        assert max(stamps) < (now + timedelta(seconds=1)).isoformat()


def test_a_row_is_changed_by_hand(box: Box, client: httpx.Client) -> None:
    """Tests that need one particular change can make it."""
    before = box.erp.products.get(1005)
    assert before is not None
    box.erp.products.update(1005, name="Cork lamp")
    after = client.get("/erp/products/1005").json()
    assert after["name"] == "Cork lamp"
    assert after["updated_at"] > before.updated_at
    with pytest.raises(KeyError):
        box.erp.products.delete(9)


def test_ids_are_never_used_again(box: Box) -> None:
    """A deleted row stays deleted: a pass that finds its id again would be wrong."""
    last = box.erp.customers.keys()[-1]
    box.erp.customers.delete(last)
    assert box.erp.customers.create() == ["C-001041"]
    assert last == "C-001040"


def test_more_deletions_than_rows_empty_the_table(client: httpx.Client) -> None:
    """An upstream that suddenly is empty is the worst case of a full pass."""
    client.post("/sandbox/erp/change", json={"table": "customers", "delete": 1000})
    answer = client.get("/erp/customers").json()
    assert answer == {"data": [], "total": 0, "page": 1, "next_cursor": None}


def test_the_world_changes_as_time_passes() -> None:
    """The demo has something to do."""
    with sandbox.serving(products=30, customers=30, change_every_seconds=0.01) as box:
        headers = {"Authorization": f"Bearer {box.token}"}
        since = {"updated_since": "2025-06-01T00:00:00Z"}
        for _ in range(2000):
            answer = httpx.get(f"{box.url}/erp/products", headers=headers, params=since).json()
            if answer["total"]:
                return
    pytest.fail("no product changed")
