"""PostgreSQL: an admission, and a settlement, each in one statement that waits for its row instead of racing for it.

Under saturation a decision that is read, made here and written over the version that was read loses nine races of ten;
a statement that decides where it writes queues on the row's lock. It makes the same decisions as
`syncline.resilience.budget`, as far as it goes: for one budget (and a door) whose stamps are not shared, while nobody
of another priority waits, the upstream's door is open and the clock was not set. In all other cases it changes nothing,
and the decision is made the long way.

`greatest(last_us, NOW)` is the instant of the decision. NOW is written out wherever it is needed, because a clock that
was read before the row's lock was waited for would date the admission too early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from syncline.clock import Steady
from syncline.model.budgets import BudgetKey, TokenBucket
from syncline.model.policies import Priority
from syncline.resilience.budget import Request
from syncline.resilience.budget_state import Granted, Paid, Seen
from syncline.resilience.clock_steps import CLOCK_STEP_US, latest_plausible
from syncline.resilience.priorities import SIBLINGS_US
from syncline.store.direct import RawStatements

__all__ = ["Statements"]

_GRANTED = Granted()

_AT = "greatest(last_us, {now})"
_STAMPS = "(length(stamps) / 8)"
_COMMON = f"version = version + 1, last_us = {_AT}, steady_us = p.steady, machine = p.machine"
_CLOCK_STANDS = f"{{now}} >= last_us - {CLOCK_STEP_US} AND {{now}} - skipped_us <= p.latest"
_DOOR_IS_OPEN = """NOT EXISTS (SELECT 1 FROM budgets AS door WHERE door.key = p.door
    AND (door.not_before_us > {now} OR {now} - door.skipped_us > p.door_latest))"""
_RING_STAMP = f"int8send({_AT} + p.under_way)"
_RING = f"""stamps = substring(stamps FROM 1 + 8 * greatest(0, p.price + least(0, {_STAMPS} - p.slots)))
    || CASE WHEN p.price = 1 THEN {_RING_STAMP}
       ELSE decode(repeat(encode({_RING_STAMP}, 'hex'), p.price), 'hex') END"""
_RING_FREE = f"""grain = 1 AND substring(stamps FROM length(stamps) - 7) <= {_RING_STAMP}
    AND substring(stamps FROM 8 * greatest({_STAMPS} + p.price - p.slots, 0) - 7
        FOR CASE WHEN {_STAMPS} + p.price > p.slots THEN 8 ELSE 0 END) <= int8send({_AT} - p.period)"""
_BUCKET = f"tat_us = greatest(tat_us, {_AT}) + p.price * p.token"
_BUCKET_FREE = f"tat_us - (p.capacity - p.price) * p.token <= {_AT}"
_ANSWERED = f"({_AT} - p.ago)"
_SETTLED_RING = f"""stamps = (
    SELECT substring(stamps FROM 1 FOR 8 * past.number) || int8send({_ANSWERED})
        || substring(stamps FROM 8 * past.number + 1
                     FOR greatest(0, position(p.stamp IN stamps) - 1 - 8 * past.number))
        || substring(stamps FROM position(p.stamp IN stamps) + 8)
    FROM (SELECT CAST(count(*) AS integer) AS number FROM generate_series(1, {_STAMPS}) AS place
          WHERE substring(stamps FROM 8 * place - 7 FOR 8) <= int8send({_ANSWERED})) AS past)"""
_IS_THERE = f"grain = 1 AND mod(position(p.stamp IN stamps), 8) = 1 AND p.stamp > int8send({_ANSWERED})"
_TYPES = {"key": "text", "door": "text", "stamp": "bytea", "price": "integer", "slots": "integer"}
"""Those of the parameters; all others are bigint."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """How requests of one kind are paid for: the statement, and those of its parameters that stay."""

    request: Request
    key: BudgetKey
    door: BudgetKey | None
    statement: str
    values: tuple[object, ...]
    has_ring: bool
    token_us: int


class Statements:
    """The statements of one process, by what it asks for."""

    def __init__(self, seen: Mapping[str, Seen]) -> None:
        """Judge the database's clock by when each budget was `seen` last."""
        self._seen = seen
        self._plans: dict[tuple[str, int], tuple[Request, _Plan | None]] = {}

    def admit(self, raw: RawStatements, request: Request) -> tuple[Granted, str, Seen] | None:
        """Pay for a request in one statement; None where that does not decide it.

        Returns:
            The admission, the budget that paid, and how the clock was seen then.
        """
        plan = self._plan(raw, request)
        if plan is None:
            return None
        known, steady = self._seen.get(plan.key.name), raw.steady
        if known is None:
            return None
        values = (steady.us, steady.machine, latest_plausible(known, 0, steady.us), *plan.values)
        if plan.door is not None:
            door = self._seen.get(plan.door.name)
            if door is None:
                return None
            values += (latest_plausible(door, 0, steady.us),)
        rows = raw.rows(plan.statement, values + raw.now_sql[1])
        if not rows:
            return None
        now, *paid = rows[0]
        granted = Granted(paid=(_receipt(plan, *paid),)) if paid else _GRANTED
        return granted, plan.key.name, Seen(now=now, steady=steady.us)

    def settle(self, raw: RawStatements, key: BudgetKey, paid: Paid, answered: Steady) -> bool:
        """Count a request from its answer on, in one statement; False where that did not do it."""
        known, steady = self._seen.get(key.name), raw.steady
        if known is None or paid.price != 1 or isinstance(key.policy, TokenBucket):
            return False
        ago = max(0, steady.us - answered.us) if answered.machine == steady.machine else 0
        latest = latest_plausible(known, 0, steady.us)
        values = (steady.us, steady.machine, latest, key.name, paid.stamp.to_bytes(8), paid.skipped, ago)
        now_sql, now_values = raw.now_sql
        return raw.changed(_settlement(now_sql, is_given=bool(now_values)), values + now_values)

    def _plan(self, raw: RawStatements, request: Request) -> _Plan | None:
        kind = (request.keys[-1].name, len(request.keys))  # with the door and without it in turn
        known = self._plans.get(kind)
        if known is not None and known[0] == request:
            return known[1]
        plan = _plan(raw, request)
        self._plans[kind] = (request, plan)
        return plan


