"""The knobs of the chains: what `/sandbox/evm…` answers."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from sandbox.answers import RefusedError, json_answer, read_json, read_order
from sandbox.evm.address import ZERO, checksummed
from sandbox.evm.chain import Chain
from sandbox.evm.moves import Transfer
from sandbox.evm.world import Evm, Node

Address = Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z")]


class MineOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/evm/1/mine`."""

    blocks: Annotated[int, Meta(ge=1, le=10_000)] = 1


class DepthOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/evm/1/reorg` and `/revert`."""

    depth: Annotated[int, Meta(ge=1, le=10_000)] = 1


class TransferOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/evm/1/transfer`: the zero address stands for the chain's own coin, and mints."""

    receiver: Address
    amount: Annotated[str, Meta(pattern=r"^[0-9]{1,77}\Z")]
    """In the smallest unit."""
    token: Address = ZERO
    sender: Address = ZERO


class Controls:
    """Lets a test, or somebody at a demo, see and change the chains."""

    def __init__(self, evm: Evm) -> None:
        self._evm = evm

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        chain = r"/sandbox/evm/{chain:\d+}"
        app.router.add_get("/sandbox/evm", self._state)
        app.router.add_get("/sandbox/evm/wallets", self._wallets)
        app.router.add_get(f"{chain}/balances/{{wallet}}", self._balances)
        app.router.add_post(f"{chain}/settings", self._settings)
        app.router.add_post(f"{chain}/mine", self._mine)
        app.router.add_post(f"{chain}/transfer", self._transfer)
        app.router.add_post(f"{chain}/reorg", self._reorganize)
        app.router.add_post(f"{chain}/revert", self._revert)
        app.router.add_delete(f"{chain}/calls", self._forget)

    async def _state(self, _request: web.Request) -> web.Response:
        return json_answer({"chains": {str(chain_id): node.state() for chain_id, node in self._evm.nodes.items()}})

    async def _wallets(self, _request: web.Request) -> web.Response:
        return json_answer({"wallets": self._evm.listed()})

    async def _balances(self, request: web.Request) -> web.Response:
        """What a wallet holds, whatever the node says; at the newest block, or at `?block=NUMBER`."""
        chain, wallet = self._node(request).chain, request.match_info["wallet"].lower()
        with chain.lock:
            asked = request.query.get("block", str(chain.head))
            block = chain.block(int(asked)) if asked.isdecimal() else None
            if block is None:
                raise RefusedError(404, f"There is no block {asked}; the newest is {chain.head}.")
            held = {token: chain.ledger.at((token, wallet), block.number) for token in chain.tokens}
        shown = {checksummed(token): str(amount) for token, amount in held.items() if amount}
        return json_answer({"block": block.number, "hash": block.hash, "balances": shown})

    async def _settings(self, request: web.Request) -> web.Response:
        node = self._node(request)
        try:
            node.settings = node.settings.changed(await read_json(request))
        except msgspec.ValidationError as error:
            raise RefusedError(422, f"{error}.") from error
        return json_answer(msgspec.to_builtins(node.settings))

    async def _mine(self, request: web.Request) -> web.Response:
        chain, order = self._node(request).chain, await read_order(request, MineOrder)
        chain.mine(order.blocks)
        return _head(chain)

    async def _transfer(self, request: web.Request) -> web.Response:
        chain, order = self._node(request).chain, await read_order(request, TransferOrder)
        token, sender, receiver = (one.lower() for one in (order.token, order.sender, order.receiver))
        try:
            chain.pay(Transfer(token=token, sender=sender, receiver=receiver, amount=int(order.amount)))
        except ValueError as error:
            raise RefusedError(422, f"{error}.") from error
        return _head(chain)

    async def _reorganize(self, request: web.Request) -> web.Response:
        return await self._back(request, Chain.reorganize)

    async def _revert(self, request: web.Request) -> web.Response:
        return await self._back(request, Chain.revert)

    async def _back(self, request: web.Request, go: Callable[[Chain, int], None]) -> web.Response:
        chain, order = self._node(request).chain, await read_order(request, DepthOrder)
        try:
            go(chain, order.depth)
        except ValueError as error:
            raise RefusedError(422, f"{error}.") from error
        return _head(chain)

    async def _forget(self, request: web.Request) -> web.Response:
        self._node(request).forget()
        return web.Response(status=204)

    def _node(self, request: web.Request) -> Node:
        return node_of(self._evm, request)


def node_of(evm: Evm, request: web.Request) -> Node:
    """The node that the path names; raises RefusedError for a chain that is not there."""
    chain_id = int(request.match_info["chain"])
    if chain_id not in evm.nodes:
        raise RefusedError(404, f"There is no chain {chain_id}; there are {', '.join(map(str, evm.nodes))}.")
    return evm[chain_id]


def _head(chain: Chain) -> web.Response:
    with chain.lock:
        block = chain.block(chain.head)
    return json_answer({"head": chain.head, "hash": None if block is None else block.hash})
