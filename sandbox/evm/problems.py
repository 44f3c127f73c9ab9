"""How a node says that a call failed (JSON-RPC 2.0, section 5.1, and what providers make of it)."""

from typing import Any

Json = dict[str, Any]

PARSE, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, SERVER, LIMIT, REVERTED = (
    -32700, -32600, -32601, -32602, -32000, -32005, 3,
)  # fmt: skip


class CallError(Exception):
    """One call failed: its code, sentence and data become the `error` of its answer."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.body: Json = {"code": code, "message": message} | ({} if data is None else {"data": data})


def invalid(argument: int, why: str) -> CallError:
    """A parameter is wrong, in geth's words."""
    return CallError(INVALID_PARAMS, f"invalid argument {argument}: {why}")


def reverted(reason: bytes = b"") -> CallError:
    """The contract refused the call."""
    return CallError(REVERTED, "execution reverted", "0x" + reason.hex())


def no_header(what: str = "header not found") -> CallError:
    """The block that is asked at is not there: never was, not yet, or not any more."""
    return CallError(SERVER, what)


def over_limit() -> CallError:
    """The quota of calls is spent."""
    return CallError(LIMIT, "limit exceeded: too many calls, slow down")


def envelope(call_id: object, *, result: object = None, error: Json | None = None) -> Json:
    """The answer to one call."""
    said = {"result": result} if error is None else {"error": error}
    return {"jsonrpc": "2.0", "id": call_id, **said}
