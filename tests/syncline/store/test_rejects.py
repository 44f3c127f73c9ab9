"""Rejects: one row for each item and reason, with when it was seen and how often."""

from datetime import timedelta

from syncline.clock import ManualClock
from syncline.model.target import Target
from syncline.store import rejects
from syncline.store.engine import Store


def test_rejects_are_kept_with_key_reason_and_item(store: Store, clock: ManualClock) -> None:
    """Anyone who mends the upstream's data needs to know which item, and what is wrong with it."""
    bad = [(7, "price: too high", b'{"id":7}'), (None, "no key", "{größe}".encode()), ("x", "cut", b"\xff\x00")]
    with store.write() as connection:
        rejects.add(connection, "s1", Target("products"), bad, now=clock.now())
        rejects.add(connection, "s2", Target("products"), [(8, "other", b"{}")], now=clock.now())
    with store.read() as connection:
        found = rejects.of_session(connection, "s1")
    assert [(one.item_key, one.reason, one.raw) for one in found] == [
        ("7", "price: too high", '{"id":7}'),
        (None, "no key", "{größe}"),
        ("x", "cut", "�"),
    ]
    assert {(one.source, one.first_seen, one.last_seen, one.times) for one in found} == {
        ("products", clock.now(), clock.now(), 1)
    }


def test_an_item_that_is_rejected_again_is_the_same_reject(store: Store, clock: ManualClock) -> None:
    """A thousand bad items every 15 minutes are 2.9 million rows a month."""
    bad = [(7, "too high", b"{}"), (7, "too long", b"{}"), (None, "no key", b"[1]"), (None, "no key", b"[2]")]
    first = clock.now()
    for session in ("s1", "s2", "s3"):
        with store.write() as connection:
            rejects.add(connection, session, Target("products"), [*bad, bad[0]], now=clock.advance(seconds=60))
            rejects.add(connection, session, Target("products", "ann"), bad[:1], now=clock.now())
    with store.read() as connection:
        found = rejects.of_session(connection, "s3")
        assert not rejects.of_session(connection, "s1")
        assert len(rejects.of_source(connection, "products")) == len(found) == 5
    assert {(one.times, one.first_seen - first, one.last_seen) for one in found} == {
        (3, timedelta(seconds=60), clock.now())
    }


def test_of_a_source_those_that_were_seen_last_are_kept(store: Store, clock: ManualClock) -> None:
    """The oldest are most likely mended, and no source may fill the disk with another one's rejects."""
    for number in range(12):
        with store.write() as connection:
            rejects.add(
                connection, "s1", Target("products"), [(number, "bad", b"{}")], now=clock.advance(seconds=1), keep=5
            )
            rejects.add(connection, "s1", Target("products"), [(0, "bad", b"{}")], now=clock.now(), keep=5)
            rejects.add(connection, "s1", Target("others"), [(number, "bad", b"{}")], now=clock.now())
    with store.read() as connection:
        kept = {one.item_key for one in rejects.of_source(connection, "products")}
        assert kept == {"0", "8", "9", "10", "11"}
        assert len(rejects.of_source(connection, "others")) == 12


def test_a_huge_item_is_cut(store: Store, clock: ManualClock) -> None:
    """A reject is a hint, not an archive; and its reason stands in an index, which has a limit."""
    huge = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(10_000))
    with store.write() as connection:
        rejects.add(connection, "s1", Target("products"), [(huge, huge, b"x" * 10_000)], now=clock.now())
        (found,) = rejects.of_session(connection, "s1")
    assert (len(found.raw), len(found.reason), len(found.item_key or "")) == (4_000, 500, 3_000)


def test_no_rejects_are_no_statement(store: Store, clock: ManualClock) -> None:
    """Most pages reject nothing, and pay nothing for it."""
    with store.write() as connection:
        rejects.add(connection, "s1", Target("products"), [], now=clock.now())
        assert not rejects.of_session(connection, "s1")
