"""HTTP/1.1 over one connection, with an end to everything that a caller may keep us waiting for.

uvicorn's own protocol has no limit on the time that a header takes, on connections that send none, or on readers that
take nothing; and it answers in plain text.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from web.edge.answers import Refusal, as_bytes
from web.edge.limits import Limits

__all__ = ["LimitedProtocol", "protocol_with"]

_SLICE_BYTES = 4_096
"""The parser looks at its limit only between two calls; so it is not given more than this at once."""
_CROWD = 2
"""Times the limit of connections, from which on connections are closed without an answer."""
_NO_ROOM = "too many connections wait here; try again"


class LimitedProtocol(H11Protocol):
    """One connection; a class made by `protocol_with` knows the limits."""

    limits: Limits

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._waiting: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._leaving = False
        self._dropped_bytes = 0
        self.waits_since = self.loop.time()

    @property
    def waits(self) -> bool:
        """Whether nothing is being answered: it is new, idle, or in the middle of a header."""
        cycle = cast("Any", self.cycle)  # uvicorn declares it as never None
        return not self._leaving and (cycle is None or cycle.response_complete)

    @property
    def has_answered(self) -> bool:
        """Whether it waits for a second request: an answer to none would be taken for that of the next."""
        return self.cycle is not None and not self.conn.trailing_data[0]  # pyright: ignore[reportUnnecessaryComparison] - None at first

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take the connection, if there is room, or can be made."""
        open_now = cast("set[LimitedProtocol]", self.connections)
        full = len(open_now) >= self.limits.connections
        super().connection_made(transport)
        if full:
            self._make_room(open_now)
        self._watch()

    def _make_room(self, open_now: "set[LimitedProtocol]") -> None:
        """End the connection that has waited the longest for a request; if none waits, this one."""
        crowded = len(open_now) > _CROWD * self.limits.connections
        idle = min((one for one in open_now if one.waits and one is not self), key=_waits_since, default=None)
        ended, why = (self, "too many requests are being answered; try again") if idle is None else (idle, _NO_ROOM)
        ended.leave(None if crowded or ended.has_answered else Refusal(503, why))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._leaving = True
        for timer in (self._waiting, self._writing):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, a slice at a time; after a refusal it is dropped."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self._leaving or self.transport.is_closing():
                return
            piece = data[start : start + _SLICE_BYTES]
            if self.waits and self.conn.their_state is h11.SEND_BODY:
                self._drop(piece)
            super().data_received(piece)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one, which nothing reads any more."""
        super().on_response_complete()
        if self.waits:
            self.waits_since = self.loop.time()
        if self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]:
            self._unset_keepalive_if_required()  # it is not idle: more of a request has to come, within its own time
        if self.transport.get_write_buffer_size():
            self._watch_reader()
        self._watch()

    def pause_writing(self) -> None:
        """The caller reads more slowly than we answer."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """It reads on."""
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with what could not be parsed."""
        held = self.conn.trailing_data[0]
        if len(held) <= self.limits.header_bytes:
            self.leave(Refusal(400, "this is not HTTP/1.1 as it should be"))
        elif b"\n" in held:
            self.leave(Refusal(431, f"the request's header is longer than {self.limits.header_bytes} bytes"))
        else:
            self.leave(Refusal(414, f"path and query are longer than {self.limits.target_bytes} bytes"))
        del msg

    def shutdown(self) -> None:
        """End: at once if there is nothing to answer."""
        if self._leaving:
            self.transport.abort()
        else:
            super().shutdown()

    def leave(self, refusal: Refusal | None) -> None:
        """Answer, unless an answer has begun, and close; what still comes is dropped, so that the answer arrives."""
        self._leaving = True
        self._unset_keepalive_if_required()
        if self._waiting is not None:
            self._waiting.cancel()
        cycle = cast("Any", self.cycle)
        begun = cycle is not None and cycle.response_started and not cycle.response_complete
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if refusal is None or begun or self.transport.is_closing():
            self.transport.abort()
            return
        self.flow.resume_reading()
        self.transport.write(as_bytes(refusal))
        self.transport.write_eof()
        self._waiting = self.loop.call_later(self.limits.linger_seconds, self.transport.abort)

    def _watch(self) -> None:
        """Have a request that does not come end the connection; not while one is answered, nor twice."""
        if not self.waits or self.transport.is_closing():
            if self._waiting is not None and not self._leaving:
                self._waiting.cancel()
                self._waiting = None
        elif self._waiting is None and self.timeout_keep_alive_task is None:
            self._waiting = self.loop.call_later(self.limits.header_seconds, self._give_up)

    def _give_up(self) -> None:
        begun = self.conn.our_state is h11.IDLE and bool(self.conn.trailing_data[0])
        message = f"the request's header did not come within {self.limits.header_seconds:g} seconds"
        self.leave(Refusal(408, message) if begun else None)

    def _drop(self, piece: bytes) -> None:
        """Count what comes of a request that is answered already."""
        self._dropped_bytes += len(piece)
        if self._dropped_bytes > self.limits.body_bytes:
            self.leave(None)

    def _watch_reader(self) -> None:
        if self._writing is None:
            self._writing = self.loop.call_later(self.limits.write_seconds, self._end_unread)

    def _end_unread(self) -> None:
        self._writing = None
        if self.transport.get_write_buffer_size():
            self.leave(None)


def protocol_with(limits: Limits) -> Callable[..., LimitedProtocol]:
    """The protocol of a server with these limits."""

    class Limited(LimitedProtocol):
        pass

    Limited.limits = limits
    return Limited


def _waits_since(one: LimitedProtocol) -> float:
    return one.waits_since
