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
from functools import cache
from typing import TYPE_CHECKING

from syncline.model.budgets import BudgetKey, TokenBucket
from syncline.model.policies import Priority
from syncline.resilience.clock_steps import CLOCK_STEP_US, latest_plausible
from syncline.resilience.priorities import SIBLINGS_US
from syncline.resilience.spending import Granted, Paid, Seen

if TYPE_CHECKING:
    from syncline.clock import Steady
    from syncline.resilience.budget import Request
    from syncline.store.direct import Wire

__all__ = ["admit", "settle"]

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
        || substring(stamps FROM 8 * past.number + 1 FOR position(p.stamp IN stamps) - 1 - 8 * past.number)
        || substring(stamps FROM position(p.stamp IN stamps) + 8)
    FROM (SELECT CAST(count(*) AS integer) AS number FROM generate_series(1, {_STAMPS}) AS place
          WHERE substring(stamps FROM 8 * place - 7 FOR 8) <= int8send({_ANSWERED})) AS past)"""
_IS_THERE = f"grain = 1 AND mod(position(p.stamp IN stamps), 8) = 1 AND p.stamp > int8send({_ANSWERED})"
_TYPES = {"key": "text", "door": "text", "stamp": "bytea", "price": "integer", "slots": "integer"}
"""Those of the parameters; all others are bigint."""

Values = Mapping[str, object]


def admit(wire: Wire, request: Request, seen: Mapping[str, Seen]) -> tuple[Granted, Seen] | None:
    """Pay for a request in one statement; None where that does not decide it. Also how the clock was seen then."""
    budgets, doors = [key for key in request.keys if key.policy], [key for key in request.keys if not key.policy]
    if len(budgets) != 1 or len(doors) > 1 or not all(key.name in seen for key in request.keys):
        return None
    key, price = budgets[0], request.cost * budgets[0].cost
    policy = key.policy
    if policy is None or not 1 <= price <= policy.capacity:
        return None
    window = policy.window if isinstance(policy, TokenBucket) else policy
    if window is not None and window.grain > 1:
        return None
    steady, machine = wire.steady.us, wire.steady.machine
    values: dict[str, object] = {"key": key.name, "price": price, "steady": steady, "machine": machine}
    values["latest"] = latest_plausible(seen[key.name], 0, steady)
    if doors:
        values |= {"door": doors[0].name, "door_latest": latest_plausible(seen[doors[0].name], 0, steady)}
    if window is not None:
        values |= {"slots": window.slots, "period": window.period_us, "under_way": request.under_way}
    if isinstance(policy, TokenBucket):
        values |= {"capacity": policy.capacity, "token": policy.token_us}
    return _admitted(wire, request, key, values)


def settle(wire: Wire, key: BudgetKey, paid: Paid, answered: Steady, seen: Mapping[str, Seen]) -> bool:
    """Count a request from its answer on, in one statement; False where that did not do it."""
    if key.name not in seen or paid.price != 1 or isinstance(key.policy, TokenBucket):
        return False
    steady, machine = wire.steady.us, wire.steady.machine
    stamp = paid.stamp.to_bytes(8)
    values = {"key": key.name, "stamp": stamp, "skipped": paid.skipped, "steady": steady, "machine": machine}
    values["ago"] = max(0, steady - answered.us) if answered.machine == machine else 0
    values["latest"] = latest_plausible(seen[key.name], 0, steady)
    now_sql, now_values = wire.now_sql
    statement = _settlement(tuple(values), "p.now" if now_values else now_sql)
    rows = wire.rows(statement, (*values.values(), *(now_values or (0,))))
    return bool(rows and wire.heard(rows[0][0]))


def _admitted(wire: Wire, request: Request, key: BudgetKey, values: Values) -> tuple[Granted, Seen] | None:
    now_sql, now_values = wire.now_sql
    statement = _admission(tuple(values), request.priority, "p.now" if now_values else now_sql)
    rows = wire.rows(statement, (*values.values(), *(now_values or (0,))))
    if not rows:
        return None
    told, at, tat, skipped, stamp = rows[0]
    wire.heard(told)
    known = Seen(now=told - skipped, steady=wire.steady.us)
    if not request.under_way:
        return Granted(), known
    price = request.cost * key.cost
    token = key.policy.token_us if isinstance(key.policy, TokenBucket) else 0
    paid = Paid(
        budget=key.name,
        price=price,
        sent=at,
        stamp=int.from_bytes(stamp) if "slots" in values else at + request.under_way,
        full_in=max(0, tat - price * token - at),
        skipped=skipped,
    )
    return Granted(paid=(paid,)), known


@cache
def _admission(names: tuple[str, ...], priority: Priority, now: str) -> str:
    mine = priority.value
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
    told = "{now}, last_us, tat_us, skipped_us, substring(stamps FROM length(stamps) - 7)"
    return _update(names, sets, tests, told, now)


@cache
def _settlement(names: tuple[str, ...], now: str) -> str:
    tests = ["budgets.key = p.key", "skipped_us = p.skipped", _CLOCK_STANDS, _IS_THERE]
    return _update(names, [_COMMON, _SETTLED_RING], tests, "{now}", now)


def _update(names: tuple[str, ...], sets: list[str], tests: list[str], told: str, now: str) -> str:
    """The statement, with a parameter for each of these names, and one for a clock that a test moves."""
    given = ", ".join(f"CAST(? AS {_TYPES.get(name, 'bigint')}) AS {name}" for name in (*names, "now"))
    written = f"UPDATE budgets SET {', '.join(sets)} FROM (SELECT {given}) AS p WHERE {' AND '.join(tests)}"
    return f"{written} RETURNING {told}".replace("{at}", _AT).replace("{now}", now)
