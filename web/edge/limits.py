"""How much of the app one caller may use up."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a request and its connection may cost; what goes beyond is refused before anything is looked up.

    Attributes:
        target_bytes: path and query of a request (414).
        parameters: parameters of its query (414). FastAPI's work grows with the square of this number.
        headers: lines of its header (431).
        header_bytes: all of its header (431).
        body_bytes: its body (413).
        json_depth: lists and objects within each other (422).
        header_seconds: from the first byte of a request, or from the connection on, to the end of its header (408).
        body_seconds: from the first look at the body to its end (408).
        idle_seconds: between an answer and the next request of the connection.
        write_seconds: how long an answer waits for a reader that takes nothing more.
        linger_seconds: how long what a refused caller still sends is read and dropped, so that it gets to read why.
        connections: open at once. One more takes the place of the one that has waited the longest for a request; if
            all are being answered it is refused (503).
    """

    target_bytes: int = 8_192
    parameters: int = 100
    headers: int = 100
    header_bytes: int = 16_384
    body_bytes: int = 262_144
    json_depth: int = 32
    header_seconds: float = 10
    body_seconds: float = 30
    idle_seconds: float = 5
    write_seconds: float = 30
    linger_seconds: float = 2
    connections: int = 256
