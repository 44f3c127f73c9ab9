"""What a session, lease, checkpoint, hold, heartbeat and job are about: a source, or one account of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam
from sqlmodel import col

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """A source, or one account of it.

    Attributes:
        source: the source's name.
        account_id: the account; "" for the source itself, also in the database: NULL equals nothing in a key.
    """

    source: str
    account_id: str = ""

    @property
    def key(self) -> dict[str, object]:
        """The columns by which tables know it."""
        return {"source": self.source, "account_id": self.account_id}

    def among(self, table: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401 - any class with both columns
        """The conditions for its rows in `table`."""
        return col(table.source) == self.source, col(table.account_id) == self.account_id

    @staticmethod
    def bound(table: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401 - the same
        """The same conditions for whichever target a statement is executed with: `bindings` names it.

        A statement that each run or page executes is built once: building takes longer than its execution.
        """
        return col(table.source) == bindparam("of_source"), col(table.account_id) == bindparam("of_account")

    @property
    def bindings(self) -> dict[str, object]:
        """What a statement that is built of `bound` is executed with."""
        return {"of_source": self.source, "of_account": self.account_id}

    def __str__(self) -> str:
        """As people read it: `portfolios`, or `portfolios, account acc_1`."""
        return f"{self.source}, account {self.account_id}" if self.account_id else self.source
