"""Yields in the shape of DefiLlama's `/pools` (https://yields.llama.fi/pools): one list of all, without paging."""

from random import Random
from uuid import UUID

from sandbox.feeds.feed import Item, Kind, Tail
from sandbox.feeds.words import CHAINS, COINS, PROJECTS, STABLECOINS


def make_pool(dice: Random, serial: int, now: str) -> Item:
    """A pool with the fields, and the nulls, that DefiLlama's have."""
    del serial, now  # its pools have neither
    stable = dice.random() < 0.3  # noqa: PLR2004 - about as many as there are
    coins = dice.sample(STABLECOINS, 2) if stable else dice.sample(COINS, dice.choice((1, 2)))
    base, reward = _rate(dice, 0.9), _rate(dice, 0.3)
    return {
        "chain": dice.choice(CHAINS),
        "project": f"{dice.choice(PROJECTS).lower()}-v{dice.randrange(1, 4)}",
        "symbol": "-".join(coins),
        "tvlUsd": dice.randrange(10_000, 500_000_000),
        "apyBase": base,
        "apyReward": reward,
        "apy": round((base or 0) + (reward or 0), 5),
        "rewardTokens": [f"0x{dice.getrandbits(160):040x}"] if reward is not None else None,
        "pool": str(UUID(int=dice.getrandbits(128), version=4)),
        "apyPct1D": _drift(dice),
        "apyPct7D": _drift(dice),
        "apyPct30D": _drift(dice),
        "stablecoin": stable,
        "ilRisk": "no" if stable or len(coins) == 1 else "yes",
        "exposure": "single" if len(coins) == 1 else "multi",
        "predictions": _outlook(dice),
        "poolMeta": dice.choice((None, None, None, "0.3%", "Lock 90 days")),
        "mu": round(dice.uniform(0, 30), 5),
        "sigma": round(dice.uniform(0, 2), 5),
        "count": dice.randrange(1, 900),
        "outlier": dice.random() < 0.02,  # noqa: PLR2004 - one in fifty
        "underlyingTokens": [f"0x{dice.getrandbits(160):040x}" for _ in coins] if dice.randrange(4) else None,
        "il7d": None,
        "apyBase7d": _rate(dice, 0.2),
        "apyMean30d": round(dice.uniform(0, 40), 5),
        "volumeUsd1d": round(dice.uniform(0, 1e7), 2) if dice.randrange(2) else None,
        "volumeUsd7d": None,
        "apyBaseInception": None,
    }


def _rate(dice: Random, odds: float) -> float | None:
    return round(dice.uniform(0, 25), 5) if dice.random() < odds else None


def _drift(dice: Random) -> float | None:
    return round(dice.uniform(-5, 5), 5) if dice.randrange(10) else None


def _outlook(dice: Random) -> Item:
    """What it is predicted to do; nothing where there is too little to go by."""
    if not dice.randrange(5):
        return {"predictedClass": None, "predictedProbability": None, "binnedConfidence": None}
    return {
        "predictedClass": dice.choice(("Stable/Up", "Down")),
        "predictedProbability": dice.randrange(50, 100),
        "binnedConfidence": dice.randrange(1, 4),
    }


def _alter(dice: Random, item: Item, now: str) -> None:
    del now
    item["apyBase"] = round((item["apyBase"] or 0) + dice.uniform(0.001, 1), 5)
    item["apy"] = round(item["apyBase"] + (item["apyReward"] or 0), 5)
    item["tvlUsd"] += dice.randrange(1, 10_000)


def _envelope(rows: list[bytes], _tail: Tail) -> bytes:
    return b'{"status":"success","data":[%b]}' % b",".join(rows)


POOLS = Kind(
    name="yield",
    path="/pools",
    paging=None,
    key="pool",
    title="symbol",
    make=make_pool,
    alter=_alter,
    envelope=_envelope,
)
