"""A limit for wrong credentials: after some from one address, all of its requests are refused for a while."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from syncline.clock import Clock, SteadyClock

__all__ = ["Attempts"]

_SITE_BITS = 64
"""Of an IPv6 address: what one customer of a network has as a rule, who can use each address in it."""


@dataclass
class _Record:
    """What is remembered of an address, in seconds of the clock."""

    began_at: float
    wrong: int = 0
    closed_until: float | None = None


class Attempts:
    """Counts wrong credentials by address; what it remembers is bounded, and lost when the app ends."""

    def __init__(
        self,
        clock: Clock,
        *,
        most: int = 10,
        window_seconds: float = 60,
        rest_seconds: float = 60,
        remembered: int = 4_096,
        exempt: Iterable[str] = (),
    ) -> None:
        """`most` wrong ones within `window_seconds` block an address for `rest_seconds`.

        So many addresses are `remembered`, the newest. Those of the networks `exempt` are never slowed down: behind a
        proxy are others.
        """
        self._clock = clock
        self._most = most
        self._window_seconds = window_seconds
        self._rest_seconds = rest_seconds
        self._remembered = remembered
        self._exempt = [ip_network(network) for network in exempt]
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._records)

    def seconds_left(self, address: str) -> float:
        """For how long the address must wait; 0: its credentials are looked at."""
        record = self._records.get(self._key(address))
        if record is None or record.closed_until is None:
            return 0
        return max(0.0, record.closed_until - self._now())

    def wrong(self, address: str) -> None:
        """Count a wrong credential that came from `address`."""
        key, now = self._key(address), self._now()
        if self._is_exempt(key):
            return
        record = self._records.pop(key, None)
        if record is None or now - record.began_at >= self._window_seconds:
            record = _Record(began_at=now)
        record.wrong += 1
        if record.wrong >= self._most:
            record = _Record(began_at=now, closed_until=now + self._rest_seconds)
        self._records[key] = record
        while len(self._records) > self._remembered:
            self._records.popitem(last=False)

    def _now(self) -> float:
        """Seconds of the steady clock, so that setting the system's clock changes no wait."""
        if isinstance(self._clock, SteadyClock):
            return self._clock.steady().us / 1_000_000
        return self._clock.now().timestamp()

    def _is_exempt(self, key: str) -> bool:
        found = _address(key.partition("/")[0])
        return found is not None and any(found in network for network in self._exempt)

    def _key(self, address: str) -> str:
        found = _address(address)
        if isinstance(found, IPv6Address) and not any(found in network for network in self._exempt):
            return str(ip_network((found, _SITE_BITS), strict=False))
        return address if found is None else str(found)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
