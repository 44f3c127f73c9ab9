"""Keeping a lease: renewed from a thread, so that a busy event loop cannot lose it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from syncline.admission.due_run import lease_name
from syncline.errors import StoreError
from syncline.store import leases
from syncline.store.engine import Store

__all__ = ["LeaseKeeper"]


class LeaseKeeper:
    """Renews a session's lease while the context lasts, and looks whether it is asked to end.

    Ending the session frees the lease.
    """

    def __init__(
        self,
        store: Store,
        source: str,
        account_id: str | None,
        session_id: str,
        *,
        on_asked: Callable[[str], None] | None = None,
        look_every_seconds: float = leases.RENEW_EVERY_SECONDS,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Keep the lease of `source` (and `account_id`) for `session_id`.

        `on_asked` is called once, from the thread, with the session for whose sake this one is asked to end; that is
        looked at each `look_every_seconds` (at most those between two renewals).
        `wait` lasts so many seconds or until the block ends, and says whether it has; a test has it move the clock.
        """
        self._store = store
        self._name = lease_name(source, account_id)
        self._owner = session_id
        self._on_asked = on_asked
        self._look_every_seconds = look_every_seconds
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
        """Renew once; False if the lease was lost: the next commit of a page will say so."""
        try:
            return self._store.transact(
                lambda connection: leases.renew(connection, self._name, self._owner, now=self._store.now(connection))
            )
        except (StoreError, SQLAlchemyError):
            return True  # the database is unwell: there are two more tries before the lease expires

    def _keep(self) -> None:
        waited_seconds = 0.0
        while not self._wait(self._look_every_seconds):
            waited_seconds += self._look_every_seconds
            if waited_seconds >= leases.RENEW_EVERY_SECONDS:
                waited_seconds = 0.0
                if not self.renew():
                    return
            self._look()

    def _look(self) -> None:
        """Look whether the session is asked to end."""
        if self._on_asked is None:
            return
        try:
            with self._store.read() as connection:
                by = leases.asked_by(connection, self._name, self._owner)
        except (StoreError, SQLAlchemyError):
            return  # the next look comes soon
        if by is not None:
            on_asked, self._on_asked = self._on_asked, None
            on_asked(by)
