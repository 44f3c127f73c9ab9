from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from support.evm.chains import World, chain_at, on, wallet
from support.evm.node import EvmNode

from syncline.errors import UnavailableError
from syncline.portfolios.blocks import BlockRef
from syncline.portfolios.chain import Chain
from syncline.portfolios.moves import LastRead, Move, Scan, named, scan
from syncline.portfolios.reading import Wallet
from syncline.portfolios.tables import NATIVE

DOZEN = [wallet(number) for number in range(12)]
NO_COINS = dict.fromkeys(DOZEN, LastRead(coins=0))


def ref(world: World) -> BlockRef:
    return BlockRef(number=world.evm.head.number, hash=world.evm.head.hash)


def scanned(chain: Chain, since: BlockRef | None, wallets: Mapping[str, LastRead] = NO_COINS) -> Scan:
    return on(chain, lambda opened: scan(opened, wallets, since=since))


def moving(world: World) -> Mapping[str, Move]:
    """Transfers in several blocks: what is to be found of them."""
    for number, amount in ((1, 5), (2, 5), (1, 0)):
        world.pay(DOZEN[number], amount)
        world.evm.mine()
    world.pay(DOZEN[3], 2, sender=DOZEN[2])
    world.evm.give(DOZEN[4], 7)
    world.pay(wallet(1_000), 9)  # a stranger
    world.evm.mine(3)
    gold = frozenset([world.gold])
    return {
        DOZEN[1]: Move(tokens=gold, transfers=2),
        DOZEN[2]: Move(tokens=gold, transfers=2),
        DOZEN[3]: Move(tokens=gold, transfers=1),
        DOZEN[4]: Move(tokens=frozenset([NATIVE])),
    }


@pytest.mark.parametrize(
    "node", [{}, {"log_blocks": 2}, {"log_blocks": 1}, {"log_results": 1}, {"takes_hash": False}, {"takes_hash": None}]
)
@pytest.mark.parametrize("given", [{}, {"multicall": ""}, {"log_blocks": 2}])
def test_those_that_moved_are_found_and_what_they_moved(
    world: World, node: dict[str, Any], given: dict[str, Any]
) -> None:
    """By transfers in and out and by coins; with few requests where the node permits, else in smaller parts."""
    since = ref(world)
    expected = moving(world)
    served = world.node(**node)
    found = scanned(chain_at(served, **given), since)
    assert found.moved == expected
    assert (found.since, found.block, found.reorged) == (since, ref(world), False)
    assert not scanned(chain_at(served, **given), found.block, {**NO_COINS, DOZEN[4]: LastRead(coins=7)}).moved
    if not node and not given:
        setting_up = 3  # the head, what the node can do, Multicall3; once for a chain that is kept open
        assert len(served.requests) == 2 * setting_up + 3  # whether `since` is still there, all logs, all coins


def test_more_transfers_in_a_block_than_a_node_tells_move_the_wallet(world: World) -> None:
    """Its tokens are not known then: it is to be read in full, and the others are told all the same."""
    since = ref(world)
    for amount in range(1, 4):
        world.pay(DOZEN[5], amount)
    world.pay(DOZEN[6], 1)
    world.evm.mine()
    found = scanned(chain_at(world.node(log_results=2)), since)
    assert found.moved == {DOZEN[5]: Move(), DOZEN[6]: Move(tokens=frozenset([world.gold]), transfers=1)}


def test_all_move_at_first_and_where_the_chain_was_replaced(world: World) -> None:
    """What was read at blocks that are gone may be wrong for anybody."""
    everybody = dict.fromkeys(DOZEN, Move())
    first = scanned(chain_at(world.node()), None)
    assert (first.moved, first.reorged) == (everybody, False)
    world.evm.mine(4)
    since = ref(world)
    world.evm.take_back(2)
    reverted = scanned(chain_at(world.node()), since)
    assert (reverted.moved, reverted.reorged, reverted.block) == (everybody, True, ref(world))
    world.evm.mine(2, salt="other")
    assert scanned(chain_at(world.node()), since).reorged
    world.evm.mine(2, salt="other")
    assert scanned(chain_at(world.node()), since).reorged


def test_what_was_read_at_a_block_that_is_gone_moves(world: World) -> None:
    """A wallet was read after the last search; what it had then may never have been."""
    since = ref(world)
    world.pay(DOZEN[1], 5)
    world.evm.mine(2)
    void = ref(world)
    world.evm.take_back(2)
    world.evm.mine(1, salt="other")
    kept = ref(world)
    world.evm.mine(2, salt="other")
    gone = BlockRef(number=world.evm.head.number + 5, hash=void.hash)
    seen = {0: [kept], 1: [void], 2: [kept, void], 3: [gone], 4: [since]}
    wallets = NO_COINS | {DOZEN[number]: LastRead(coins=0, seen=frozenset(refs)) for number, refs in seen.items()}
    assert set(scanned(chain_at(world.node()), since, wallets).moved) == {DOZEN[1], DOZEN[2], DOZEN[3]}


def test_a_node_that_is_behind_hides_no_moves(world: World) -> None:
    """It would search up to its own last block only, and not say so."""
    since = ref(world)
    world.evm.mine(2)
    world.pay(DOZEN[1], 5)
    world.evm.mine()
    ahead, late = world.node(), world.node(behind=1)

    def balanced(request: httpx.Request) -> httpx.Response:
        return (late if b"eth_getLogs" in request.content else ahead)(request)

    found = scanned(chain_at(balanced), since)
    assert found.block.number == world.evm.head.number - 2
    assert not found.moved
    world.evm.mine(2)
    again = scanned(chain_at(balanced), found.block)
    assert set(again.moved) == {DOZEN[1]}


