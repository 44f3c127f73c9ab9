"""Keeping a lease: renewed from a thread, so that a busy event loop cannot lose it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy.exc import SQLAlchemyError

from syncline.errors import StoreError
from syncline.passes.admission import lease_name
from syncline.store import leases

if TYPE_CHECKING:
    from syncline.store.engine import Store

__all__ = ["LeaseKeeper"]


class LeaseKeeper:
    """Renews a session's lease while the context lasts; ending the session frees it."""

    def __init__(
        self,
        store: Store,
        source: str,
        account_id: str | None,
        session_id: str,
        *,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Keep the lease of `source` (and `account_id`) for `session_id`.

        `wait` lasts so many seconds or until the block ends, and says whether it has; a test has it move the clock.
        """
        self._store = store
        self._name = lease_name(source, account_id)
        self._owner = session_id
        self._done = threading.Event()
        self._wait = wait or self._done.wait
        self._thread = threading.Thread(target=self._keep, name=f"lease {self._name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(timeout=5)

    def renew(self) -> bool:
        """Renew once; False where the lease was lost: the next commit of a page will say so."""
        try:
            with self._store.write() as connection:
                return leases.renew(connection, self._name, self._owner, now=self._store.clock.now())
        except (StoreError, SQLAlchemyError):
            return True  # the database is unwell: there are two more tries before the lease expires

    def _keep(self) -> None:
        while not self._wait(leases.RENEW_EVERY_SECONDS):
            if not self.renew():
                return
