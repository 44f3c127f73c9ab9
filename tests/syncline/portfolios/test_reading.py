import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from support.evm.chains import World, chain_at, on, wallet
from support.evm.machine import ALICE
from support.evm.node import EvmNode

from syncline.errors import ConfigurationError, UnavailableError
from syncline.portfolios.address import checksummed
from syncline.portfolios.blocks import BlockRef
from syncline.portfolios.chain import Chain
from syncline.portfolios.reading import ChainFailure, ChainRead, Reading, Wallet, read_chains, read_wallets
from syncline.portfolios.tables import NATIVE
from syncline.portfolios.tokens import TokenFacts

OWNER = checksummed(ALICE[2:])
SUPPLY = 2**255 + 7


def read(chain: Chain, *wallets: Wallet, known: Sequence[str] = ()) -> ChainRead:
    return on(chain, lambda opened: read_wallets(opened, wallets, known=known))


def one(chain: Chain, asked: Wallet) -> Reading:
    return read(chain, asked).readings[asked.address]


@pytest.mark.parametrize(
    ("given", "requests"),
    [
        ({}, 1),
        ({"multicall_calls": 7}, 4),
        ({"multicall": ""}, 1),
        ({"multicall": "", "batch_calls": 7}, 4),
        ({"multicall": "", "batch_calls": 1}, 24),
        ({"multicall": f"0x{'12' * 20}"}, 1),  # no code there
    ],
)
def test_balances_are_read_to_the_last_unit(world: World, given: dict[str, Any], requests: int) -> None:
    """Whichever way a chain permits: 256 bits survive, many wallets share a request, and zero is zero."""
    paid = {wallet(number): (2**200 + number) * (number % 3) for number in range(12)}
    for address, amount in paid.items():
        world.pay(address, amount)
        world.evm.give(address, amount + 1)
    head = world.evm.mine()
    node = world.node()
    found = read(
        chain_at(node, tokens=[world.gold], **given), *(Wallet(address=one) for one in paid), known=[world.gold]
    )
    assert found.block == BlockRef(number=head.number, hash=head.hash)
    for address, amount in paid.items():
        assert found.readings[address].balances == {world.gold: amount, NATIVE: amount + 1}
        assert not found.readings[address].unknown
    assert len(node.requests) - _setting_up(given) == requests


