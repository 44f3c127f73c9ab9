from syncline.clock import ManualClock
from syncline.model.tables import Hold
from syncline.model.target import Target
from syncline.store import holds
from syncline.store.engine import Store


def hold(
    store: Store, source: str = "products", *, ttl: float | None = None, account: str = "", why: str = "why"
) -> str:
    with store.write() as connection:
        made = holds.create(
            connection,
            Target(source, account),
            reason=why,
            created_by="anna",
            now=store.clock.now(),
            ttl_seconds=ttl,
        )
    return made.id


def active(store: Store, source: str = "products", account: str = "") -> str | None:
    with store.read() as connection:
        found = holds.active(connection, Target(source, account), now=store.clock.now())
    return None if found is None else found.id


def release(store: Store, hold_id: str) -> Hold | None:
    with store.write() as connection:
        return holds.release(connection, hold_id, now=store.clock.now())


def test_a_source_without_holds_is_free(store: Store) -> None:
    """Nothing stands in the way of a source that nobody paused."""
    hold(store, "customers")
    assert active(store) is None


def test_a_hold_expires(store: Store, clock: ManualClock) -> None:
    """A pause that somebody forgot ends by itself: after 60 s, not before."""
    made = hold(store, ttl=60)
    clock.advance(seconds=59.9)
    assert active(store) == made
    clock.advance(seconds=0.1)
    assert active(store) is None


def test_a_hold_without_expiry_lasts_until_it_is_released(store: Store, clock: ManualClock) -> None:
    """An operator who says "until I say so" is taken at their word."""
    made = hold(store)
    clock.advance(seconds=10_000_000)
    assert active(store) == made
    assert release(store, made) is not None
    assert active(store) is None


def test_holds_nest(store: Store, clock: ManualClock) -> None:
    """Two who pause a source both have to let it go: the one that lasts longest is shown, the other holds on."""
    short, long = hold(store, ttl=60), hold(store, ttl=600)
    assert active(store) == long
    release(store, long)
    assert active(store) == short
    endless = hold(store)
    assert active(store) == endless
    release(store, endless)
    clock.advance(seconds=60)
    assert active(store) is None


def test_a_hold_ends_once(store: Store, clock: ManualClock) -> None:
    """The second release, and that of an expired or unknown hold, says that there was nothing to end."""
    made, expired = hold(store), hold(store, ttl=1)
    ended_at = clock.advance(seconds=1)
    released = release(store, made)
    assert released is not None
    assert released.released_at == ended_at
    clock.advance(seconds=1)
    assert release(store, made) is None
    assert release(store, expired) is None
    assert release(store, "hold-unknown") is None
    with store.read() as connection:
        found = holds.find(connection, made)
    assert found is not None
    assert found.released_at == ended_at


def test_a_star_holds_every_source(store: Store) -> None:
    """One hold stops everything, while an upstream is being moved for instance."""
    made = hold(store, holds.EVERY_SOURCE)
    assert active(store, "products") == active(store, "customers") == made


def test_an_accounts_hold_lets_the_others_run(store: Store) -> None:
    """A source's hold stops all of its accounts; an account's hold stops that one alone."""
    made = hold(store, account="anna")
    assert active(store, account="anna") == made
    assert active(store, account="bert") is None
    assert active(store) is None
    whole = hold(store)
    assert active(store, account="bert") == whole


def test_all_holds_of_a_source_are_released_at_once(store: Store) -> None:
    """`resume` ends what names the source, and leaves what holds every source."""
    hold(store)
    hold(store, ttl=60)
    star = hold(store, holds.EVERY_SOURCE)
    with store.write() as connection:
        assert holds.release_all(connection, Target("products"), now=store.clock.now()) == 2
        assert holds.release_all(connection, Target("products"), now=store.clock.now()) == 0
    assert active(store) == star


def test_holds_in_force_are_listed_oldest_first(store: Store, clock: ManualClock) -> None:
    """An operator sees what stands in the way, and since when."""
    first = hold(store, ttl=600)
    clock.advance(seconds=1)
    expired = hold(store, "customers", ttl=1)
    second = hold(store, "customers")
    clock.advance(seconds=1)
    with store.read() as connection:
        listed = [one.id for one in holds.active_all(connection, now=clock.now())]
    assert listed == [first, second]
    assert expired not in listed


def test_a_source_and_its_accounts_are_released_apart(store: Store) -> None:
    """Resuming a source does not undo what a user asked for their own account, nor does a user resume the source."""
    hold(store)
    of_anna = hold(store, account="anna")
    with store.write() as connection:
        assert holds.release_all(connection, Target("products"), now=store.clock.now()) == 1
    assert active(store) is None
    assert active(store, account="anna") == of_anna
    whole = hold(store)
    with store.write() as connection:
        assert holds.release_all(connection, Target("products", "anna"), now=store.clock.now()) == 1
    assert active(store, account="anna") == whole
    hold(store, account="bert")
    with store.write() as connection:
        ended = holds.release_all(connection, Target("products"), now=store.clock.now(), with_accounts=True)
    assert ended == 2
