"""Declarations that cannot work are refused where they are written, with the field's name."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field
from support.boxes import Box, Parcel
from support.sources import make_source
from support.upstream import ListPages

from syncline.erp.tables import Product
from syncline.errors import ConfigurationError
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.columns import Amount
from syncline.model.dataset import Dataset
from syncline.model.items import BOOKKEEPING, Item, key_column, partition_columns, table_of
from syncline.model.policies import Deletes, Retry
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.model.upstream import Upstream


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (Retry(), [5, 10]),  # 3 attempts, 2 waits between them
        (Retry(attempts=4), [5, 10, 20]),
        (Retry(attempts=6), [5, 10, 20, 20, 20]),  # the last one serves all further ones
        (Retry(attempts=1, delays_seconds=()), []),
    ],
)
def test_the_waits_between_attempts_follow_the_list(retry: Retry, waits: list[float]) -> None:
    """The seed's policy is a list of waits, one fewer than there are attempts."""
    assert retry.waits_seconds == waits


def source(
    *, name: str = "products", updated_field: str | None = None, incremental: bool = False, lag_seconds: float = 60
) -> Source:
    return Source(
        name=name,
        upstream=Upstream(name="erp"),
        dataset=Dataset(
            pages=ListPages(incremental=incremental),
            table=Product,
            updated_field=updated_field,
            lag_seconds=lag_seconds,
        ),
    )


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: Retry(attempts=0), "Retry.attempts must be at least 1, but is 0"),
        (lambda: Retry(delays_seconds=()), "Retry.delays_seconds must name at least one wait"),
        (lambda: Retry(delays_seconds=(5, -1)), "Retry.delays_seconds must not be negative"),
        (lambda: Deletes(max_fraction=1.1), "Deletes.max_fraction must lie in 0 to 1, but is 1.1"),
        (lambda: Deletes(max_fraction=-0.1), "Deletes.max_fraction must lie in 0 to 1, but is -0.1"),
        (lambda: Upstream(name="ERP"), "an upstream's name is a lower-case word, but is 'ERP'"),
        (lambda: Upstream(name="erp", max_in_flight=0), "Upstream.max_in_flight must be at least 1, but is 0"),
        (lambda: source(name="Products"), "lower case with underscores, but is 'Products'"),
        (lambda: source(name="my-products"), "lower case with underscores, but is 'my-products'"),
        (lambda: source(incremental=True), "source 'products' reads changes: name its dataset's updated_field"),
        (lambda: source(lag_seconds=-1), "source 'products': seconds must not be negative"),
        (lambda: replace(source(), jitter_seconds=-1), "source 'products': seconds must not be negative"),
        (lambda: replace(source(), late_after_seconds=-1), "source 'products': seconds must not be negative"),
    ],
)
def test_what_cannot_work_is_refused(declare: Callable[[], object], said: str) -> None:
    """A policy that makes no sense is found at the start, not at the first failure."""
    with pytest.raises(ConfigurationError, match=said):
        declare()


@pytest.mark.parametrize(("digits", "places"), [(16, 2), (2, 3), (2, -1)])
def test_an_amount_that_cannot_be_kept_exactly_is_refused(digits: int, places: int) -> None:
    """SQLite keeps 15 digits; a price that is a little off is worse than a class that does not load."""
    with pytest.raises(ValueError, match="at most 15 digits"):
        Amount(digits, places)


def test_amounts_are_given_back_with_their_places() -> None:
    """A price of 12.5 reads 12.50 on both databases."""
    amount = Amount(9, 3)
    for dialect, stored in ((sqlite.dialect(), 12.5), (postgresql.dialect(), Decimal("12.5"))):
        assert amount.process_result_value(stored, dialect) == Decimal("12.500")
        assert str(amount.process_result_value(stored, dialect)) == "12.500"
        assert amount.process_result_value(None, dialect) is None


class TwoKeys(Item, table=True):
    __tablename__ = "test_two_keys"
    one: int = Field(primary_key=True)
    two: int = Field(primary_key=True)


def test_items_have_bookkeeping_and_one_key() -> None:
    """The columns behind the item's own are Syncline's; `source` and `account_id` in the key share a table."""
    assert set(BOOKKEEPING) <= set(table_of(Box).columns.keys())
    assert (key_column(Box), partition_columns(Box)) == ("id", ())
    assert (key_column(Parcel), set(partition_columns(Parcel))) == ("id", {"source", "account_id"})
    with pytest.raises(ConfigurationError, match="table 'test_two_keys' needs one primary key column besides"):
        key_column(TwoKeys)


def test_tallies_add_up() -> None:
    """Every counter takes part in the sum."""
    one = Tally(pages=1, processed=2, created=3, updated=4, unchanged=5, deleted=6, rejected=7, requests=8)
    two = Tally(pages=2, processed=4, created=6, updated=8, unchanged=10, deleted=12, rejected=14, requests=16)
    assert one + one == two
    assert one + Tally() == one


@pytest.mark.parametrize("spends", [{"lookup": 1}, {"requests": -1}])
def test_a_plan_with_a_budget_that_there_is_not_is_refused(spends: dict[str, float]) -> None:
    """A typing error would plan with nothing, and every plan would fit."""
    upstream = Upstream(name="x", budgets=(Budget(policy=SlidingWindow(limit=10, period_seconds=60)),))
    with pytest.raises(ConfigurationError, match=r"source 'boxes' spends .*: there are requests"):
        make_source(upstream=upstream, spends=spends)


def test_unless_it_is_said_a_run_is_planned_with_one_request_from_each_budget() -> None:
    """A source whose list is one page, which most are at first."""
    policy = SlidingWindow(limit=10, period_seconds=60)
    upstream = Upstream(name="x", budgets=(Budget(policy=policy), Budget(name="daily", policy=policy)))
    assert make_source(upstream=upstream).planned_requests == {"requests": 1, "daily": 1}
    assert make_source(upstream=upstream, spends={"daily": 3}).planned_requests == {"daily": 3}


class Badge(Item, table=True):
    __tablename__ = "badges"

    id: int = Field(primary_key=True)
    code: str = Field(unique=True)


class Seal(Item, table=True):
    __tablename__ = "seals"

    id: int = Field(primary_key=True)
    code: str = Field(index=True, unique=True)


@pytest.mark.parametrize("table", [Badge, Seal])
def test_a_unique_column_beside_the_key_is_refused(table: type[Item]) -> None:
    """Two articles that swap their numbers would otherwise end each pass, for good."""
    with pytest.raises(
        ConfigurationError, match=r"code must not be unique, .* write index=True in place of unique=True"
    ):
        make_source(table=table)
