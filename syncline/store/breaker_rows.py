"""The rows of breakers, over a direct connection, and over one that also writes the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from syncline.resilience.breaker import BreakerState, Circuit
from syncline.store.direct import RawStatements

__all__ = ["read", "read_all", "read_audited", "write", "write_audited"]

_COLUMNS = (
    "state", "epoch", "failures", "successes", "opened_at_us", "failed_at_us", "permits", "permits_until_us",
)  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
_SELECT = f"SELECT version, {_NAMES} FROM breakers WHERE source = "
_SELECT_ALL = f"SELECT source, {_NAMES} FROM breakers"
_UPDATE = "UPDATE breakers SET version = version + 1, {sets} WHERE source = {source} AND version = {version}"
_INSERT = (
    "INSERT INTO breakers (source, version, {names}) VALUES ({source}, 1, {values}) ON CONFLICT (source) DO NOTHING"
)

_POSITIONAL_UPDATE = _UPDATE.format(sets=", ".join(f"{name} = ?" for name in _COLUMNS), source="?", version="?")
_POSITIONAL_INSERT = _INSERT.format(names=_NAMES, source="?", values=", ".join("?" for _ in _COLUMNS))
_NAMED_UPDATE = text(
    _UPDATE.format(sets=", ".join(f"{name} = :{name}" for name in _COLUMNS), source=":source", version=":version")
)
_NAMED_INSERT = text(_INSERT.format(names=_NAMES, source=":source", values=", ".join(f":{name}" for name in _COLUMNS)))

_FIRST = (0, Circuit())
"""A source that never failed has no row: version 0."""


def read(raw: RawStatements, source: str) -> tuple[int, Circuit]:
    """The version and the circuit of the breaker of `source`."""
    rows = raw.rows(f"{_SELECT}?", (source,))
    return _versioned(rows[0]) if rows else _FIRST


def read_all(raw: RawStatements) -> dict[str, Circuit]:
    """The circuits of all sources that ever failed."""
    return {row[0]: _circuit(row[1:]) for row in raw.rows(_SELECT_ALL)}


def write(raw: RawStatements, source: str, version: int, circuit: Circuit) -> bool:
    """Put `circuit` in place of what `version` said; False where another process was first."""
    values = _values(circuit)
    if version == 0:
        return raw.changed(_POSITIONAL_INSERT, (source, *values))
    return raw.changed(_POSITIONAL_UPDATE, (*values, source, version))


def read_audited(connection: Connection, source: str) -> tuple[int, Circuit]:
    """As `read`, in a transaction."""
    row = connection.execute(text(f"{_SELECT}:source"), {"source": source}).one_or_none()
    return _FIRST if row is None else _versioned(row)


def write_audited(connection: Connection, source: str, version: int, circuit: Circuit) -> bool:
    """As `write`, in a transaction."""
    values: dict[str, object] = dict(zip(_COLUMNS, _values(circuit), strict=True))
    statement = _NAMED_INSERT if version == 0 else _NAMED_UPDATE
    return connection.execute(statement, {**values, "source": source, "version": version}).rowcount > 0


def _versioned(row: Sequence[Any]) -> tuple[int, Circuit]:
    return int(row[0]), _circuit(row[1:])


def _circuit(row: Sequence[Any]) -> Circuit:
    state, epoch, failures, successes, opened_at, failed_at, permits, permits_until = row
    return Circuit(
        state=BreakerState(state),
        epoch=epoch,
        failures=failures,
        successes=successes,
        opened_at=opened_at,
        failed_at=failed_at,
        permits=permits,
        permits_until=permits_until,
    )


def _values(circuit: Circuit) -> tuple[object, ...]:
    return (
        circuit.state.value,
        circuit.epoch,
        circuit.failures,
        circuit.successes,
        circuit.opened_at,
        circuit.failed_at,
        circuit.permits,
        circuit.permits_until,
    )
