from collections.abc import Generator

import pytest
from support.evm.chains import World


@pytest.fixture(scope="session")
def made_world() -> World:
    """A real EVM with real contracts: takes a second, once."""
    return World()


@pytest.fixture
def world(made_world: World) -> Generator[World]:
    """The chain as it was made, for one test."""
    made_world.reset()
    yield made_world
    made_world.reset()
