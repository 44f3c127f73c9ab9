from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from sandbox.evm.batch import answer
from sandbox.evm.view import View
from sandbox.evm.world import Evm

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
Ask = Callable[..., Any]


@pytest.fixture
def evm() -> Evm:
    """Two chains with twelve wallets, as of a fixed instant."""
    return Evm(seed=7, wallets=12, clock=lambda: NOW)


@pytest.fixture
def ask(evm: Evm) -> Ask:
    """One call to a node, without HTTP: its result, or its error."""

    def asked(method: str, *params: object, chain: int = 1, lag: int = 0) -> Any:  # noqa: ANN401 - any JSON
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        said = cast("dict[str, Any]", answer(evm[chain], View(evm[chain], lag=lag), body))
        assert said["id"] == 1
        return said.get("result", said.get("error"))

    return asked
