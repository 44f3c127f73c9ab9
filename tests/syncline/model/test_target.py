"""What sessions, leases, checkpoints and holds are about."""

from datetime import UTC, datetime

from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.target import Target


def test_a_source_and_its_accounts_are_different_targets() -> None:
    """Each has a lease, a checkpoint and a history of its own."""
    assert len({Target("wallets"), Target("wallets", ""), Target("wallets", "acc_1"), Target("prices")}) == 3
    assert Target("wallets", "acc_1").key == {"source": "wallets", "account_id": "acc_1"}


def test_people_read_the_account_behind_its_source() -> None:
    """A message about a source alone names no account."""
    assert str(Target("wallets")) == "wallets"
    assert str(Target("wallets", "acc_1")) == "wallets, account acc_1"


def test_a_row_without_an_account_is_one_of_the_source() -> None:
    """NULL equals nothing in a key, so none is an empty text."""
    session = SyncSession(
        id="s1",
        source="wallets",
        trigger=Trigger.SCHEDULE,
        mode=Mode.FULL,
        status=Status.RUNNING,
        started_at=datetime(2026, 1, 22, tzinfo=UTC),
    )
    assert session.target == Target("wallets")