def test_a_node_that_has_not_come_further_moves_nobody(world: World) -> None:
    """The place up to which was searched stays, also at a node that is behind it."""
    world.evm.mine(3)
    since = ref(world)
    assert scanned(chain_at(world.node()), since).moved == {}
    ahead, late = world.node(), world.node(behind=2)

    def balanced(request: httpx.Request) -> httpx.Response:
        return (late if b"latest" in request.content else ahead)(request)

    found = scanned(chain_at(balanced), since, {**NO_COINS, DOZEN[7]: LastRead(coins=None)})
    assert (found.block, found.reorged, set(found.moved)) == (since, False, {DOZEN[7]})


def test_single_things_and_removed_logs_are_no_moves(world: World) -> None:
    """An ERC-721 names its thing in a fourth topic; a removed log is of a block that is gone."""
    since = ref(world)
    world.pay(DOZEN[1], 5)
    world.pay(DOZEN[2], 5)
    world.evm.mine()
    node = world.node()

    def twist(answers: list[Any]) -> Any:  # noqa: ANN401
        for answer in answers:
            for log in answer["result"] if isinstance(answer.get("result"), list) else ():
                if DOZEN[1][2:].lower() in str(log["topics"]):
                    log["topics"].append(f"0x{7:064x}")
                else:
                    log["removed"] = True
        return answers

    node.twist = twist
    assert scanned(chain_at(node), since).moved == {}


@pytest.mark.parametrize("log", [7, {}, {"address": "0x1", "topics": []}, {"address": None, "topics": ["0x"] * 3}, "?"])
def test_logs_that_cannot_be_read_fail_the_search(world: World, log: object) -> None:
    """To leave one out would leave a wallet as it was."""
    since = ref(world)
    world.evm.mine()
    node = world.node()
    node.twist = lambda answers: [
        {**answer, "result": [log]} if call["method"] == "eth_getLogs" else answer
        for call, answer in zip(node.calls[-1], answers, strict=True)
    ]
    with pytest.raises(UnavailableError, match="logs that cannot be read"):
        scanned(chain_at(node), since)


def told(node: EvmNode, wallets: Sequence[Wallet], until: BlockRef, **given: Any) -> Mapping[str, Move]:  # noqa: ANN401
    return on(chain_at(node, **given), lambda chain: named(chain, wallets, until=until))


def test_a_new_wallets_tokens_are_found_in_what_it_did_before(world: World) -> None:
    """As far back as is set; what it moved earlier is found where the token is one of those looked for everywhere."""
    world.pay(DOZEN[1], 5)
    world.evm.mine(10)
    until, new, node = ref(world), [Wallet(address=one) for one in DOZEN], world.node()
    gold = {DOZEN[1]: Move(tokens=frozenset([world.gold]), transfers=1)}
    assert told(node, new, until, lookback_blocks=10) == gold
    assert told(node, new, until, lookback_blocks=9) == {}
    assert told(node, new, until, lookback_blocks=0) == {}
    assert told(node, new, until, lookback_blocks=1_000, log_blocks=4) == gold


@pytest.mark.parametrize("kept", range(8))
def test_what_a_node_has_no_logs_of_any_more_is_left_out_for_tokens_and_an_error_for_moves(
    world: World, kept: int
) -> None:
    """Tokens are found as far back as there are logs; that nothing moved must not be concluded of what is missing."""
    since = ref(world)
    world.pay(DOZEN[1], 5)
    world.evm.mine(3)
    world.pay(DOZEN[2], 5)
    world.evm.mine(4)
    node = world.node(logs_from=since.number + kept)
    new = [Wallet(address=one) for one in DOZEN]
    expected = {DOZEN[number] for number, block in ((1, 1), (2, 4)) if kept <= block}
    assert set(told(node, new, ref(world), lookback_blocks=100)) == expected
    if kept > 1:
        with pytest.raises(UnavailableError, match="no longer has the logs"):
            scanned(chain_at(node), since)


def test_what_a_known_wallet_moved_is_counted_since_it_was_read(world: World) -> None:
    """Its tokens are those of some blocks before too, which may have been filled anew; these do not count."""
    world.pay(DOZEN[1], 5)
    seen = BlockRef(number=world.evm.mine(1).number, hash=world.evm.head.hash)
    world.pay(DOZEN[1], 6)
    world.pay(DOZEN[2], 6)
    world.evm.mine(3)
    wallets = [Wallet(address=DOZEN[1], seen=seen), Wallet(address=DOZEN[2]), Wallet(address=DOZEN[3], seen=ref(world))]
    gold, node = frozenset([world.gold]), world.node()
    assert told(node, wallets, ref(world)) == {
        DOZEN[1]: Move(tokens=gold, transfers=1),
        DOZEN[2]: Move(tokens=gold, transfers=1),
    }
    twice = [Wallet(address=DOZEN[1], seen=seen), Wallet(address=DOZEN[1])]  # of two users, one of them new
    assert told(node, twice, ref(world)) == {DOZEN[1]: Move(tokens=gold, transfers=2)}
