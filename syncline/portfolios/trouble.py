"""What nodes say when a call fails: each words it differently, and many use one code for several things."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

__all__ = ["Failure", "Trouble", "failure_of"]


class Trouble(StrEnum):
    """What kind of failure it is; decides what is done about it."""

    RATE = "rate"
    """The provider asks to slow down."""
    TOO_MUCH = "too much"
    """The same asked in smaller parts may be answered: a range of blocks, a batch, a call with too many results."""
    TOPICS = "topics"
    """A search names too many wallets at once."""
    BLOCK = "block"
    """The node does not know the block, or no longer has its state."""
    PRUNED = "pruned"
    """The node no longer has the logs of blocks so old."""
    REVERTED = "reverted"
    """The contract refused the call, or broke down in it."""
    UNFIT = "unfit"
    """The node does not take the call as it is written: it does not know the method, or a parameter."""
    MISSING = "missing"
    """A batch was answered without an answer to this call, or with two."""
    OTHER = "other"
    """The node failed, for no reason that is known here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A call that has no result: nothing may be concluded of what was asked.

    Attributes:
        trouble: its kind.
        said: what the node said, on one line.
        seconds: after how many it may be asked again, where the provider named that.
    """

    trouble: Trouble
    said: str
    seconds: float | None = None


_QUOTED_LENGTH = 200
_LONGEST_PAUSE_SECONDS = 3_600
_PHRASES: dict[Trouble, tuple[str, ...]] = {
    Trouble.PRUNED: (r"pruned history|history (?:is )?(?:not available|unavailable|pruned)|logs .*pruned",),
    Trouble.TOPICS: (r"(?:addresses or )?topics per|too many (?:addresses|topics)|max(?:imum)? (?:addresses|topics)",),
    Trouble.TOO_MUCH: (
        r"more than \d+ (?:results|logs|blocks)",
        r"(?:block|query|log) ?range|ranges? over|range (?:is )?(?:too|over|limit)|limited to (?:a )?\d",
        r"too many (?:results|logs|blocks|calls)|too large|result ?set|size exceeded",
        r"response (?:size|is too)|query timeout|try with this|max(?:imum)? (?:block|results|batch|\[?from)",
        r"batch (?:limit|size|of more|too|requests? (?:are|is) (?:limited|not))|batch.*not (?:supported|allowed)",
    ),
    Trouble.RATE: (
        r"\brate\b|ratelimit|too many requests|slow down|throttl|throughput|capacity|quota|compute units|credits",
        r"(?:request|usage|call|daily|project) limit|limit exceeded|exceeded (?:its|your|the)",
    ),
    Trouble.BLOCK: (
        r"header (?:for hash )?not found|unknown (?:block|header)|(?:could not|unable to) find block",
        r"block.?out.?of.?range|block.*not ?(?:found|available|known|canonical)|not found.*block",
        r"hash.*not canonical|not currently canonical|missing trie node|distance to target",
        r"historical state|state .*(?:not available|unavailable|pruned)",
    ),
    Trouble.REVERTED: (
        r"revert|out of gas|gas required|invalid (?:opcode|jump)|bad instruction|stack (?:under|over)flow",
    ),
    Trouble.UNFIT: (
        r"invalid (?:argument|params?|request|block)|cannot unmarshal|method not (?:found|supported)|does not exist",
        r"unsupported|parse error|not supported",
    ),
}
"""The first that is found decides: what providers call a limit is often the size of an answer, not a rate."""
_WORDS = tuple((trouble, re.compile("|".join(phrases), re.IGNORECASE)) for trouble, phrases in _PHRASES.items())
_CODES = {
    429: Trouble.RATE,
    4444: Trouble.PRUNED,
    -32005: Trouble.RATE,
    -32029: Trouble.RATE,
    -32097: Trouble.RATE,
    3: Trouble.REVERTED,
    -32001: Trouble.BLOCK,
    -32003: Trouble.TOO_MUCH,
    -32015: Trouble.REVERTED,
    -32600: Trouble.UNFIT,
    -32601: Trouble.UNFIT,
    -32602: Trouble.UNFIT,
    -32700: Trouble.UNFIT,
}
"""What a code means where the words say nothing."""


def failure_of(error: Any) -> Failure:  # noqa: ANN401 - whatever stands at `error` of an answer
    """The failure that an answer's `error` tells of."""
    given: dict[str, Any] = cast("dict[str, Any]", error) if isinstance(error, dict) else {"message": error}
    code, message = given.get("code"), given.get("message")
    words = " ".join(str(message or "").split())
    data = given.get("data")
    text = f"{words} {data}" if isinstance(data, str) and not data.startswith("0x") else words
    said = f"{words[:_QUOTED_LENGTH] or 'no reason'} ({code})" if code is not None else words[:_QUOTED_LENGTH]
    return Failure(trouble=_trouble(code, text), said=said or "no reason", seconds=_seconds(data))


def _trouble(code: Any, text: str) -> Trouble:  # noqa: ANN401 - a number, mostly
    by_code = _CODES.get(code) if isinstance(code, int) else None
    if by_code is Trouble.REVERTED or text.lower().startswith("execution reverted"):
        return Trouble.REVERTED  # what follows are a contract's own words, which may be any
    found = next((trouble for trouble, pattern in _WORDS if pattern.search(text)), None)
    return found or by_code or Trouble.OTHER


def _seconds(data: Any) -> float | None:  # noqa: ANN401 - whatever stands there
    """After how long to ask again, as Infura says it: `{"rate": {"backoff_seconds": 30}}`."""
    try:
        found = float(data["rate"]["backoff_seconds"])
    except (TypeError, KeyError, ValueError, IndexError):
        return None
    return found if 0 < found <= _LONGEST_PAUSE_SECONDS else None
