"""The simulated chains: what wallets have at each block, what is moved, replaced and forgotten."""

from datetime import UTC, datetime

import pytest

from sandbox.evm.address import ZERO, checksummed
from sandbox.evm.chain import Chain
from sandbox.evm.ledger import NONCE
from sandbox.evm.moves import Transfer
from sandbox.evm.tokens import TOKENS
from sandbox.evm.world import Evm

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"


def everything(chain: Chain, number: int) -> dict[tuple[str, str], int]:
    """What every wallet has of everything after a block, and how many transactions it sent."""
    wallets = chain.moves.rates
    return {(what, who): chain.ledger.at((what, who), number) for what in (*chain.tokens, NONCE) for who in wallets}


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
        "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    ],
)
def test_addresses_are_shown_with_their_checksum(address: str) -> None:
    """The examples of EIP-55: the product refuses a demo whose wallets are miswritten."""
    assert checksummed(address.lower()) == address


def test_the_same_seed_makes_the_same_chains() -> None:
    """A demo that is told about looks as it was told, also after wallets moved."""
    one, other, third = (Evm(seed=seed, wallets=12, clock=lambda: NOW) for seed in (7, 7, 8))
    for evm in (one, other, third):
        evm[1].chain.mine(20)
        evm[1].chain.reorganize(3)
    heads = [evm[1].chain.head for evm in (one, other, third)]
    assert one[1].chain.block(heads[0]) == other[1].chain.block(heads[1])
    assert everything(one[1].chain, heads[0]) == everything(other[1].chain, heads[1])
    assert one.wallets == other.wallets != third.wallets


def test_a_few_wallets_move_often_and_most_rarely() -> None:
    """A plan that treats all alike must be seen to be worse than one that does not."""
    evm = Evm(seed=7, wallets=200, clock=lambda: NOW)
    listed = evm.listed()
    assert len({row["address"] for row in listed}) == 200
    rates = sorted(evm[1].chain.moves.rates.values(), reverse=True)
    assert rates[0] == 0.5
    assert sum(rates[:20]) > 2 * sum(rates[20:])
    chain = evm[1].chain
    before = everything(chain, chain.head)
    chain.mine(60)
    moved = {who for (what, who), has in everything(chain, chain.head).items() if before[what, who] != has}
    assert 10 < len(moved) < 100
    assert all(has >= 0 for has in everything(chain, chain.head).values())


def test_logs_account_for_every_token_that_a_wallet_has(evm: Evm) -> None:
    """Tokens are found by their logs; the chain's own coin leaves none."""
    chain = evm[1].chain
    chain.mine(50)
    sums = dict.fromkeys(everything(chain, chain.head), 0)
    for number in range(chain.oldest, chain.head + 1):
        block = chain.block(number)
        assert block is not None
        for log in block.logs:
            for who, amount in (
                (log.transfer.sender, -log.transfer.amount),
                (log.transfer.receiver, log.transfer.amount),
            ):
                sums[log.transfer.token, who] = sums.get((log.transfer.token, who), 0) + amount
    held = everything(chain, chain.head)
    assert all(sums[what, who] == has for (what, who), has in held.items() if what not in {ZERO, NONCE})
    assert not any(amount for (what, _), amount in sums.items() if what == ZERO)


def test_a_payment_is_exact_and_earlier_blocks_keep_what_was(evm: Evm) -> None:
    """Balances are compared to the last unit, at the block that was read."""
    chain, (one, other) = evm[1].chain, evm.wallets[:2]
    before = everything(chain, chain.head)
    huge = 2**255 + 12345678901234567890
    chain.pay(Transfer(token=USDC, sender=ZERO, receiver=one, amount=huge))
    chain.pay(Transfer(token=USDC, sender=one, receiver=other, amount=huge - 1))
    assert chain.held(USDC, one) == before[USDC, one] + 1
    assert everything(chain, chain.head - 2) == before
    assert chain.ledger.at((NONCE, one), chain.head) == before[NONCE, one] + 1
    with pytest.raises(ValueError, match="too little"):
        chain.pay(
            Transfer(token=USDC, sender=ZERO, receiver=other, amount=1),
            Transfer(token=USDC, sender=one, receiver=other, amount=huge),
        )
    assert chain.held(USDC, other) == before[USDC, other] + huge - 1
    with pytest.raises(ValueError, match="no token"):
        chain.pay(Transfer(token="0x" + "9" * 40, sender=ZERO, receiver=one, amount=1))


def test_replaced_blocks_are_gone_and_so_is_what_they_did(evm: Evm) -> None:
    """A reader that kept a block's hash must be able to notice."""
    chain, wallet = evm[1].chain, evm.wallets[0]
    fork = chain.head
    before, parent = everything(chain, fork), chain.block(fork)
    paid = [chain.pay(Transfer(token=USDC, sender=ZERO, receiver=wallet, amount=5)) for _ in range(3)]
    chain.reorganize(3)
    assert chain.head == fork + 4
    assert all(chain.by_hash(block.hash) is None and chain.is_orphan(block.hash) for block in paid)
    assert chain.block(fork) == parent
    new = chain.block(fork + 1)
    assert parent is not None
    assert new is not None
    assert (new.parent_hash, new.hash != paid[0].hash) == (parent.hash, True)
    chain.revert(4)
    assert (chain.head, everything(chain, chain.head)) == (fork, before)
    with pytest.raises(ValueError, match="go back by 1 to"):
        chain.revert(chain.head)


def test_old_blocks_are_forgotten_and_balances_stay() -> None:
    """A demo of weeks must not grow without end."""
    wallets = ["0x" + "ab" * 20]
    short, long = (
        Chain(1, seed=7, wallets=wallets, tokens=TOKENS[1], clock=lambda: NOW, kept=kept) for kept in (70, 1000)
    )
    for one in (short, long):
        one.mine(200)
    assert (short.head, short.head - short.oldest) == (long.head, 69)
    assert (short.block(short.oldest - 1), long.block(short.oldest - 1) is None) == (None, False)
    assert (short.has_forgotten, long.has_forgotten) == (True, False)
    for number in range(short.oldest, short.head + 1):
        assert everything(short, number) == everything(long, number)
