"""`syncline prune-history`: old history goes, here and now."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess

from sqlalchemy import text

from syncline.model.session import SyncSession
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


def test_old_history_is_counted_then_deleted(
    syncline: Syncline, keep: Callable[..., SyncSession], store: Store
) -> None:
    """Anyone who is careful looks first; what goes and what stays is the same then."""
    for number in range(103):  # the newest 100 stay
        keep(id=f"s{number:03}", started_at=datetime.now(UTC) - timedelta(days=40, seconds=-number))
    with store.write() as connection:
        connection.execute(
            text("INSERT INTO audit_log (at, actor, action, target) VALUES ('2020-01-01 00:00:00', 'a', 'b', 'c')")
        )
    would = syncline("prune-history", "--dry-run")
    assert would.stdout.strip() == "would be deleted: 3 sessions, 1 audit record"
    assert syncline("prune-history").stdout.strip() == "deleted: 3 sessions, 1 audit record"
    assert syncline("prune-history").stdout.strip() == "nothing is old enough to be deleted"
    with store.read() as connection:
        assert connection.execute(text("SELECT min(id) FROM sync_sessions")).scalar() == "s003"
