from syncline.clock import ManualClock
from syncline.store import rejects
from syncline.store.engine import Store


def test_rejects_are_kept_with_key_reason_and_item(store: Store, clock: ManualClock) -> None:
    """Whoever mends the upstream's data needs to know which item, and what is wrong with it."""
    bad = [(7, "price: too high", b'{"id":7}'), (None, "no key", "{größe}".encode()), ("x", "cut", b"\xff\x00")]
    with store.write() as connection:
        rejects.add(connection, "s1", "products", bad, now=clock.now())
        rejects.add(connection, "s2", "products", [(8, "other", b"{}")], now=clock.now())
    with store.read() as connection:
        found = rejects.of_session(connection, "s1")
    assert [(one.item_key, one.reason, one.raw) for one in found] == [
        ("7", "price: too high", '{"id":7}'),
        (None, "no key", "{größe}"),
        ("x", "cut", "�"),
    ]
    assert {(one.source, one.rejected_at) for one in found} == {("products", clock.now())}


def test_a_huge_item_is_cut(store: Store, clock: ManualClock) -> None:
    """A reject is a hint, not an archive: 4,000 characters of it are kept."""
    with store.write() as connection:
        rejects.add(connection, "s1", "products", [(1, "too long", b"x" * 10_000)], now=clock.now())
        assert [len(one.raw) for one in rejects.of_session(connection, "s1")] == [4_000]


def test_no_rejects_are_no_statement(store: Store, clock: ManualClock) -> None:
    """Most pages reject nothing, and pay nothing for it."""
    with store.write() as connection:
        rejects.add(connection, "s1", "products", [], now=clock.now())
        assert not rejects.of_session(connection, "s1")
