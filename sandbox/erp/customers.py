from decimal import Decimal
from random import Random
from typing import Any

from sandbox.erp.rows import Breakage, Kind, Row, money
from sandbox.erp.words import CITIES, DIAL_CODES, FIRST_NAMES, LAST_NAMES, LEGAL_FORMS, STREETS, TRADES

COUNTRIES = tuple(CITIES)
KEY_FORMAT = "C-{:06d}"


class Customer(Row, frozen=True, kw_only=True, gc=False):
    """A company that buys, and whom to talk to there."""

    id: str
    number: int
    company: str
    first_name: str
    last_name: str
    email: str
    phone: str
    vat_id: str
    street: str
    city: str
    postal_code: str
    country: str
    credit_limit: Decimal
    active: bool


def make_customer(dice: Random, serial: int, created_at: str, updated_at: str) -> Customer:
    """A customer that has been nowhere else."""
    country = dice.choice(COUNTRIES)
    last_name = dice.choice(LAST_NAMES)
    return Customer(
        id=KEY_FORMAT.format(serial),
        number=10_000 + serial,
        company=f"{last_name} {dice.choice(TRADES)} {LEGAL_FORMS[country]}",
        first_name=dice.choice(FIRST_NAMES),
        last_name=last_name,
        email=f"office{serial}@customer.example",
        phone=_phone(dice, country),
        vat_id=f"{country}{dice.randrange(10**8, 10**9)}",
        street=f"{dice.choice(STREETS)} {dice.randrange(1, 200)}",
        city=dice.choice(CITIES[country]),
        postal_code=f"{dice.randrange(1000, 99_999):05d}",
        country=country,
        credit_limit=money(dice.randrange(0, 5_000_000, 50_000)),
        active=dice.random() < 0.95,  # noqa: PLR2004 - one in twenty left
        created_at=created_at,
        updated_at=updated_at,
    )


def _phone(dice: Random, country: str) -> str:
    return f"+{DIAL_CODES[country]} {dice.randrange(10, 999)} {dice.randrange(10**5, 10**7)}"


def _alter(dice: Random, customer: Customer) -> dict[str, Any]:
    raised = (customer.credit_limit + 500) % 50_000
    changes: dict[str, Any] = {"credit_limit": raised.quantize(Decimal("0.01"))}
    if dice.randrange(2):
        changes["phone"] = _phone(dice, customer.country)
    if not dice.randrange(4):
        changes["street"] = f"{dice.choice(STREETS)} {dice.randrange(1, 200)}"
    return changes


_BREAKAGES: dict[str, Breakage] = {
    "credit_limit_is_text": lambda row: row.update(credit_limit="unlimited"),
    "company_missing": lambda row: row.pop("company"),
    "id_is_null": lambda row: row.update(id=None),
    "number_is_text": lambda row: row.update(number=f"no. {row['number']}"),
    "active_is_text": lambda row: row.update(active="maybe"),
    "updated_at_is_no_time": lambda row: row.update(updated_at="yesterday"),
}

CUSTOMERS = Kind(
    name="customers",
    row=Customer,
    key_format=KEY_FORMAT,
    make=make_customer,
    alter=_alter,
    breakages=_BREAKAGES,
)
