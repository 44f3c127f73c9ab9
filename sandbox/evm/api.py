"""The nodes of the chains over HTTP: JSON-RPC at /evm/1 and /evm/8453, also with a key behind, as providers have it."""

import asyncio
from itertools import chain
from typing import get_args

import msgspec
import orjson
from aiohttp import web

from sandbox.answers import json_answer
from sandbox.evm.batch import OverQuotaError, answer
from sandbox.evm.controls import Controls, node_of
from sandbox.evm.problems import PARSE, CallError, envelope, over_limit
from sandbox.evm.settings import Lie
from sandbox.evm.view import View
from sandbox.evm.world import Evm, Node
from sandbox.faults import AnyFault, BadRows, Lagging, MovingRows, PageCap, Reorg
from sandbox.upstream import struck_by

BASE = "/evm/"
LIES: tuple[Lie, ...] = get_args(Lie)


class EvmApi:
    """The chains: open to all, within a quota of calls, and the controls under /sandbox/evm."""

    def __init__(self, evm: Evm, *, change_every_seconds: float = 0) -> None:
        self._evm = evm
        self._change_every_seconds = change_every_seconds

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post(r"/evm/{chain:\d+}", self._ask)
        app.router.add_post(r"/evm/{chain:\d+}/{key}", self._ask)
        Controls(self._evm).register(app)

    def check(self, fault: AnyFault) -> None:
        """Refuse what chains cannot do, and what nothing else can; raises ValueError."""
        ours = fault.path.startswith(BASE)
        if isinstance(fault, Reorg | Lagging) and not ours:
            raise ValueError("only chains do this: `path` must begin with /evm/")
        if isinstance(fault, MovingRows) and ours:
            raise ValueError("a chain has no rows: order a `reorg`")
        if isinstance(fault, BadRows) and ours and fault.how is not None and fault.how not in LIES:
            raise ValueError(f"`how` must be one of {', '.join(LIES)}, not {fault.how!r}")

    async def live(self) -> None:
        """Add a block to each chain every so many seconds; with 0, never."""
        while self._change_every_seconds > 0:
            await asyncio.sleep(self._change_every_seconds)
            self._evm.tick()

    async def _ask(self, request: web.Request) -> web.Response:
        node = node_of(self._evm, request)
        try:
            body = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return json_answer(envelope(None, error=CallError(PARSE, "parse error").body), status=400)
        with node.chain.lock:
            try:
                said = answer(node, _view(node, request), body, cap=_cap(request))
            except OverQuotaError:
                return _too_many(node)
            for order, fault in struck_by(request, Reorg):
                order.touched += _shake(node, fault)
        return web.Response(status=204) if said is None else json_answer(said)


def _view(node: Node, request: web.Request) -> View:
    lag = max((fault.blocks for _, fault in struck_by(request, Lagging)), default=0)
    told = chain.from_iterable(_lies(fault) for _, fault in struck_by(request, BadRows))
    return View(node, lag=lag, lies=told)


def _lies(fault: BadRows) -> list[Lie]:
    """What is said of the next balances: of one kind, or of each in turn; nothing where the kind is for tables."""
    if fault.how is None:
        return [LIES[turn % len(LIES)] for turn in range(fault.rows)]
    return [msgspec.convert(fault.how, type=Lie)] * fault.rows if fault.how in LIES else []


def _cap(request: web.Request) -> int | None:
    return min((fault.size for _, fault in struck_by(request, PageCap)), default=None)


def _shake(node: Node, fault: Reorg) -> list[int | str]:
    """Replace the newest blocks, or take them back; answers their hashes."""
    blocks = node.chain
    numbers = range(max(blocks.oldest, blocks.head - fault.depth + 1), blocks.head + 1)
    gone = [block.hash for number in numbers if (block := blocks.block(number)) is not None]
    (blocks.revert if fault.mode == "revert" else blocks.reorganize)(fault.depth)
    return list[int | str](gone)


def _too_many(node: Node) -> web.Response:
    wait = node.window.left_seconds(node.clock(), node.settings.window_seconds)
    body = envelope(None, error=over_limit().body)
    return json_answer(body, status=429, headers={"Retry-After": str(max(1, wait))})
