"""What a drain gives a source's connector to do, and what it gets back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from syncline.jobs.verdict import AccountEnd
from syncline.model.account import Account
from syncline.model.session import Tally
from syncline.store.job_claims import Claimed

__all__ = ["AccountSync", "Ended", "Work"]


@dataclass(frozen=True, kw_only=True)
class Work:
    """An account whose sync is due.

    Attributes:
        job: the job, as it was claimed.
        account: its account, as it was read with the claim.
    """

    job: Claimed
    account: Account


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An account whose sync came to an end.

    Attributes:
        account: the account.
        end: what it came to.
        write: writes what was read, and returns what changed; called in the transaction that ends the job, only while
            the job is still this drain's. It may be called twice, as a transaction may.
    """

    account: Account
    end: AccountEnd
    write: Callable[[Connection], Tally] | None = None


class AccountSync(Protocol):
    """How the accounts of a source are brought up to date, several at a time."""

    def sync(self, works: Sequence[Work]) -> AsyncIterator[Ended]:
        """Yield an end for each of `works`, in any order, as they come.

        What fails for one account is that one's end. What is raised counts as the failure of all that have none yet.
        """
        ...
