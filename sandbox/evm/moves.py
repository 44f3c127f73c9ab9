"""What wallets do as time passes: a few move often, most rarely."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from sandbox.evm.address import ZERO
from sandbox.evm.tokens import Token

BUSIEST, STEEPNESS = 0.5, 1.2
"""The busiest wallet moves in every second block, the one of rank r in a part of r ** -1.2 of that."""
OUTSIDERS = 50
"""Addresses that nobody watches, with which wallets trade."""
GWEI = 10**9
HIGHEST_FEE_GWEI = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Some of a token, or of the chain's own coin, goes from one address to another."""

    token: str
    sender: str
    """The zero address mints."""
    receiver: str
    amount: int
    fee: int = 0
    """What the sender pays for it, in the smallest unit of the chain's own coin."""


class Moves:
    """Who moves in a block, and what; the same for the same dice and the same balances.

    Attributes:
        rates: of each wallet, the part of all blocks in which it moves.
    """

    def __init__(self, chance: Random, *, wallets: Sequence[str], tokens: Sequence[Token]) -> None:
        self._chance = chance
        self._wallets = wallets
        self._tokens = tokens
        self._outsiders = [f"0x{chance.getrandbits(160):040x}" for _ in range(OUTSIDERS)]
        ranks = list(range(1, len(wallets) + 1))
        chance.shuffle(ranks)
        self.rates = {wallet: BUSIEST * float(rank) ** -STEEPNESS for wallet, rank in zip(wallets, ranks, strict=True)}

    def first(self) -> list[Transfer]:
        """What the wallets have at the start: most have some of the chain's own coin, all have a few tokens."""
        given: list[Transfer] = []
        native, others = self._tokens[0], self._tokens[1:]
        for wallet in self._wallets:
            chosen = self._chance.sample(others, self._chance.randrange(1, min(7, len(others) + 1)))
            given += [
                self._minted(token, wallet) for token in ([native] if self._chance.randrange(12) else []) + chosen
            ]
        self._chance.shuffle(given)
        return given

    def next(self, held: Callable[[str, str], int]) -> list[Transfer]:
        """The transfers of a block; `held` tells how much of a token an address has."""
        chosen = [wallet for wallet in self._wallets if self._chance.random() < self.rates[wallet]]
        return [self._moved(wallet, held) for wallet in chosen]

    def _moved(self, wallet: str, held: Callable[[str, str], int]) -> Transfer:
        chance = self._chance
        fee = min(held(ZERO, wallet), chance.randrange(1, HIGHEST_FEE_GWEI) * GWEI)
        mine = [token for token in self._tokens if held(token.address, wallet) > (fee if token.is_native else 0)]
        if not mine or chance.randrange(2):
            return self._minted(chance.choice(self._tokens), wallet)
        token = chance.choice(mine)
        has = held(token.address, wallet) - (fee if token.is_native else 0)
        amount = has if chance.randrange(8) == 0 else chance.randrange(1, has + 1)
        others = self._wallets if chance.randrange(3) == 0 else self._outsiders
        return Transfer(token=token.address, sender=wallet, receiver=chance.choice(others), amount=amount, fee=fee)

    def _minted(self, token: Token, wallet: str) -> Transfer:
        """Some that comes from outside, with all of its decimals, worth about as much whatever a token costs."""
        dollars = 10 ** self._chance.uniform(0, 5)
        units = dollars / float(token.price or 1)
        amount = max(1, round(units * 10**6)) * 10**token.decimals // 10**6
        tail = self._chance.randrange(10 ** (token.decimals // 2))
        return Transfer(token=token.address, sender=ZERO, receiver=wallet, amount=max(1, amount + tail))
