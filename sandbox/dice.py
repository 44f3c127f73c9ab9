from random import Random


def dice(seed: int, purpose: str) -> Random:
    """A random source of its own for each purpose, the same for the same seed on every machine."""
    return Random(f"{seed}:{purpose}")  # noqa: S311 - simulated data, nothing to guess
