from syncline.clock import ManualClock
from syncline.model.target import Target
from syncline.store import checkpoints
from syncline.store.engine import Store


def write(store: Store, source: str, account_id: str, *, cursor: str | None, pass_state: str | None) -> None:
    now = store.clock.now()
    with store.write() as connection:
        checkpoints.write(
            connection, Target(source, account_id), cursor=cursor, full_pass_at=now, pass_state=pass_state, now=now
        )


def read(store: Store, source: str, account_id: str) -> tuple[str | None, str | None] | None:
    with store.read() as connection:
        row = checkpoints.read(connection, Target(source, account_id))
    return None if row is None else (row.cursor, row.pass_state)


def test_there_is_none_before_the_first_pass(store: Store) -> None:
    """Its absence is what makes the first run a full one."""
    assert read(store, "products", "") is None


def test_the_last_one_written_is_the_one_read(store: Store, clock: ManualClock) -> None:
    """A checkpoint is replaced as a whole: what is None now is not left over from before."""
    write(store, "products", "", cursor="1", pass_state="{}")
    clock.advance(seconds=1)
    write(store, "products", "", cursor="2", pass_state=None)
    assert read(store, "products", "") == ("2", None)
    with store.read() as connection:
        row = checkpoints.read(connection, Target("products"))
    assert row is not None
    assert (row.full_pass_at, row.updated_at) == (clock.now(), clock.now())


def test_sources_and_accounts_have_their_own(store: Store) -> None:
    """One account's progress says nothing of another's."""
    for number, (source, account) in enumerate([("products", ""), ("products", "anna"), ("customers", "")]):
        write(store, source, account, cursor=str(number), pass_state=None)
    assert read(store, "products", "") == ("0", None)
    assert read(store, "products", "anna") == ("1", None)
    assert read(store, "customers", "") == ("2", None)
    assert read(store, "products", "bert") is None