def _setting_up(given: dict[str, Any]) -> int:
    """The head, what the node can do (three calls), and Multicall3's trial, where one is set."""
    return 1 + -(-3 // given.get("batch_calls", 100)) + (given.get("multicall") != "")


@pytest.mark.parametrize("multicall", [{}, {"multicall": ""}])
def test_what_cannot_be_read_is_unknown_and_harms_nothing_else(world: World, multicall: dict[str, Any]) -> None:
    """A call that fails, a short answer, an address without code, a contract that uses up all gas: never 0."""
    bad = [world.broken, world.short, world.greedy, world.nothing]
    asked = Wallet(address=OWNER, tokens=frozenset([world.gold, world.old, *bad]), held=frozenset([world.gold]))
    found = one(chain_at(world.node(), **multicall), asked)
    assert found.balances == {NATIVE: 0, world.gold: SUPPLY, world.old: 5}
    assert set(found.unknown) == set(bad)
    assert all(found.unknown.values())


def test_what_tokens_say_is_read_once_and_not_always_believed(world: World) -> None:
    """Symbols of 32 bytes, none at all, rubbish, and decimals that no amount has."""
    asked = Wallet(address=OWNER, tokens=frozenset([world.gold, world.old, world.rude, world.liar]))
    ways: list[dict[str, Any]] = [{}, {"multicall": ""}]
    for given in ways:
        found = read(chain_at(world.node(), **given), asked)
        assert {fact.token: fact for fact in found.facts} == {
            world.gold: TokenFacts(token=world.gold, decimals=18, symbol="GLD"),
            world.old: TokenFacts(token=world.old, decimals=9, symbol="MKR"),
            world.rude: TokenFacts(
                token=world.rude, decimals=None, symbol=None, unfit="it says no decimals; it says no symbol"
            ),
            world.liar: TokenFacts(
                token=world.liar,
                decimals=None,
                symbol=None,
                unfit="it says that it has 255 decimals; its symbol is no printable text",
            ),
        }
    assert not read(chain_at(world.node()), asked, known=[world.gold, world.old, world.rude, world.liar]).facts


@pytest.mark.parametrize("takes_hash", [True, False, None])
@pytest.mark.parametrize("multicall", [{}, {"multicall": ""}])
def test_a_block_that_vanishes_is_noticed_and_another_one_read(
    world: World, *, takes_hash: bool | None, multicall: dict[str, Any]
) -> None:
    """Also by nodes that do not know EIP-1898, or overlook it: no mixture of two chains of blocks is ever stored."""
    world.pay(wallet(1), 10)
    world.evm.mine()
    node, calls = world.node(takes_hash=takes_hash), 0

    def reorganise(method: str, params: Sequence[Any]) -> None:
        nonlocal calls
        if (method == "eth_call" and len(str(params)) > 600) or (multicall and method == "eth_call"):
            calls += 1
            if calls == 1:
                world.evm.take_back(1)
                world.pay(wallet(1), 20)
                world.evm.mine(3, salt="other")

    node.before = reorganise
    asked = Wallet(address=wallet(1), tokens=frozenset([world.gold]))
    found = one(chain_at(node, **multicall), asked)
    assert found.balances[world.gold] == 20
    assert found.block.hash == world.evm.blocks[-3].hash  # a bit deeper than the head, which other nodes may lack


def test_a_node_that_is_behind_the_others_is_read_at_a_deeper_block(world: World) -> None:
    """Behind one address stand several nodes: the one that names the head may be ahead of the one that is asked."""
    world.evm.mine(4)
    ahead, late = world.node(), world.node(behind=2)

    def balanced(request: httpx.Request) -> httpx.Response:
        return (ahead if b"eth_getBlockByNumber" in request.content else late)(request)

    found = one(chain_at(balanced, tokens=[world.gold]), Wallet(address=OWNER))
    assert found.balances[world.gold] == SUPPLY
    assert found.block.number == world.evm.head.number - 2


def test_a_node_that_never_knows_its_own_blocks_fails_in_plain_words(world: World) -> None:
    """After three blocks it is the node's failure, and nothing is unknown or 0 by it."""
    world.evm.mine(12)
    ahead, late = world.node(), world.node(behind=11)

    def balanced(request: httpx.Request) -> httpx.Response:
        return (ahead if b"eth_getBlockByNumber" in request.content else late)(request)

    with pytest.raises(UnavailableError, match=r"chain_1 lost the block that was read, 3 times in a row: header not"):
        one(chain_at(balanced), Wallet(address=OWNER))


@pytest.mark.parametrize("confirmations", [0, 2])
def test_so_many_blocks_below_the_head_are_left_out(world: World, confirmations: int) -> None:
    """What is in the newest blocks is replaced more often."""
    world.pay(wallet(1), 10)
    world.evm.mine(2)
    found = one(chain_at(world.node(), tokens=[world.gold], confirmations=confirmations), Wallet(address=wallet(1)))
    assert found.balances[world.gold] == (10 if confirmations == 0 else 0)


def falsely_zero(node: EvmNode, *, singly: bool) -> None:
    """Have Multicall3 answer 0 for all balances; `singly`: the second look too."""

    def twist(answers: list[Any]) -> Any:  # noqa: ANN401
        if node.asked[-1] != "eth_call" or (len(answers[0].get("result", "")) <= 66 and not singly):
            return answers
        return [{**answer, "result": _emptied(answer["result"])} for answer in answers]

    node.twist = twist


def _emptied(result: str) -> str:
    """Multicall3's answer with zeros for the supply; or a lone balance of 0."""
    return result.replace(f"{SUPPLY:064x}", "0" * 64)


@pytest.mark.parametrize("singly", [False, True])
def test_a_zero_where_something_was_held_is_believed_at_a_second_look(world: World, *, singly: bool) -> None:
    """A node that lacks the state says 0 now and then; a row is not deleted for that."""
    node = world.node()
    falsely_zero(node, singly=singly)
    chain = chain_at(node, tokens=[world.gold])
    found = one(chain, Wallet(address=OWNER, held=frozenset([world.gold])))
    if singly:
        assert found.balances[world.gold] == 0  # twice: nobody could know better
    else:
        assert found.unknown == {world.gold: f"the node says both 0 and {SUPPLY}"}
    assert one(chain_at(node, tokens=[world.gold]), Wallet(address=OWNER)).balances[world.gold] == 0


@pytest.mark.parametrize("result", ["0x", "0x0", None, "zz", "0xzz", 7, {}, "0x" + "0" * 62])
def test_what_is_no_number_is_no_zero(world: World, result: object) -> None:
    """Nodes answer `0x` where they lack the state, and rubbish where something before them fails."""
    node = world.node()
    node.twist = lambda answers: [
        {**answer, "result": result} if "0x70a08231" in str(call) else answer
        for call, answer in zip(node.calls[-1], answers, strict=True)
    ]
    found = one(chain_at(node, multicall="", tokens=[world.gold]), Wallet(address=OWNER, held=frozenset([world.gold])))
    assert set(found.unknown) == {world.gold}
    assert found.balances == {NATIVE: 0}


def test_a_node_of_another_chain_is_refused_by_the_name_of_the_setting(world: World) -> None:
    """Balances of one chain must not be taken for those of another."""
    with pytest.raises(ConfigurationError) as refused:
        one(chain_at(world.node(chain_id=137)), Wallet(address=OWNER))
    assert str(refused.value).startswith(
        "SYNCLINE_CHAINS__1__RPC_URL leads to a node of chain 137, not of chain 1: set"
    )


def test_a_chain_that_was_taken_back_says_so(world: World) -> None:
    """Else what was stored at blocks that are gone would stay until the chain is as long again."""
    kept = world.evm.head
    gone = world.evm.mine(3)
    world.evm.take_back(3)
    void, higher = BlockRef(number=gone.number, hash=gone.hash), BlockRef(number=kept.number, hash=kept.hash)
    chain = chain_at(world.node())
    found = read(chain, Wallet(address=OWNER, seen=void), Wallet(address=wallet(1), seen=higher))
    assert found.readings[OWNER].reorged
    assert not found.readings[wallet(1)].reorged
    world.evm.mine(5, salt="new")
    assert not one(chain_at(world.node(), confirmations=5), Wallet(address=OWNER, seen=higher)).reorged
    assert one(chain_at(world.node(), confirmations=5), Wallet(address=OWNER, seen=void)).reorged
    other = BlockRef(number=kept.number, hash=gone.hash)
    assert one(chain_at(world.node(), confirmations=5), Wallet(address=OWNER, seen=other)).reorged


def test_the_same_wallet_of_two_accounts_is_read_once(world: World) -> None:
    """With the tokens of both."""
    node = world.node()
    twice = (Wallet(address=OWNER, tokens=frozenset([world.gold])), Wallet(address=OWNER, held=frozenset([world.old])))
    found = read(chain_at(node, multicall=""), *twice, known=[world.gold, world.old])
    assert found.readings[OWNER].balances == {NATIVE: 0, world.gold: SUPPLY, world.old: 5}
    assert node.requests == [1, 3, 3]


def test_a_chain_that_is_down_leaves_the_others(world: World) -> None:
    """Its failure is told beside what was read of them."""

    def down(request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="bad gateway")

    async def reading() -> list[ChainRead | ChainFailure]:
        async with chain_at(world.node()) as well, chain_at(down, chain_id=10) as ill:
            return await read_chains([(ill, [Wallet(address=OWNER)]), (well, [Wallet(address=OWNER)])], known={})

    failure, found = asyncio.run(reading())
    assert isinstance(failure, ChainFailure)
    assert (failure.chain_id, type(failure.error)) == (10, UnavailableError)
    assert isinstance(found, ChainRead)
    assert found.readings[OWNER].balances == {NATIVE: 0}


@pytest.mark.parametrize("down", [2, 3])
def test_a_call_that_takes_a_node_too_long_is_halved_but_one_that_is_down_is_left(world: World, *, down: int) -> None:
    """A gateway gives up on what takes long; of a node that answers nothing the chain fails soon."""
    node, refused = world.node(), 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal refused
        if len(request.content) > 2_000 and refused < down:
            refused += 1
            return httpx.Response(504, text="gateway timeout")
        return node(request)

    asked = [Wallet(address=wallet(number)) for number in range(40)]
    if down > 2:
        with pytest.raises(UnavailableError, match="504"):
            read(chain_at(answer), *asked)
    else:
        assert len(read(chain_at(answer), *asked).readings) == 40


@pytest.mark.parametrize("most_data", [1_500, 5_000])
def test_a_call_that_is_too_much_for_a_node_is_halved(world: World, most_data: int) -> None:
    """Gas, time and size of an answer are limits that no provider tells beforehand."""
    node = world.node(most_data=most_data)
    wallets = [Wallet(address=wallet(number)) for number in range(40)]
    found = read(chain_at(node, tokens=[world.gold]), *wallets)
    assert all(one.balances == {NATIVE: 0, world.gold: 0} for one in found.readings.values())
    assert len(found.readings) == 40