def _plan(raw: RawStatements, request: Request) -> _Plan | None:
    budgets, doors = [key for key in request.keys if key.policy], [key for key in request.keys if not key.policy]
    if len(budgets) != 1 or len(doors) > 1:
        return None
    key, price = budgets[0], request.cost * budgets[0].cost
    policy = key.policy
    if policy is None or not 1 <= price <= policy.capacity:
        return None
    window = policy.window if isinstance(policy, TokenBucket) else policy
    if window is not None and window.grain > 1:
        return None
    values: dict[str, object] = {"key": key.name, "price": price}
    if window is not None:
        values |= {"slots": window.slots, "period": window.period_us, "under_way": request.under_way}
    if isinstance(policy, TokenBucket):
        values |= {"capacity": policy.capacity, "token": policy.token_us}
    if doors:
        values["door"] = doors[0].name
    names = ("steady", "machine", "latest", *values, *(("door_latest",) if doors else ()))
    now_sql, now_values = raw.now_sql
    return _Plan(
        request=request,
        key=key,
        door=doors[0] if doors else None,
        statement=_admission(names, request, "" if now_values else now_sql),
        values=tuple(values.values()),
        has_ring=window is not None,
        token_us=policy.token_us if isinstance(policy, TokenBucket) else 0,
    )


def _receipt(plan: _Plan, at: int, tat: int, skipped: int, stamp: bytes) -> Paid:
    price = plan.request.cost * plan.key.cost
    return Paid(
        budget=plan.key.name,
        price=price,
        sent=at,
        stamp=int.from_bytes(stamp) if plan.has_ring else at + plan.request.under_way,
        full_in=max(0, tat - price * plan.token_us - at),
        skipped=skipped,
    )


def _admission(names: tuple[str, ...], request: Request, now: str) -> str:
    priority, mine = request.priority, request.priority.value
    others = ", ".join(f"{other.value}_until_us" for other in Priority if other is not priority)
    sets = [
        _COMMON,
        "remaining = remaining - CASE WHEN remaining_until_us > {at} THEN p.price ELSE 0 END",
        f"owed = 0, {mine}_until_us = least({mine}_until_us, {{at}} + {SIBLINGS_US})",
    ]
    tests = [
        "budgets.key = p.key",
        _CLOCK_STANDS,
        f"greatest({others}, not_before_us) <= {{at}}",
        "(remaining >= p.price OR remaining_until_us <= {at})",
    ]
    if "slots" in names:
        sets, tests = [*sets, _RING], [*tests, _RING_FREE]
    if "token" in names:
        sets, tests = [*sets, _BUCKET], [*tests, _BUCKET_FREE]
    if "door" in names:
        tests.append(_DOOR_IS_OPEN)
    told = "{now} - skipped_us"
    if request.under_way:
        told += ", last_us, tat_us, skipped_us, substring(stamps FROM length(stamps) - 7)"
    return f"{_update(names, sets, tests, now)} RETURNING {_filled(told, now)}"


@cache
def _settlement(now: str, *, is_given: bool) -> str:
    names = ("steady", "machine", "latest", "key", "stamp", "skipped", "ago")
    tests = ["budgets.key = p.key", "skipped_us = p.skipped", _CLOCK_STANDS, _IS_THERE]
    return _update(names, [_COMMON, _SETTLED_RING], tests, "" if is_given else now)


def _update(names: tuple[str, ...], sets: list[str], tests: list[str], now: str) -> str:
    """The statement, with a parameter for each of these names, and a last one where the clock is not the server's."""
    named = names if now else (*names, "now")
    given = ", ".join(f"CAST(? AS {_TYPES.get(name, 'bigint')}) AS {name}" for name in named)
    written = f"UPDATE budgets SET {', '.join(sets)} FROM (SELECT {given}) AS p WHERE {' AND '.join(tests)}"
    return _filled(written, now)


def _filled(sql: str, now: str) -> str:
    return sql.replace("{at}", _AT).replace("{now}", now or "p.now")
